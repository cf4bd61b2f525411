#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <set>

#include "files/blocks.h"
#include "files/known_files.h"
#include "files/nanogpt.h"
#include "model/adapter.h"
#include "model/esm_vocabulary.h"
#include "model/label_head.h"
#include "model/model.h"
#include "model/model_files.h"
#include "model/pack_weights.h"
#include "model/picture_input.h"
#include "model/recipe.h"
#include "text/tokenizer_files.h"
#include "text/tokenizer_ids.h"

namespace attn {

namespace {

// Hashes headers, sizes, and a few thousand bytes spread over the data, which is where fine-tuned
// copies of a model differ.
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
    return Error{std::string(name) + " is missing: drop it together with model.safetensors"};
  }
  if (known_content(file->second->bytes.span())) return not_a_model(*file->second);
  Result<Json> json = Json::parse(file->second->bytes.text(), name);
  if (json && !json->is_object()) {
    return Error{std::string(name) + ": not a JSON object; download it again"};
  }
  return json;
}

// What a tokenizer may be made of where there is no tokenizer.json.
TokenizerFiles older_files(const Folder& folder, const std::string& type, const Json& named) {
  const auto find = [&folder](std::string_view name) -> std::optional<std::string_view> {
    const auto file = folder.find(name);
    if (file == folder.end()) return {};
    return file->second->bytes.text();
  };
  return {find, type, std::string(named.text().value_or(""))};
}

// Rotates by angles that files have, which are then factors of the usual ones.
void use_angles(Config& c, std::span<const float> angles) {
  for (size_t j = 0; j < angles.size(); ++j)
    c.rope_short.push_back(
        float(std::pow(c.rope_theta, -2.0 * double(j) / c.rope_dims) / double(angles[j])));
  if (angles.empty()) return;
  c.rope_long = c.rope_short;
  c.rope_scaling = RopeScaling::longrope;
}

// Says which weights were quantized when the file was made, and what is computed with.
void note_blocks(const WeightPlan& plan, std::vector<std::string>& notes) {
  std::string kept, expanded;
  std::set<DType> seen;
  for (const WantedTensor& w : plan.wanted) {
    const BlockType* const type = block_type(w.stored->dtype);
    if (!type || !seen.insert(type->dtype).second) continue;
    std::string& names = type->dtype == DType::q8_0 ? kept : expanded;
    names += (names.empty() ? "" : ", ") + std::string(type->name);
  }
  if (kept.empty() && expanded.empty()) return;
  std::string text = "The file's weights are quantized (" + kept +
                     (kept.empty() || expanded.empty() ? "" : ", ") + expanded +
                     "): patterns and predictions are those of these weights, not of the original";
  if (!expanded.empty()) text += "; those in " + expanded + " are rounded to F16 in memory";
  notes.push_back(text);
}

}  // namespace

struct ModelLoad::Impl {
  std::vector<File> files;
  std::span<const FileFormat> formats;
  int n_steps = 0;
  int stage = 0;
  Status error;
  bool ignore_unused = false, refused_unused = false, no_adapter = false, reads_text = false;
  std::shared_ptr<Model> model = std::make_shared<Model>();

  Folder folder;
  const Recipe* recipe = nullptr;
  Layout layout;
  std::vector<const File*> weights;
  std::vector<NamedTensors> tensors;  // of `weights`, read on first use
  std::optional<AdapterFiles> adapter_files;
  Json vocabulary;  // tokenizer.json; null if the weights file has the tokenizer
  std::optional<TokenizerFiles> older_tokenizer;  // files in place of tokenizer.json
  std::string vocabulary_file = "tokenizer.json";
  std::optional<WeightPacker> packer;

  // The format of the weights, which may also hold the rest of the model.
  const FileFormat& format() const {
    static constexpr FileFormat kNone{};
    const FileFormat* found = find_format(*weights[0], formats);
    return found ? *found : kNone;
  }

