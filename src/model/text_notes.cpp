#include "model/text_notes.h"

#include <algorithm>

#include "base/json.h"
#include "base/utf8.h"
#include "text/tokenizer_chars.h"

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

// A vocabulary without an unknown token makes no token at all of characters that it does not have.
std::string dropped_note(const Model& model, const Tokens& tokens) {
  for (const char* unknown : {"[UNK]", "<unk>"})
    if (model.tokenizer->id_of(unknown) >= 0) return "";
  const auto is_in_text = [](const Token& t) { return t.begin < t.end; };
  const auto in_text = std::ranges::find_if(tokens.items, is_in_text);
  if (model.reads_ids || in_text == tokens.items.end()) return "";
  const bool cut = tokens.n_whole > 0;  // what was cut off at an end is no matter of vocabulary
  size_t at = cut ? in_text->begin : 0, n = 0;
  std::string first;
  const auto skip_to = [&](size_t end) {
    while (at < end) {
      const size_t begin = at;
      if (is_whitespace(decode_utf8(tokens.text, at)) || ++n > 1) continue;
      first = tokens.text.substr(begin, at - begin);
    }
  };
  for (const Token& t : tokens.items) {
    if (!is_in_text(t)) continue;
    skip_to(t.begin);
    at = std::max(at, t.end);
  }
  if (!cut) skip_to(tokens.text.size());
  if (n == 0) return "";
  const std::string why = ": the vocabulary of " + model.name + " has no such token";
  if (n == 1) return "The character " + json_quote(first) + " of the text is left out" + why;
  return std::to_string(n) + " characters of the text are left out, the first of them " +
         json_quote(first) + why;
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
  std::vector<std::string> notes = {unknown_note(model, tokens), separator_note(model, tokens),
                                    dropped_note(model, tokens)};
  if (tokens.source) notes.push_back(unknown_note(model, *tokens.source));
  std::erase(notes, "");
  return notes;
}

}  // namespace attn
