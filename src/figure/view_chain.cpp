// view_chain.cpp - how one weight arises, stage by stage with its numbers, and what it moves: q ·
// k, scale, mask, softmax, weight × v, z, W_O.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "analysis/weight_chain.h"
#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"

namespace attn {
namespace {

constexpr size_t kMostStrip = 512;  // cells of a strip; more values share cells
constexpr size_t kMostAreas = 256;  // cells of a strip that answer the mouse one by one

// "0.1543", "−1e9", "−∞".
std::string num(double x, int digits = 4, double least = 0) {
  if (std::isinf(x)) return x < 0 ? "−∞" : "∞";
  if (x == 0) return "0";
  char text[40];
  const bool tiny = std::abs(x) < least;  // two digits and the power of ten take less room
  std::snprintf(text, sizeof text, tiny ? "%.*e" : "%.*g", tiny ? 1 : digits, std::abs(x));
  std::string out = text;
  if (const size_t e = out.find('e'); e != std::string::npos) {
    const int power = std::atoi(out.c_str() + e + 1);
    out = out.substr(0, e) + "e" + (power < 0 ? "−" : "") + std::to_string(std::abs(power));
  }
  return (x < 0 ? "−" : "") + out;
}
// For a box.
std::string short_num(double x) { return num(x, 3, 1e-3); }
// In a product: negative numbers in brackets.
std::string factor(double x) { return x < 0 ? "(" + num(x) + ")" : num(x); }

double length_of(std::span<const double> x) {
  double sum = 0;
  for (const double v : x) sum += v * v;
  return std::sqrt(sum);
}

double largest_of(std::span<const double> x) {
  double most = 0;
  for (const double v : x)
    if (std::isfinite(v)) most = std::max(most, std::abs(v));
  return most;
}

// The `n` entries of the largest magnitude, largest first.
std::vector<int> largest(std::span<const double> x, size_t n) {
  std::vector<float> sizes;
  for (const double v : x) sizes.push_back(std::isfinite(v) ? float(std::abs(v)) : 0);
  std::vector<int> out;
  for (const Peak& peak : top_keys(sizes, int(n))) out.push_back(peak.key);
  return out;
}

// Areas of the same key, or of the same dimension of the head, are highlighted together.
enum class Of { keys, dims, heads, other };
int link_of(Of of, int index) {
  return of == Of::keys ? 2 * index : of == Of::dims ? 2 * index + 1 : -1;
}

// Some entries of a vector as boxes, and all others as one more.
struct Columns {
  Of of = Of::other;
  std::vector<int> shown;
  int n_rest = 0;
  size_t count() const { return shown.size() + (n_rest > 0 ? 1 : 0); }
};

struct Page {
  const ViewInput& input;
  const State& s;
  const Lang lang;
  const Attention& a;
  const WeightChain c;
  const float line, left;
  Figure figure = {};
  float y = 0;
  int n_stages = 0;

  explicit Page(const ViewInput& in)
      : input(in),
        s(in.state),
        lang(in.state.lang),
        a(*in.attention),
        c(weight_chain(a, s, s.token, chain_key(a, s))),
        line(in.line_height),
        left(line * 4.4f) {}

  const char* t(const char* en, const char* zh) const { return tr(lang, en, zh); }
  std::string name_of(Of of, int i) const {
    if (of == Of::keys)
      return std::to_string(i) + " " +
             visible_token(token_name(input.pairs.key_tokens, s.sample, i));
    if (of == Of::heads) return "H" + std::to_string(i);
    return "[" + std::to_string(i) + "]";
  }

  // Text in as many lines as it needs.
  void words(std::string_view text, Ink ink, float size = 1) {
    const float em = line * .95f * size, room = input.width;  // fonts are wider than the estimate
    while (!text.empty()) {
      size_t n = text.size();
      if (rough_width(text, em) > room)
        n = line_break(text, std::max<size_t>(rough_fit(text, em, room).size(), 4) - 3);
      figure.shapes.push_back(
          Label{{0, y}, std::string(text.substr(0, n)), ink, Align::left, input.width, size});
      text.remove_prefix(n);
      while (text.starts_with(' ')) text.remove_prefix(1);
      y += line * size + 1;
    }
  }
  void row_label(const std::string& text) {
    figure.shapes.push_back(Label{{left - 6, y}, text, Ink::faint, Align::right, left - 8, .85f});
  }

