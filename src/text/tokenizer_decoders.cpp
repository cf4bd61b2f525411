// tokenizer_decoders.cpp - from pieces back to text.
#include <algorithm>

#include "base/utf8.h"
#include "text/tokenizer_chars.h"
#include "text/tokenizer_steps.h"

namespace attn {
namespace {

using Texts = std::vector<std::string>;

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  if (from.empty() || text.find(from) == text.npos) return;
  std::string out;
  size_t covered = 0;
  for (size_t at = text.find(from); at != text.npos; at = text.find(from, covered)) {
    out.append(text, covered, at - covered).append(to);
    covered = at + from.size();
  }
  text = out.append(text, covered);
}

std::string joined(const Texts& texts) {
  std::string out;
  for (const std::string& text : texts) out += text;
  return out;
}

}  // namespace

Decoder decoders::byte_level() {
  Decoder out;
  out.show = [](std::string& piece) { piece = bytes_of_letters(piece); };
  out.decode = [](Texts& texts) {
    for (std::string& text : texts) text = bytes_of_letters(text);
    texts = {repair_utf8(joined(texts))};
  };
  return out;
}

Decoder decoders::metaspace(std::string mark, bool prepends) {
  Decoder out;
  out.show = [=](std::string& piece) { replace_all(piece, mark, " "); };
  out.decode = [=](Texts& texts) {
    for (size_t i = 0; i < texts.size(); ++i)
      replace_all(texts[i], mark, i == 0 && prepends ? "" : " ");
  };
  return out;
}

static void replace_matches(std::string& text, const Pattern& pattern, std::string_view content) {
  const std::vector<Match> matches = pattern.find(text);
  uint64_t size = text.size();
  for (const Match& match : matches)
    if (match.is_match) size = size + content.size() - (match.end - match.begin);
  // Decoders shorten text. A chain of rules that each double it could exhaust memory.
  constexpr uint64_t kAlways = 4096;
  if (size > kAlways && size > text.size()) return;
  std::string out;
  for (const Match& match : matches) {
    if (match.is_match) out += content;
    if (!match.is_match) out.append(text, match.begin, match.end - match.begin);
  }
  text = std::move(out);
}

Decoder decoders::replace(Pattern pattern, std::string content) {
  const auto step = [pattern = std::move(pattern), content = std::move(content)](
                        std::string& text) { replace_matches(text, pattern, content); };
  Decoder out;
  out.show = step;
  out.decode = [=](Texts& texts) {
    for (std::string& text : texts) step(text);
  };
  return out;
}

// "<0xE6>" -> 0xE6; -1 for other pieces.
static int byte_of_piece(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return -1;
  int byte = 0;
  for (const char c : piece.substr(3, 2)) {
    constexpr std::string_view kDigits = "0123456789ABCDEFabcdef";
    const size_t digit = kDigits.find(c);
    if (digit == kDigits.npos) return -1;
    byte = byte * 16 + int(digit < 16 ? digit : digit - 6);
  }
  return byte;
}

// Runs of byte pieces become text; if a run is not valid UTF-8, each byte becomes U+FFFD.
static void join_bytes(Texts& texts) {
  Texts out;
  std::string bytes;
  const auto flush = [&] {
    if (is_valid_utf8(bytes)) {
      if (!bytes.empty()) out.push_back(bytes);
    } else {
      for (size_t i = 0; i < bytes.size(); ++i) out.push_back("\uFFFD");
    }
    bytes.clear();
  };
  for (std::string& text : texts) {
    if (const int byte = byte_of_piece(text); byte >= 0) {
      bytes += char(byte);
    } else {
      flush();
      out.push_back(std::move(text));
    }
  }
  flush();
  texts = std::move(out);
}

Decoder decoders::byte_fallback() {
  Decoder out;
  out.show = [](std::string& piece) {
    if (const int byte = byte_of_piece(piece); byte >= 0) piece = std::string(1, char(byte));
  };
  out.decode = join_bytes;
  return out;
}

Decoder decoders::fuse() {
  Decoder out;
  out.decode = [](Texts& texts) { texts = {joined(texts)}; };
  return out;
}

Decoder decoders::strip(std::string content, int64_t start, int64_t stop) {
  Decoder out;
  out.decode = [=](Texts& texts) {
    for (std::string& text : texts) {
      std::string_view kept = text;
      for (int64_t i = 0; i < start && !content.empty() && kept.starts_with(content); ++i)
        kept.remove_prefix(content.size());
      for (int64_t i = 0; i < stop && !content.empty() && kept.ends_with(content); ++i)
        kept.remove_suffix(content.size());
      text = std::string(kept);
    }
  };
  return out;
}

// English punctuation and contractions without the spaces before them, as in the library.
static void clean_up(std::string& text) {
  constexpr std::pair<const char*, const char*> kRules[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules) replace_all(text, from, to);
}

Decoder decoders::word_piece(std::string prefix, bool cleans_up) {
  Decoder out;
  out.decode = [=](Texts& texts) {
    for (size_t i = 0; i < texts.size(); ++i) {
      if (i > 0 && texts[i].starts_with(prefix)) {
        texts[i].erase(0, prefix.size());
      } else if (i > 0) {
        texts[i].insert(0, " ");
      }
      if (cleans_up) clean_up(texts[i]);
    }
  };
  return out;
}

Decoder decoders::bpe(std::string suffix) {
  Decoder out;
  out.show = [=](std::string& piece) { replace_all(piece, suffix, " "); };
  out.decode = [=](Texts& texts) {
    for (size_t i = 0; i < texts.size(); ++i)
      replace_all(texts[i], suffix, i + 1 == texts.size() ? "" : " ");
  };
  return out;
}

Decoder decoders::sequence(std::vector<Decoder> steps) {
  Decoder out;
  out.show = [steps](std::string& piece) {
    for (const Decoder& step : steps)
      if (step.show) step.show(piece);
  };
  out.decode = [steps](Texts& texts) {
    for (const Decoder& step : steps) step.decode(texts);
  };
  return out;
}

}  // namespace attn
