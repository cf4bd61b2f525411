#include "model/adapter.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "model/tensor_names.h"
#include "tensor/kernels.h"
#include "text/tokenizer_regex.h"

namespace attn {

namespace {

constexpr char kConfig[] = "adapter_config.json", kWeights[] = "adapter_model.safetensors",
               kPickled[] = "adapter_model.bin";

// The fields of LoraConfig in PEFT 0.21. How an adapter was initialised matters only where that
// changed the base model's weights.
using enum FieldUse;
constexpr FieldRow kAdapterFields[] = {
    {"peft_type", read},
    {"r", read},
    {"lora_alpha", read},
    {"use_rslora", read},
    {"rank_pattern", read},
    {"alpha_pattern", read},
    {"target_modules", read},
    {"exclude_modules", read},
    {"modules_to_save", read},
    {"base_model_name_or_path", read},
    {"init_lora_weights", read},
    {"fan_in_fan_out"},  // follows from the base model, which PEFT goes by, too
    {"bias"},            // the file has those that were trained
    {"layers_to_transform", read},
    {"layers_pattern", read},
    {"task_type"},
    {"auto_mapping"},
    {"peft_version"},
    {"revision"},
    {"inference_mode"},
    {"lora_dropout"},
    {"megatron_config"},
    {"megatron_core"},
    {"loftq_config"},
    {"eva_config"},
    {"corda_config"},
    {"lora_ga_config"},
    {"qalora_group_size"},
    {"runtime_config"},
    {"velora_config"},  // of training: another backward pass
    {"use_dora", refused, "false", "DoRA"},
    {"use_qalora", refused, "false", "QALoRA"},
    {"use_bdlora", refused, "empty", "block-diagonal LoRA"},
    {"lora_bias", refused, "false", "a bias of lora_B"},
    {"trainable_token_indices", refused, "empty", "training of single tokens"},
    {"alora_invocation_tokens", refused, "empty", "activated LoRA"},
    {"layer_replication", refused, "empty", "the repetition of layers"},
    {"target_parameters", refused, "empty", "LoRA of parameters rather than modules"},
    {"monteclora_config", refused, "empty", "MonteCLoRA"},
    {"arrow_config", refused, "empty", "Arrow routing"},
    {"kasa_config", refused, "empty", "KaSA"},
    {"ensure_weight_tying", refused, "false", "tying of adapted weights"},
};

bool is_adapter_weights(std::string_view name) { return name.starts_with("adapter_model."); }

// Whether Python's re.match finds `pattern` at the end of a module's name, or is it in full.
Result<bool> matches(std::string_view pattern, std::string_view module, bool in_full) {
  const std::string before = in_full ? "^(?:" : "^(?:.*\\.)?(?:";
  const Result<Pattern> regex = Pattern::regex(before + std::string(pattern) + ")$", kConfig);
  if (!regex) return regex.error();
  return std::ranges::any_of(regex->find(module), &Match::is_match);
}

bool ends_in_module(std::string_view name, std::string_view module) {
  return name == module || name.ends_with("." + std::string(module));
}

// The number for the first pattern that fits the module; PEFT goes through them in this order.
Result<double> by_pattern(const Json& patterns, std::string_view module, double otherwise) {
  Status error;
  double found = otherwise;
  patterns.each([&](std::string_view pattern, const Json& value) {
    const Result<bool> fits = matches(pattern, module, false);
    if (!fits) error = fits.error();
    if (fits && *fits) found = value.number().value_or(NAN);
    return fits && !*fits;
  });
  if (error) return *error;
  return found;
}

std::vector<float> flipped(const Tensor& t) {
  const int64_t n = t.shape[0], m = t.shape[1];
  std::vector<float> out(size_t(n * m));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < m; ++j) out[size_t(j * n + i)] = t.data[i * m + j];
  return out;
}

std::vector<float> copied(const Tensor& t) { return {t.vec().begin(), t.vec().end()}; }

// Removes `part` from a name, wherever it stands.
void cut(std::string& name, std::string_view part) {
  if (const size_t at = name.find(part); at != name.npos) name.erase(at, part.size());
}

}  // namespace

