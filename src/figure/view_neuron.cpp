// view_neuron.cpp - how a score arises, dimension by dimension: q of the chosen query, k of each
// key, and their products, whose sum times the scale is the score (BertViz's neuron view, for any
// model).
#include <algorithm>
#include <cmath>
#include <cstdio>
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

std::string number(double value, int digits = 4) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*g", digits, value);
  return text;
}

// The dimension that this one is paired with in RoPE; -1: none.
int partner(const Config& c, int d) {
  if (c.position != Position::rotary || d >= c.rope_dims) return -1;
  if (c.rope_interleaved) return d ^ 1;
  const int half = c.rope_dims / 2;
  return d < half ? d + half : d - half;
}

int pair_of(const Config& c, int d) {
  return c.rope_interleaved ? d / 2 : d % std::max(1, c.rope_dims / 2);
}

// The layout of the strips: left ends and widths.
struct Strips {
  float q, k, product, width;
  float label_to, number, numbers;

  explicit Strips(float room, float line) {
    label_to = std::clamp(room * .17f, 46.f, 150.f);
    numbers = line * 6.6f;
    width = std::max(20.f, (room - label_to - numbers - 24) / 2);
    k = q = label_to + 8;
    product = k + width + 10;
    number = room - 2;
  }
};

// Draws the figure from the top down; each part is drawn at `y` and advances it.
struct Page {
  const ViewInput& input;
  const State& s;
  const Lang lang;
  const Attention& a;
  const float line;
  const Strips at;
  const int d;
  ConstMat ks;               // [key, d_head]
  std::span<const float> q;  // [d_head] of the chosen query
  const Config* rope;        // null: nothing is rotated
  std::string scale;
  Figure figure = {};
  float y = 0;

  explicit Page(const ViewInput& in)
      : input(in),
        s(in.state),
        lang(in.state.lang),
        a(*in.attention),
        line(in.line_height),
        at(in.width, in.line_height),
        d(a.d_head) {
    q = a.queries(s.sample, s.layer, s.head).row(s.token);
    ks = a.keys(s.sample, s.layer, s.head);
    const bool rotates = in.model && in.model->config.rotates(s.layer);
    rope = rotates ? &in.model->config : nullptr;
    scale = number(double(a.scale_of(s.layer)), 5);
  }

  void label(float x, std::string text, Ink ink, Align align, float room = 0, float size = 1) {
    figure.shapes.push_back(Label{{x, y}, std::move(text), ink, align, room, size});
  }
  void strip(float x, float top, float height, std::span<const float> values, float most) {
    Cells cells{{x, top}, {x + at.width, top + height}, 1, d, {}};
    for (float v : values)
      cells.places.push_back(std::isfinite(v) ? kDiverging + .5f + .5f * v / most : NAN);
    figure.shapes.push_back(std::move(cells));
  }

  // What the distance of the key adds to the score.
  std::string bias_words(int key) const {
    return a.adds_distance() ? " + " + number(added(key)) : "";
  }

  double added(int key) const { return a.distance_score(s.sample, s.layer, s.head, s.token, key); }

  double score_of(double product, int key) const {
    return double(a.capped(float(product * double(a.scale_of(s.layer))) + float(added(key))));
  }
  // "50 tanh(s / 50), s"
  std::string cap_words() const {
    const std::string cap = number(double(a.cap), 5);
    return cap + " tanh(s / " + cap + tr(lang, "), s", ")，s");
  }

  double dot(int key) const {
    const auto k = ks.row(key);
    double sum = 0;
    for (int i = 0; i < d; ++i) sum += double(q[size_t(i)]) * double(k[size_t(i)]);
    return sum;
  }

