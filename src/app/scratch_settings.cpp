#include "app/scratch_settings.h"

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

}  // namespace attn
