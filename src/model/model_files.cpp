#include "model/model_files.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "base/utf8.h"
#include "files/known_files.h"
#include "model/model.h"

namespace attn {

std::string_view folder_of(std::string_view path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

bool is_module_folder(std::string_view path) {
  constexpr std::string_view kModules[] = {"_Pooling", "_Dense", "_Normalize", "_LayerNorm"};
  const std::string_view name = base_name(path);
  const size_t n = std::min(name.find_first_not_of("0123456789"), name.size());
  return n > 0 && std::ranges::find(kModules, name.substr(n)) != std::end(kModules);
}

static bool describes_itself(const File& file, std::span<const FileFormat> formats) {
  const FileFormat* format = find_format(file, formats);
  return is_weights(format) && format->config;
}

Error missing_config() {
  return Error{
      "config.json is missing: drop it together with model.safetensors and tokenizer.json"};
}

Result<Folder> find_folder(std::span<const File> files, std::span<const FileFormat> formats) {
  const File *config = nullptr, *whole = nullptr;  // whole: weights that describe themselves
  bool two = false;
  const auto depth = [](const File& f) { return std::ranges::count(f.name, '/'); };
  for (const File& file : files) {
    if (is_module_folder(folder_of(file.name))) continue;
    if (base_name(file.name) == "config.json") {
      two = config && depth(file) == depth(*config);
      if (!config || depth(file) < depth(*config)) config = &file;
    } else if (describes_itself(file, formats)) {
      if (!whole || depth(file) < depth(*whole)) whole = &file;
    }
  }
  if (two) return Error{"more than one config.json found: drop the folder of one model at a time"};
  const File* at = config ? config : whole;
  if (!at) return missing_config();
  Folder folder;
  for (const File& file : files) {
    if (folder_of(file.name) == folder_of(at->name)) folder.emplace(base_name(file.name), &file);
  }
  return folder;
}

namespace {

// A name that a file gives, as it may stand in a sentence.
std::string shown_name(std::string_view name) {
  constexpr size_t kMost = 120;
  return printable(name.substr(0, kMost), LineBreaks::escaped) + (name.size() > kMost ? "…" : "");
}

Error missing_shards(const std::set<std::string>& missing, const std::string& why) {
  std::string names;
  for (const std::string& name : missing) {
    if (names.size() > 200) {
      names += ", …";
      break;
    }
    names += (names.empty() ? "" : ", ") + shown_name(name);
  }
  return Error{names + (missing.size() == 1 ? " is" : " are") + " missing: " + why +
               "; drop all files of the model together"};
}

// The extensions of the supported weight formats.
std::vector<std::string_view> weight_endings(std::span<const FileFormat> formats) {
  std::vector<std::string_view> endings;
  for (const FileFormat& format : formats) {
    if (is_weights(&format)) std::ranges::copy(format.endings, std::back_inserter(endings));
  }
  return endings;
}

// "model-00002-of-00004.safetensors" -> all names of the set; empty if `name` is not a shard.
std::set<std::string> siblings(std::string_view name, std::span<const FileFormat> formats) {
  std::string_view end;
  for (const std::string_view ending : weight_endings(formats)) {
    if (name.ends_with(ending)) end = ending;
  }
  if (end.empty()) return {};
  constexpr size_t kDigits = 5;  // NNNNN-of-NNNNN
  const size_t n_tail = 2 * kDigits + 4 + end.size();
  const auto all_digits = [](std::string_view s) {
    return std::ranges::all_of(s, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (name.size() < n_tail) return {};
  const std::string_view head = name.substr(0, name.size() - n_tail);
  const std::string_view tail = name.substr(head.size());
  const std::string_view count = tail.substr(kDigits + 4, kDigits);
  if (!all_digits(tail.substr(0, kDigits)) || tail.substr(kDigits, 4) != "-of-" ||
      !all_digits(count)) {
    return {};
  }
  std::set<std::string> names;
  const int n = std::min(std::stoi(std::string(count)), 10000);
  for (int i = 1; i <= n; ++i) {
    std::string number = std::to_string(i);
    number.insert(0, kDigits - number.size(), '0');
    names.insert(std::string(head) + number + "-of-" + std::string(count) + std::string(end));
  }
  return names;
}

// The shards that the index names: an object from tensor to file.
Result<std::set<std::string>> shards_of(const File& index) {
  const std::string file(base_name(index.name));
  const Result<Json> json = Json::parse(index.bytes.text(), file);
  if (!json) return json.error();
  std::set<std::string> names;
  bool valid = json->at("weight_map").is_object();
  json->at("weight_map").each([&](std::string_view, const Json& value) {
    const std::optional<std::string_view> name = value.text();
    valid = valid && name;
    if (name) names.emplace(*name);
    return valid;
  });
  if (!valid || names.empty()) {
    return Error{file + ": weight_map must name the file of every tensor; download it again"};
  }
  return names;
}

// The error for a folder without weights, which mentions weights in an unsupported format.
Error no_weights(const Folder& folder, std::span<const FileFormat> formats) {
  for (const auto& [name, file] : folder) {
    const FileFormat* format = find_format(*file, formats);
    if (format && format->holds_weights) return read_tensors(*file, formats).error();
    const KnownFile* known = known_file(file->name, file->bytes.span());
    if (known && known->holds_weights) return not_a_model(*file);
  }
  return Error{
      "model.safetensors is missing: drop it together with config.json and tokenizer.json"};
}

}  // namespace

Result<std::vector<const File*>> find_weights(const Folder& folder,
                                              std::span<const FileFormat> formats) {
  std::set<std::string> names;
  std::string why = "the other shards were found";
  for (const std::string_view ending : weight_endings(formats)) {
    const std::string whole = "model" + std::string(ending), map = whole + ".index.json";
    if (const auto one = folder.find(whole); one != folder.end()) return std::vector{one->second};
    const auto index = folder.find(map);
    if (index == folder.end() || !names.empty()) continue;
    Result<std::set<std::string>> shards = shards_of(*index->second);
    if (!shards) return shards.error();
    names = *shards;
    why = map + " names it";
  }
  for (auto it = folder.begin(); names.empty() && it != folder.end(); ++it) {
    names = siblings(it->first, formats);
  }
  if (names.empty()) {
    for (const auto& [name, file] : folder) {
      if (is_weights(find_format(*file, formats))) names.insert(name);
    }
  }
  std::vector<const File*> found;
  std::set<std::string> missing;
  for (const std::string& name : names) {
    const auto file = folder.find(name);
    if (file == folder.end()) {
      missing.insert(name);
    } else {
      found.push_back(file->second);
    }
  }
  if (!missing.empty()) return missing_shards(missing, why);
  if (found.empty()) return no_weights(folder, formats);
  return found;
}

Result<std::vector<NamedTensors>> read_weights(std::span<const File* const> files,
                                               std::span<const FileFormat> formats) {
  std::vector<NamedTensors> read;
  for (const File* file : files) {
    Result<NamedTensors> one = read_tensors(*file, formats);
    if (!one) return one.error();
    for (const StoredTensor& tensor : one->tensors) {
      for (const NamedTensors& other : read) {
        if (!other.find(tensor.name)) continue;
        return Error{one->file + ": tensor " + quoted_name(tensor.name) + " is in " + other.file +
                     " as well; drop the files of one model at a time"};
      }
    }
    read.push_back(std::move(*one));
  }
  return read;
}

bool looks_like_model(std::span<const File> files) {
  return std::ranges::any_of(files, [](const File& file) {
    return base_name(file.name) == "config.json" || is_weights(find_format(file));
  });
}

}  // namespace attn