Result<std::optional<AdapterFiles>> take_adapter(std::vector<File>& files) {
  const auto folder_has = [&](std::string_view folder, const auto& f) {
    return std::ranges::any_of(
        files, [&](const File& x) { return folder_of(x.name) == folder && f(base_name(x.name)); });
  };
  const auto is_config = [](std::string_view name) { return name == "config.json"; };
  std::vector<std::string> folders;
  for (const File& file : files) {
    if (base_name(file.name) != kConfig) continue;
    const std::string folder(folder_of(file.name));
    bool below = false;
    for (size_t i = folder.find('/'); i != folder.npos; i = folder.find('/', i + 1))
      below = below || folder_has(folder.substr(0, i), is_config);
    if (!below) folders.push_back(folder);
  }
  if (folders.empty()) return std::optional<AdapterFiles>();
  if (folders.size() > 1)
    return Error{"more than one adapter_config.json found (" + folders[0] + ", " + folders[1] +
                 "): give one adapter at a time"};
  const std::string& folder = folders[0];
  const bool elsewhere =
      std::ranges::any_of(files, [&](const File& file) { return is_config(base_name(file.name)); });
  const bool with_base = (folder_has(folder, is_config) || !elsewhere) &&
                         folder_has(folder, [](std::string_view name) {
                           return is_weights(find_format(name)) && !is_adapter_weights(name);
                         });
  AdapterFiles found;
  std::vector<File> others;
  for (File& file : files) {
    const std::string name(base_name(file.name));
    const bool here = folder_of(file.name) == folder;
    if (here && name == kConfig)
      found.config = std::move(file);
    else if (here && (name == kWeights || (name == kPickled && !found.weights)))
      found.weights = std::move(file);
    else if (here && !with_base && name == "tokenizer.json")
      found.tokenizer = std::move(file);
    else if (!here || (with_base && !is_adapter_weights(name)))
      others.push_back(std::move(file));
  }
  files = std::move(others);
  if (!found.weights && with_base) return std::optional<AdapterFiles>();
  if (!found.weights)
    return Error{std::string(kConfig) + ": " + kWeights +
                 " is missing beside it; save the adapter with PEFT's save_pretrained()"};
  found.name = base_name(with_base || folder.empty() ? found.weights->name : folder);
  return std::optional(std::move(found));
}

Error without_base(const AdapterFiles& adapter) {
  const Result<Json> config = Json::parse(adapter.config->bytes.text(), kConfig);
  const std::optional<std::string_view> base =
      config ? config->at("base_model_name_or_path").text() : std::nullopt;
  return Error{std::string(kConfig) + ": an adapter without its base model" +
               (base ? " " + quoted_name(*base) : "") +
               "; drop the folders of both together (command line: --model BASE --adapter DIR)"};
}

Result<Adapter> Adapter::read(const AdapterFiles& files) {
  Adapter adapter;
  adapter.name_ = files.name;
  Result<Json> config = Json::parse(files.config->bytes.text(), kConfig);
  if (!config) return config.error();
  adapter.config_ = std::move(*config);
  if (const Status failed = adapter.read_config()) return *failed;
  Result<NamedTensors> tensors = read_tensors(*files.weights);
  if (!tensors) return tensors.error();
  adapter.file_ = tensors->file;
  for (const StoredTensor& stored : tensors->tensors)
    if (const Status failed = adapter.read_tensor(stored)) return *failed;
  adapter.tensors_ = std::move(*tensors);
  for (Pair& pair : adapter.pairs_)
    if (const Status failed = adapter.check_pair(pair)) return *failed;
  if (adapter.pairs_.empty() && adapter.whole_.empty()) return adapter.wrong("has no tensors");
  return adapter;
}

