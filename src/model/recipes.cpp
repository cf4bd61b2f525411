#include "model/recipe.h"

namespace attn {

static const Recipe* const kRecipes[] = {
    &kAlbert,  &kBert,    &kCamembert, &kDistilBert, &kElectra, &kGpt2,
    &kGptNeoX, &kLlama,   &kMistral,   &kModernBert, &kMpnet,   &kQwen2,
    &kQwen3,   &kRoberta, &kSmolLm3,   &kXlmRoberta,
};

std::span<const Recipe* const> recipes() { return kRecipes; }

}  // namespace attn
