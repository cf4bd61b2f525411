#include "model/recipe.h"

namespace attn {

static const Recipe* const kRecipes[] = {
    &kAlbert,     &kBert,       &kBloom,        &kCamembert, &kCohere,
    &kDistilBert, &kElectra,    &kFalcon,       &kGemma,     &kGemma2,
    &kGemma3Text, &kBigCode,    &kGptJ,         &kGptNeo,    &kGptNeoX,
    &kGpt2,       &kGranite,    &kLlama,        &kMistral,   &kModernBert,
    &kMpnet,      &kMpt,        &kOlmo2,        &kOpt,       &kPhi,
    &kPhi3,       &kQwen2,      &kQwen3,        &kRoberta,   &kSmolLm3,
    &kStableLm,   &kStarCoder2, &kXlmRoberta,   &kT5,        &kMt5,
    &kUmt5,       &kBart,       &kMbart,        &kMarian,    &kPegasus,
    &kM2m100,     &kMixtral,    &kQwen3Moe,     &kOlmoe,     &kGptOss,
    &kGlm,        &kGlm4,       &kNomicBert,    &kGte,       &kJinaV3,
    &kEsm,        &kEuroBert,   &kDeit,         &kDinov2,    &kDinov2Registers,
    &kVit,        &kClipVision, &kSiglipVision, &kClipText,  &kSiglipText,
    &kDeberta,    &kDebertaV2,
};

std::span<const Recipe* const> recipes() { return kRecipes; }

}  // namespace attn
