// model_files.h - finds the files of a model among the chosen files.
#pragma once

#include <functional>
#include <map>
#include <optional>
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

// A folder of sentence-transformers with what follows the model: "1_Pooling", "2_Dense".
bool is_module_folder(std::string_view path);

// The step of a training run's checkpoint: "out/checkpoint-500" -> 500.
std::optional<int64_t> checkpoint_step(std::string_view folder);

// The files beside the outermost config.json, or else beside the outermost self-describing weights
// (FileFormat::config). Of several checkpoints of one training run the newest; `said` tells.
Result<Folder> find_folder(std::span<const File> files, std::span<const FileFormat> formats,
                           std::vector<std::string>& said);

// One model.safetensors (or model.* in another format), else the shards of an index or a numbered
// set, else all weights files.
Result<std::vector<const File*>> find_weights(const Folder& folder,
                                              std::span<const FileFormat> formats);

// Of the paths of dropped or listed files, those that are not to be read: states of a training run,
// weights that lie beside the same in a format that comes before theirs, and weights of checkpoints
// beside those of a newer one, or below those of the model that the run ended with.
std::vector<std::string> not_needed(std::span<const std::string> paths,
                                    std::span<const FileFormat> formats = file_formats());

// The tensors of each file. An error if two files share a tensor name.
Result<std::vector<NamedTensors>> read_weights(std::span<const File* const> files,
                                               std::span<const FileFormat> formats);

// The error for a missing configuration.
Error missing_config();

}  // namespace attn
