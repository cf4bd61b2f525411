#include "model/text_notes.h"

#include <algorithm>

namespace attn {

std::vector<std::string> text_notes(const Model& model, const Tokens& tokens) {
  if (!model.tokenizer) return {};
  for (const char* unknown : {"[UNK]", "<unk>"}) {
    const int id = model.tokenizer->id_of(unknown);
    if (id < 0) continue;
    const auto is_unknown = [&](const Token& t) { return t.id == id; };
    const auto n = std::ranges::count_if(tokens.items, is_unknown);
    const auto n_text = std::ranges::count_if(
        tokens.items, [&](const Token& t) { return !t.special || is_unknown(t); });
    if (n == 0 || 2 * n < n_text) return {};
    return {std::to_string(n) + " of " + std::to_string(n_text) + " tokens of the text are " +
            unknown + ", for the vocabulary of " + model.name +
            " does not have them: the numbers say little about this text"};
  }
  return {};
}

}  // namespace attn