Status Adapter::read_config() {
  const auto no = [](const std::string& what) { return Error{std::string(kConfig) + ": " + what}; };
  if (!config_.is_object()) return no("not a JSON object; download it again");
  if (const auto type = config_.at("peft_type").text(); type != "LORA")
    return no("peft_type is " + quoted_name(type.value_or("")) +
              ", but only adapters of the type \"LORA\" are supported");
  const std::span<const FieldRow> tables[] = {kAdapterFields};
  if (const Status failed = check_rows(tables, config_, kConfig, "LoRA adapters", notes_))
    return failed;
  const Json init = config_.at("init_lora_weights");
  if (const auto name = init.text();
      name && *name != "gaussian" && *name != "orthogonal" && *name != "eva" && *name != "true")
    return no("init_lora_weights is " + quoted_name(*name) +
              ", which changes the weights of the base model; convert the adapter with PEFT's "
              "save_pretrained(path_initial_model_for_weight_conversion=…)");
  for (const char* key : {"r", "lora_alpha"}) {
    const Json value = config_.at(key);
    if (!value.is_null() && !(value.number() && std::isfinite(*value.number())))
      return no(std::string(key) + " must be a number");
  }
  return {};
}

// "base_model.model.X.lora_A.weight" joins the pair of X; "base_model.model.X.bias" is whole.
Status Adapter::read_tensor(const StoredTensor& stored) {
  std::string name = stored.name;
  constexpr std::string_view kOuter = "base_model.model.";
  if (name.starts_with(kOuter)) name.erase(0, kOuter.size());
  const size_t at = name.find(".lora_");
  const auto unknown = [&](const char* what) {
    return wrong("tensor " + quoted_name(stored.name) + " is " + what + ", which is not supported");
  };
  for (const std::string_view part : {"lora_magnitude_vector", "trainable_tokens"})
    if (name.find(part) != name.npos)
      return unknown(part[0] == 'l' ? "of DoRA" : "of single trained tokens");
  if (at == name.npos) {
    if (name.find(".original_module.") != name.npos) return {};
    for (const std::string_view part :
         {".modules_to_save.default", ".modules_to_save", ".base_layer"})
      cut(name, part);
    const auto twin = std::ranges::find(whole_, name, &StoredTensor::name);  // by bias and module
    if (twin != whole_.end() && std::ranges::equal(twin->bytes, stored.bytes)) return {};
    whole_.push_back(stored);
    whole_.back().name = name;
    return {};
  }
  std::string kind = name.substr(at + 1);
  cut(kind, ".default");
  const bool embedding = kind.starts_with("lora_embedding_");
  if (embedding) cut(kind, "embedding_");
  const bool is_a = kind == (embedding ? "lora_A" : "lora_A.weight");
  if (!is_a && kind != (embedding ? "lora_B" : "lora_B.weight"))
    return unknown("of no plain LoRA adapter");
  NamedTensors place;
  place.file = file_;
  const Result<Tensor> floats = to_floats(place, stored);
  if (!floats) return floats.error();
  if (stored.shape.size() != 2 || floats->vec().empty())
    return wrong("tensor " + quoted_name(stored.name) + " is no matrix");
  const auto bad = std::ranges::count_if(floats->vec(), [](float x) { return !std::isfinite(x); });
  if (bad > 0) warnings_.push_back(not_finite(stored.name, uint64_t(bad)));
  const std::string module = name.substr(0, at);
  auto pair = std::ranges::find(pairs_, module, &Pair::module);
  if (pair == pairs_.end()) {
    pairs_.push_back({.module = module, .embedding = embedding});
    pair = pairs_.end() - 1;
  }
  std::optional<Tensor>& side = is_a ? pair->a : pair->b;
  if (side || pair->embedding != embedding)
    return wrong("has several adapters of " + quoted_name(module));
  side = *floats;
  return {};
}