  void heading() {
    const std::string name = visible_token(token_name(input.pairs.query_tokens, s.sample, s.token));
    label(0, tr(lang, "query ", "查询 ") + std::to_string(s.token) + " " + name, Ink::accent,
          Align::left, input.width);
    y += line;
    // The equation of one key, in numbers: the locked one, else the one with the largest weight.
    const auto& row = input.measure.values;
    const int key = s.locked_key >= 0 ? s.locked_key : row.empty() ? 0 : top_keys(row, 1)[0].key;
    const double sum = dot(key);
    const bool usual = std::abs(a.scale_of(s.layer) * std::sqrt(float(d)) - 1) < 1e-4f;
    label(0,
          tr(lang, "key ", "键 ") + std::to_string(key) + tr(lang, ": score ", "：分数 ") +
              number(score_of(sum, key)) + (a.cap > 0 ? " = " + cap_words() : "") + " = Σ q·k × " +
              (usual ? "1/√" + std::to_string(d) : tr(lang, "the model's scale", "该模型的系数")) +
              distance_words(a, lang) + " = " + number(sum) + " × " + scale + bias_words(key),
          Ink::text, Align::left, input.width);
    y += line + 2;
    add_sign_legend(figure, lang, {0, y}, input.width, line);
    y += line + 4;
  }

  // The dimension paired with this one, and the period of the rotation in tokens.
  std::string rotation_words(int i, std::span<const double> radians) const {
    const int other = partner(*rope, i);
    if (other < 0) return tr(lang, "\nnot rotated", "\n不旋转");
    char turn[80];
    const double tokens = 2 * std::numbers::pi / radians[size_t(pair_of(*rope, i))];
    std::snprintf(turn, sizeof turn, tokens < 100 ? "%.1f" : "%.0f", tokens);
    return tr(lang, "\nrotates with dimension ", "\n与维度 ") + std::to_string(other) +
           tr(lang, "; one full turn every ", " 一起旋转；每 ") + turn +
           tr(lang, " tokens", " 个词元转一圈");
  }

  // The header above the strips of the keys.
  void query() {
    label(at.label_to, "q", Ink::text, Align::right);
    strip(at.q, y, line, q, largest_of(q.data(), d));
    label(at.product, tr(lang, "contribution of each dimension", "每一维对分数的贡献"), Ink::faint,
          Align::left, at.width + at.numbers, .85f);
    const std::vector<double> radians =
        rope ? rope_radians(*rope, s.layer, a.n_query) : std::vector<double>{};
    const float cell = at.width / float(d);
    for (int i = 0; i < d; ++i) {
      std::string says = "q[" + std::to_string(i) + "] = " + weight_text(q[size_t(i)], 3);
      if (rope) says += rotation_words(i, radians);
      figure.areas.push_back(
          {{at.q + float(i) * cell, y}, {at.q + float(i + 1) * cell, y + line}, std::move(says)});
    }
    y += line + 3;
  }

  // The legend of the rotated pairs: halves or neighbours.
  void pairs() {
    const float cell = at.width / float(d);
    const auto bracket = [&](float x0, float x1, Ink ink) {
      figure.shapes.push_back(Line{{x0 + 1, y + 2}, {x1 - 1, y + 2}, ink, 2});
    };
    const int half = rope->rope_dims / 2;
    if (rope->rope_interleaved) {
      for (int p = 0; p < half; ++p)
        bracket(at.q + float(2 * p) * cell, at.q + float(2 * p + 2) * cell,
                p % 2 ? Ink::accent : Ink::warn);
    } else {
      bracket(at.q, at.q + float(half) * cell, Ink::accent);
      bracket(at.q + float(half) * cell, at.q + float(2 * half) * cell, Ink::warn);
    }
    y += 6;
    const std::string says =
        rope->rope_interleaved
            ? tr(lang, "adjacent dimensions rotate together (RoPE)", "相邻的维度一起旋转（RoPE）")
            : tr(lang, "dimension j rotates with j + ", "维度 j 与 j + ") + std::to_string(half) +
                  tr(lang, " (RoPE): blue with orange", " 一起旋转（RoPE）：蓝与橙");
    label(at.q, says, Ink::faint, Align::left, at.width * 2 + 10, .85f);
    y += line;
  }

  void key_heading() {
    label(at.label_to, tr(lang, "key", "键"), Ink::faint, Align::right);
    label(at.k, "k", Ink::faint, Align::left);
    label(at.product, "q ⊙ k", Ink::faint, Align::left);
    label(at.number - line * 3.2f, tr(lang, "score", "分数"), Ink::faint, Align::right);
    label(at.number, tr(lang, "weight", "权重"), Ink::faint, Align::right);
    y += line + 2;
  }

