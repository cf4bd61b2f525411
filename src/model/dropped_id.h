// dropped_id.h - names and ids of models that were opened from files.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace attn {

// A link holds "file:NAME@CONTENT", so that it cannot open other files of the same name.
struct DroppedId {
  std::string name;
  std::string content;  // 8 hexadecimal digits; "" in links of older versions
};
// Nothing for ids of listed models.
std::optional<DroppedId> read_dropped_id(std::string_view id);
std::string write_dropped_id(const DroppedId& dropped);

// The name is that of the folder ("BASE + ADAPTER" of two), else of _name_or_path in config.json,
// else of the weights' file. The content is a hash of the names and sizes of all files and of up to
// 1 MB of their bytes: their beginnings, where configurations and tensors' headers are, and samples
// of the rest.
DroppedId dropped_id(std::span<const File> files);

}  // namespace attn
