#include "figure/figure_text.h"

#include <cstdio>

namespace attn {
namespace {

std::string replace(std::string_view text, bool blanks) {
  std::string out;
  for (char c : text) {
    if (c == '\n')
      out += "↵";
    else if (c == '\t')
      out += "⇥";
    else if (c == '\r')
      out += "␍";
    else if (c == ' ' && blanks)
      out += "·";
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string visible_token(std::string_view shown) {
  return shown.empty() ? "∅" : replace(shown, true);
}

std::string quoted_token(Lang lang, std::string_view shown) {
  return tr(lang, "\"", "“") + replace(shown, false) + tr(lang, "\"", "”");
}

std::string weight_text(float weight, int decimals) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", decimals, double(weight));
  return text;
}

std::string percent_text(float weight, int decimals) {
  return weight_text(weight * 100, decimals) + " %";
}

std::string cell_sentence(Lang lang, const CellText& cell) {
  const std::string query = std::to_string(cell.query), key = std::to_string(cell.key);
  const std::string from = quoted_token(lang, cell.query_token);
  const std::string to = quoted_token(lang, cell.key_token);
  if (lang == Lang::zh) {
    const std::string pair = "（查询 " + query + from + " → 键 " + key + to + "）";
    if (cell.masked) return pair + "已被掩码";
    return pair + "权重 " + weight_text(cell.weight) + "，" + percent_text(cell.weight);
  }
  const std::string pair = "(query " + query + " " + from + " → key " + key + " " + to + ") ";
  if (cell.masked) return pair + "masked";
  return pair + "weight " + weight_text(cell.weight) + ", " + percent_text(cell.weight);
}

}  // namespace attn
