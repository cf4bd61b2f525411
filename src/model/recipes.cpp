#include "model/recipe.h"

namespace attn {

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
