#include "model/recipe.h"

namespace attn {

extern const Recipe kBert, kRoberta;           // recipe_bert.cpp
extern const Recipe kGpt2;                     // recipe_gpt2.cpp
extern const Recipe kLlama, kMistral, kQwen2;  // recipe_llama.cpp
extern const Recipe kGptNeoX;                  // recipe_gpt_neox.cpp

static const Recipe* const kRecipes[] = {
    &kBert, &kGpt2, &kGptNeoX, &kLlama, &kMistral, &kQwen2, &kRoberta,
};

std::span<const Recipe* const> recipes() { return kRecipes; }

Result<const Recipe*> find_recipe(const ConfigSource& config) {
  std::string known;
  const std::optional<std::string_view> type = config.json.at("model_type").text();
  for (const Recipe* recipe : recipes()) {
    if (type == recipe->model_type) return recipe;
    known += (known.empty() ? "" : ", ") + std::string(recipe->model_type);
  }
  if (!type) {
    return Error{config.file +
                 ": model_type is missing; set it to the architecture of the weights: " + known};
  }
  return Error{config.file + ": model_type " + quoted_name(*type) +
               " is not supported; use a model of one of these types: " + known};
}

}  // namespace attn