  void begin(const char* en, const char* zh) {
    y += line * .5f;
    figure.steps.push_back({y - 2, y});
    const std::string title = std::to_string(++n_stages) + "  " + t(en, zh);
    figure.shapes.push_back(Label{{0, y}, title, Ink::accent, Align::left, input.width});
    y += line + 1;
  }
  void end() {
    y += line * .3f;
    figure.steps.back().y = y;
  }

  // All values of a vector as colours; signed ones in the diverging palette.
  void strip(const std::string& label, std::span<const double> x, Of of, bool is_signed,
             double most) {
    row_label(label);
    const size_t n = std::min(x.size(), kMostStrip);
    Cells cells{{left, y + 2}, {input.width, y + line - 3}, 1, int(n), {}};
    const float wide = (input.width - left) / float(std::max<size_t>(n, 1));
    for (size_t i = 0; i < n; ++i) {
      const size_t from = i * x.size() / n, to = std::max(from + 1, (i + 1) * x.size() / n);
      double value = x[from];
      for (size_t j = from; j < to; ++j)
        if (std::abs(x[j]) > std::abs(value) && std::isfinite(x[j])) value = x[j];
      cells.places.push_back(place(value, is_signed, most));
    }
    if (x.size() <= kMostAreas)
      for (size_t i = 0; i < n; ++i)
        area({left + float(i) * wide, y}, {left + float(i + 1) * wide, y + line}, of, int(i),
             label + " " + name_of(of, int(i)) + " = " + num(x[i]));
    figure.shapes.push_back(std::move(cells));
    y += line;
  }
  static float place(double value, bool is_signed, double most) {
    if (!std::isfinite(value)) return NAN;
    const float t = float(std::clamp(most > 0 ? value / most : 0, -1., 1.));
    return is_signed ? kDiverging + .5f + t / 2 : std::max(0.f, t);
  }
  void area(Vec2 min, Vec2 max, Of of, int i, std::string says) {
    HitArea hit{min, max, std::move(says)};
    if (of == Of::keys) {
      hit.query = s.token;
      hit.key = i;
    }
    if (of == Of::heads) hit.site = Site{s.part, s.layer, i};
    hit.link = link_of(of, i);
    figure.areas.push_back(std::move(hit));
  }

  // As many of the largest as fit, the chosen one among them; keys in their order.
  Columns columns(std::span<const double> by, Of of, int chosen = -1) const {
    const size_t room = std::max<size_t>(2, size_t((input.width - left) / (line * 4.f)));
    Columns out{of, largest(by, by.size() <= room ? by.size() : room - 1), 0};
    if (chosen >= 0 && std::ranges::find(out.shown, chosen) == out.shown.end())
      out.shown.back() = chosen;
    if (of != Of::dims && of != Of::other) std::ranges::sort(out.shown);
    out.n_rest = int(by.size() - out.shown.size());
    return out;
  }
  float box_width(const Columns& columns) const {
    return (input.width - left) / float(std::max<size_t>(1, columns.count()));
  }
  void names(const Columns& of) {
    const float wide = box_width(of);
    const auto put = [&](size_t at, const std::string& text, Ink ink) {
      figure.shapes.push_back(
          Label{{left + (float(at) + .5f) * wide, y}, text, ink, Align::center, wide - 4, .8f});
    };
    for (size_t i = 0; i < of.shown.size(); ++i) {
      const bool chosen = (of.of == Of::keys && of.shown[i] == c.key) ||
                          (of.of == Of::heads && of.shown[i] == s.head);
      put(i, name_of(of.of, of.shown[i]), chosen ? Ink::accent : Ink::faint);
    }
    if (of.n_rest > 0)
      put(of.shown.size(), t("rest: ", "其余 ") + std::to_string(of.n_rest), Ink::faint);
    y += line * .85f;
  }
  // Numbers in boxes; `rest` goes into the last.
  void boxes(const std::string& label, const Columns& of, std::span<const double> x, bool is_signed,
             double most, const std::string& rest) {
    row_label(label);
    const float wide = box_width(of);
    const auto put = [&](size_t at, const std::string& text, float on) {
      const Vec2 min{left + float(at) * wide + 1, y}, max{min.x + wide - 2, y + line};
      if (on >= 0) figure.shapes.push_back(Rect{min, max, Ink::panel, on});
      Label number{
          {(min.x + max.x) / 2, y + line * .1f}, text, Ink::text, Align::center, wide - 4, .85f};
      number.on = on;
      figure.shapes.push_back(std::move(number));
    };
    for (size_t i = 0; i < of.shown.size(); ++i) {
      const int at = of.shown[i];
      const double value = x[size_t(at)];
      const float on = place(value, is_signed, most);
      put(i, short_num(value), std::isfinite(on) ? on : -1);
      area({left + float(i) * wide, y}, {left + float(i + 1) * wide, y + line}, of.of, at,
           label + " " + name_of(of.of, at) + " = " + num(value, 7));
    }
    if (of.n_rest > 0 && !rest.empty()) put(of.shown.size(), rest, -1);
    y += line + 2;
  }
  double rest_of(const Columns& of, std::span<const double> x) const {
    double sum = 0;
    for (size_t i = 0; i < x.size(); ++i)
      if (std::ranges::find(of.shown, int(i)) == of.shown.end() && std::isfinite(x[i])) sum += x[i];
    return sum;
  }
  // "0.96 + 0.51 − 0.33 + 0.09 (60 others)".
  std::string sum_words(const Columns& of, std::span<const double> x) const {
    std::string out;
    const auto add = [&](double v) {
      out += out.empty() ? num(v) : (v < 0 ? " − " : " + ") + num(std::abs(v));
    };
    for (const int i : of.shown) add(x[size_t(i)]);
    if (of.n_rest > 0) {
      add(rest_of(of, x));
      out += t(" (", "（其余 ") + std::to_string(of.n_rest) + t(" others)", " 项）");
    }
    return out;
  }

