#include "model/tensor_names.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/nearest.h"

namespace attn {

namespace {

// The recipe's first tensor, by which its names are found.
std::string anchor_of(const Recipe& recipe) {
  std::string name = recipe.binds[0].name;
  if (const size_t hole = name.find("{}"); hole != std::string::npos) name.replace(hole, 2, "0");
  return name + ".weight";
}

// What stands before the number of a layer: "encoder.layer."; "" if the recipe has no layers.
std::string_view stem_of(const Recipe& recipe) {
  for (const Bind& bind : recipe.binds) {
    const std::string_view name = bind.name;
    if (const size_t hole = name.find("{}"); hole != name.npos) return name.substr(0, hole);
  }
  return {};
}

// The number of the layer that a tensor belongs to.
std::optional<int> layer_of(std::string_view name, const Recipe& recipe,
                            const NamePrefixes& prefixes) {
  const std::string_view stem = stem_of(recipe);
  if (stem.empty()) return {};
  for (const std::string& prefix : {prefixes.body, prefixes.outer, std::string(recipe.prefix)}) {
    const std::string start = prefix + std::string(stem);
    if (!name.starts_with(start)) continue;
    int layer = 0;
    size_t i = start.size();
    for (; i < name.size() && name[i] >= '0' && name[i] <= '9' && layer < kMostLayers; ++i)
      layer = 10 * layer + (name[i] - '0');
    if (i > start.size() && i < name.size() && name[i] == '.') return layer;
  }
  return {};
}

// Components at the end that two names share.
int n_common(std::string_view a, std::string_view b) {
  int n = 0;
  for (size_t i = 1; i <= std::min(a.size(), b.size()) && a[a.size() - i] == b[b.size() - i]; ++i) {
    const bool whole_a = i == a.size() || a[a.size() - i - 1] == '.';
    const bool whole_b = i == b.size() || b[b.size() - i - 1] == '.';
    n += whole_a && whole_b;
  }
  return n;
}

struct Meaning {
  std::string_view part;  // of the name, in lower case
  const char* what;
  bool harmless = false;  // it changes no pattern and no token's prediction
};

constexpr Meaning kMeanings[] = {
    {"lora_",
     "a LoRA adapter that is not merged into the weights; in PEFT, merge_and_unload() does"},
    {"adapter", "an adapter, which changes what later layers read"},
    {"prompt_embeddings", "a trained prompt"},
    {"q_norm", "norms of queries and keys, as a variant of the architecture has"},
    {"k_norm", "norms of queries and keys, as a variant of the architecture has"},
    {"q_layernorm", "norms of queries and keys, as a variant of the architecture has"},
    {"query_layernorm", "norms of queries and keys, as a variant of the architecture has"},
    {"sinks", "attention sinks, as a variant of the architecture has"},
    {"qweight", "quantized weights"},
    {"qzeros", "quantized weights"},
    {"weight_scale", "quantized weights"},
    {"absmax", "quantized weights"},
    {"expert", "experts, as a variant of the architecture has"},
    {"crossattention", "cross-attention"},
    {"distance_embedding", "relative positions"},
    {"relative_attention_bias", "relative positions"},
    {"pooler", "a head for another task", true},
    {"classifier", "a head for another task", true},
    {"score.", "a head for another task", true},
    {"qa_outputs", "a head for another task", true},
    {"multiple_choice", "a head for another task", true},
    {"seq_relationship", "a head for another task", true},
    {"discriminator_predictions", "the head that tells replaced tokens", true},
    {"v_head", "a head for another task", true},
    {"summary.", "a head for another task", true},
    {"cls.predictions", "part of an output head that is not whole", true},
    {"lm_predictions", "an output head that is read where legacy is false in config.json", true},
    {"mask_predictions", "the head that tells replaced tokens", true},
    {"text_model", "the part that reads texts", true},
    {"_projection", "the comparison of pictures and texts", true},
    {"logit_", "the comparison of pictures and texts", true},
    {"vision", "the part that reads pictures", true},
    {"visual", "the part that reads pictures", true},
    {"projector", "the part that reads pictures", true},
    {".bias", "biases that the configuration does not name"},
};

const Meaning* meaning_of(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  for (const Meaning& row : kMeanings) {
    if (lower.find(row.part) != lower.npos) return &row;
  }
  return nullptr;
}

// Tensors of one kind, and a sentence about them.
struct Group {
  int n = 0;
  std::string names;
  bool cut = false;  // not all are named
  std::vector<const char*> meanings;

