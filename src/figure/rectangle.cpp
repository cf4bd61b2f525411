#include "figure/rectangle.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "figure/figure_parts.h"
#include "figure/figure_text.h"

namespace attn {

std::optional<CellRect> read_rectangle(std::string_view text, const Pairs& a) {
  int n[4] = {};
  const char* at = text.data();
  const char* end = at + text.size();
  for (int i = 0; i < 4; ++i) {
    const auto [next, error] = std::from_chars(at, end, n[i]);
    if (error != std::errc() || n[i] < 0) return {};
    at = next;
    if (i == 3) break;
    if (at == end || *at != (i == 1 ? '.' : '-')) return {};
    ++at;
  }
  if (at != end || n[1] < n[0] || n[3] < n[2] || a.n_query < 1 || a.n_key < 1) return {};
  if (n[0] >= a.n_query || n[2] >= a.n_key) return {};
  return CellRect{n[0], std::min(n[1], a.n_query - 1), n[2], std::min(n[3], a.n_key - 1)};
}

std::string write_rectangle(CellRect r) {
  return std::to_string(r.q0) + "-" + std::to_string(r.q1) + "." + std::to_string(r.k0) + "-" +
         std::to_string(r.k1);
}

double rectangle_work(const Attention& a, CellRect r) {
  return double(r.q1 - r.q0 + 1) * a.n_key * (a.d_head + 16);
}

RectFacts rectangle_facts(const Attention& a, int sample, int layer, int head, CellRect r) {
  RectFacts facts;
  std::vector<float> row(size_t(a.n_key));
  double all = 0, logs = 0, away = 0;
  for (int q = r.q0; q <= r.q1; ++q) {
    a.pattern_rows(sample, layer, head, q, q + 1, {row.data(), 1, a.n_key});
    double of_row = 0;
    for (float w : row) of_row += double(w);
    all += of_row;
    facts.n_rows += of_row > 0;
    for (int k = r.k0; k <= r.k1; ++k) {
      const double w = double(row[size_t(k)]);
      facts.n_cells += a.may_see(sample, layer, q, k);
      facts.mass += w;
      if (w > 0) logs += w * std::log2(w);
      away += w * std::abs(q - k);
      if (w <= 0 || (facts.top.size() == 5 && float(w) <= facts.top.back().weight)) continue;
      facts.top.push_back({q, k, float(w)});
      std::ranges::stable_sort(
          facts.top, [](const RectCell& x, const RectCell& y) { return x.weight > y.weight; });
      if (facts.top.size() > 5) facts.top.pop_back();
    }
  }
  facts.share = all > 0 ? facts.mass / all : 0;
  if (facts.mass > 0) {
    facts.bits = std::max(0.0, std::log2(facts.mass) - logs / facts.mass);
    facts.distance = away / facts.mass;
  }
  facts.most_bits = facts.n_cells > 0 ? std::log2(double(facts.n_cells)) : 0;
  return facts;
}

std::vector<std::string> rectangle_words(const RectFacts& facts, CellRect r, const Pairs& pairs,
                                         int sample, Lang lang) {
  const auto t = [&](const char* en, const char* zh) { return std::string(tr(lang, en, zh)); };
  const auto n = [](int i) { return std::to_string(i); };
  std::vector<std::string> lines;
  lines.push_back(t("Queries ", "查询 ") + n(r.q0) + "–" + n(r.q1) + t(", keys ", "，键 ") +
                  n(r.k0) + "–" + n(r.k1) + t(": ", "：") + n(facts.n_cells) +
                  t(" visible cells", " 个可见单元格"));
  lines.push_back(t("Total weight ", "权重合计 ") + weight_text(float(facts.mass), 3) +
                  t(": ", "：占这些查询注意力的 ") + percent_text(float(facts.share), 1) +
                  t(" of the attention of these queries", ""));
  lines.push_back(t("Entropy ", "熵 ") + weight_text(float(facts.bits), 2) +
                  t(" of at most ", " 比特，最多 ") + weight_text(float(facts.most_bits), 2) +
                  t(" bits", " 比特"));
  lines.push_back(t("Mean distance ", "平均距离 ") + weight_text(float(facts.distance), 2) +
                  t(" tokens", " 个词元"));
  for (const RectCell& cell : facts.top)
    lines.push_back(
        n(cell.query) + " " + visible_token(token_name(pairs.query_tokens, sample, cell.query)) +
        " → " + n(cell.key) + " " + visible_token(token_name(pairs.key_tokens, sample, cell.key)) +
        "  " + weight_text(cell.weight, 3));
  return lines;
}

}  // namespace attn