  Status find_model();
  Status find_files();
  Status read_headers();
  Result<ConfigSource> find_config();
  Status read_config();
  Status read_tokenizer();
  Status plan();
  void check_vocabulary();
  void check_other_files();
  Status finish();
};

Status ModelLoad::Impl::find_files() {
  if (!weights.empty()) return {};
  Result<std::vector<const File*>> found = find_weights(folder, formats);
  if (!found) return found.error();
  weights = std::move(*found);
  return {};
}

Status ModelLoad::Impl::read_headers() {
  if (Status missing = find_files()) return missing;
  if (!tensors.empty()) return {};
  Result<std::vector<NamedTensors>> read = read_weights(weights, formats);
  if (!read) return read.error();
  tensors = std::move(*read);
  return {};
}

// config.json, or else the same fields from the metadata of the weights.
Result<ConfigSource> ModelLoad::Impl::find_config() {
  const bool described = folder.contains("config.json");
  const bool converted = !find_files() && format().join;
  if (described && converted)
    model->notes.push_back("config.json is not used: " + std::string(base_name(weights[0]->name)) +
                           " describes the model");
  if (described && !converted) {
    const Result<Json> json = read_json(folder, "config.json");
    if (!json) return json.error();
    return unwrapped(ConfigSource(*json), reads_text);
  }
  if (const Status failed = read_headers()) return *failed;
  if (!format().config) return missing_config();
  const Result<Json> json = format().config(tensors[0]);
  if (!json) return json.error();
  if (json->is_null()) return missing_config();
  return ConfigSource(*json, tensors[0].file);
}

// The folder of the model, and the adapter beside it.
Status ModelLoad::Impl::find_model() {
  Result<std::optional<AdapterFiles>> adapter = take_adapter(files);
  if (!adapter) return adapter.error();
  adapter_files = std::move(*adapter);
  const bool described = std::ranges::any_of(
      files, [](const File& file) { return base_name(file.name) == "config.json"; });
  Result<Folder> found = find_folder(files, formats, model->warnings);
  if (!found) return adapter_files && !described ? without_base(*adapter_files) : found.error();
  folder = std::move(*found);
  if (!adapter_files) return {};
  const std::optional<File>& tokenizer = adapter_files->tokenizer;
  const auto own = folder.find("tokenizer.json");
  if (!tokenizer) return {};
  if (own == folder.end())
    folder.emplace("tokenizer.json", &*tokenizer);
  else if (own->second->bytes.text() != tokenizer->bytes.text())
    model->notes.push_back(
        "The adapter's tokenizer.json differs from that of the base model, which is used");
  return {};
}

