#include "model/text_notes.h"

#include <algorithm>

namespace attn {

namespace {

std::string unknown_note(const Model& model, const Tokens& tokens) {
  for (const char* unknown : {"[UNK]", "<unk>"}) {
    const int id = model.tokenizer->id_of(unknown);
    if (id < 0) continue;
    const auto is_unknown = [&](const Token& t) { return t.id == id; };
    const auto n = std::ranges::count_if(tokens.items, is_unknown);
    const auto n_text = std::ranges::count_if(
        tokens.items, [&](const Token& t) { return !t.special || is_unknown(t); });
    if (n == 0 || 2 * n < n_text) return "";
    return std::to_string(n) + " of " + std::to_string(n_text) + " tokens of the text are " +
           unknown + ", for the vocabulary of " + model.name +
           " does not have them: the numbers say little about this text";
  }
  return "";
}

// A pair that was typed as one text: all of it is of type 0.
std::string separator_note(const Model& model, const Tokens& tokens) {
  const int separator = model.tokenizer->id_of("[SEP]");
  if (model.config.n_token_types < 2 || separator < 0) return "";
  for (size_t i = 0; i + 1 < tokens.items.size(); ++i)
    if (tokens.items[i].id == separator && tokens.items[i + 1].type == 0)
      return "The text has a [SEP], but all of it is of token type 0; for a pair as the model "
             "reads pairs, give what follows as the second text";
  return "";
}

}  // namespace

std::vector<std::string> text_notes(const Model& model, const Tokens& tokens) {
  if (!model.tokenizer) return {};
  std::vector<std::string> notes = {unknown_note(model, tokens), separator_note(model, tokens)};
  if (tokens.source) notes.push_back(unknown_note(model, *tokens.source));
  std::erase(notes, "");
  return notes;
}

}  // namespace attn
