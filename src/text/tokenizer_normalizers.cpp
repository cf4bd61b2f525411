// tokenizer_normalizers.cpp - steps applied to a text before it is split.
#include "base/utf8.h"
#include "text/tokenizer_chars.h"
#include "text/tokenizer_normal_forms.h"
#include "text/tokenizer_steps.h"

namespace attn {

Normalizer normalizers::normal_form(NormalForm form) {
  return [form](AlignedText& text) { to_normal_form(text, form); };
}

// U+0130 is the only character whose lower case has two.
static void to_lower(AlignedText& text) {
  std::vector<Change> changes;
  bool changed = false;
  for (size_t at = 0; at < text.text.size();) {
    const char32_t c = decode_utf8(text.text, at);
    constexpr char32_t kDottedI = 0x130, kDotAbove = 0x307;
    changes.push_back({c == kDottedI ? U'i' : lower(c), 0});
    if (c == kDottedI) changes.push_back({kDotAbove, 1});
    changed |= changes.back().c != c;
  }
  if (changed) text.transform(changes);
}

Normalizer normalizers::lowercase() { return to_lower; }

Normalizer normalizers::strip_accents() {
  return [](AlignedText& text) { text.keep_if([](char32_t c) { return !is_mark(c); }); };
}

static void strip_blanks(AlignedText& text, bool left, bool right) {
  size_t begin = text.text.size(), end = 0;
  for (size_t at = 0; at < text.text.size();) {
    const size_t first = at;
    if (is_whitespace(decode_utf8(text.text, at))) continue;
    begin = std::min(begin, first);
    end = at;
  }
  if (begin >= end) begin = end = 0;  // all blank
  text.keep_range(left || end == 0 ? begin : 0, right || end == 0 ? end : text.text.size());
}

Normalizer normalizers::strip(bool left, bool right) {
  return [=](AlignedText& text) {
    if (left || right) strip_blanks(text, left, right);
  };
}

Normalizer normalizers::prepend(std::string prefix) {
  return [prefix = std::move(prefix)](AlignedText& text) { text.prepend(prefix); };
}

// Inserted text takes the place of the last byte that it replaces.
static void replace_matches(AlignedText& text, const Pattern& pattern, std::string_view content) {
  const std::vector<Match> matches = pattern.find(text.text);
  uint64_t size = text.text.size();
  for (const Match& match : matches)
    if (match.is_match) size = size + content.size() - (match.end - match.begin);
  if (!text.may_grow_to(size)) return;
  AlignedText out;
  out.all = text.all;
  for (const Match& match : matches) {
    if (match.is_match) {
      out.text += content;
      const Place place =
          match.end > 0 ? text.places[match.end - 1] : Place{text.all.begin, text.all.begin};
      out.places.insert(out.places.end(), content.size(), place);
    } else {
      out.text.append(text.text, match.begin, match.end - match.begin);
      out.places.insert(out.places.end(), text.places.begin() + std::ptrdiff_t(match.begin),
                        text.places.begin() + std::ptrdiff_t(match.end));
    }
  }
  text = std::move(out);
}

Normalizer normalizers::replace(Pattern pattern, std::string content) {
  return [pattern = std::move(pattern), content = std::move(content)](AlignedText& text) {
    replace_matches(text, pattern, content);
  };
}

Normalizer normalizers::bert(const BertOptions& options) {
  return [options](AlignedText& text) {
    if (options.clean) {
      text.keep_if([](char32_t c) { return c != 0 && c != kReplacement && !is_bert_control(c); });
      text.map([](char32_t c) { return is_whitespace(c) ? U' ' : c; });
    }
    if (options.ideographs) {
      std::vector<Change> changes;
      for (size_t at = 0; at < text.text.size();) {
        const char32_t c = decode_utf8(text.text, at);
        if (is_cjk_ideograph(c)) {
          changes.insert(changes.end(), {{U' ', 0}, {c, 1}, {U' ', 1}});
        } else {
          changes.push_back({c, 0});
        }
      }
      text.transform(changes);
    }
    if (options.strip_accents) {
      to_normal_form(text, NormalForm::nfd);
      text.keep_if([](char32_t c) { return !is_nonspacing_mark(c); });
    }
    if (options.lowercase) to_lower(text);
  };
}

Normalizer normalizers::byte_level() { return to_byte_letters; }

Normalizer normalizers::sequence(std::vector<Normalizer> steps) {
  return [steps = std::move(steps)](AlignedText& text) {
    for (const Normalizer& step : steps) step(text);
  };
}

}  // namespace attn
