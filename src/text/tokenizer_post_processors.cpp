// tokenizer_post_processors.cpp - the post_processor section: special tokens around a text, and
// offsets without blanks.
#include <algorithm>

#include "base/utf8.h"
#include "text/tokenizer_chars.h"
#include "text/tokenizer_steps.h"

namespace attn {
namespace {

bool is_blank_letter(char32_t c) { return c == byte_to_letter(' ') || is_whitespace(c); }

size_t count_leading_blanks(std::string_view value) {
  size_t n = 0;
  for (size_t at = 0; at < value.size() && is_blank_letter(decode_utf8(value, at));) ++n;
  return n;
}

size_t count_trailing_blanks(std::string_view value) {
  size_t n = 0;
  for (size_t at = 0; at < value.size();) n = is_blank_letter(decode_utf8(value, at)) ? n + 1 : 0;
  return n;
}

// Offsets of " the" become those of "the". The blank that add_prefix_space put before the first
// token is no part of the text, so nothing is taken away there.
void trim_offsets(Encoding& encoding, bool add_prefix_space) {
  const std::string_view text = encoding.text;
  for (size_t i = 0; i < encoding.items.size(); ++i) {
    Item& item = encoding.items[i];
    size_t leading = count_leading_blanks(item.value);
    if ((i == 0 || item.begin == 0) && add_prefix_space) leading = 0;
    for (; leading > 0 && item.begin < item.end; --leading) decode_utf8(text, item.begin);
    size_t trailing = count_trailing_blanks(item.value);
    for (; trailing > 0 && item.end > item.begin; --trailing) do
        --item.end;
      while (item.end > item.begin && (uint8_t(text[item.end]) & 0xC0) == 0x80);
  }
}

Result<PostProcessor> read_byte_level(const Section& section) {
  const bool trims = section.flag("trim_offsets", true);
  const bool add_space = section.flag("add_prefix_space", true);
  return PostProcessor([=](Encoding& encoding) {
    if (trims) trim_offsets(encoding, add_space);
  });
}

Item special_item(std::string_view value, int id) { return {id, std::string(value), 0, 0, true}; }

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

// BERT's [CLS] … [SEP] and RoBERTa's <s> … </s>, which also trims offsets unless told not to.
Result<PostProcessor> read_surrounding(const Section& section, bool trims) {
  const Result<Item> first = read_named(section, "cls"), last = read_named(section, "sep");
  if (!first) return first.error();
  if (!last) return last.error();
  const bool add_space = section.flag("add_prefix_space", true);
  return PostProcessor([=, first = *first, last = *last](Encoding& encoding) {
    if (trims) trim_offsets(encoding, add_space);
    if (!encoding.add_special) return;
    encoding.items.insert(encoding.items.begin(), first);
    encoding.items.push_back(last);
  });
}

Result<PostProcessor> read_bert(const Section& section) { return read_surrounding(section, false); }

Result<PostProcessor> read_roberta(const Section& section) {
  return read_surrounding(section, section.flag("trim_offsets", true));
}

// {"id": "[CLS]", "ids": [101], "tokens": ["[CLS]"]}, looked up by its id.
Result<std::vector<Item>> read_template_token(const Section& section, std::string_view id) {
  const Json token = section.json.at("special_tokens").at(id);
  const Json ids = token.at("ids");
  if (!ids.is_array())
    return section.wrong("special_tokens", "has no " + json_quote(id.substr(0, 40)) +
                                               ", which its template names; add it");
  std::vector<Item> out;
  for (size_t i = 0; i < ids.size(); ++i) {
    const Result<int> number = read_id(section, "special_tokens", ids.at(i));
    if (!number) return number.error();
    out.push_back(special_item(token.at("tokens").at(i).text().value_or(id), *number));
  }
  return out;
}

Result<PostProcessor> read_template(const Section& section) {
  const Json parts = section.json.at("single");
  std::vector<Item> before, after;
  int n_sequences = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!parts.at(i).at("Sequence").is_null()) {
      ++n_sequences;
      continue;
    }
    const auto id = parts.at(i).at("SpecialToken").at("id").text();
    if (!id) return section.wrong("single", "holds neither Sequence nor SpecialToken; correct it");
    const Result<std::vector<Item>> items = read_template_token(section, *id);
    if (!items) return items.error();
    std::vector<Item>& side = n_sequences ? after : before;
    constexpr size_t kMostTokens = 4096;
    side.insert(side.end(), items->begin(), items->end());
    if (side.size() > kMostTokens)
      return section.wrong("single", "adds more than 4096 tokens; shorten it");
  }
  if (n_sequences != 1) return section.wrong("single", "must hold Sequence A once; correct it");
  return PostProcessor([=](Encoding& encoding) {
    if (!encoding.add_special) return;
    encoding.items.insert(encoding.items.begin(), before.begin(), before.end());
    encoding.items.insert(encoding.items.end(), after.begin(), after.end());
  });
}

Result<PostProcessor> read_steps(const Section& section) {
  Result<std::vector<PostProcessor>> steps =
      read_sequence(section, "processors", read_post_processor);
  if (!steps) return steps.error();
  return PostProcessor([steps = *steps](Encoding& encoding) {
    for (const PostProcessor& step : steps) step(encoding);
  });
}

const StepKind<PostProcessor> kKinds[] = {
    {"ByteLevel", read_byte_level}, {"TemplateProcessing", read_template},
    {"BertProcessing", read_bert},  {"RobertaProcessing", read_roberta},
    {"Sequence", read_steps},
};

}  // namespace

Result<PostProcessor> read_post_processor(const Section& section) {
  return read_step<PostProcessor>(kKinds, section);
}

}  // namespace attn
