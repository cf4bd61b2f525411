// tokenizer_settings.h - which class of transformers older tokenizer files are of, and its
// settings.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_files.h"

namespace attn {

// clang-format off
enum class TokenizerKind {
  bert, mpnet,                                                        // vocab.txt
  gpt2, gpt_neox, qwen2, roberta, deberta, clip,                      // vocab.json, merges.txt
  llama, gemma, t5, xlm_roberta, camembert, albert, deberta_v2, mbart, any_pieces,  // *.model
};
// clang-format on

// A class of transformers. `around` and `around_pair` show what its post-processor makes of one
// text and of two: A and B are the texts, other letters the tokens of these attributes (bos, eos,
// cls, sep) or the code of the language; a digit is the type of what is before it, and behind |
// tokens belong to the second text. Without them add_bos_token and add_eos_token decide.
struct TokenizerClass {
  const char* names;        // and those of the classes that are like it
  const char* model_types;  // whose class it is
  const char* file;
  TokenizerKind kind;
  const char* tokens;  // the special ones
  const char* around = nullptr;
  const char* around_pair = nullptr;
};

// Calls f with each word of a list; stops where it returns false.
template <class F>
bool each_word(std::string_view list, const F& f) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(' '), list.size());
    if (!f(list.substr(0, end))) return false;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return true;
}

inline bool has_word(std::string_view list, std::string_view word) {
  return !each_word(list, [&](std::string_view w) { return w != word; });
}

// A special token of a name ("mask_token"), or a further one.
struct NamedToken {
  std::string name;
  AddedToken token;
};

// tokenizer_config.json, special_tokens_map.json and added_tokens.json.
struct TokenizerSettings {
  const TokenizerFiles& files;
  Json config = {}, map = {};
  const TokenizerClass* kind = nullptr;
  Status error = {};
  std::vector<NamedToken> named = {};
  std::vector<AddedToken> added = {};  // with the ids that the files give them
  std::string added_file = {};
  std::vector<AddedToken> extra = {};
  bool lowercase = false;  // of a word list: what its steps do
  bool has_extra = false;  // those of SentencePiece's model then don't count

  Result<Json> read(const char* name) const;
  Status read_all();
  Status choose();
  Status read_named(const Json& from);
  Status read_added();
  Status read_extra(const Json& list, const char* file);

  bool flag(const char* key, bool otherwise) {
    const Json value = config.at(key);
    if (!value.is_null() && !value.boolean())
      error = Error{std::string("tokenizer_config.json: ") + key +
                    " must be true or false; correct it"};
    return value.boolean().value_or(otherwise);
  }
  NamedToken* find(std::string_view name) {
    const auto it = std::ranges::find(named, name, &NamedToken::name);
    return it == named.end() ? nullptr : &*it;
  }
  const AddedToken* token(std::string_view name) {
    const NamedToken* found = find(std::string(name) + "_token");
    return found && !found->token.content.empty() ? &found->token : nullptr;
  }
  std::string text(std::string_view name) {
    const AddedToken* found = token(name);
    return found ? found->content : "";
  }
};

// Appends what the settings leave open, and what they have beyond what is used.
void write_notes(TokenizerSettings& settings, std::vector<std::string>& notes);

// Replaces what a regular expression of the program's own matches.
Normalizer replace_all(std::string_view pattern, const char* content);

// A SentencePiece model: the records but for their added tokens and post-processor; those that the
// model adds are appended to the settings'.
Status read_pieces(TokenizerSettings& settings, std::string_view bytes, TokenizerRecords& out);

}  // namespace attn
