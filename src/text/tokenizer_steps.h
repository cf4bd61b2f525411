// tokenizer_steps.h - the steps of a tokenizer as functions, and what makes each of them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/utf8.h"
#include "text/tokenizer_regex.h"
#include "text/tokenizer_text.h"
#include "text/tokenizer_vocabulary.h"

namespace attn {

// A token on its way out; offsets are bytes of the text.
struct Item {
  int id = -1;
  std::string
      value;  // its letters before offsets are trimmed; of added tokens: as spelt in the text
  size_t begin = 0, end = 0;
  bool special = false;
};
struct Encoding {
  std::string_view text;
  std::vector<Item> items;
  bool add_special = true;
};
// Part of a piece, in bytes of the piece.
struct Subword {
  int id = -1;
  size_t begin = 0, end = 0;
};

// An empty function is a step that does nothing.
using Normalizer = std::function<void(AlignedText&)>;
using PreTokenizer = std::function<void(Pieces&)>;
using PostProcessor = std::function<void(Encoding&)>;
struct Decoder {
  std::function<void(std::vector<std::string>&)> decode;  // all pieces, to be joined at the end
  std::function<void(std::string&)> show;                 // one piece, to the bytes it stands for
};
struct SubwordModel {
  std::shared_ptr<const Vocabulary> vocabulary;
  std::function<void(std::string_view piece, std::vector<Subword>& out)> cut;
};

// What follows does the same as the steps of the Hugging Face library with these names.

namespace normalizers {
Normalizer normal_form(NormalForm form);
Normalizer lowercase();
Normalizer strip_accents();
Normalizer strip(bool left, bool right);
Normalizer prepend(std::string prefix);
Normalizer replace(Pattern pattern, std::string content);
struct BertOptions {
  bool clean = true;       // control characters vanish, blanks become " "
  bool ideographs = true;  // each stands alone
  bool lowercase = true, strip_accents = true;
};
Normalizer bert(const BertOptions& options);  // Devlin et al. 2019
Normalizer byte_level();                      // every byte becomes its visible letter
// SentencePiece's precompiled_charsmap: the size of a double-array trie, the trie, and the texts it
// leads to. Nothing if it is cut short.
std::optional<Normalizer> precompiled(std::string_view charsmap);
// SentencePiece's rules for NMT: control characters vanish, blanks of all kinds become one.
Normalizer nmt();
Normalizer sequence(std::vector<Normalizer> steps);
}  // namespace normalizers

namespace pre_tokenizers {
// GPT-2's: words by its regular expression if `splits`, then every byte as its visible letter.
PreTokenizer byte_level(bool add_space, bool splits);
PreTokenizer split(Pattern pattern, Delimiter delimiter, bool invert);
enum class PrependScheme { always, first, never };
// Spaces become `mark`, and every word carries the one before it (Kudo & Richardson 2018).
PreTokenizer metaspace(char32_t mark, PrependScheme scheme, bool splits);
PreTokenizer whitespace();
PreTokenizer whitespace_split();
PreTokenizer digits(bool individual);
PreTokenizer punctuation(Delimiter delimiter);
PreTokenizer bert();
PreTokenizer sequence(std::vector<PreTokenizer> steps);
}  // namespace pre_tokenizers

namespace post_processors {
// Offsets of " the" become those of "the".
PostProcessor trim_offsets(bool add_prefix_space);
// Special tokens around a text, where they are asked for.
PostProcessor surround(std::vector<Item> before, std::vector<Item> after);
Item special_item(std::string_view value, int id);
PostProcessor sequence(std::vector<PostProcessor> steps);
}  // namespace post_processors

namespace decoders {
Decoder byte_level();
Decoder metaspace(std::string mark, bool prepends);  // prepends: the text's first mark vanishes
Decoder replace(Pattern pattern, std::string content);
Decoder byte_fallback();  // runs of "<0xE6>" become the text whose bytes they are
Decoder fuse();
Decoder strip(std::string content, int64_t start, int64_t stop);
Decoder word_piece(std::string prefix, bool cleans_up);
Decoder bpe(std::string suffix);  // of pieces that end a word: "</w>"
Decoder sequence(std::vector<Decoder> steps);
}  // namespace decoders

}  // namespace attn
