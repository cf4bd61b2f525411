// tokenizer_pre_tokenizers.cpp - the pre_tokenizer section: how a text is cut before the vocabulary
// is asked.
#include <string>

#include "base/utf8.h"
#include "text/tokenizer_chars.h"
#include "text/tokenizer_normal_forms.h"
#include "text/tokenizer_regex.h"
#include "text/tokenizer_steps.h"

namespace attn {
namespace {

Result<Delimiter> read_delimiter(const Section& section, std::string_view otherwise) {
  const std::string name = section.text("behavior", otherwise);
  constexpr std::pair<const char*, Delimiter> kNames[] = {
      {"Removed", Delimiter::removed},
      {"Isolated", Delimiter::isolated},
      {"MergedWithPrevious", Delimiter::merged_with_previous},
      {"MergedWithNext", Delimiter::merged_with_next},
      {"Contiguous", Delimiter::contiguous}};
  for (const auto& [known, delimiter] : kNames)
    if (name == known) return delimiter;
  return section.wrong("behavior " + json_quote(name.substr(0, 40)),
                       "is not supported; the library knows Removed, Isolated, "
                       "MergedWithPrevious, MergedWithNext, Contiguous");
}

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

Result<PreTokenizer> read_byte_level(const Section& section) {
  const bool add_space = section.flag("add_prefix_space", true);
  PreTokenizer cut;
  if (section.flag("use_regex", true)) {
    const Result<Pattern> words = Pattern::regex(kGpt2Words, section.where);
    if (!words) return words.error();
    cut = cutting_at(*words, Delimiter::isolated, false);
  }
  return PreTokenizer([=](Pieces& pieces) {
    for (Piece& piece : pieces)
      if (piece.token < 0 && add_space && !piece.text.text.starts_with(' '))
        piece.text.prepend(" ");
    if (cut) cut(pieces);
    for (Piece& piece : pieces)
      if (piece.token < 0) to_byte_letters(piece.text);
  });
}

Result<PreTokenizer> read_split(const Section& section) {
  const Result<Pattern> pattern = Pattern::read(section.json.at("pattern"), section.where);
  if (!pattern) return pattern.error();
  const Result<Delimiter> delimiter = read_delimiter(section, "Removed");
  if (!delimiter) return delimiter.error();
  return cutting_at(*pattern, *delimiter, section.flag("invert", false));
}

enum class PrependScheme { always, first, never };

// Old files say add_prefix_space where new ones say prepend_scheme.
Result<PrependScheme> read_prepend_scheme(const Section& section) {
  const bool add = section.flag("add_prefix_space", true);
  const std::string name = section.text("prepend_scheme", add ? "always" : "never");
  if (name == "always") return PrependScheme::always;
  if (name == "first") return PrependScheme::first;
  if (name == "never") return PrependScheme::never;
  return section.wrong("prepend_scheme", "must be always, first or never; correct it");
}

// Blanks become "▁", and every word carries the one before it (Kudo & Richardson 2018).
Result<PreTokenizer> read_metaspace(const Section& section) {
  const std::string mark = section.text("replacement", "▁");
  const Result<PrependScheme> scheme = read_prepend_scheme(section);
  if (!scheme) return scheme.error();
  size_t end = 0;
  const char32_t c = decode_utf8(mark, end);
  if (mark.empty() || end != mark.size())
    return section.wrong("replacement", "must be one character; correct it");
  const bool splits = section.flag("split", true);
  return PreTokenizer([=, scheme = *scheme](Pieces& pieces) {
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
  });
}

// Runs of word characters and runs of what is neither word nor blank.
Result<PreTokenizer> read_whitespace(const Section&) {
  return PreTokenizer([](Pieces& pieces) {
    cut_pieces(pieces, [](AlignedText&& text, Pieces& out) {
      Pieces runs;
      cut_at(text, match_characters(text.text, is_word), Delimiter::contiguous, runs);
      for (const Piece& run : runs)
        cut_at(run.text, match_characters(run.text.text, is_whitespace), Delimiter::removed, out);
    });
  });
}

Result<PreTokenizer> read_whitespace_split(const Section&) {
  return cutting_at(is_whitespace, Delimiter::removed);
}

Result<PreTokenizer> read_digits(const Section& section) {
  return cutting_at(is_number, section.flag("individual_digits", false) ? Delimiter::isolated
                                                                        : Delimiter::contiguous);
}

Result<PreTokenizer> read_punctuation(const Section& section) {
  const Result<Delimiter> delimiter = read_delimiter(section, "Isolated");
  if (!delimiter) return delimiter.error();
  return cutting_at(is_punctuation, *delimiter);
}

Result<PreTokenizer> read_bert(const Section&) {
  return PreTokenizer([](Pieces& pieces) {
    cutting_at(is_whitespace, Delimiter::removed)(pieces);
    cutting_at(is_punctuation, Delimiter::isolated)(pieces);
  });
}

Result<PreTokenizer> read_steps(const Section& section) {
  Result<std::vector<PreTokenizer>> steps =
      read_sequence(section, "pretokenizers", read_pre_tokenizer);
  if (!steps) return steps.error();
  return PreTokenizer([steps = *steps](Pieces& pieces) {
    for (const PreTokenizer& step : steps) step(pieces);
  });
}

const StepKind<PreTokenizer> kKinds[] = {
    {"ByteLevel", read_byte_level},
    {"Split", read_split},
    {"Metaspace", read_metaspace},
    {"Whitespace", read_whitespace},
    {"WhitespaceSplit", read_whitespace_split},
    {"Digits", read_digits},
    {"Punctuation", read_punctuation},
    {"BertPreTokenizer", read_bert},
    {"Sequence", read_steps},
};

}  // namespace

Result<PreTokenizer> read_pre_tokenizer(const Section& section) {
  return read_step<PreTokenizer>(kKinds, section);
}

}  // namespace attn
