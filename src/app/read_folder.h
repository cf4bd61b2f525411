// read_folder.h - a model's files from disk, for the command line and the desktop program.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace attn {

// Errors name the path: a folder, not readable, too large. Pipes and devices are read to their end
// where that makes sense, at most 64 MB and without waiting for ever.
enum class Pipes { refused, read };
Result<Bytes> read_file(const std::string& path, Pipes pipes = Pipes::refused);
// Why a path holds no model: names the files that were seen for what they are, and what to do.
Error holds_no_model(const std::string& path);
// The model files of one folder (weights, .json, .txt, .model), without its subfolders, each named
// folder/file.
Result<std::vector<File>> read_folder(const std::string& path);

}  // namespace attn
