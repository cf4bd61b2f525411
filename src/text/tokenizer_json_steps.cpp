// tokenizer_json_steps.cpp - the steps of a tokenizer.json: one row for each kind of each section.
#include <algorithm>

#include "text/tokenizer_section.h"

namespace attn {

static Result<Pattern> read_pattern(const Section& section) {
  const Json pattern = section.json.at("pattern");
  if (const auto source = pattern.at("Regex").text()) return Pattern::regex(*source, section.where);
  if (const auto literal = pattern.at("String").text()) return Pattern::literal(*literal);
  return Error{section.where +
               ": pattern must be {\"String\": ...} or {\"Regex\": ...}; correct it"};
}

namespace normalizers {
namespace {

int base64_digit(char c) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const size_t digit = kDigits.find(c);
  return digit == kDigits.npos ? -1 : int(digit);
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  int n_bits = 0;
  while (text.ends_with('=')) text.remove_suffix(1);
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (digit < 0) return {};
    bits = bits << 6 | uint32_t(digit);
    n_bits += 6;
    if (n_bits < 8) continue;
    n_bits -= 8;
    out += char(bits >> n_bits & 0xFF);
  }
  return out;
}

template <NormalForm form>
Result<Normalizer> read_normal_form(const Section&) {
  return normal_form(form);
}

Result<Normalizer> read_lowercase(const Section&) { return lowercase(); }

Result<Normalizer> read_strip_accents(const Section&) { return strip_accents(); }

Result<Normalizer> read_strip(const Section& section) {
  return strip(section.flag("strip_left", true), section.flag("strip_right", true));
}

Result<Normalizer> read_prepend(const Section& section) {
  return prepend(section.text("prepend", ""));
}

Result<Normalizer> read_replace(const Section& section) {
  const Result<Pattern> pattern = read_pattern(section);
  if (!pattern) return pattern.error();
  return replace(*pattern, section.text("content", ""));
}

// strip_accents decides; without it, accents are stripped when the text is lowercased.
Result<Normalizer> read_bert(const Section& section) {
  const bool lower = section.flag("lowercase", true);
  return bert({.clean = section.flag("clean_text", true),
               .ideographs = section.flag("handle_chinese_chars", true),
               .lowercase = lower,
               .strip_accents = section.flag("strip_accents", lower)});
}

Result<Normalizer> read_byte_level(const Section&) { return byte_level(); }

// Base64; the library writes null for an empty table.
Result<Normalizer> read_precompiled(const Section& section) {
  const auto bytes = from_base64(section.text("precompiled_charsmap", ""));
  if (!bytes) return section.wrong("precompiled_charsmap", "is not Base64; the file is damaged");
  std::optional<Normalizer> step = precompiled(*bytes);
  if (!step) return section.wrong("precompiled_charsmap", "is cut short; the file is damaged");
  return std::move(*step);
}

Result<Normalizer> read_nmt(const Section&) { return nmt(); }

Result<Normalizer> read_steps(const Section& section) {
  Result<std::vector<Normalizer>> steps = read_sequence(section, "normalizers", read_normalizer);
  if (!steps) return steps.error();
  return sequence(std::move(*steps));
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
}  // namespace normalizers

Result<Normalizer> read_normalizer(const Section& section) {
  return read_step<Normalizer>(normalizers::kKinds, section);
}

namespace pre_tokenizers {
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

Result<PreTokenizer> read_byte_level(const Section& section) {
  return byte_level(section.flag("add_prefix_space", true), section.flag("use_regex", true));
}

Result<PreTokenizer> read_split(const Section& section) {
  const Result<Pattern> pattern = read_pattern(section);
  if (!pattern) return pattern.error();
  const Result<Delimiter> delimiter = read_delimiter(section, "Removed");
  if (!delimiter) return delimiter.error();
  return split(*pattern, *delimiter, section.flag("invert", false));
}

// Old files say add_prefix_space where new ones say prepend_scheme.
Result<PrependScheme> read_prepend_scheme(const Section& section) {
  const bool add = section.flag("add_prefix_space", true);
  const std::string name = section.text("prepend_scheme", add ? "always" : "never");
  if (name == "always") return PrependScheme::always;
  if (name == "first") return PrependScheme::first;
  if (name == "never") return PrependScheme::never;
  return section.wrong("prepend_scheme", "must be always, first or never; correct it");
}

Result<PreTokenizer> read_metaspace(const Section& section) {
  const std::string mark = section.text("replacement", "▁");
  const Result<PrependScheme> scheme = read_prepend_scheme(section);
  if (!scheme) return scheme.error();
  size_t end = 0;
  const char32_t c = decode_utf8(mark, end);
  if (mark.empty() || end != mark.size())
    return section.wrong("replacement", "must be one character; correct it");
  return metaspace(c, *scheme, section.flag("split", true));
}

Result<PreTokenizer> read_whitespace(const Section&) { return whitespace(); }

Result<PreTokenizer> read_whitespace_split(const Section&) { return whitespace_split(); }

Result<PreTokenizer> read_digits(const Section& section) {
  return digits(section.flag("individual_digits", false));
}

Result<PreTokenizer> read_punctuation(const Section& section) {
  const Result<Delimiter> delimiter = read_delimiter(section, "Isolated");
  if (!delimiter) return delimiter.error();
  return punctuation(*delimiter);
}

Result<PreTokenizer> read_bert(const Section&) { return bert(); }

Result<PreTokenizer> read_steps(const Section& section) {
  Result<std::vector<PreTokenizer>> steps =
      read_sequence(section, "pretokenizers", read_pre_tokenizer);
  if (!steps) return steps.error();
  return sequence(std::move(*steps));
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
}  // namespace pre_tokenizers

Result<PreTokenizer> read_pre_tokenizer(const Section& section) {
  return read_step<PreTokenizer>(pre_tokenizers::kKinds, section);
}

namespace post_processors {
namespace {

Result<PostProcessor> read_byte_level(const Section& section) {
  if (!section.flag("trim_offsets", true)) return PostProcessor([](Encoding&) {});
  return trim_offsets(section.flag("add_prefix_space", true));
}

Result<int> read_id(const Section& section, std::string_view field, const Json& json) {
  const std::optional<int64_t> id = json.integer();
  if (!id || *id < 0 || *id >= Vocabulary::limit(size_t(1) << 24))
    return section.wrong(field, "needs the id of a token; correct it");
  return int(*id);
}

// ["[SEP]", 102]
Result<Item> read_named(const Section& section, std::string_view field) {
  const Json pair = section.json.at(field);
  const std::optional<std::string_view> name = pair.at(0).text();
  if (!name) return section.wrong(field, "must be [\"token\", id]; correct it");
  const Result<int> id = read_id(section, field, pair.at(1));
  if (!id) return id.error();
  return special_item(*name, *id);
}

Item of_sequence(Item item, int sequence, int type) {
  item.sequence = sequence;
  item.type = type;
  return item;
}

// BERT's [CLS] A [SEP] B [SEP], whose second text is of type 1; and RoBERTa's
// <s> A </s></s> B </s>, all of type 0, which trims offsets unless trim_offsets is false.
Result<PostProcessor> read_surrounding(const Section& section, bool is_roberta) {
  const Result<Item> first = read_named(section, "cls"), last = read_named(section, "sep");
  if (!first) return first.error();
  if (!last) return last.error();
  const int type = is_roberta ? 0 : 1;
  std::vector<Item> pair = {*first, text_item(0, 0), *last};
  if (is_roberta) pair.push_back(of_sequence(*last, 1, 0));
  pair.insert(pair.end(), {text_item(1, type), of_sequence(*last, 1, type)});
  PostProcessor around = assemble({*first, text_item(0, 0), *last}, std::move(pair));
  if (!is_roberta || !section.flag("trim_offsets", true)) return around;
  return sequence({trim_offsets(section.flag("add_prefix_space", true)), std::move(around)});
}

Result<PostProcessor> read_bert(const Section& section) { return read_surrounding(section, false); }

Result<PostProcessor> read_roberta(const Section& section) {
  return read_surrounding(section, true);
}

// {"id": "[CLS]", "ids": [101], "tokens": ["[CLS]"]}, looked up by its id.
Result<std::vector<Item>> read_template_token(const Section& section, std::string_view id) {
  const Json token = section.json.at("special_tokens").at(id);
  const Json ids = token.at("ids");
  if (!ids.is_array())
    return section.wrong("special_tokens", "has no " + json_quote(id.substr(0, 40)) +
                                               ", which the template uses; add it");
  std::vector<Item> out;
  for (size_t i = 0; i < ids.size(); ++i) {
    const Result<int> number = read_id(section, "special_tokens", ids.at(i));
    if (!number) return number.error();
    out.push_back(special_item(token.at("tokens").at(i).text().value_or(id), *number));
  }
  return out;
}

// [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, …].
// Special tokens belong to the last text that began, or to the first.
Result<std::vector<Item>> read_parts(const Section& section, std::string_view field) {
  const Json parts = section.json.at(field);
  std::vector<Item> items;
  int sequence = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Json text = parts.at(i).at("Sequence"), token = parts.at(i).at("SpecialToken");
    const Json part = text.is_null() ? token : text;
    const auto type = int(std::clamp<int64_t>(part.at("type_id").integer().value_or(0), 0, 255));
    if (!text.is_null()) {
      sequence = text.at("id").text() == "B" ? 1 : 0;
      items.push_back(text_item(sequence, type));
      continue;
    }
    const auto id = token.at("id").text();
    if (!id) return section.wrong(field, "contains neither Sequence nor SpecialToken; correct it");
    const Result<std::vector<Item>> tokens = read_template_token(section, *id);
    if (!tokens) return tokens.error();
    constexpr size_t kMostTokens = 4096;
    for (const Item& item : *tokens) items.push_back(of_sequence(item, sequence, type));
    if (items.size() > kMostTokens)
      return section.wrong(field, "adds more than 4096 tokens; shorten it");
  }
  return items;
}

Result<PostProcessor> read_template(const Section& section) {
  Result<std::vector<Item>> single = read_parts(section, "single");
  if (!single) return single.error();
  Result<std::vector<Item>> pair = read_parts(section, "pair");
  if (!pair) return pair.error();
  const auto n = [](const std::vector<Item>& items, int sequence) {
    return std::ranges::count_if(items,
                                 [=](const Item& i) { return i.id < 0 && i.sequence == sequence; });
  };
  if (n(*single, 0) != 1 || n(*single, 1) != 0)
    return section.wrong("single", "must contain Sequence A exactly once; correct it");
  if (n(*pair, 0) != 1 || n(*pair, 1) != 1) pair->clear();  // two texts are refused
  return assemble(std::move(*single), std::move(*pair));
}

Result<PostProcessor> read_steps(const Section& section) {
  Result<std::vector<PostProcessor>> steps =
      read_sequence(section, "processors", read_post_processor);
  if (!steps) return steps.error();
  return sequence(std::move(*steps));
}

const StepKind<PostProcessor> kKinds[] = {
    {"ByteLevel", read_byte_level}, {"TemplateProcessing", read_template},
    {"BertProcessing", read_bert},  {"RobertaProcessing", read_roberta},
    {"Sequence", read_steps},
};

}  // namespace
}  // namespace post_processors

Result<PostProcessor> read_post_processor(const Section& section) {
  return read_step<PostProcessor>(post_processors::kKinds, section);
}

namespace decoders {
namespace {

Result<Decoder> read_byte_level(const Section&) { return byte_level(); }

Result<Decoder> read_metaspace(const Section& section) {
  const bool add = section.flag("add_prefix_space", true);
  const std::string scheme = section.text("prepend_scheme", add ? "always" : "never");
  return metaspace(section.text("replacement", "▁"), scheme != "never");
}

Result<Decoder> read_replace(const Section& section) {
  const Result<Pattern> pattern = read_pattern(section);
  if (!pattern) return pattern.error();
  return replace(*pattern, section.text("content", ""));
}

Result<Decoder> read_byte_fallback(const Section&) { return byte_fallback(); }

Result<Decoder> read_fuse(const Section&) { return fuse(); }

Result<Decoder> read_strip(const Section& section) {
  return strip(section.text("content", " "), section.json.at("start").integer().value_or(0),
               section.json.at("stop").integer().value_or(0));
}

Result<Decoder> read_word_piece(const Section& section) {
  return word_piece(section.text("prefix", "##"), section.flag("cleanup", true));
}

Result<Decoder> read_bpe(const Section& section) { return bpe(section.text("suffix", "</w>")); }

Result<Decoder> read_steps(const Section& section) {
  Result<std::vector<Decoder>> steps = read_sequence(section, "decoders", read_decoder);
  if (!steps) return steps.error();
  return sequence(std::move(*steps));
}

const StepKind<Decoder> kKinds[] = {
    {"ByteLevel", read_byte_level},       {"Metaspace", read_metaspace}, {"Replace", read_replace},
    {"ByteFallback", read_byte_fallback}, {"Fuse", read_fuse},           {"Strip", read_strip},
    {"WordPiece", read_word_piece},       {"BPEDecoder", read_bpe},      {"Sequence", read_steps},
};

}  // namespace
}  // namespace decoders

Result<Decoder> read_decoder(const Section& section) {
  return read_step<Decoder>(decoders::kKinds, section);
}

}  // namespace attn
