// read_folder.h - a model's files from disk, for the command line and the desktop program.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace attn {

Result<Bytes> read_file(const std::string& path);
// The files of one folder that a model may be made of (weights, .json, .txt, .model), without its
// subfolders.
Result<std::vector<File>> read_folder(const std::string& path);

}  // namespace attn
