#include "figure/text_blocks.h"

#include <algorithm>

#include "base/utf8.h"

namespace attn {

TextTable::TextTable(std::string_view aligns, std::vector<std::string> header)
    : aligns_(aligns), rows_{std::move(header)}, picks_(1) {}

void TextTable::add(std::vector<std::string> row, RowPick pick) {
  rows_.push_back(std::move(row));
  picks_.push_back(pick);
}

std::string TextTable::text() const {
  std::vector<int> widths(aligns_.size(), 0);
  for (const auto& row : rows_)
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], display_width(row[c]));
  auto line = [&](const std::vector<std::string>& row) {
    std::string out;
    for (size_t c = 0; c < row.size(); ++c) {
      out += "  ";
      if (aligns_[c] == 'r')
        out += pad_left(row[c], widths[c]);
      else
        out += c + 1 < row.size() ? pad_right(row[c], widths[c]) : row[c];
    }
    return out.substr(0, out.find_last_not_of(' ') + 1) + "\n";
  };
  std::string out = line(rows_.front());
  for (size_t c = 0; c < widths.size(); ++c) {
    out += "  ";
    for (int i = 0; i < widths[c]; ++i) out += "─";
  }
  out += "\n";
  for (size_t r = 1; r < rows_.size(); ++r) out += line(rows_[r]);
  return out;
}

TextBlock sentence_block(std::string text, bool follows) {
  return {TextBlock::Kind::sentence, std::move(text), {}, false, follows};
}
TextBlock code_block(std::string text) { return {TextBlock::Kind::code, std::move(text)}; }

namespace {

// The cells as lines of text, `gap` spaces apart.
std::string map_text(const TextTable& cells, int gap) {
  const auto& rows = cells.rows();
  std::vector<int> widths(rows[0].size(), 2);
  for (const auto& row : rows)
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], display_width(row[c]));
  const int column = *std::max_element(widths.begin() + 1, widths.end());
  std::string out;
  for (const auto& row : rows) {
    std::string line = "  " + pad_right(row[0], widths[0]);
    for (size_t c = 1; c < row.size(); ++c)
      line += std::string(size_t(gap), ' ') + pad_right(row[c], column);
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

}  // namespace

TextBlock map_block(TextTable cells, int gap) {
  std::string text = map_text(cells, gap);
  return {TextBlock::Kind::map, std::move(text), std::move(cells)};
}
TextBlock table_block(TextTable table) { return {TextBlock::Kind::table, {}, std::move(table)}; }

std::string text_of(const TextBlocks& blocks) {
  std::string out;
  for (const TextBlock& block : blocks) {
    if (!out.empty() && !block.follows) out += "\n";
    switch (block.kind) {
      case TextBlock::Kind::table:
        out += block.table.text();
        break;
      case TextBlock::Kind::map:
        out += block.text;
        break;
      case TextBlock::Kind::code:
        out += "  ";
        for (char c : block.text) out += c == '\n' ? std::string("\n  ") : std::string(1, c);
        out += "\n";
        break;
      case TextBlock::Kind::sentence:
        out += "  " + block.text + "\n";
        break;
    }
  }
  return out;
}

std::string paragraph(const TextBlock& block, Lang lang) {
  std::string out;
  for (size_t i = 0; i < block.text.size(); ++i) {
    if (block.text[i] != '\n') {
      out += block.text[i];
      continue;
    }
    while (i + 1 < block.text.size() && block.text[i + 1] == ' ') ++i;
    if (lang == Lang::en) out += ' ';
  }
  return out;
}

}  // namespace attn
