#include "app/read_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "files/formats.h"
#include "files/known_files.h"
#include "model/model_files.h"
#include "model/unpack.h"

namespace attn {

namespace fs = std::filesystem;

namespace {

// The first bytes of a file; none where it cannot be read.
File beginning_of(const fs::path& path) {
  std::vector<uint8_t> bytes(kEnoughBytes);
  std::ifstream in(path, std::ios::binary);
  in.read(reinterpret_cast<char*>(bytes.data()), std::streamsize(bytes.size()));
  bytes.resize(size_t(std::max<std::streamsize>(0, in.gcount())));
  return {path.filename().string(), Bytes(std::move(bytes))};
}

struct Found {
  fs::path path;
  std::string name;  // as that of File
};

// The files of a model in one folder, without those of its subfolders.
Status list_folder(const fs::path& path, const std::string& before, std::vector<Found>& out) {
  std::error_code failed;
  for (fs::directory_iterator it(path, failed), end; !failed && it != end; it.increment(failed)) {
    std::error_code unknown;
    if (it->is_directory(unknown)) continue;
    if (is_of_a_model(it->path().filename().string()))
      out.push_back({it->path(), before + it->path().filename().string()});
  }
  if (failed) return Error{path.string() + ": cannot be listed; check that it is readable"};
  return {};
}

// A file that is a whole model, and the other parts of it: "x-00001-of-00003.gguf", or what
// lies beside a checkpoint of PyTorch.
std::vector<Found> whole_model(const fs::path& path) {
  const std::string own = path.filename().string(), folder = path.stem().string() + "/";
  const std::string end = path.extension().string();
  const size_t n_end = std::string_view("00001-of-00003").size() + end.size();
  std::vector<Found> out;
  if (own.size() > n_end && own.substr(own.size() - n_end + 5, 4) == "-of-") {
    std::error_code failed;
    const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
    for (fs::directory_iterator it(parent, failed), last; !failed && it != last;
         it.increment(failed)) {
      const std::string name = it->path().filename().string();
      if (name.size() == own.size() && name.ends_with(end) &&
          name.compare(0, name.size() - n_end, own, 0, name.size() - n_end) == 0)
        out.push_back({it->path(), folder + name});
    }
  }
  if (out.empty()) out.push_back({path, folder + own});
  if (find_format(own)->tokenizer) return out;
  for (const char* beside :
       {"config.json", "tokenizer.json", "vocab.json", "merges.txt", "meta.pkl"}) {
    std::error_code unknown;
    const fs::path file = path.parent_path() / beside;
    if (fs::is_regular_file(file, unknown)) out.push_back({file, folder + beside});
  }
  return out;
}

Result<std::vector<File>> unpacked(const std::string& path) {
  constexpr uint64_t kMostUnpacked = 64'000'000'000;
  Result<Bytes> bytes = read_file(path);
  if (!bytes) return bytes.error();
  Unpacking unpacking({path, std::move(*bytes)}, kMostUnpacked);
  while (unpacking.step()) {
  }
  return unpacking.take();
}

}  // namespace

Error holds_no_model(const std::string& path) {
  constexpr int kMostSeen = 1000;
  constexpr size_t kMostNamed = 3;
  std::vector<fs::path> paths;
  std::error_code failed;
  int n_seen = 0, n_folders = 0;
  for (fs::directory_iterator it(path, failed), end; !failed && it != end && n_seen < kMostSeen;
       it.increment(failed), ++n_seen) {
    std::error_code unknown;
    if (it->is_regular_file(unknown))
      paths.push_back(it->path());
    else if (!is_module_folder(it->path().filename().string()) &&
             fs::exists(it->path() / "config.json", unknown))
      return Error{path + ": no model found; but its folder " + it->path().filename().string() +
                   " has a config.json"};
    else
      ++n_folders;
  }
  std::sort(paths.begin(), paths.end());
  std::string named, advice;
  size_t n_named = 0;
  for (const fs::path& one : paths) {
    const File file = beginning_of(one);
    const KnownFile* known = known_file(file.name, file.bytes.span());
    if (!known || (file.bytes.size() == 0 && fs::file_size(one, failed) > 0)) continue;
    if (n_named++ < kMostNamed)
      named += (named.empty() ? "" : ", ") + file.name + " (" + known->what + ")";
    if (advice.empty() || (known->holds_weights && n_named == 1)) advice = known->advice;
  }
  if (n_named > kMostNamed) named += " and " + std::to_string(n_named - kMostNamed) + " more";
  if (!named.empty()) return Error{path + ": no model found, only " + named + "; " + advice};
  if (fs::exists(fs::path(path) / "config.json", failed))
    return Error{path + ": model.safetensors is missing beside config.json"};
  const bool is_empty = paths.empty() && n_folders == 0;
  return Error{path + (is_empty ? ": an empty folder; it" : ": no model found; the folder") +
               " needs config.json and model.safetensors"};
}

Result<std::vector<File>> read_folder(const std::string& path) {
  std::error_code failed;
  if (fs::is_regular_file(path, failed) && !is_weights(find_format(path))) {
    const File file = beginning_of(path);
    if (is_archive(file)) return unpacked(path);
    if (known_file(file.name, file.bytes.span())) return not_a_model(file);
  }
  const FileFormat* const format = find_format(path);
  const bool is_whole = fs::is_regular_file(path, failed) && format && format->config;
  if (!is_whole && !fs::is_directory(path, failed))
    return Error{path +
                 ": is not a folder; give the folder that contains config.json, "
                 "model.safetensors and tokenizer.json, an archive of it, or a GGUF file"};
  const fs::path whole = fs::weakly_canonical(path, failed);
  const std::string folder = whole.filename().empty() ? "model" : whole.filename().string();
  std::vector<Found> found;
  if (is_whole)
    found = whole_model(path);
  else if (Status unlisted = list_folder(path, folder + "/", found))
    return *unlisted;
  const auto has_config = [](const fs::path& at) {
    std::error_code unknown;
    return fs::exists(at / "config.json", unknown);
  };
  if (!is_whole && !has_config(path)) {
    for (fs::directory_iterator it(path, failed), end; !failed && it != end; it.increment(failed)) {
      const std::string name = it->path().filename().string();
      if (!checkpoint_step(name) || !has_config(it->path())) continue;
      if (Status unlisted = list_folder(it->path(), folder + "/" + name + "/", found))
        return *unlisted;
    }
  }
  std::ranges::sort(found, {}, &Found::name);
  std::vector<std::string> names;
  for (const Found& one : found) names.push_back(one.name);
  const std::vector<std::string> left = not_needed(names);
  std::vector<File> files;
  for (const Found& one : found) {
    if (std::ranges::find(left, one.name) != left.end()) continue;
    Result<Bytes> bytes = read_file(one.path.string());
    if (!bytes) return bytes.error();
    files.push_back({one.name, std::move(*bytes)});
  }
  return files;
}

}  // namespace attn
