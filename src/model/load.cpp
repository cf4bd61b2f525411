#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "files/formats.h"
#include "model/model.h"
#include "model/pack_weights.h"
#include "model/recipe.h"

namespace attn {

namespace {

std::string_view folder_of(std::string_view path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// The files that lie beside the outermost config.json (a folder may hold others deeper), by name.
using Folder = std::map<std::string, const File*, std::less<>>;

Result<Folder> find_folder(std::span<const File> files) {
  const File* config = nullptr;
  bool two = false;
  for (const File& file : files) {
    if (base_name(file.name) != "config.json") continue;
    const auto depth = [](const File& f) { return std::ranges::count(f.name, '/'); };
    two = config && depth(file) == depth(*config);
    if (!config || depth(file) < depth(*config)) config = &file;
  }
  if (!config) {
    return Error{
        "config.json is missing: drop it together with model.safetensors and tokenizer.json"};
  }
  if (two) return Error{"config.json is there twice: drop the folder of one model at a time"};
  Folder folder;
  for (const File& file : files) {
    if (folder_of(file.name) == folder_of(config->name)) {
      folder.emplace(base_name(file.name), &file);
    }
  }
  return folder;
}

Error missing_shards(const std::set<std::string>& missing, const std::string& why) {
  std::string names;
  for (const std::string& name : missing) {
    if (names.size() > 200) {
      names += ", …";
      break;
    }
    names += (names.empty() ? "" : ", ") + name;
  }
  return Error{names + (missing.size() == 1 ? " is" : " are") + " missing: " + why +
               "; drop all files of the model together"};
}

// Every ending of a format of weights that we read.
std::vector<std::string_view> weight_endings() {
  std::vector<std::string_view> endings;
  for (const FileFormat& format : file_formats()) {
    if (is_weights(&format)) std::ranges::copy(format.endings, std::back_inserter(endings));
  }
  return endings;
}

// "model-00002-of-00004.safetensors" -> every name of the set, when `name` is one of such a set.
std::set<std::string> siblings(std::string_view name) {
  std::string_view end;
  for (const std::string_view ending : weight_endings()) {
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

// What to say where the folder has no weights: whether it has some in a format that isn't read.
Error no_weights(const Folder& folder) {
  for (const auto& [name, file] : folder) {
    const FileFormat* format = find_format(*file);
    if (format && format->holds_weights) return read_tensors(*file).error();
  }
  return Error{
      "model.safetensors is missing: drop it together with config.json and tokenizer.json"};
}

// One model.safetensors; or the shards of the index, or of a numbered set; or all there are.
Result<std::vector<const File*>> find_weights(const Folder& folder) {
  std::set<std::string> names;
  std::string why = "the other shards are there";
  for (const std::string_view ending : weight_endings()) {
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
    names = siblings(it->first);
  }
  if (names.empty()) {
    for (const auto& [name, file] : folder) {
      if (is_weights(find_format(*file))) names.insert(name);
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
  if (found.empty()) return no_weights(folder);
  return found;
}

Result<std::vector<NamedTensors>> read_weights(const std::vector<const File*>& files) {
  std::vector<NamedTensors> read;
  for (const File* file : files) {
    Result<NamedTensors> one = read_tensors(*file);
    if (!one) return one.error();
    for (const StoredTensor& tensor : one->tensors) {
      for (const NamedTensors& other : read) {
        if (!other.find(tensor.name)) continue;
        return Error{one->file + ": tensor " + quoted_name(tensor.name) + " is in " + other.file +
                     " too; drop the files of one model at a time"};
      }
    }
    read.push_back(std::move(*one));
  }
  return read;
}

// Headers and sizes, and a few thousand bytes spread over the data: fine-tuned copies of a model
// differ in nothing else.
uint64_t hash_of(std::span<const NamedTensors> files) {
  uint64_t hash = 0xCBF29CE484222325;
  const auto eat = [&](uint8_t byte) { hash = (hash ^ byte) * 0x100000001B3; };
  for (const NamedTensors& file : files) {
    for (char c : file.header) eat(uint8_t(c));
    const uint64_t size = file.bytes.size();
    for (int i = 0; i < 64; i += 8) eat(uint8_t(size >> i));
    const uint64_t step = size / 4096 + 1;
    for (uint64_t at = 0; at < size; at += step) eat(file.bytes.data()[at]);
  }
  return hash;
}

Result<Json> read_json(const Folder& folder, const char* name) {
  const auto file = folder.find(std::string_view(name));
  if (file == folder.end()) {
    // The older kind of tokenizer lies in files of its own.
    for (const char* old : {"vocab.txt", "vocab.json", "merges.txt", "sentencepiece.bpe.model"}) {
      if (std::string_view(name) != "tokenizer.json" || !folder.contains(old)) continue;
      return Error{std::string(name) + " is missing, and " + old +
                   " alone is not read: transformers writes one with "
                   "AutoTokenizer.from_pretrained(folder).save_pretrained(folder)"};
    }
    return Error{std::string(name) + " is missing: drop it together with model.safetensors"};
  }
  Result<Json> json = Json::parse(file->second->bytes.text(), name);
  if (json && !json->is_object()) {
    return Error{std::string(name) + ": not a JSON object; download it again"};
  }
  return json;
}

}  // namespace

bool looks_like_model(std::span<const File> files) {
  return std::ranges::any_of(files, [](const File& file) {
    return base_name(file.name) == "config.json" || is_weights(find_format(file));
  });
}

struct ModelLoad::Impl {
  std::vector<File> files;
  int n_steps = 0;
  int stage = 0;
  Status error;
  std::shared_ptr<Model> model = std::make_shared<Model>();

  Folder folder;
  const Recipe* recipe = nullptr;
  Layout layout;
  std::vector<const File*> weights;
  Json vocabulary;
  std::optional<WeightPacker> packer;

  Status read_config();
  Status read_tokenizer();
  Status read_headers();
  Status finish();
};

// config.json, and whether all files are there.
Status ModelLoad::Impl::read_config() {
  Result<Folder> found = find_folder(files);
  if (!found) return found.error();
  folder = std::move(*found);
  const Result<Json> config = read_json(folder, "config.json");
  if (!config) return config.error();
  const Result<const Recipe*> family = find_recipe(*config);
  if (!family) return family.error();
  recipe = *family;
  if (!config->at("quantization_config").is_null()) {
    return Error{
        "config.json: quantization_config says that the weights are quantized; take the "
        "version in F32, F16 or BF16"};
  }
  Result<Layout> read = recipe->layout(*config);
  if (!read) return read.error();
  layout = std::move(*read);
  const Result<std::vector<const File*>> shards = find_weights(folder);
  if (!shards) return shards.error();
  weights = *shards;
  const Result<Json> tokenizer = read_json(folder, "tokenizer.json");
  if (!tokenizer) return tokenizer.error();
  vocabulary = *tokenizer;
  return {};
}

Status ModelLoad::Impl::read_tokenizer() {
  Result<std::shared_ptr<const Tokenizer>> tokenizer =
      Tokenizer::from_json(vocabulary, "tokenizer.json");
  if (!tokenizer) return tokenizer.error();
  model->tokenizer = std::move(*tokenizer);
  vocabulary = {};
  return {};
}

// All that can be wrong with the weights; after it, only memory may lack.
Status ModelLoad::Impl::read_headers() {
  Result<std::vector<NamedTensors>> tensors = read_weights(weights);
  if (!tensors) return tensors.error();
  Result<WeightPlan> plan = plan_weights(*recipe, layout, *tensors);
  if (!plan) return plan.error();
  model->config = layout.config;
  model->config.has_logits = plan->tied || std::ranges::any_of(plan->wanted, [&](const Wanted& w) {
                               return w.table == &plan->weights->unembed;
                             });
  model->n_parameters = plan->n_parameters;
  model->content_hash = hash_of(*tensors);
  model->tied = plan->tied;
  model->notes = layout.notes;
  if (!model->config.has_logits) {
    model->notes.push_back(
        "The weights have no output vocabulary, so there are patterns but no predictions");
  }
  std::ranges::move(plan->notes, std::back_inserter(model->notes));
  if (model->tokenizer->size() > model->config.d_vocab) {
    model->notes.push_back("tokenizer.json has " + std::to_string(model->tokenizer->size()) +
                           " tokens, the model only " + std::to_string(model->config.d_vocab));
  }
  // From here on the weights are the packer's alone.
  folder.clear();
  weights.clear();
  files.clear();
  packer.emplace(std::move(*tensors), std::move(*plan));
  return {};
}

Status ModelLoad::Impl::finish() {
  Result<WeightPacker::Packed> packed = packer->take();
  packer.reset();
  if (!packed) return packed.error();
  model->weights = std::move(packed->weights);
  model->weight_bytes = packed->bytes;
  return {};
}

ModelLoad::ModelLoad(std::vector<File> files, std::string name) : impl_(std::make_unique<Impl>()) {
  uint64_t n_bytes = 0;
  for (const File& file : files) {
    n_bytes += is_weights(find_format(file)) ? file.bytes.size() : 0;
  }
  impl_->n_steps = 5 + WeightPacker::n_steps(n_bytes);
  impl_->model->name = !name.empty()    ? std::move(name)
                       : !files.empty() ? std::string(base_name(folder_of(files[0].name)))
                                        : "";
  impl_->files = std::move(files);
}

ModelLoad::~ModelLoad() = default;

int ModelLoad::n_steps() const { return impl_->n_steps; }

bool ModelLoad::step() {
  Impl& load = *impl_;
  switch (load.stage) {
    case 0:
      load.error = load.read_config();
      break;
    case 1:
      load.error = load.read_tokenizer();
      break;
    case 2:
      // Browsers compile a function when it is first called: those that cut a text have a step of
      // their own for it.
      load.model->tokenizer->encode("A text, once.");
      break;
    case 3:
      load.error = load.read_headers();
      break;
    case 4:
      if (load.packer->step()) return true;
      break;
    default:
      load.error = load.finish();
      return false;
  }
  ++load.stage;
  return !load.error;
}

Result<std::shared_ptr<const Model>> ModelLoad::take() {
  if (impl_->error) return *impl_->error;
  return std::shared_ptr<const Model>(std::move(impl_->model));
}

Result<std::shared_ptr<const Model>> load_model(std::vector<File> files, std::string name) {
  ModelLoad load(std::move(files), std::move(name));
  while (load.step()) {
  }
  return load.take();
}

}  // namespace attn
