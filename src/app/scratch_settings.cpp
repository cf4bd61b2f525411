#include "app/scratch_settings.h"

#include <algorithm>

namespace attn {

ScratchSettings scratch_settings(const State& state) {
  ScratchSettings settings;
  settings.d_model = state.d_model;
  settings.n_heads = state.n_heads;
  settings.n_samples = state.n_samples;
  settings.seed = uint64_t(state.seed);
  settings.mask = state.mask;
  settings.tokens.clear();
  std::string name;
  auto flush = [&] {
    if (!name.empty()) settings.tokens.push_back(std::move(name));
    name.clear();
  };
  for (char c : state.tokens) {
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
      flush();
    else
      name += c;
  }
  flush();
  const size_t n = state.n_tokens > 0 ? size_t(state.n_tokens) : settings.tokens.size();
  while (settings.tokens.size() < n)
    settings.tokens.push_back("x" + std::to_string(settings.tokens.size() + 1));
  settings.tokens.resize(n);
  return settings;
}

int divisible_d_model(int d_model, int n_heads, int most) {
  n_heads = std::max(1, n_heads);
  return std::clamp((d_model + n_heads / 2) / n_heads, 1, std::max(1, most / n_heads)) * n_heads;
}

std::string d_model_note(int before, int now, int n_heads, Lang lang) {
  const std::string was = std::to_string(before), is = std::to_string(now),
                    heads = std::to_string(n_heads);
  if (lang == Lang::zh)
    return "d_model 已由 " + was + " 改为 " + is + "：须能被头数 " + heads + " 整除";
  return "d_model is now " + is + " (was " + was + "): " + heads +
         (n_heads == 1 ? " head must divide it" : " heads must divide it");
}

}  // namespace attn
