// tokenizer_normalizers.cpp - the normalizer section: what is done to a text before it is cut.
#include "base/utf8.h"
#include "text/tokenizer_chars.h"
#include "text/tokenizer_normal_forms.h"
#include "text/tokenizer_precompiled.h"
#include "text/tokenizer_regex.h"
#include "text/tokenizer_steps.h"

namespace attn {
namespace {

template <NormalForm form>
Result<Normalizer> read_normal_form(const Section&) {
  return Normalizer([](AlignedText& text) { to_normal_form(text, form); });
}

// U+0130 is the one character whose lower case is two.
void to_lower(AlignedText& text) {
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

Result<Normalizer> read_lowercase(const Section&) { return Normalizer(to_lower); }

Result<Normalizer> read_strip_accents(const Section&) {
  return Normalizer(
      [](AlignedText& text) { text.keep_if([](char32_t c) { return !is_mark(c); }); });
}

void strip(AlignedText& text, bool left, bool right) {
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

Result<Normalizer> read_strip(const Section& section) {
  const bool left = section.flag("strip_left", true), right = section.flag("strip_right", true);
  return Normalizer([=](AlignedText& text) {
    if (left || right) strip(text, left, right);
  });
}

Result<Normalizer> read_prepend(const Section& section) {
  const std::string prefix = section.text("prepend", "");
  return Normalizer([=](AlignedText& text) { text.prepend(prefix); });
}

// What is put in takes the place of the last byte that it replaces.
void replace(AlignedText& text, const Pattern& pattern, std::string_view content) {
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

Result<Normalizer> read_replace(const Section& section) {
  const Result<Pattern> pattern = Pattern::read(section.json.at("pattern"), section.where);
  if (!pattern) return pattern.error();
  return Normalizer([pattern = *pattern, content = section.text("content", "")](AlignedText& text) {
    replace(text, pattern, content);
  });
}

// Devlin et al. 2019. Accents go when told so, or else when case goes.
Result<Normalizer> read_bert(const Section& section) {
  const bool clean = section.flag("clean_text", true);
  const bool ideographs = section.flag("handle_chinese_chars", true);
  const bool lowercase = section.flag("lowercase", true);
  const bool accents = section.flag("strip_accents", lowercase);
  return Normalizer([=](AlignedText& text) {
    if (clean) {
      text.keep_if([](char32_t c) { return c != 0 && c != kReplacement && !is_bert_control(c); });
      text.map([](char32_t c) { return is_whitespace(c) ? U' ' : c; });
    }
    if (ideographs) {
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
    if (accents) {
      to_normal_form(text, NormalForm::nfd);
      text.keep_if([](char32_t c) { return !is_nonspacing_mark(c); });
    }
    if (lowercase) to_lower(text);
  });
}

Result<Normalizer> read_byte_level(const Section&) { return Normalizer(to_byte_letters); }

Result<Normalizer> read_steps(const Section& section) {
  Result<std::vector<Normalizer>> steps = read_sequence(section, "normalizers", read_normalizer);
  if (!steps) return steps.error();
  return Normalizer([steps = *steps](AlignedText& text) {
    for (const Normalizer& step : steps) step(text);
  });
}

const StepKind<Normalizer> kKinds[] = {
    {"NFC", read_normal_form<NormalForm::nfc>},
    {"NFD", read_normal_form<NormalForm::nfd>},
    {"NFKC", read_normal_form<NormalForm::nfkc>},
    {"NFKD", read_normal_form<NormalForm::nfkd>},
    {"Lowercase", read_lowercase},
    {"StripAccents", read_strip_accents},
    {"Strip", read_strip},
    {"Prepend", read_prepend},
    {"Replace", read_replace},
    {"BertNormalizer", read_bert},
    {"ByteLevel", read_byte_level},
    {"Precompiled", read_precompiled},
    {"Nmt", read_nmt},
    {"Sequence", read_steps},
};

}  // namespace

Result<Normalizer> read_normalizer(const Section& section) {
  return read_step<Normalizer>(kKinds, section);
}

}  // namespace attn