// Reads the configuration and checks that all files are present.
Status ModelLoad::Impl::read_config() {
  if (const Status failed = find_model()) return failed;
  const Result<ConfigSource> config = find_config();
  if (!config) return config.error();
  const Result<const Recipe*> family = find_recipe(*config);
  if (!family) return family.error();
  recipe = *family;
  if (config->json.at("quantization_config").at("quant_method").text() == "mxfp4")
    return Error{config->file + ": quantization_config is mxfp4, which is not supported; " +
                 kWithoutMxfp4};
  const Json quantized = config->json.at("quantization_config");
  if (!quantized.is_null()) {
    const std::optional<std::string_view> method = quantized.at("quant_method").text();
    const bool mlx = !method && !config->json.at("quantization").is_null();
    return Error{config->file + ": the weights are quantized" +
                 (method ? " by " + quoted_name(*method)
                  : mlx  ? " for MLX"
                         : "") +
                 " (quantization_config), which is not supported; use the model that they were "
                 "made from, in F32, F16 or BF16"};
  }
  Result<Layout> read = read_layout(*recipe, *config);
  if (!read) return read.error();
  layout = std::move(*read);
  layout.source = config->file;
  if (config->in_weights && format().config == nanogpt_config)
    layout.warnings.push_back(
        config->file +
        " does not say which GELU the model has: the exact one is computed, as nanoGPT has it "
        "since "
        "June 2023. If it was trained with an older nanoGPT, the values differ in about the fourth "
        "digit");
  if (const Status missing = find_files()) return missing;
  if (format().join) {
    layout.out_in = layout.always_tied = true;
    layout.norm_plus_one = false;
    layout.paired_qk = format().pairs_rows && format().pairs_rows(tensors[0]);
    if (const Status failed = format().join(tensors)) return failed;
  }
  if (layout.config.reads_pictures()) {
    const bool described = folder.contains("preprocessor_config.json");
    const Result<Json> input =
        described ? read_json(folder, "preprocessor_config.json") : Result<Json>(Json());
    if (!input) return input.error();
    return read_picture_input(*input, layout.config, layout.notes);
  }
  const bool has_tokenizer = folder.contains("tokenizer.json");
  if (format().tokenizer && !has_tokenizer) return {};
  const std::string& type = layout.config.family;
  if (!has_tokenizer && folder.contains("vocab.json") && (type == "marian" || type == "m2m_100"))
    return Error{
        "tokenizer.json is missing, and vocab.json and the .spm or .model files cannot be used "
        "instead; transformers cannot convert them either. The copies of such models for "
        "transformers.js have one: take that of the same model, such as Xenova/opus-mt-en-de for "
        "Helsinki-NLP/opus-mt-en-de"};
  const auto letters = folder.find(std::string_view("vocab.txt"));
  const bool as_esm = layout.config.family == "esm" && letters != folder.end() && !has_tokenizer;
  if (!has_tokenizer && !as_esm) {
    TokenizerFiles older = older_files(folder, type, config->json.at("tokenizer_class"));
    if (const auto name = older_tokenizer_file(older); !name.empty()) {
      if (const File& file = *folder.find(name)->second; known_content(file.bytes.span()))
        return not_a_model(file);
      older_tokenizer = std::move(older);
      return {};
    }
  }
  const auto characters = folder.find(std::string_view("meta.pkl"));
  const bool as_nanogpt = type == "gpt2" && characters != folder.end() && !has_tokenizer;
  if (!has_tokenizer && !as_esm && !as_nanogpt) {
    model->reads_ids = true;
    return {};
  }
  if (as_nanogpt) vocabulary_file = "meta.pkl";
  const Result<Json> tokenizer = as_esm       ? esm_tokenizer(letters->second->bytes.text())
                                 : as_nanogpt ? nanogpt_tokenizer(characters->second->bytes.text())
                                              : read_json(folder, "tokenizer.json");
  if (!tokenizer) return tokenizer.error();
  vocabulary = *tokenizer;
  return {};
}

Status ModelLoad::Impl::read_tokenizer() {
  if (layout.config.reads_pictures() || model->reads_ids) return {};
  const bool within = vocabulary.is_null() && !older_tokenizer;
  if (within) {
    if (const Status failed = read_headers()) return failed;
  }
  Result<TokenizerRecords> records = within ? format().tokenizer(tensors[0])
                                     : older_tokenizer
                                         ? read_tokenizer_files(*older_tokenizer, model->notes)
                                         : read_tokenizer_json(vocabulary, vocabulary_file);
  if (!records) return records.error();
  vocabulary = {};
  older_tokenizer.reset();
  vocabulary_file = records->file;
  Result<std::shared_ptr<const Tokenizer>> tokenizer = Tokenizer::from_records(std::move(*records));
  if (!tokenizer) return tokenizer.error();
  model->tokenizer = std::move(*tokenizer);
  return {};
}

