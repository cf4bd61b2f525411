// language.h - the two languages of the interface.
#pragma once

namespace attn {

enum class Lang { en, zh };

// Chooses between two texts in place: tr(lang, "Layer", "层").
constexpr const char* tr(Lang lang, const char* en, const char* zh) {
  return lang == Lang::zh ? zh : en;
}

// For tables of titles: {"Layer", "层"}.
struct Text {
  const char* en = "";
  const char* zh = "";
  constexpr const char* in(Lang lang) const { return lang == Lang::zh ? zh : en; }
};

}  // namespace attn
