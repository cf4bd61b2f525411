// tensor_names.h - where the tensors of a recipe stand in the files, and what the others may mean.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "model/recipe.h"

namespace attn {

// What stands before a recipe's names. Wrappers add to it: "module." (DDP), "_orig_mod." (compiled
// models), "base_model.model." (PEFT), "language_model." (models of pictures and text).
struct NamePrefixes {
  std::string body;   // "module.transformer."
  std::string outer;  // the same without the recipe's own prefix, for the output head: "module."
};
// Found by the recipe's first tensor. An error if several places fit and none is the usual one;
// an unusual prefix is noted.
Result<NamePrefixes> find_prefixes(const Recipe& recipe, std::span<const NamedTensors> files,
                                   std::vector<std::string>& notes);

// Names to try for the tensor `name` of a recipe, the likeliest first; within each, the place
// where PEFT puts the weights below an adapter (".base_layer").
std::vector<std::string> names_to_try(const NamePrefixes& prefixes, const Recipe& recipe,
                                      const std::string& name);

// The name in the files that is most like `wanted`; "" if none is.
std::string nearest_tensor(const std::string& wanted, std::span<const NamedTensors> files);

// Layers that the files have: one more than the largest number in a layer's names.
int n_layers_in(const Recipe& recipe, const NamePrefixes& prefixes,
                std::span<const NamedTensors> files);

// What the tensors that were not used mean for the results.
struct Unused {
  Status refused;                            // inside a layer of the model: patterns would differ
  std::vector<std::string> warnings, notes;  // as in Model
};
Unused judge_unused(const Recipe& recipe, const NamePrefixes& prefixes, int n_layers,
                    int n_encoder_layers, std::span<const NamedTensors> files,
                    const std::unordered_set<const StoredTensor*>& used);

}  // namespace attn
