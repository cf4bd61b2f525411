#include "model/model_files.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "base/utf8.h"
#include "files/known_files.h"
#include "files/torch_file.h"
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
  return is_weights(format) && format->config && !is_training_state(file.name);
}

Error missing_config() {
  return Error{
      "config.json is missing: drop it together with model.safetensors and tokenizer.json"};
}

std::optional<int64_t> checkpoint_step(std::string_view folder) {
  constexpr std::string_view kBegin = "checkpoint-";
  constexpr size_t kMostDigits = 15;
  std::string_view digits = base_name(folder);
  if (!digits.starts_with(kBegin)) return {};
  digits.remove_prefix(kBegin.size());
  if (digits.empty() || digits.size() > kMostDigits ||
      digits.find_first_not_of("0123456789") != digits.npos)
    return {};
  return std::stoll(std::string(digits));
}

// The folder of the newest checkpoint, if all files lie in checkpoints of one training run.
static const File* newest_checkpoint(std::span<const File* const> configs,
                                     std::vector<std::string>& said) {
  const File* newest = nullptr;
  std::string names;
  for (const File* config : configs) {
    const std::string_view folder = folder_of(config->name);
    const std::optional<int64_t> step = checkpoint_step(folder);
    if (!step || folder_of(folder) != folder_of(folder_of(configs[0]->name))) return nullptr;
    if (!newest || *step > *checkpoint_step(folder_of(newest->name))) newest = config;
    names += (names.empty() ? "" : ", ") + std::string(base_name(folder));
  }
  said.push_back("The folder has " + std::to_string(configs.size()) +
                 " checkpoints of a training run (" + names + "); this is the newest, " +
                 std::string(base_name(folder_of(newest->name))) +
                 ". For another one, open its folder");
  return newest;
}

Result<Folder> find_folder(std::span<const File> files, std::span<const FileFormat> formats,
                           std::vector<std::string>& said) {
  std::vector<const File*> configs;  // the outermost ones
  const File* whole = nullptr;       // weights that describe themselves
  const auto depth = [](const File& f) { return std::ranges::count(f.name, '/'); };
  for (const File& file : files) {
    if (is_module_folder(folder_of(file.name))) continue;
    if (base_name(file.name) == "config.json") {
      if (!configs.empty() && depth(file) < depth(*configs[0])) configs.clear();
      if (configs.empty() || depth(file) == depth(*configs[0])) configs.push_back(&file);
    } else if (describes_itself(file, formats)) {
      if (!whole || depth(file) < depth(*whole)) whole = &file;
    }
  }
  const File* at = configs.empty() ? whole : configs[0];
  if (configs.size() > 1) {
    at = newest_checkpoint(configs, said);
    if (!at)
      return Error{"more than one config.json found (" + printable(configs[0]->name) + ", " +
                   printable(configs[1]->name) + "): drop the folder of one model at a time"};
  }
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
  // The same model may lie there in several formats, of which the first is taken.
  for (const FileFormat& format : formats) {
    if (!names.empty()) break;
    if (!is_weights(&format)) continue;
    for (const std::string_view ending : format.endings) {
      const std::string whole = format.stem + std::string(ending), map = whole + ".index.json";
      if (const auto one = folder.find(whole); one != folder.end()) return std::vector{one->second};
      const auto index = folder.find(map);
      if (index == folder.end() || !names.empty()) continue;
      Result<std::set<std::string>> shards = shards_of(*index->second);
      if (!shards) return shards.error();
      names = *shards;
      why = map + " names it";
    }
    for (auto it = folder.begin(); names.empty() && it != folder.end(); ++it)
      if (find_format(it->first, formats) == &format) names = siblings(it->first, formats);
    if (!names.empty()) break;
    for (const auto& [name, file] : folder)
      if (find_format(*file, formats) == &format && !is_training_state(name) &&
          !name.starts_with("adapter_model."))
        names.insert(name);
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

std::vector<std::string> not_needed(std::span<const std::string> paths,
                                    std::span<const FileFormat> formats) {
  const auto weights_of = [&](const std::string& path) {
    const FileFormat* format = find_format(path, formats);
    const std::string_view name = base_name(path);
    // Adapters are wanted beside the weights.
    return is_weights(format) && !name.starts_with("adapter") ? format : nullptr;
  };
  std::map<std::string_view, const FileFormat*> first;  // of each folder
  std::map<std::string_view, int64_t> newest;           // checkpoint in each folder
  for (const std::string& path : paths) {
    const FileFormat* format = weights_of(path);
    if (!format || is_training_state(path)) continue;
    const std::string_view folder = folder_of(path);
    const FileFormat*& best = first[folder];
    if (!best || format < best) best = format;
    if (const auto step = checkpoint_step(folder)) {
      int64_t& last = newest[folder_of(folder)];
      last = std::max(last, *step);
    }
  }
  std::vector<std::string> out;
  for (const std::string& path : paths) {
    const FileFormat* format = weights_of(path);
    if (!format) continue;
    const std::string_view folder = folder_of(path);
    const std::optional<int64_t> step = checkpoint_step(folder);
    if (is_training_state(path) || format != first[folder] ||
        (step && (*step < newest[folder_of(folder)] || first.contains(folder_of(folder)))))
      out.push_back(path);
  }
  return out;
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
    return base_name(file.name) == "config.json" || may_hold_weights(file);
  });
}

}  // namespace attn