// Checks the weights; after this, loading can only fail for lack of memory.
Status ModelLoad::Impl::plan() {
  if (const Status failed = read_headers()) return failed;
  std::optional<Adapter> adapter;
  if (adapter_files && !no_adapter) {
    Result<Adapter> read = Adapter::read(*adapter_files);
    if (!read) return read.error();
    adapter = std::move(*read);
    if (const Status failed = adapter->join(*recipe, tensors)) return failed;
  }
  rename_tensors(*recipe, tensors);
  Result<WeightPlan> plan = plan_weights(*recipe, layout, tensors);
  if (!plan) return plan.error();
  if (adapter) {
    if (const Status failed = adapter->merge(*plan)) return failed;
  } else if (adapter_files) {
    plan->notes.push_back("The adapter " + adapter_files->name + " is not merged");
  }
  refused_unused = plan->unused && !ignore_unused;
  if (refused_unused) return plan->unused;
  model->config = layout.config;
  model->config.d_vocab = plan->d_vocab;
  model->config.pools = !plan->weights->probe.empty();
  use_angles(model->config, plan->angles);
  if (!plan->labels.names.empty()) use_labels(model->config, plan->labels);
  model->config.has_logits =
      plan->tied || std::ranges::any_of(plan->wanted, [&](const WantedTensor& w) {
        return w.table == &plan->weights->unembed;
      });
  model->n_parameters = plan->n_parameters;
  model->content_hash = hash_of(tensors);
  model->tied = plan->tied;
  model->warnings.insert(model->warnings.end(), layout.warnings.begin(), layout.warnings.end());
  model->notes.insert(model->notes.end(), layout.notes.begin(), layout.notes.end());
  if (!model->config.has_logits) {
    model->notes.push_back(
        "The weights have no output head: attention is available, predictions are not");
  }
  std::ranges::move(plan->warnings, std::back_inserter(model->warnings));
  std::ranges::move(plan->notes, std::back_inserter(model->notes));
  note_blocks(*plan, model->notes);
  if (model->reads_ids) {
    const int n = model->config.d_vocab;
    model->tokenizer = ids_tokenizer(n);
    model->warnings.push_back(
        "There is no tokenizer among the files: a text is token ids, numbers from 0 to " +
        std::to_string(n - 1) +
        " with blanks between them. To type words, open tokenizer.json together with the weights");
  }
  check_vocabulary();
  check_other_files();
  // From here on, only the packer holds the weights, so that it can pack in place.
  adapter_files.reset();
  folder.clear();
  weights.clear();
  files.clear();
  for (NamedTensors& file : tensors) file.metadata = {};
  packer.emplace(std::move(tensors), std::move(*plan));
  return {};
}

// A tokenizer of another size than the embedding is that of another model. Embeddings are often
// padded to a round number of rows.
void ModelLoad::Impl::check_vocabulary() {
  if (!model->tokenizer) return;
  const int have = model->tokenizer->size(), rows = model->config.d_vocab;
  if (have <= rows && rows - have <= std::max(1024, rows / 16)) return;
  model->warnings.push_back(vocabulary_file + " has " + std::to_string(have) +
                            " tokens, but the model has " + (have > rows ? "only " : "") +
                            std::to_string(rows) + ": it may belong to another model");
}

// Adapters, and other files of models, that lie beside the weights.
void ModelLoad::Impl::check_other_files() {
  for (const auto& [name, file] : folder) {
    const bool adapter = name.starts_with("adapter_model.") || name == "adapters.safetensors";
    if (std::ranges::find(weights, file) != weights.end()) continue;
    if (adapter) {
      model->warnings.push_back(std::string(name) +
                                " is an adapter without adapter_config.json and is not applied; "
                                "the patterns are those of the base model");
    } else if (is_weights(find_format(*file, formats)) && name.find("model") != name.npos) {
      model->notes.push_back(std::string(name) + " is not used; the weights are those in " +
                             std::string(base_name(weights[0]->name)));
    }
  }
}

