// view_neuron.cpp - how one score comes about, dimension by dimension: q of the chosen query, each
// key's k, and their products, whose sum times the attention's own scale is the score (BertViz's
// neuron view, for any model).
#include <algorithm>
#include <cmath>
#include <numbers>

#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"
#include "pass/rope.h"

namespace attn {
namespace {

float largest_of(const float* values, int64_t n) {
  float most = 1e-20f;
  for (int64_t i = 0; i < n; ++i)
    if (std::isfinite(values[i])) most = std::max(most, std::abs(values[i]));
  return most;
}

// The dimension that this one is rotated with; -1: none.
int partner(const Config& c, int d) {
  if (c.position != Position::rotary || d >= c.rope_dims) return -1;
  if (c.rope_interleaved) return d ^ 1;
  const int half = c.rope_dims / 2;
  return d < half ? d + half : d - half;
}

int pair_of(const Config& c, int d) {
  return c.rope_interleaved ? d / 2 : d % std::max(1, c.rope_dims / 2);
}

struct Strips {
  float q, k, product, width;  // left ends, and how wide each is
  float label_to, number;
};

}  // namespace

Figure neuron_figure(const ViewInput& input) {
  const State& s = input.state;
  const Lang lang = s.lang;
  const Attention& a = *input.attention;
  const float line = input.line_height, row_height = line + 2;
  Figure figure;
  const auto label = [&](float x, float y, std::string text, Ink ink, Align align, float room = 0,
                         float scale = 1) {
    figure.shapes.push_back(Label{{x, y}, std::move(text), ink, align, room, scale});
  };
  if (!a.is_computed(s.layer)) {
    label(0, 0, tr(lang, "The queries and keys of this layer are not kept", "未保留该层的查询和键"),
          Ink::faint, Align::left, input.width);
    figure.areas.push_back({{0, 0}, {input.width, line}, tr(lang, "Not kept", "未保留")});
    figure.size = {input.width, line + 4};
    return figure;
  }
  const ConstMat qs = a.queries(s.sample, s.layer, s.head);
  const ConstMat ks = a.keys(s.sample, s.layer, s.head);
  const int d = a.d_head;
  const auto q = qs.row(s.token);
  int last = 0;  // the last key that may be seen
  for (int key = 0; key < a.n_key; ++key)
    if (a.may_see(s.sample, s.token, key)) last = key;

  Strips at;
  at.label_to = std::clamp(input.width * .17f, 46.f, 150.f);
  const float numbers = line * 6.6f;
  at.width = std::max(20.f, (input.width - at.label_to - numbers - 24) / 2);
  at.k = at.q = at.label_to + 8;
  at.product = at.k + at.width + 10;
  at.number = input.width - 2;
  const float cell = at.width / float(d);

  const Config* config = input.model ? &input.model->config : nullptr;
  const bool rope = config && config->position == Position::rotary;
  const std::vector<double> radians = rope ? rope_radians(*config) : std::vector<double>{};
  float y = 0;
  const std::string query_name =
      visible_token(token_name(input.pairs.query_tokens, s.sample, s.token));
  label(0, y, tr(lang, "query ", "查询 ") + std::to_string(s.token) + " " + query_name, Ink::accent,
        Align::left, input.width * .45f);
  char scale_text[64];
  std::snprintf(scale_text, sizeof scale_text, "scale = %.5g", double(a.scale));
  const bool usual = std::abs(a.scale * std::sqrt(float(d)) - 1) < 1e-4f;
  label(input.width - 2, y,
        std::string("score = Σ q·k × ") + scale_text +
            (usual ? " = 1/√" + std::to_string(d)
                   : tr(lang, " (this model's own)", "（该模型特有）")),
        Ink::text, Align::right, input.width * .54f);
  y += line + 6;

  // q, above the keys' strip.
  const float q_most = largest_of(q.data(), d);
  const auto strip = [&](float x, float top, float height, std::span<const float> values,
                         float most) {
    Cells cells{{x, top}, {x + at.width, top + height}, 1, d, {}};
    for (float v : values) cells.places.push_back(std::isfinite(v) ? .5f + .5f * v / most : NAN);
    figure.shapes.push_back(std::move(cells));
  };
  label(at.label_to, y, "q", Ink::text, Align::right);
  strip(at.q, y, line, q, q_most);
  label(at.product, y, tr(lang, "each dimension's share of the score", "每一维对得分的贡献"),
        Ink::faint, Align::left, at.width + numbers, .85f);
  for (int i = 0; i < d; ++i) {
    std::string says = "q[" + std::to_string(i) + "] = " + weight_text(q[size_t(i)], 3);
    if (rope) {
      const int other = partner(*config, i);
      if (other < 0) {
        says += tr(lang, "\nnot rotated", "\n不旋转");
      } else {
        char turn[80];
        const double tokens = 2 * std::numbers::pi / radians[size_t(pair_of(*config, i))];
        std::snprintf(turn, sizeof turn, tokens < 100 ? "%.1f" : "%.0f", tokens);
        says += tr(lang, "\nrotates with dimension ", "\n与维度 ") + std::to_string(other) +
                tr(lang, "; a whole turn every ", " 一起旋转；每 ") + turn +
                tr(lang, " tokens", " 个词元转一圈");
      }
    }
    figure.areas.push_back(
        {{at.q + float(i) * cell, y}, {at.q + float(i + 1) * cell, y + line}, std::move(says)});
  }
  y += line + 3;
  if (rope) {  // which halves, or neighbours, turn together
    const auto bracket = [&](float x0, float x1, Ink ink) {
      figure.shapes.push_back(Line{{x0 + 1, y + 2}, {x1 - 1, y + 2}, ink, 2});
    };
    const int half = config->rope_dims / 2;
    if (config->rope_interleaved) {
      for (int p = 0; p < half; ++p)
        bracket(at.q + float(2 * p) * cell, at.q + float(2 * p + 2) * cell,
                p % 2 ? Ink::accent : Ink::warn);
    } else {
      bracket(at.q, at.q + float(half) * cell, Ink::accent);
      bracket(at.q + float(half) * cell, at.q + float(2 * half) * cell, Ink::warn);
    }
    y += 6;
    const std::string pairs =
        config->rope_interleaved
            ? tr(lang, "neighbouring dimensions turn together (RoPE)", "相邻的维度一起旋转（RoPE）")
            : tr(lang, "dimension j turns with j + ", "维度 j 与 j + ") + std::to_string(half) +
                  tr(lang, " (RoPE): blue with orange", " 一起旋转（RoPE）：蓝与橙");
    label(at.q, y, pairs, Ink::faint, Align::left, at.width * 2 + 10, .85f);
    y += line;
  }
  y += 4;

  // The strips' colours are shared by all keys, so that they can be compared.
  float k_most = 1e-20f, product_most = 1e-20f;
  for (int key = 0; key <= last; ++key) {
    const auto k = ks.row(key);
    k_most = std::max(k_most, largest_of(k.data(), d));
    for (int i = 0; i < d; ++i)
      product_most = std::max(product_most, std::abs(q[size_t(i)] * k[size_t(i)]));
  }
  label(at.label_to, y, tr(lang, "key", "键"), Ink::faint, Align::right);
  label(at.k, y, "k", Ink::faint, Align::left);
  label(at.product, y, "q ⊙ k", Ink::faint, Align::left);
  label(at.number - line * 3.2f, y, tr(lang, "score", "得分"), Ink::faint, Align::right);
  label(at.number, y, tr(lang, "weight", "权重"), Ink::faint, Align::right);
  y += line + 2;
  std::vector<float> products(size_t(d), 0.f);
  for (int key = 0; key <= last; ++key, y += row_height) {
    if (!input.part.holds(y)) continue;
    const bool seen = a.may_see(s.sample, s.token, key), locked = key == s.locked_key;
    const auto k = ks.row(key);
    double sum = 0;
    for (int i = 0; i < d; ++i) {
      products[size_t(i)] = q[size_t(i)] * k[size_t(i)];
      sum += double(products[size_t(i)]);
    }
    const std::string name = visible_token(token_name(input.pairs.key_tokens, s.sample, key));
    if (locked) figure.shapes.push_back(Rect{{0, y - 1}, {3, y + line}, Ink::accent});
    label(at.label_to, y, std::to_string(key) + " " + name, locked ? Ink::accent : Ink::text,
          Align::right, at.label_to - 6);
    strip(at.k, y + 1, line - 2, k, k_most);
    strip(at.product, y + 1, line - 2, products, product_most);
    label(at.number - line * 3.2f, y, weight_text(float(sum) * a.scale, 2), Ink::text,
          Align::right);
    const float weight =
        size_t(key) < input.measure.values.size() ? input.measure.values[size_t(key)] : 0;
    label(at.number, y, seen ? weight_text(weight, 3) : tr(lang, "masked", "已掩码"),
          seen ? Ink::text : Ink::faint, Align::right);
    std::string says = tr(lang, "key ", "键 ") + std::to_string(key) + " " + name +
                       "\nΣ q·k = " + weight_text(float(sum), 3) + "\n× " + scale_text + " → " +
                       weight_text(float(sum) * a.scale, 3) +
                       tr(lang, "\nsoftmax over the row → ", "\n对整行 softmax → ") +
                       weight_text(weight);
    std::vector<float> sizes(products);
    for (float& v : sizes) v = std::abs(v);
    for (const Peak& p : top_keys(sizes, 3))
      says += "\n" + std::string(tr(lang, "dimension ", "维度 ")) + std::to_string(p.key) + ": " +
              weight_text(products[size_t(p.key)], 3);
    figure.areas.push_back(
        {{0, y - 1}, {input.width, y + row_height - 1}, std::move(says), {}, s.token, key});
  }
  figure.size = {input.width, y + 4};
  return figure;
}

}  // namespace attn
