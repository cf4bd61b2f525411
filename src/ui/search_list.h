// search_list.h - a text box and the rows it finds, for the palette and for menus of measures.
#pragma once

#include <string>
#include <vector>

namespace attn {

struct Frame;

struct SearchRow {
  std::string name;                // of its area in the layout
  const char* group = "";          // a heading, until something is typed
  std::string title;               // in the present language
  std::vector<std::string> found;  // what else finds it: its id, the other language
  std::string help;                // a sentence, the tooltip
  std::string keys = {};           // at the right
  std::string why_not = {};        // why it cannot be chosen; empty: it can
};

// The one search list that is open.
struct SearchList {
  std::vector<SearchRow> rows;
  std::string typed;
  std::vector<int> found;  // rows, the best first
  int at = 0;              // the selected one of `found`
  bool opens = false;      // in the next frame

  // Call when it opens; `row` is selected, if there is one.
  void open(std::vector<SearchRow> all, int row);
};

// Fills `width` and at most `height`; the box has the focus when it opens. The index of the row
// that was chosen by click or Enter, else -1.
int draw_search_list(Frame& f, const char* label, float width, float height);

}  // namespace attn