// Whether target_modules and exclude_modules choose the module. PEFT leaves others out.
bool Adapter::targets(std::string_view module) const {
  const auto chosen = [&](const char* key, bool otherwise) {
    const Json field = config_.at(key);
    if (const auto pattern = field.text()) {
      const Result<bool> fits = matches(*pattern, module, true);
      return *pattern == "all-linear" || (fits ? *fits : otherwise);
    }
    bool found = field.size() == 0 && otherwise;
    field.each([&](std::string_view, const Json& one) {
      return !(found = found || ends_in_module(module, one.text().value_or("?")));
    });
    return found;
  };
  return chosen("target_modules", true) && !chosen("exclude_modules", false);
}

// Whether layers_to_transform, where it is given, has the module's layer: the first number in its
// name that stands behind a part of it, or behind one that layers_pattern names. As PEFT, which
// leaves others out, unless target_modules has the whole name.
bool Adapter::transforms(std::string_view module) const {
  const Json layers = config_.at("layers_to_transform"), patterns = config_.at("layers_pattern");
  if (layers.is_null() || (layers.is_array() && layers.size() == 0)) return true;
  bool named = false, found = false;
  config_.at("target_modules").each([&](std::string_view, const Json& one) {
    return !(named = named || one.text() == module);
  });
  const auto look_behind = [&](std::string_view pattern) {
    for (size_t dot = module.find('.'); dot != module.npos; dot = module.find('.', dot + 1)) {
      const std::string_view before = module.substr(0, dot);
      const std::string number(module.substr(dot + 1, module.find('.', dot + 1) - dot - 1));
      const bool last = dot + 1 + number.size() == module.size();
      if (last || number.empty() || number.find_first_not_of("0123456789") != number.npos) continue;
      const Result<bool> fits =
          pattern.empty() ? before.find('.') != before.npos : matches(pattern, before, false);
      if (!fits || !*fits) continue;
      const auto is_it = [&](const Json& layer) {
        return layer.integer() && std::to_string(*layer.integer()) == number;
      };
      found = is_it(layers);
      layers.each(
          [&](std::string_view, const Json& one) { return !(found = found || is_it(one)); });
      return true;
    }
    return false;
  };
  if (patterns.size() == 0) {
    look_behind(patterns.text().value_or(""));
  } else {
    patterns.each(
        [&](std::string_view, const Json& one) { return !look_behind(one.text().value_or("?")); });
  }
  return named || found;
}

Status Adapter::check_pair(Pair& pair) {
  const std::string of = quoted_name(pair.module);
  if (!pair.a || !pair.b)
    return wrong("lora_" + std::string(pair.a ? "B" : "A") + " of " + of + " is missing");
  const int64_t rank = pair.a->shape[0];
  const Result<double> r =
      by_pattern(config_.at("rank_pattern"), pair.module, config_.at("r").number().value_or(8));
  if (!r) return r.error();
  const Result<double> alpha = by_pattern(config_.at("alpha_pattern"), pair.module,
                                          config_.at("lora_alpha").number().value_or(8));
  if (!alpha) return alpha.error();
  if (rank != pair.b->shape[1] || double(rank) != *r || !std::isfinite(*alpha))
    return wrong("lora_A and lora_B of " + of + " have ranks " + std::to_string(rank) + " and " +
                 std::to_string(pair.b->shape[1]) + ", which do not fit " + kConfig);
  if (!targets(pair.module))
    return wrong("adapts " + of + ", which target_modules in " + kConfig + " leaves out");
  if (!transforms(pair.module))
    return wrong("adapts " + of + ", which layers_to_transform in " + kConfig + " leaves out");
  const bool root = config_.at("use_rslora").boolean().value_or(false);
  pair.scale = *alpha / (root ? std::sqrt(*r) : *r);
  return {};
}

