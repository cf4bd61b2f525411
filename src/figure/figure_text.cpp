#include "figure/figure_text.h"

#include <cstdio>

#include "base/utf8.h"

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

std::string position_text(std::span<const Token> tokens, int i) {
  const Token token = i >= 0 && size_t(i) < tokens.size() ? tokens[size_t(i)] : Token{};
  if (token.first < 0) return std::to_string(i);
  const std::string first = std::to_string(token.first);
  return token.first == token.last ? first : first + "–" + std::to_string(token.last);
}

std::string cut_words(const Tokens& tokens, Lang lang) {
  if (tokens.n_whole == 0) return "";
  const std::string n = std::to_string(tokens.size()), all = std::to_string(tokens.n_whole);
  if (lang == Lang::zh)
    return std::string(tokens.keeps_end ? "后 " : "前 ") + n + " 个词元（全文共 " + all + " 个）";
  return std::string(tokens.keeps_end ? "last " : "first ") + n + " of " + all + " tokens";
}

std::string window_words(const Pairs& pairs, const State& at, int query, int key) {
  const int reach = pairs.reach(at.layer);
  const bool causal = pairs.mask == Mask::causal;
  if (std::abs(query - key) <= reach || (causal && key > query)) return "";
  return tr(at.lang, "outside the window of ", causal ? "在 " : "在前后各 ") +
         std::to_string(causal ? reach + 1 : reach) +
         tr(at.lang, causal ? " tokens" : " tokens on either side", " 个词元的窗口之外");
}

std::string distance_words(const Attention& a, Lang lang) {
  if (!a.place_rows.empty())
    return tr(lang, " + terms of the distance (q · pk, k · pq)", " + 距离项（q · pk、k · pq）");
  return a.bias.empty() ? "" : tr(lang, " + bias of the distance", " + 距离偏置");
}

CellText cell_text(const Pairs& pairs, const State& at, int query, int key, float weight) {
  const int sample = at.sample;
  const std::vector<Token>&queries = pairs.query_tokens[size_t(sample)].items,
        &keys = pairs.key_tokens[size_t(sample)].items;
  const auto name = [](const std::vector<Token>& tokens, int i) {
    return size_t(i) < tokens.size() ? std::string_view(tokens[size_t(i)].shown) : "";
  };
  return {position_text(queries, query),
          position_text(keys, key),
          name(queries, query),
          name(keys, key),
          weight,
          !pairs.may_see(sample, at.layer, query, key),
          window_words(pairs, at, query, key)};
}

namespace {

// query 3 "学习" → key 1 "爱"
std::string pair_of(Lang lang, const CellText& cell) {
  const std::string from = quoted_token(lang, cell.query_token);
  const std::string to = quoted_token(lang, cell.key_token);
  if (lang == Lang::zh) return "查询 " + cell.query + from + " → 键 " + cell.key + to;
  return "query " + cell.query + " " + from + " → key " + cell.key + " " + to;
}

std::string mask_words(Lang lang, const CellText& cell) {
  return tr(lang, "Masked", "已掩码") +
         (cell.window.empty() ? "" : tr(lang, ": ", "：") + cell.window);
}

std::string weight_words(Lang lang, const CellText& cell) {
  if (cell.masked && cell.weight == 0) return mask_words(lang, cell);
  return tr(lang, "Weight ", "权重 ") + weight_text(cell.weight) + tr(lang, ", ", "，") +
         percent_text(cell.weight) + (cell.masked ? tr(lang, ", masked", "，已掩码") : "");
}

constexpr const char* kDot = " · ";

}  // namespace

std::string cell_sentence(Lang lang, const CellText& cell) {
  return weight_words(lang, cell) + kDot + pair_of(lang, cell);
}

std::string measured_sentence(Lang lang, const CellText& cell, const std::string& value,
                              bool of_head) {
  if (cell.masked) return mask_words(lang, cell) + kDot + pair_of(lang, cell);
  return value + kDot + pair_of(lang, cell) + (of_head ? kDot + weight_words(lang, cell) : "");
}

namespace {

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
bool is_one_of(char32_t c, std::u32string_view all) { return all.find(c) != all.npos; }
bool in_number(char32_t c) { return is_digit(c) || is_one_of(c, U".,+-%−±×"); }
bool in_word(char32_t c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= 0xc0 && c < 0x2000 && c != U'×');
}

// Whether a line must not break between `before` and `after`; `then` follows `after`.
bool holds_together(char32_t before, char32_t after, char32_t then) {
  if (before == ' ') return true;  // spaces stay with the text before them
  if (is_one_of(after, U",.;:!?)]}%、。，；：！？）”’》")) return true;
  if (is_one_of(before, U"([{（“‘《")) return true;
  if ((in_number(before) && in_number(after)) || (in_word(before) && in_word(after))) return true;
  return after == ' ' && then == '%';  // 23.41 %
}

}  // namespace

size_t line_break(std::string_view text, size_t longest) {
  size_t at = 0;
  if (longest == 0 && !text.empty()) {
    decode_utf8(text, at);
    return at;
  }
  if (longest >= text.size()) return text.size();
  // Visit the places between characters up to the last that fits.
  size_t best = 0;
  char32_t before = 0;
  for (; at <= longest && at < text.size();) {
    size_t next = at;
    const char32_t after = decode_utf8(text, next);
    size_t later = next;
    const char32_t then = next < text.size() ? decode_utf8(text, later) : U' ';
    if (at > 0 && !holds_together(before, after, then)) best = at;
    before = after;
    at = next;
  }
  return best > 0 ? best : longest;  // else a single word longer than the line
}

}  // namespace attn
