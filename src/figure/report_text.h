// report_text.h - pieces of text reports: sentences with gaps, tables that align, names of tokens.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/measure.h"

namespace attn {

// Replaces {0}, {1}, … by the parts: fill("{1} of {0}", {a, b}).
std::string fill(std::string_view text, std::initializer_list<std::string> parts);

std::string fixed(double value, int decimals);
std::string percent(double weight);  // 0.18034 -> "18.03%"

// A title over a rule as wide as the reports are.
std::string heading(std::string_view title);
constexpr int kReportColumns = 88;

// What a token is called in a line of text: blanks as ␣, line breaks as ↵, other control characters
// as �; cut with … beyond `columns`.
std::string token_name(const Token& token, int columns = 16);
// For tables: `3 学习`; for sentences: `3 “学习”`.
std::string placed(const Tokens& tokens, int position);
std::string quoted(const Tokens& tokens, int position, Lang lang);

// The key that is spoken of beside the chosen token: the locked one, or the one the token looks at
// most apart from itself.
int spoken_key(const Inputs& in);

// Tokens of the state's sample.
const Tokens& queries_of(const Inputs& in);
const Tokens& keys_of(const Inputs& in);

// "weights[0, 2, 5, :]": sample (or layer) and head, query, key as given; what only ever is 0 is
// left out. The names of those axes are in axes_of.
std::string weights_at(const Inputs& in, std::string_view head, std::string_view query,
                       std::string_view key);
struct NamedAxis {
  Axis axis;
  int size;
};
std::vector<NamedAxis> axes_of(const Inputs& in);
std::string shape_of(const Inputs& in);  // "[2, 4, 6, 6]"
std::string axis_name(Axis axis, Lang lang);

// The glyphs of the text heat map, two columns wide: ██ > 0.5, ▓▓ > 0.3, ▒▒ > 0.1, ░░ > 0.05, ··.
const char* shade(float weight);
std::string shade_legend(Lang lang);

// Rows of cells under a header; columns as wide as their widest cell, indented by two.
class TextTable {
 public:
  // One letter a column: l, r. Cells of the last column are not padded.
  TextTable(std::string_view aligns, std::vector<std::string> header);
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::string aligns_;
  std::vector<std::vector<std::string>> rows_;  // the header first
};

// Weights [query, key] as glyphs under the names of the keys, beside those of the queries; of a big
// map, the part around the chosen token.
std::string glyph_map(const Measure& weights, const Inputs& in);

}  // namespace attn