// Weights that nobody trained: norms at 1 and biases at 0, as they are initialised.
bool looks_initialised(const Weights& w, const Config& c) {
  const auto all = [](const Tensor& t, float x) {
    return std::ranges::all_of(t.vec(), [x](float y) { return y == x; });
  };
  const auto fresh = [&](const NormWeights& norm) {
    return all(norm.gamma, 1) && (norm.beta.empty() || all(norm.beta, 0));
  };
  if (c.norm_place == NormPlace::pre && !fresh(w.ln_final)) return false;
  return std::ranges::all_of(w.blocks, [&](const Block& b) {
    const Tensor* const biases[] = {&b.q.b, &b.k.b, &b.v.b, &b.o.b, &b.mlp_in.b, &b.mlp_out.b};
    return fresh(b.ln1) && fresh(b.ln2) && fresh(b.q_norm) && fresh(b.k_norm) &&
           std::ranges::all_of(biases, [&](const Tensor* t) { return t->empty() || all(*t, 0); });
  });
}

Status ModelLoad::Impl::finish() {
  Result<WeightPacker::Packed> packed = packer->take();
  packer.reset();
  if (!packed) return packed.error();
  std::ranges::move(packed->warnings, std::back_inserter(model->warnings));
  if (looks_initialised(packed->weights, model->config))
    model->warnings.emplace_back(
        "The weights look randomly initialised, not trained: all norms are 1 and there are no "
        "biases other than 0");
  model->weights = std::move(packed->weights);
  model->weight_bytes = packed->bytes;
  if (model->weights.encoder) {
    auto encoder = std::make_shared<Model>();
    encoder->name = model->name;
    encoder->config = *model->config.encoder;
    encoder->config.d_vocab = model->config.d_vocab;
    encoder->config.has_logits = false;
    encoder->weights = std::move(*model->weights.encoder);
    encoder->tokenizer = model->tokenizer;
    encoder->content_hash = model->content_hash;
    model->weights.encoder.reset();
    model->encoder = std::move(encoder);
  }
  return {};
}

ModelLoad::ModelLoad(std::vector<File> files, std::string name, std::span<const FileFormat> formats)
    : impl_(std::make_unique<Impl>()) {
  uint64_t n_bytes = 0;
  for (const File& file : files) {
    n_bytes += is_weights(find_format(file, formats)) ? file.bytes.size() : 0;
  }
  impl_->n_steps = 5 + WeightPacker::n_steps(n_bytes);
  impl_->model->name = !name.empty()    ? std::move(name)
                       : !files.empty() ? std::string(base_name(folder_of(files[0].name)))
                                        : "";
  impl_->files = std::move(files);
  impl_->formats = formats;
}

ModelLoad::~ModelLoad() = default;

void ModelLoad::no_adapter(bool leave) { impl_->no_adapter = leave; }
void ModelLoad::read_text(bool text) { impl_->reads_text = text; }
void ModelLoad::ignore_unused(bool ignore) { impl_->ignore_unused = ignore; }
bool ModelLoad::refused_unused() const { return impl_->refused_unused; }
std::vector<File> ModelLoad::take_files() {
  std::vector<File> files = std::move(impl_->files);
  if (const auto& adapter = impl_->adapter_files)
    for (const auto* file : {&adapter->config, &adapter->weights, &adapter->tokenizer})
      if (*file) files.push_back(**file);
  return files;
}

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
      // Browsers compile functions on first call; encoding a text here moves that cost to a
      // separate step.
      if (load.model->tokenizer) load.model->tokenizer->encode("A text, once.");
      break;
    case 3:
      load.error = load.plan();
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

ModelLoad::ModelLoad(std::vector<File> files, std::string name)
    : ModelLoad(std::move(files), std::move(name), file_formats()) {}

Result<std::shared_ptr<const Model>> load_model(std::vector<File> files, std::string name) {
  ModelLoad load(std::move(files), std::move(name));
  while (load.step()) {
  }
  return load.take();
}

}  // namespace attn
