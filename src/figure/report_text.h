// report_text.h - helpers for text reports: templates, aligned tables, token names.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/measure.h"
#include "figure/text_blocks.h"

namespace attn {

// Replaces {0}, {1}, … with the parts: fill("{1} of {0}", {a, b}).
std::string fill(std::string_view text, std::initializer_list<std::string> parts);

std::string fixed(double value, int decimals);
std::string percent(double weight);  // 0.18034 -> "18.03%"

// A title above a rule of kReportColumns.
std::string heading(std::string_view title);
constexpr int kReportColumns = 88;

// A token in a line of text: spaces as ␣, line breaks as ↵, other control characters as �; cut with
// … to fit `columns` of a terminal.
std::string token_name(const Token& token, int columns = 16);
// For tables: `3 学习`; for sentences: `3 “学习”`.
std::string placed(const Tokens& tokens, int position);
std::string quoted(const Tokens& tokens, int position, Lang lang);

// The key that reports discuss with the chosen token: the locked key, else the one with the largest
// weight other than the token itself.
int spoken_key(const Inputs& in);

// The tokens of the state's sample.
const Tokens& queries_of(const Inputs& in);
const Tokens& keys_of(const Inputs& in);

// "weights[0, 2, 5, :]": sample or layer from the state, then head, query and key as given. Axes
// that axes_of() leaves out are omitted.
std::string weights_at(const Inputs& in, std::string_view head, std::string_view query,
                       std::string_view key);
struct NamedAxis {
  Axis axis;
  int size;
};
std::vector<NamedAxis> axes_of(const Inputs& in);
std::string shape_of(const Inputs& in);  // "[2, 4, 6, 6]"
std::string axis_name(Axis axis, Lang lang);

// The cells of the text heat map, two columns wide: ██ > 0.5, ▓▓ > 0.3, ▒▒ > 0.1, ░░ > 0.05, ··.
const char* shade(float weight);
std::string shade_legend(Lang lang);

// The positions that a map of at most kMapSide a side shows: those around `at`.
constexpr int kMapSide = 32;
struct MapWindow {
  int begin = 0, end = 0;
  int size() const { return end - begin; }
  bool holds_all(int n) const { return begin == 0 && end == n; }
};
MapWindow queries_shown(const Inputs& in);
MapWindow keys_shown(const Inputs& in);

// Weights of the queries of queries_shown(), [queries shown, n_key], as a text heat map labelled
// with keys and queries, its legend, and which part of a large map it shows.
TextBlocks glyph_map(std::span<const float> rows, const Inputs& in);

}  // namespace attn
