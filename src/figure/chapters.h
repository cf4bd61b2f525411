// chapters.h - the eight parts of the tutorial, for any trace: one table for the page and reports.
#pragma once

#include <span>
#include <string_view>

#include "analysis/measure.h"
#include "figure/text_blocks.h"

namespace attn {

// One row per chapter. The reports print them one after the other; the page's Learn panel shows one
// at a time, with what the row says.
struct Chapter {
  const char* id = "";  // in links: learn=structure
  Text title = {};
  Text about = {};                                // a sentence for the list of chapters
  TextBlocks (*blocks)(const Inputs&) = nullptr;  // of the state's sample, layer, head and token
  bool of_mean = false;     // of MeanOfHeads, whose steps can be made one by one
  bool of_token = false;    // about the chosen token: the page offers the next
  bool from_first = false;  // opened from the list, it begins with the first token
  bool of_pair = false;     // about the locked key, too: the strongest is locked where none is
  const char* view = "";    // fields of a link that show the same in the middle of the page
  Text view_title = {};     // the button that opens it
};
std::span<const Chapter> chapters();
const Chapter* find_chapter(std::string_view id);

// About how many multiplications the blocks take.
double chapter_work(const Chapter& chapter, const Inputs& in);

}  // namespace attn