  void heading();
  void legend();
  void products();
  void scaled();
  void mask(const Columns& keys);
  void exponents(const Columns& keys);
  void weights(const Columns& keys);
  void moved(const Columns& dims);
  void output(const Columns& dims, const Columns& keys);
  void written();
};

void Page::heading() {
  const auto token = [&](const std::vector<Tokens>& tokens, int i) {
    return std::to_string(i) + " " + quoted_token(lang, token_name(tokens, s.sample, i));
  };
  const std::string query = token(input.pairs.query_tokens, c.query),
                    key = token(input.pairs.key_tokens, c.key), layer = std::to_string(s.layer),
                    head = std::to_string(s.head);
  words(lang == Lang::zh ? "第 " + layer + " 层第 " + head + " 头：查询 " + query + "对键 " + key +
                               "的权重是怎么来的"
                         : "How the weight of query " + query + " on key " + key +
                               " arises in layer " + layer + ", head " + head,
        Ink::text);
  if (s.locked_key < 0)
    words(t("This key has the largest weight of the row; choose any other key to follow it",
            "此键是该行中权重最大的；选择其他键即可查看它"),
          Ink::faint, .85f);
}

void Page::legend() {
  add_sign_legend(figure, lang, {left, y}, input.width - left, line);
  y += line;
}

void Page::products() {
  begin("Query · key, dimension by dimension", "查询 · 键，逐维相乘");
  const bool rotated = input.model && input.model->config.rotates(s.layer);
  const Columns dims = columns(c.products, Of::dims);
  words("q · k = Σ q[d] k[d] = " + sum_words(dims, c.products) + " = " + num(c.dot), Ink::text);
  if (rotated)
    words(t("q and k are shown after the rotation by position (RoPE)",
            "所示 q 与 k 已按位置旋转（RoPE）"),
          Ink::faint, .85f);
  else if (input.model && input.model->config.position == Position::rotary)
    words(t("this layer does not rotate q and k: positions do not enter its scores directly",
            "该层不旋转 q 与 k：位置不直接进入分数"),
          Ink::faint, .85f);
  if (input.model && !input.model->weights.blocks[size_t(s.layer)].q_norm.gamma.empty())
    words(t("q and k of each head have passed a norm of their own", "每个头的 q 与 k 已各自归一化"),
          Ink::faint, .85f);
  const double most = std::max(largest_of(c.q), largest_of(c.k));
  const double most_product = largest_of(c.products);
  strip("q", c.q, Of::dims, true, most);
  strip("k", c.k, Of::dims, true, most);
  strip("q ⊙ k", c.products, Of::dims, true, most_product);
  names(dims);
  boxes("q[d]", dims, c.q, true, most, "");
  boxes("k[d]", dims, c.k, true, most, "");
  boxes("q[d]k[d]", dims, c.products, true, most_product, short_num(rest_of(dims, c.products)));
  legend();
  end();
}

void Page::scaled() {
  begin("Scale", "缩放");
  const double root = std::sqrt(double(a.d_head));
  const bool usual = std::abs(c.scale * root - 1) < 1e-5;
  const std::string by = usual ? "÷ √" + std::to_string(a.d_head) : "× " + num(c.scale);
  const bool biased = !a.bias.empty(), placed = !a.place_rows.empty();
  const std::string dots =
      num(c.dot) + " + " + factor(c.places.query) + " + " + factor(c.places.key);
  words(t("score = ", "分数 = ") + std::string(placed ? "(q · k + q · pk + k · pq) " : "q · k ") +
            by + (biased ? distance_words(a, lang) : "") + " = " +
            (placed ? "(" + dots + ")" : num(c.dot)) +
            (usual ? " ÷ " + num(root) : " × " + num(c.scale)) +
            (biased ? " + " + num(c.bias) : "") + " = " + num(c.uncapped) +
            (usual ? "" : t("   (the model's own scale)", "　（该模型自己的缩放系数）")),
        Ink::text);
  if (placed)
    words(t("pk and pq are what this head's queries and keys meet at this distance, projected from "
            "the model's embeddings of distances; a term that the model lacks is 0",
            "pk 与 pq "
            "由模型的距离嵌入投影而来，是该头的查询与键在此距离上所对的向量；模型没有的项为 0"),
          Ink::faint, .85f);
  if (a.cap > 0) {
    const std::string cap = num(a.cap);
    words(t("soft cap: ", "软上限：") + cap + " tanh(" + num(c.uncapped) + " / " + cap +
              ") = " + num(c.score),
          Ink::text);
  }
  const double most = std::max(std::abs(c.dot), std::abs(c.score));
  const double both[] = {c.dot, c.score};
  const char* labels[] = {"q · k", t("score", "分数")};
  const float middle = (left + input.width) / 2, half = (input.width - left) / 2 - line * 4.2f;
  for (int i = 0; i < 2; ++i) {
    row_label(labels[i]);
    const float length = most > 0 ? float(both[i] / most) * half : 0;
    figure.shapes.push_back(Line{{middle, y}, {middle, y + line}, Ink::line});
    figure.shapes.push_back(
        Rect{{std::min(middle, middle + length), y + 4},
             {std::max(middle + 1, std::max(middle, middle + length)), y + line - 4},
             Ink::accent});
    figure.shapes.push_back(Label{{middle + length + (both[i] < 0 ? -5.f : 5.f), y},
                                  num(both[i]),
                                  Ink::text,
                                  both[i] < 0 ? Align::right : Align::left,
                                  line * 4.2f - 6,
                                  .85f});
    y += line;
  }
  end();
}

void Page::mask(const Columns& keys) {
  begin("Mask", "掩码");
  int n_masked = 0;
  for (int j = 0; j < a.n_key; ++j) n_masked += !a.may_see(s.sample, s.layer, c.query, j);
  const std::string key = std::to_string(c.key), now = num(c.masked[size_t(c.key)]),
                    window = window_words(a, s, c.query, c.key);
  if (c.sees)
    words(t("The query may see key ", "该查询能看到键 ") + key +
              t(": its score stays ", "：分数仍为 ") + now,
          Ink::text);
  else
    words(
        t("Key ", "键 ") + key +
            (a.mask == Mask::causal && c.key > c.query ? t(" comes after the query", " 在查询之后")
             : window.empty()                          ? t(" is masked", " 已被掩码")
                                                       : t(" is ", " ") + window) +
            t(": its score ", "：分数 ") + num(c.score) + t(" becomes ", " 变为 ") + now,
        Ink::text);
  words(n_masked == 0 ? std::string(t("No key of this row is masked", "该行没有被掩码的键"))
                      : t("Masked keys of this row: ", "该行被掩码的键：") +
                            std::to_string(n_masked) + t(" of ", " / ") + std::to_string(a.n_key),
        Ink::faint, .85f);
  std::vector<double> seen = c.masked;
  for (double& v : seen)
    if (a.masked_score != 0 && v == double(a.masked_score)) v = -INFINITY;
  const double most = largest_of(seen);
  strip(t("scores", "分数"), seen, Of::keys, true, most);
  names(keys);
  boxes(t("before", "掩码前"), keys, c.scores, true, most, "");
  boxes(t("after", "掩码后"), keys, c.masked, true, most, "");
  end();
}

void Page::exponents(const Columns& keys) {
  begin("Exponential", "取指数");
  if (c.sum == 0) {
    words(t("Every key of this row is masked: there is nothing to divide, all weights are 0",
            "该行所有键都被掩码：没有可归一化的值，权重全为 0"),
          Ink::text);
    return end();
  }
  words(
      "exp(" + num(c.masked[size_t(c.key)]) + " − " + factor(c.highest) +
          ") = " + num(c.exps[size_t(c.key)]) +
          t("   (the largest score of the row is subtracted first)", "　（先减去该行的最大分数）"),
      Ink::text);
  const std::string sink = c.has_sink ? " + " + num(c.sink_exp) : "";
  words(t("Sum of the row = ", "该行之和 = ") + sum_words(keys, c.exps) + sink + " = " + num(c.sum),
        Ink::text);
  if (c.has_sink)
    words(t("The last one belongs to no key: the model learned a sink for this head, exp(",
            "最后一项不属于任何键：模型为该头学习了一个汇聚项，exp(") +
              num(c.sink) + " − " + factor(c.highest) + ") = " + num(c.sink_exp),
          Ink::text);
  strip("exp", c.exps, Of::keys, false, 1);
  names(keys);
  boxes("exp", keys, c.exps, false, 1, short_num(rest_of(keys, c.exps)));
  end();
}

void Page::weights(const Columns& keys) {
  begin("Weight", "权重");
  const std::string percent = " = " + num(100 * c.weight()) + " %";
  if (c.is_given) {
    words(t("These weights came from a file without queries, keys, values and W_O: how they arise, "
            "and what they move, is not known",
            "这些权重来自文件，文件中没有查询、键、值和 W_O：无法得知它们如何产生、又带来什么"),
          Ink::warn);
    words(t("weight = ", "权重 = ") + num(c.weight()) + percent, Ink::text);
  } else if (c.edited_weights) {
    words(
        t("An edit sets weights of this row; this one is ", "有一处编辑改动了该行的权重；此处为 ") +
            num(c.weight()) + percent,
        Ink::warn);
  } else if (c.sum == 0) {
    words(t("weight = 0", "权重 = 0"), Ink::text);
  } else {
    words(t("weight = ", "权重 = ") + num(c.exps[size_t(c.key)]) + " ÷ " + num(c.sum) + " = " +
              num(c.weight()) + percent,
          Ink::text);
  }
  if (c.has_sink)
    words(t("The sink takes ", "汇聚项占 ") + num(100 * c.sink_weight()) +
              t(" % of the row and passes nothing on: the weights of the keys sum to ",
                " %，且不传递任何内容：各键权重之和为 ") +
              num(1 - c.sink_weight()),
          Ink::text);
  strip(t("weights", "权重"), c.weights, Of::keys, false, 1);
  names(keys);
  boxes(t("weights", "权重"), keys, c.weights, false, 1, short_num(rest_of(keys, c.weights)));
  end();
}

void Page::moved(const Columns& dims) {
  begin("Weight × value", "权重 × 值");
  const size_t d = size_t(dims.shown[0]);
  const std::string at = "[" + std::to_string(d) + "]";
  words(t("weight × v", "权重 × v") + at + " = " + num(c.weight()) + " × " + factor(c.v[d]) +
            " = " + num(c.moved[d]) + t(", and so on in every dimension", "，各维依此类推"),
        Ink::text);
  const double most_v = largest_of(c.v), most = largest_of(c.moved);
  strip("v", c.v, Of::dims, true, most_v);
  names(dims);
  boxes("v[d]", dims, c.v, true, most_v, "");
  boxes("w · v[d]", dims, c.moved, true, most, "");
  end();
}

void Page::output(const Columns& dims, const Columns& keys) {
  begin("Output of the head: the sum over all keys", "该头的输出：对所有键求和");
  const int d = dims.shown[0];
  const ConstMat v = a.values(s.sample, s.layer, s.head);
  std::vector<double> parts;
  for (int j = 0; j < a.n_key; ++j) parts.push_back(c.weights[size_t(j)] * double(v(j, d)));
  double sum = 0;
  for (const double p : parts) sum += p;
  const std::string z = "z[" + std::to_string(d) + "]";
  words(z + t(" = Σ weight × v[", " = Σ 权重 × v[") + std::to_string(d) +
            "] = " + sum_words(keys, parts) + " = " + num(sum),
        Ink::text);
  if (c.edited_z)
    words(t("An edit changes the output of this head: ", "有一处编辑改动了该头的输出：") + z +
              " = " + num(c.z[size_t(d)]),
          Ink::warn);
  const double most = largest_of(parts), most_z = largest_of(c.z);
  names(keys);
  boxes("w · v[" + std::to_string(d) + "]", keys, parts, true, most,
        short_num(rest_of(keys, parts)));
  strip("z", c.z, Of::dims, true, most_z);
  names(dims);
  boxes("z[d]", dims, c.z, true, most_z, "");
  end();
}

void Page::written() {
  begin("W_O: what the head adds to the residual stream", "W_O：该头写入残差流的内容");
  const Measure& m = input.measure;
  const bool made =
      m.axes == std::vector{Axis::head, Axis::dim} && m.shape[0] == a.n_heads && m.shape[1] > 0;
  if (!made) {
    words(t("Computing…", "正在计算…"), Ink::faint);
    return end();
  }
  const size_t n_heads = size_t(m.shape[0]), d_model = size_t(m.shape[1]);
  std::vector<double> own, all(d_model, 0), lengths, others(d_model, 0);
  for (size_t h = 0; h < n_heads; ++h) {
    const std::span<const float> row = std::span(m.values).subspan(h * d_model, d_model);
    const std::vector<double> write(row.begin(), row.end());
    if (int(h) == s.head) own = write;
    for (size_t i = 0; i < d_model; ++i) all[i] += write[i];
    lengths.push_back(length_of(write));
  }
  double along = 0;
  for (size_t i = 0; i < d_model; ++i) along += own[i] * all[i];
  const double whole = length_of(all), share = whole > 0 ? along / (whole * whole) : 0;
  const size_t d = size_t(largest(own, 1)[0]);
  words(t("z W_O of this head = a vector of ", "该头的 z W_O = 一个 ") + std::to_string(d_model) +
            t(" numbers of length ", " 维向量，长度为 ") + num(length_of(own)) +
            t("; its largest is [", "；绝对值最大的是 [") + std::to_string(d) +
            "] = " + num(own[d]),
        Ink::text);
  words(t("All heads together: length ", "所有头之和的长度为 ") + num(whole) +
            t("; along that direction this head supplies ", "；该头在此方向上占 ") +
            num(100 * share, 3) + t(" % (before any bias)", " %（未计偏置）"),
        Ink::text);
  if (input.model && input.model->config.writes_normed)
    words(t("The model norms the sum of all heads before it is added to the residual stream",
            "该模型先对所有头之和做归一化，再加入残差流"),
          Ink::faint, .85f);
  strip(t("this head", "该头"), own, Of::other, true, largest_of(own));
  const Columns dims = columns(own, Of::other);
  names(dims);
  boxes(t("this head", "该头"), dims, own, true, largest_of(own), "");
  boxes(t("all heads", "所有头"), dims, all, true, largest_of(all), "");
  const Columns heads = columns(lengths, Of::heads, s.head);
  for (size_t h = 0; h < n_heads; ++h) {
    if (std::ranges::find(heads.shown, int(h)) != heads.shown.end()) continue;
    for (size_t i = 0; i < d_model; ++i) others[i] += double(m.values[h * d_model + i]);
  }
  y += 3;
  names(heads);
  boxes(t("length", "长度"), heads, lengths, false, largest_of(lengths),
        short_num(length_of(others)));
  end();
}

}  // namespace

Figure chain_figure(const ViewInput& input) {
  if (!input.attention->is_kept(input.state.layer)) return not_kept_figure(input);
  Page page(input);
  page.heading();
  const Columns keys = page.columns(page.c.weights, Of::keys, page.c.key);
  if (page.c.is_given) {
    page.weights(keys);
  } else {
    const bool moves = largest_of(page.c.moved) > 0;
    const Columns dims = page.columns(moves ? page.c.moved : page.c.z, Of::dims);
    page.products();
    page.scaled();
    page.mask(keys);
    page.exponents(keys);
    page.weights(keys);
    page.moved(dims);
    page.output(dims, keys);
    page.written();
  }
  page.figure.size = {input.width, page.y + 4};
  return std::move(page.figure);
}

}  // namespace attn