  void add(std::string_view name, const Meaning* meaning) {
    constexpr size_t kNamed = 110;  // bytes, so that the sentence stays short
    const std::string quoted = quoted_name(name);
    if (++n == 1 || (!cut && names.size() + quoted.size() <= kNamed)) {
      names += (names.empty() ? "" : ", ") + quoted;
    } else if (!std::exchange(cut, true)) {
      names += ", …";
    }
    if (meaning && std::ranges::find(meanings, meaning->what) == meanings.end())
      meanings.push_back(meaning->what);
  }
  std::string sentence(const char* where) const {
    std::string text = std::to_string(n) + (n == 1 ? " tensor" : " tensors") + where +
                       (n == 1 ? " is" : " are") + " not used: " + names;
    for (size_t i = 0; i < meanings.size(); ++i)
      text += (i == 0 ? " (" : ", ") + std::string(meanings[i]);
    return text + (meanings.empty() ? "" : ")");
  }
};

bool is_zero(const StoredTensor& tensor) {
  return std::ranges::all_of(tensor.bytes, [](uint8_t byte) { return byte == 0; });
}

}  // namespace

Result<NamePrefixes> find_prefixes(const Recipe& recipe, std::span<const NamedTensors> files,
                                   std::vector<std::string>& notes) {
  const std::string usual = recipe.prefix, anchor = anchor_of(recipe);
  std::vector<std::string> found;
  for (const NamedTensors& file : files) {
    for (const StoredTensor& tensor : file.tensors) {
      const std::string_view name = tensor.name;
      if (!name.ends_with(anchor)) continue;
      const std::string_view before = name.substr(0, name.size() - anchor.size());
      if (before == usual || before.empty()) return NamePrefixes{std::string(before), ""};
      if (before.ends_with('.')) found.emplace_back(before);
    }
  }
  if (found.empty()) return NamePrefixes{usual, ""};
  if (found.size() > 1)
    return Error{"the weights are those of several models: names begin with " +
                 quoted_name(found[0]) + " and " + quoted_name(found[1]) +
                 "; open the files of one model"};
  const std::string& body = found[0];
  notes.push_back("The names of the tensors begin with " + quoted_name(body) + " rather than " +
                  quoted_name(usual) + "; they are read all the same");
  const bool whole = body.ends_with(usual);
  return NamePrefixes{body, whole ? body.substr(0, body.size() - usual.size()) : ""};
}

std::vector<std::string> names_to_try(const NamePrefixes& prefixes, const Recipe& recipe,
                                      const std::string& name) {
  std::vector<std::string> all;
  for (const std::string& prefix :
       {prefixes.body, prefixes.outer, std::string(recipe.prefix), std::string()}) {
    const std::string full = prefix + name;
    if (std::ranges::find(all, full) != all.end()) continue;
    all.push_back(full);
    if (const size_t dot = full.rfind('.'); dot != std::string::npos)
      all.push_back(std::string(full).insert(dot, ".base_layer"));
    if (!recipe.renamed[0]) continue;
    const std::string_view part = recipe.renamed[0];
    if (const size_t at = full.find(part); at != std::string::npos)
      all.push_back(std::string(full).replace(at, part.size(), recipe.renamed[1]));
  }
  return all;
}

void rename_tensors(const Recipe& recipe, std::vector<NamedTensors>& files) {
  if (recipe.also_named.empty()) return;
  for (NamedTensors& file : files) {
    for (size_t i = 0; i < file.tensors.size(); ++i) {
      std::string name = file.tensors[i].name;
      for (const Renamed& row : recipe.also_named) {
        const size_t at = name.find(row.also);
        if (at != name.npos) name.replace(at, std::string_view(row.also).size(), row.name);
      }
      if (file.find(name)) continue;
      file.tensors[i].name = name;
      file.index.emplace(name, i);
    }
  }
}

std::string nearest_tensor(const std::string& wanted, std::span<const NamedTensors> files) {
  std::string best;
  std::vector<std::string> names;
  int most = 1;
  for (const NamedTensors& file : files) {
    for (const StoredTensor& tensor : file.tensors) {
      names.push_back(tensor.name);
      const int n = n_common(tensor.name, wanted);
      if (n < most || (n == most && (best.empty() || edit_distance(tensor.name, wanted) >=
                                                         edit_distance(best, wanted))))
        continue;
      if (n < 2) continue;
      most = n;
      best = tensor.name;
    }
  }
  return best.empty() ? nearest_name(wanted, names) : best;
}

int n_layers_in(const Recipe& recipe, const NamePrefixes& prefixes,
                std::span<const NamedTensors> files) {
  int n = 0;
  for (const NamedTensors& file : files) {
    for (const StoredTensor& tensor : file.tensors)
      n = std::max(n, layer_of(tensor.name, recipe, prefixes).value_or(-1) + 1);
  }
  return n;
}

Unused judge_unused(const Recipe& recipe, const NamePrefixes& prefixes, int n_layers,
                    int n_encoder_layers, std::span<const NamedTensors> files,
                    const std::unordered_set<const StoredTensor*>& used) {
  Group inside, outside, harmless;
  bool beyond = false;
  for (const NamedTensors& file : files) {
    for (const StoredTensor& tensor : file.tensors) {
      const bool ignored = std::ranges::any_of(
          recipe.ignored, [&](std::string_view end) { return tensor.name.ends_with(end); });
      if (ignored || used.contains(&tensor)) continue;
      std::optional<int> layer = layer_of(tensor.name, recipe, prefixes);
      int most = n_layers;
      if (!layer && recipe.encoder) {
        layer = layer_of(tensor.name, *recipe.encoder, prefixes);
        most = n_encoder_layers;
      }
      const Meaning* const meaning = meaning_of(tensor.name);
      if (layer && *layer >= most) {
        beyond = true;
      } else if (layer) {
        if (!tensor.name.ends_with(".bias") || !is_zero(tensor)) inside.add(tensor.name, meaning);
      } else {
        (meaning && meaning->harmless ? harmless : outside).add(tensor.name, meaning);
      }
    }
  }
  Unused unused;
  if (beyond)
    unused.warnings.push_back("The files have " +
                              std::to_string(n_layers_in(recipe, prefixes, files)) +
                              " layers, but the configuration asks for " +
                              std::to_string(n_layers) + ": the others are not used");
  if (inside.n > 0) {
    const std::string without = inside.n == 1 ? "it" : "them";
    unused.warnings.push_back(inside.sentence(" in the layers") + "; without " + without +
                              " the patterns are not those of the model");
    unused.refused = Error{unused.warnings.back()};
  }
  if (outside.n > 0) unused.warnings.push_back(outside.sentence(""));
  if (harmless.n > 0)
    unused.notes.push_back(harmless.sentence("") + "; no pattern depends on " +
                           (harmless.n == 1 ? "it" : "them"));
  return unused;
}

}  // namespace attn
