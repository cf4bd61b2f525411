// tokenizer_steps.h - the steps of a tokenizer as functions, and their factories.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer_normal_forms.h"
#include "text/tokenizer_regex.h"
#include "text/tokenizer_text.h"
#include "text/tokenizer_vocabulary.h"

namespace attn {

// A token of the result; offsets are bytes of the text.
struct Item {
  int id = -1;
  std::string value;  // its text before offsets are trimmed; added tokens: as spelt in the text
  size_t begin = 0, end = 0;
  bool special = false;
  int type = 0;      // of token: BERT's segment
  int sequence = 0;  // 0 the first text, 1 the second
};
struct Encoding {
  std::string_view text;
  std::vector<Item> items;
  bool add_special = true;
  // The second text of a pair. A step that joins both leaves it empty, and `is_pair` false.
  std::string_view second_text = {};
  std::vector<Item> second = {};
  bool is_pair = false;
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

// The following steps match those of the same names in the Hugging Face library.

namespace normalizers {
Normalizer normal_form(NormalForm form);
Normalizer lowercase();
Normalizer strip_accents();
Normalizer strip(bool left, bool right);
Normalizer prepend(std::string prefix);
Normalizer replace(Pattern pattern, std::string content);
struct BertOptions {
  bool clean = true;       // removes control characters, turns whitespace into " "
  bool ideographs = true;  // separates each by spaces
  bool lowercase = true, strip_accents = true;
};
Normalizer bert(const BertOptions& options);  // Devlin et al. 2019
Normalizer byte_level();                      // every byte becomes its visible letter
// SentencePiece's precompiled_charsmap: the size of a double-array trie, the trie, and its
// replacement texts. nullopt if truncated.
std::optional<Normalizer> precompiled(std::string_view charsmap);
// SentencePiece's rules for NMT: removes control characters, maps all kinds of spaces to one.
Normalizer nmt();
Normalizer sequence(std::vector<Normalizer> steps);
}  // namespace normalizers

namespace pre_tokenizers {
// GPT-2's: splits words by its regular expression if `splits`, then makes every byte visible.
PreTokenizer byte_level(bool add_space, bool splits);
PreTokenizer split(Pattern pattern, Delimiter delimiter, bool invert);
enum class PrependScheme { always, first, never };
// Replaces spaces by `mark`, which joins the word after it (Kudo & Richardson 2018).
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
// Special tokens around a text, and between two: items are special tokens and text_item()s. Special
// tokens are added only if requested. An empty `pair` leaves two texts apart.
PostProcessor assemble(std::vector<Item> single, std::vector<Item> pair);
Item special_item(std::string_view value, int id);
// Stands for the tokens of the first or the second text, which get this type.
Item text_item(int sequence, int type);
PostProcessor sequence(std::vector<PostProcessor> steps);
}  // namespace post_processors

namespace decoders {
Decoder byte_level();
Decoder metaspace(std::string mark, bool prepends);  // prepends: drops the first mark of the text
Decoder replace(Pattern pattern, std::string content);
Decoder byte_fallback();  // runs of "<0xE6>" become the text whose bytes they are
Decoder fuse();
Decoder strip(std::string content, int64_t start, int64_t stop);
Decoder word_piece(std::string prefix, bool cleans_up);
Decoder bpe(std::string suffix);  // of pieces that end a word: "</w>"
Decoder sequence(std::vector<Decoder> steps);
}  // namespace decoders

}  // namespace attn