std::string Adapter::made_for() const {
  const auto base = config_.at("base_model_name_or_path").text();
  return base ? "; the adapter was made for " + quoted_name(*base) : "; use the adapter's own base";
}

// Whether modules_to_save names a module that the tensor is in.
bool Adapter::saves(std::string_view name) const {
  const std::string whole = "." + std::string(name);
  bool found = false;
  config_.at("modules_to_save").each([&](std::string_view, const Json& one) {
    const auto module = one.text();
    return !(found =
                 found || (module && whole.find("." + std::string(*module) + ".") != whole.npos));
  });
  return found;
}

Status Adapter::check_saved(std::span<const NamedTensors> base) const {
  for (const NamedTensors& file : base) {
    for (const StoredTensor& tensor : file.tensors)
      if (saves(tensor.name) && !tensors_.find(tensor.name))
        return wrong(quoted_name(tensor.name) + " is missing, which modules_to_save in " + kConfig +
                     " names");
  }
  return {};
}

Status Adapter::join(const Recipe& recipe, std::vector<NamedTensors>& base) {
  if (recipe.encoder)
    return wrong(
        "adapters of encoder–decoders cannot be merged yet; in PEFT, merge_and_unload() does");
  std::vector<std::string> quiet;
  const Result<NamePrefixes> prefixes = find_prefixes(recipe, base, quiet);
  if (!prefixes) return prefixes.error();
  const auto find = [&](std::string name) -> std::pair<NamedTensors*, std::string> {
    for (const std::string& prefix : {prefixes->body, std::string(recipe.prefix)}) {
      if (prefix.empty() || !name.starts_with(prefix)) continue;
      name.erase(0, prefix.size());
      break;
    }
    for (const std::string& full : names_to_try(*prefixes, recipe, name))
      for (NamedTensors& file : base)
        if (file.find(full)) return {&file, full};
    return {};
  };
  for (Pair& pair : pairs_) {
    pair.target = find(pair.module + ".weight").second;
    if (pair.target.empty())
      return wrong("adapts " + quoted_name(pair.module) +
                   ", which the files of the base model do not have" + made_for());
  }
  for (StoredTensor& stored : whole_) {
    const auto [file, name] = find(stored.name);
    // A bias may have another name there; the plan tells whether it is used.
    if (!file && !saves(stored.name) && !stored.name.ends_with(".bias"))
      return wrong("has " + quoted_name(stored.name) + ", which the base model does not have" +
                   made_for());
    if (!file) continue;
    stored.name = name;
    std::erase_if(file->tensors, [&](const StoredTensor& t) { return t.name == name; });
    file->index.clear();
    if (const Status twice = index_tensors(*file, "")) return twice;
  }
  tensors_.tensors = whole_;
  tensors_.index.clear();
  if (const Status twice = index_tensors(tensors_, "; save the adapter again")) return twice;
  if (const Status missing = check_saved(base)) return missing;
  base.push_back(tensors_);
  tensors_.bytes = {};  // so that the weights can be packed in their place
  return {};
}

