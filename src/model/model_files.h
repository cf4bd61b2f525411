// model_files.h - which of the files that were chosen make up a model.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "files/formats.h"

namespace attn {

// "stories/model.safetensors" -> "stories"
std::string_view folder_of(std::string_view path);

// The files of one folder by name, without those of its subfolders.
using Folder = std::map<std::string, const File*, std::less<>>;

// The files beside the outermost config.json; without one, beside the outermost weights that
// describe their model themselves (FileFormat::config).
Result<Folder> find_folder(std::span<const File> files, std::span<const FileFormat> formats);

// One model.safetensors (or another format's model.*); or the shards of its index, or of a numbered
// set; or all weights there are.
Result<std::vector<const File*>> find_weights(const Folder& folder,
                                              std::span<const FileFormat> formats);

// What is in each of them. No two files may have a tensor of the same name.
Result<std::vector<NamedTensors>> read_weights(std::span<const File* const> files,
                                               std::span<const FileFormat> formats);

// The error when no file describes the model.
Error missing_config();

}  // namespace attn
