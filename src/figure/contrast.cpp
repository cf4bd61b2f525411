#include "figure/contrast.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "trace/row_facts.h"

namespace attn {
namespace {

constexpr int kRows = 128;  // looked at where a pattern has no row facts
constexpr float kLeast = 1e-4f;

}  // namespace

float top_of_rows(std::vector<float> largest) {
  std::erase_if(largest, [](float w) { return !std::isfinite(w); });
  if (largest.empty()) return 1;
  const auto at = largest.begin() + std::ptrdiff_t((largest.size() - 1) * 9 / 10);
  std::ranges::nth_element(largest, at);
  float top = 1;
  for (float decade = 1; decade > kLeast; decade /= 10)
    for (float digit : {.5f, .2f, .1f})
      if (*at <= digit * decade * 1.0001f) top = digit * decade;
  return top;
}

float head_top(const Attention& a, int sample, int layer, int head) {
  if (!a.is_kept(layer) || a.n_key < 2) return 1;
  std::vector<float> largest;
  if (size_t(layer) < a.facts.size() && !a.facts[size_t(layer)].empty()) {
    const ConstMat facts = a.facts[size_t(layer)].head(int64_t(sample) * a.n_heads + head);
    for (int q = 0; q < a.n_query; ++q) largest.push_back(facts(q, kRestLargest));
    return top_of_rows(std::move(largest));
  }
  std::vector<float> row(static_cast<size_t>(a.n_key));
  const int step = std::max(1, a.n_query / kRows);
  for (int q = step - 1; q < a.n_query; q += step) {
    a.pattern_rows(sample, layer, head, q, q + 1, {row.data(), 1, a.n_key});
    largest.push_back(*std::max_element(row.begin() + 1, row.end()));
  }
  return top_of_rows(std::move(largest));
}

float weight_top(const Attention& a, int sample, int layer, int head, Scale scale) {
  return scale == Scale::automatic && a.n_key >= kLongMap ? head_top(a, sample, layer, head) : 1;
}

std::string contrast_words(Contrast contrast, Lang lang) {
  return contrast == Contrast::own
             ? tr(lang, "of the largest weights of each head", "相对于各头自身的较大权重")
             : tr(lang, "auto, one scale for all heads", "自动，所有头共用一个刻度");
}

std::string top_text(float top) {
  if (top >= 1) return "1";
  char text[16];
  std::snprintf(text, sizeof text, "≥%g", double(top));
  return text;
}

}  // namespace attn
