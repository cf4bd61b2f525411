// sentences.h - where a sentence of English or Chinese ends.
#pragma once

#include <string_view>

namespace attn {

// Whether a sentence ends between two parts of a text: after . ! ? 。 ！ ？ and the quotes and
// brackets that close behind them. The full stop of "Mr.", "e.g.", "J. R. R." or "3.14" ends none.
bool ends_sentence(std::string_view before, std::string_view after);

}  // namespace attn
