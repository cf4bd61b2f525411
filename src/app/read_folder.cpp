#include "app/read_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "files/formats.h"

namespace attn {

namespace fs = std::filesystem;

Result<Bytes> read_file(const std::string& path) {
  std::error_code failed;
  if (fs::is_directory(path, failed)) return Error{path + ": is a folder; give the path of a file"};
  const uintmax_t size = fs::file_size(path, failed);
  std::ifstream in(path, std::ios::binary);
  if (failed || !in)
    return Error{path + ": cannot be opened; check that it exists and is readable"};
  ByteBuffer data;
  if (!data.resize(size)) return Error{path + ": too large for the available memory"};
  in.read(reinterpret_cast<char*>(data.data()), std::streamsize(data.size()));
  if (size_t(in.gcount()) != data.size())
    return Error{path + ": ended early while being read; try again"};
  return Bytes(std::move(data));
}

Result<std::vector<File>> read_folder(const std::string& path) {
  std::error_code failed;
  if (!fs::is_directory(path, failed))
    return Error{path +
                 ": is not a folder; give the folder that contains config.json, "
                 "model.safetensors and tokenizer.json"};
  std::vector<fs::path> paths;
  for (fs::directory_iterator it(path, failed), end; !failed && it != end; it.increment(failed)) {
    const std::string kind = it->path().extension().string();
    if (kind == ".json" || kind == ".txt" || kind == ".model" || is_weights(find_format(kind)))
      paths.push_back(it->path());
  }
  if (failed) return Error{path + ": cannot be listed; check that it is readable"};
  std::sort(paths.begin(), paths.end());
  const fs::path whole = fs::weakly_canonical(path, failed);
  const std::string folder = whole.filename().empty() ? "model" : whole.filename().string();
  std::vector<File> files;
  for (const fs::path& p : paths) {
    Result<Bytes> bytes = read_file(p.string());
    if (!bytes) return bytes.error();
    files.push_back({folder + "/" + p.filename().string(), std::move(*bytes)});
  }
  return files;
}

}  // namespace attn
