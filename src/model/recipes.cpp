#include "model/recipe.h"

namespace attn {

static const Recipe* const kRecipes[] = {
    &kBert, &kCamembert, &kGpt2, &kGptNeoX, &kLlama, &kMistral, &kQwen2, &kRoberta, &kXlmRoberta,
};

std::span<const Recipe* const> recipes() { return kRecipes; }

}  // namespace attn
