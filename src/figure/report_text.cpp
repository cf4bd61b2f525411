// report_text.cpp - helpers shared by all text reports.
#include "figure/report_text.h"

#include <algorithm>
#include <cstdio>

#include "base/utf8.h"

namespace attn {

std::string fill(std::string_view text, std::initializer_list<std::string> parts) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool gap = text[i] == '{' && i + 2 < text.size() && text[i + 2] == '}';
    const size_t part = gap ? size_t(text[i + 1] - '0') : 0;
    if (gap && part < parts.size()) {
      out += parts.begin()[part];
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string fixed(double value, int decimals) {
  char buffer[400];  // the largest double has 309 digits before the point
  // Not std::to_chars, whose tables would be a twentieth of the page's program.
  std::snprintf(buffer, sizeof buffer, "%.*f", decimals, value);
  return buffer;
}

std::string percent(double weight) { return fixed(weight * 100, 2) + "%"; }

std::string heading(std::string_view title) {
  std::string out = "\n" + std::string(title) + "\n";
  for (int i = 0; i < kReportColumns; ++i) out += "─";
  return out + "\n";
}

std::string token_name(const Token& token, int columns) {
  std::string whole;
  for (size_t at = 0; at < token.shown.size();) {
    const char32_t c = decode_utf8(token.shown, at);
    if (c == ' ')
      whole += "␣";
    else if (c == '\n')
      whole += "↵";
    else if (c < 32 || (c >= 0x7f && c < 0xa0))
      append_utf8(whole, kReplacement);
    else
      append_utf8(whole, c);
  }
  if (display_width(whole) <= columns) return whole;
  std::string cut;
  for (size_t at = 0; at < whole.size();) {
    const size_t begin = at;
    decode_utf8(whole, at);
    const std::string_view next = std::string_view(whole).substr(begin, at - begin);
    if (display_width(cut) + display_width(next) > columns - 1) break;
    cut += next;
  }
  return cut + "…";
}

std::string placed(const Tokens& tokens, int position) {
  return std::to_string(position) + " " + token_name(tokens.items[size_t(position)]);
}

std::string quoted(const Tokens& tokens, int position, Lang lang) {
  return std::to_string(position) + (lang == Lang::en ? " “" : "“") +
         token_name(tokens.items[size_t(position)]) + "”";
}

int spoken_key(const Inputs& in) {
  const State& state = *in.state;
  if (state.locked_key >= 0) return state.locked_key;
  const std::vector<float> row = find_metric("row")->compute(in).values;
  const std::vector<Peak> top = top_keys(row, 2);
  const bool itself = top[0].key == state.token && !in.attention().is_across();
  return itself && top.size() > 1 && top[1].weight > 0 ? top[1].key : top[0].key;
}

const Tokens& queries_of(const Inputs& in) {
  return in.attention().query_tokens[size_t(in.state->sample)];
}
const Tokens& keys_of(const Inputs& in) {
  return in.attention().key_tokens[size_t(in.state->sample)];
}

std::vector<NamedAxis> axes_of(const Inputs& in) {
  const Attention& a = in.attention();
  std::vector<NamedAxis> axes;
  if (a.n_samples > 1 || !in.model) axes.push_back({Axis::sample, a.n_samples});
  if (a.n_layers > 1 || in.model) axes.push_back({Axis::layer, a.n_layers});
  axes.push_back({Axis::head, a.n_heads});
  axes.push_back({Axis::query, a.n_query});
  axes.push_back({Axis::key, a.n_key});
  return axes;
}

std::string weights_at(const Inputs& in, std::string_view head, std::string_view query,
                       std::string_view key) {
  std::string out = "weights[";
  for (const NamedAxis& a : axes_of(in)) {
    if (a.axis == Axis::sample) out += std::to_string(in.state->sample) + ", ";
    if (a.axis == Axis::layer) out += std::to_string(in.state->layer) + ", ";
  }
  out += head;
  if (!query.empty()) out.append(", ").append(query);
  if (!key.empty()) out.append(", ").append(key);
  return out + "]";
}

std::string shape_of(const Inputs& in) {
  std::string out;
  for (const NamedAxis& a : axes_of(in)) out += (out.empty() ? "[" : ", ") + std::to_string(a.size);
  return out + "]";
}

std::string axis_name(Axis axis, Lang lang) {
  switch (axis) {
    case Axis::sample:
      return tr(lang, "batch", "批");
    case Axis::layer:
      return tr(lang, "layer", "层");
    case Axis::head:
      return tr(lang, "head", "头");
    case Axis::query:
      return tr(lang, "query", "查询");
    case Axis::key:
      return tr(lang, "key", "键");
    case Axis::dim:
      return tr(lang, "dimension", "维");
    case Axis::vocab:
      return tr(lang, "vocabulary", "词表");
    case Axis::component:
      return tr(lang, "component", "组成部分");
  }
  return {};
}

}  // namespace attn
