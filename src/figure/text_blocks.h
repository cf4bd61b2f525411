// text_blocks.h - what a report consists of: sentences, tables, maps and code, for text and for the
// page.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "state/language.h"

namespace attn {

// What a click on a row of a table chooses, and the length of its bar; -1: none.
struct RowPick {
  int head = -1, query = -1, key = -1;
  float bar = -1;  // 0 .. 1, drawn in the column aligned `b`
};

// A table with a header. As text, columns are as wide as their widest cell and indented by two
// spaces.
class TextTable {
 public:
  // `aligns`: one letter per column: l, r, or b for a bar, aligned as l. The last column is not
  // padded if left-aligned.
  TextTable() = default;
  TextTable(std::string_view aligns, std::vector<std::string> header);
  void add(std::vector<std::string> row, RowPick pick = {});
  std::string text() const;

  const std::string& aligns() const { return aligns_; }
  const std::vector<std::vector<std::string>>& rows() const { return rows_; }  // header first
  const RowPick& pick(size_t row) const { return picks_[row]; }

 private:
  std::string aligns_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<RowPick> picks_;  // as many as rows
};

struct TextBlock {
  // A map is a table of cells two columns wide, and its text is given as lines.
  enum class Kind { sentence, code, table, map };
  Kind kind = Kind::sentence;
  std::string text = {};  // of a sentence: a line break and the spaces after it align a terminal's
                          // lines; of code: lines
  TextTable table = {};
  bool copies = false;   // the page offers to copy its text
  bool follows = false;  // directly below the block before, without a blank line
};
using TextBlocks = std::vector<TextBlock>;

TextBlock sentence_block(std::string text, bool follows = false);
TextBlock code_block(std::string text);
TextBlock table_block(TextTable table);
// The cells of a map, in text `gap` spaces apart; the first column names the rows.
TextBlock map_block(TextTable cells, int gap);

// As the text reports print them: a blank line between blocks; ends in a line break.
std::string text_of(const TextBlocks& blocks);
// The text of a block as one paragraph: the line breaks made for terminals removed.
std::string paragraph(const TextBlock& block, Lang lang);

}  // namespace attn