  // k_most, product_most: all keys share one colour scale, so that strips can be compared.
  void key(int key, float k_most, float product_most, float height) {
    const bool seen = a.may_see(s.sample, s.layer, s.token, key), locked = key == s.locked_key;
    const auto k = ks.row(key);
    std::vector<float> products(size_t(d), 0.f);
    for (int i = 0; i < d; ++i) products[size_t(i)] = q[size_t(i)] * k[size_t(i)];
    const double sum = dot(key);
    const float score = float(score_of(sum, key));
    const std::string name = visible_token(token_name(input.pairs.key_tokens, s.sample, key));
    if (locked) figure.shapes.push_back(Rect{{0, y - 1}, {3, y + line}, Ink::accent});
    label(at.label_to, std::to_string(key) + " " + name, locked ? Ink::accent : Ink::text,
          Align::right, at.label_to - 6);
    strip(at.k, y + 1, line - 2, k, k_most);
    strip(at.product, y + 1, line - 2, products, product_most);
    label(at.number - line * 3.2f, weight_text(score, 2), Ink::text, Align::right);
    const float weight =
        size_t(key) < input.measure.values.size() ? input.measure.values[size_t(key)] : 0;
    label(at.number, seen ? weight_text(weight, 3) : tr(lang, "masked", "已掩码"),
          seen ? Ink::text : Ink::faint, Align::right);
    std::string says = tr(lang, "key ", "键 ") + std::to_string(key) + " " + name +
                       "\nΣ q·k = " + weight_text(float(sum), 3) + "\n× " + scale +
                       bias_words(key) + " → " + weight_text(score, 3) +
                       tr(lang, "\nsoftmax over the row → ", "\n对整行 softmax → ") +
                       weight_text(weight);
    std::vector<float> sizes(products);
    for (float& v : sizes) v = std::abs(v);
    for (const Peak& p : top_keys(sizes, 3))
      says += "\n" + std::string(tr(lang, "dimension ", "维度 ")) + std::to_string(p.key) + ": " +
              weight_text(products[size_t(p.key)], 3);
    figure.areas.push_back(
        {{0, y - 1}, {input.width, y + height - 1}, std::move(says), {}, s.token, key});
  }

  void keys() {
    int last = 0;  // the last visible key
    for (int i = 0; i < a.n_key; ++i)
      if (a.may_see(s.sample, s.layer, s.token, i)) last = i;
    float k_most = 1e-20f, product_most = 1e-20f;
    for (int i = 0; i <= last; ++i) {
      const auto k = ks.row(i);
      k_most = std::max(k_most, largest_of(k.data(), d));
      for (int j = 0; j < d; ++j)
        product_most = std::max(product_most, std::abs(q[size_t(j)] * k[size_t(j)]));
    }
    key_heading();
    const float height = line + 2;
    for (int i = 0; i <= last; ++i, y += height)
      if (input.part.holds(y)) key(i, k_most, product_most, height);
  }
};

}  // namespace

Figure not_kept_figure(const ViewInput& input) {
  const Lang lang = input.state.lang;
  const float line = input.line_height;
  Figure figure;
  figure.shapes.push_back(
      Label{{0, 0},
            tr(lang, "The queries and keys of this layer were not kept", "未保留该层的查询和键"),
            Ink::faint,
            Align::left,
            input.width,
            1});
  figure.areas.push_back({{0, 0}, {input.width, line}, tr(lang, "Not kept", "未保留")});
  figure.size = {input.width, line + 4};
  return figure;
}

Figure neuron_figure(const ViewInput& input) {
  if (!input.attention->is_computed(input.state.layer)) return not_kept_figure(input);
  Page page(input);
  page.heading();
  page.query();
  if (page.rope) page.pairs();
  page.y += 4;
  page.keys();
  page.figure.size = {input.width, page.y + 4};
  return std::move(page.figure);
}

}  // namespace attn
