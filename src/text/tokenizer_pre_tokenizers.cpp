// tokenizer_pre_tokenizers.cpp - splits a text into words before the model is applied.
#include <string>

#include "base/utf8.h"
#include "text/tokenizer_chars.h"
#include "text/tokenizer_normal_forms.h"
#include "text/tokenizer_steps.h"

namespace attn {
namespace {

// Cuts at every character of a class.
PreTokenizer cutting_at(bool (*f)(char32_t), Delimiter delimiter) {
  return [=](Pieces& pieces) {
    cut_pieces(pieces, [=](AlignedText&& text, Pieces& out) {
      cut_at(text, match_characters(text.text, f), delimiter, out);
    });
  };
}

PreTokenizer cutting_at(const Pattern& pattern, Delimiter delimiter, bool invert) {
  return [=](Pieces& pieces) {
    cut_pieces(pieces, [&](AlignedText&& text, Pieces& out) {
      std::vector<Match> matches = pattern.find(text.text);
      if (invert)
        for (Match& match : matches) match.is_match = !match.is_match;
      cut_at(text, std::move(matches), delimiter, out);
    });
  };
}

// Radford et al. 2019.
constexpr const char* kGpt2Words =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

}  // namespace

PreTokenizer pre_tokenizers::byte_level(bool add_space, bool splits) {
  PreTokenizer cut;
  if (splits) cut = cutting_at(*Pattern::regex(kGpt2Words, "GPT-2"), Delimiter::isolated, false);
  return [=](Pieces& pieces) {
    for (Piece& piece : pieces)
      if (piece.token < 0 && add_space && !piece.text.text.starts_with(' '))
        piece.text.prepend(" ");
    if (cut) cut(pieces);
    for (Piece& piece : pieces)
      if (piece.token < 0) to_byte_letters(piece.text);
  };
}

PreTokenizer pre_tokenizers::split(Pattern pattern, Delimiter delimiter, bool invert) {
  return cutting_at(pattern, delimiter, invert);
}

PreTokenizer pre_tokenizers::metaspace(char32_t c, PrependScheme scheme, bool splits) {
  std::string mark;
  append_utf8(mark, c);
  return [=](Pieces& pieces) {
    cut_pieces(pieces, [&](AlignedText&& text, Pieces& out) {
      text.map([&](char32_t old) { return old == ' ' ? c : old; });
      const bool adds = scheme == PrependScheme::always ||
                        (scheme == PrependScheme::first && text.all.begin == 0);
      if (adds && !text.text.starts_with(mark)) text.prepend(mark);
      if (!splits) {
        out.push_back({std::move(text)});
        return;
      }
      std::vector<Match> matches;
      size_t covered = 0;
      for (size_t at = text.text.find(mark); at != text.text.npos;
           at = text.text.find(mark, covered)) {
        if (covered < at) matches.push_back({covered, at, false});
        covered = at + mark.size();
        matches.push_back({at, covered, true});
      }
      if (covered < text.text.size()) matches.push_back({covered, text.text.size(), false});
      cut_at(text, std::move(matches), Delimiter::merged_with_next, out);
    });
  };
}

// Runs of word characters and runs of what is neither word character nor whitespace.
PreTokenizer pre_tokenizers::whitespace() {
  return [](Pieces& pieces) {
    cut_pieces(pieces, [](AlignedText&& text, Pieces& out) {
      Pieces runs;
      cut_at(text, match_characters(text.text, is_word), Delimiter::contiguous, runs);
      for (const Piece& run : runs)
        cut_at(run.text, match_characters(run.text.text, is_whitespace), Delimiter::removed, out);
    });
  };
}

PreTokenizer pre_tokenizers::whitespace_split() {
  return cutting_at(is_whitespace, Delimiter::removed);
}

PreTokenizer pre_tokenizers::digits(bool individual) {
  return cutting_at(is_number, individual ? Delimiter::isolated : Delimiter::contiguous);
}

PreTokenizer pre_tokenizers::punctuation(Delimiter delimiter) {
  return cutting_at(is_punctuation, delimiter);
}

PreTokenizer pre_tokenizers::bert() {
  return [](Pieces& pieces) {
    cutting_at(is_whitespace, Delimiter::removed)(pieces);
    cutting_at(is_punctuation, Delimiter::isolated)(pieces);
  };
}

PreTokenizer pre_tokenizers::sequence(std::vector<PreTokenizer> steps) {
  return [steps = std::move(steps)](Pieces& pieces) {
    for (const PreTokenizer& step : steps) step(pieces);
  };
}

}  // namespace attn
