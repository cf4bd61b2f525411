// tokenizer_normal_forms.cpp - Unicode normalization, implemented here because utf8proc's does not
// report which characters became which, and sorts marks in time that grows with their square.
#include "text/tokenizer_normal_forms.h"

#include <utf8proc.h>

#include <algorithm>

#include "text/tokenizer_chars.h"
#include "text/tokenizer_drift.h"

namespace attn {
namespace {

int combining_class(char32_t c) {
  return utf8proc_get_property(utf8proc_int32_t(c))->combining_class;
}

// Decomposed and in canonical order. The first part of each character replaces it.
std::vector<Change> decomposed(std::string_view text, bool compat) {
  std::vector<Change> out;
  const int options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (compat ? UTF8PROC_COMPAT : 0);
  size_t first_mark = 0;  // where the run of combining characters at the end begins
  const auto sort_marks = [&] {
    std::stable_sort(out.begin() + std::ptrdiff_t(first_mark), out.end(),
                     [](const Change& a, const Change& b) {
                       return combining_class(a.c) < combining_class(b.c);
                     });
    first_mark = out.size();
  };
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_utf8(text, at);
    utf8proc_int32_t parts[32];
    int last_class = 0;
    const utf8proc_ssize_t n =
        drifts(Drift::plain, c) ? 0
                                : utf8proc_decompose_char(utf8proc_int32_t(c), parts, 32,
                                                          utf8proc_option_t(options), &last_class);
    if (n <= 0 || n > 32) parts[0] = utf8proc_int32_t(c);
    for (utf8proc_ssize_t i = 0; i < (n <= 0 || n > 32 ? 1 : n); ++i) {
      const char32_t part = char32_t(parts[i]);
      if (combining_class(part) == 0) sort_marks();
      out.push_back({part, i > 0 ? 1 : 0});
      if (combining_class(part) == 0) first_mark = out.size();
    }
  }
  sort_marks();
  return out;
}

// The character that the pair composes to; 0 if none.
char32_t composed(char32_t a, char32_t b) {
  utf8proc_int32_t pair[3] = {utf8proc_int32_t(a), utf8proc_int32_t(b), 0};
  const auto options = utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  return utf8proc_normalize_utf32(pair, 2, options) == 1 ? char32_t(pair[0]) : 0;
}

// Unicode 3.11, D117: each character joins the last starter unless something between blocks it.
std::vector<Change> composed(const std::vector<Change>& parts) {
  std::vector<Change> out;
  constexpr size_t kNone = size_t(-1);
  size_t starter = kNone;
  int last_class = -1;  // of the characters between the starter and here; -1: there are none
  for (const Change& part : parts) {
    const int part_class = combining_class(part.c);
    if (starter != kNone && last_class < part_class) {
      if (const char32_t c = composed(out[starter].c, part.c)) {
        out[starter] = {c, out[starter].delta + part.delta - 1};
        continue;
      }
    }
    if (part_class == 0) {
      starter = out.size();
      last_class = -1;
    } else {
      last_class = part_class;
    }
    out.push_back(part);
  }
  return out;
}

bool is_unchanged(std::string_view text, const std::vector<Change>& changes) {
  size_t at = 0;
  for (const Change& change : changes)
    if (at >= text.size() || change.delta != 0 || decode_utf8(text, at) != change.c) return false;
  return at == text.size();
}

}  // namespace

void to_normal_form(AlignedText& text, NormalForm form) {
  if (std::ranges::all_of(text.text, [](char c) { return uint8_t(c) < 0x80; })) return;
  const bool compat = form == NormalForm::nfkc || form == NormalForm::nfkd;
  std::vector<Change> changes = decomposed(text.text, compat);
  if (form == NormalForm::nfc || form == NormalForm::nfkc) changes = composed(changes);
  if (!is_unchanged(text.text, changes)) text.transform(changes);
}

void to_byte_letters(AlignedText& text) {
  std::string letters;
  std::vector<Place> places;
  letters.reserve(text.text.size() * 2);
  places.reserve(text.text.size() * 2);
  for (size_t i = 0; i < text.text.size(); ++i) {
    append_utf8(letters, byte_to_letter(uint8_t(text.text[i])));
    places.resize(letters.size(), text.places[i]);
  }
  text.text = std::move(letters);
  text.places = std::move(places);
}

}  // namespace attn