Status Adapter::merge(WeightPlan& plan) const {
  std::string outside;
  size_t n_merged = 0;
  for (const Pair& pair : pairs_) {
    bool used = false;
    for (WantedTensor& wanted : plan.wanted) {
      if (wanted.stored->name != pair.target) continue;
      const bool flip = pair.embedding || wanted.store == MatrixOrder::in_out;
      const auto more = std::make_shared<LowRank>();
      more->left = flip ? flipped(*pair.a) : copied(*pair.b);
      more->right = flip ? flipped(*pair.b) : copied(*pair.a);
      more->rounded = pair.embedding;
      more->rank = pair.a->shape[0];
      more->n_rows = int64_t(more->left.size()) / more->rank;
      more->n_cols = int64_t(more->right.size()) / more->rank;
      for (float& x : more->left) x = float(x * pair.scale);
      const std::vector<int64_t>& shape = wanted.stored->shape;
      if (more->n_rows != shape[0] || more->n_cols != shape[1])
        return wrong("what it adds to " + quoted_name(pair.target) + " is " +
                     std::to_string(more->n_rows) + " × " + std::to_string(more->n_cols) +
                     ", but the base model has " + std::to_string(shape[0]) + " × " +
                     std::to_string(shape[1]) + made_for());
      wanted.added = more;
      used = true;
      if (plan.tied && wanted.table == &plan.weights->embed)
        plan.warnings.push_back(
            name_ +
            ": it adapts the embedding, which is the output head, too; merged, as here and "
            "by PEFT's merge_and_unload(), it changes both, unmerged only the embedding");
    }
    n_merged += used;
    if (used) continue;
    if (plan.tied && pair.b->shape[0] == plan.d_vocab)
      return wrong("adapts " + quoted_name(pair.module) +
                   " alone, which the base model shares with its embedding; that is not supported");
    outside += (outside.empty() ? "" : ", ") + quoted_name(pair.module);
  }
  if (plan.tied) {
    for (const WantedTensor& wanted : plan.wanted)
      if (wanted.table == &plan.weights->embed && saves(wanted.stored->name))
        return wrong(
            "replaces the embedding, but not the output head, which is the base model's "
            "embedding; that is not supported");
  }
  const auto text_of = [&](const char* key) {
    const double x = config_.at(key).number().value_or(8);
    std::string text = std::to_string(x);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text +
           (config_.at(std::string(key == std::string_view("r") ? "rank" : "alpha") + "_pattern")
                        .size() > 0
                ? " and others"
                : "");
  };
  std::string said = "The adapter " + name_ + " is merged: r = " + text_of("r") +
                     ", alpha = " + text_of("lora_alpha") + ", " + std::to_string(n_merged) +
                     (n_merged == 1 ? " module" : " modules");
  if (!whole_.empty())
    said += ", and " + std::to_string(whole_.size()) +
            (whole_.size() == 1 ? " tensor replaced" : " tensors replaced");
  plan.notes.insert(plan.notes.begin(), said);
  if (!outside.empty())
    plan.notes.push_back("The adapter changes modules whose weights are not used: " + outside);
  plan.notes.insert(plan.notes.end(), notes_.begin(), notes_.end());
  plan.warnings.insert(plan.warnings.end(), warnings_.begin(), warnings_.end());
  return {};
}

void add_low_rank(const LowRank& more, int64_t begin, int64_t end, uint8_t* at, Format format) {
  std::vector<float> sums;
  for (int64_t i = begin; i < end;) {
    const int64_t row = i / more.n_cols, first = i % more.n_cols;
    const int64_t n = std::min(more.n_cols - first, end - i);
    sums.assign(size_t(n), 0.f);
    for (int64_t k = 0; k < more.rank; ++k) {
      const float left = more.left[size_t(row * more.rank + k)];
      const float* const right = more.right.data() + k * more.n_cols + first;
      for (int64_t j = 0; j < n; ++j) sums[size_t(j)] += left * right[j];
    }
    for (int64_t j = 0; j < n; ++j) {
      uint8_t* const to = at + (i + j) * bytes_of(format);
      uint16_t half = 0;
      if (format == Format::f32) {
        float x;
        std::memcpy(&x, to, 4);
        x += sums[size_t(j)];
        std::memcpy(to, &x, 4);
        continue;
      }
      std::memcpy(&half, to, 2);
      const auto widen = format == Format::f16 ? half_to_float : bfloat16_to_float;
      const auto narrow = format == Format::f16 ? float_to_half : float_to_bfloat16;
      const float sum = more.rounded ? widen(narrow(sums[size_t(j)])) : sums[size_t(j)];
      half = narrow(widen(half) + sum);
      std::memcpy(to, &half, 2);
    }
    i += n;
  }
}

}  // namespace attn
