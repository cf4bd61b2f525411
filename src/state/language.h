// language.h - the two languages of every text that people read.
#pragma once

namespace attn {

enum class Lang { en, zh };

// Both texts stand side by side where they are used: tr(lang, "Layer", "层").
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
