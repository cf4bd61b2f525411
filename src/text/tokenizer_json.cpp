// tokenizer_json.cpp - from tokenizer.json to the records of a tokenizer.
#include "text/tokenizer.h"
#include "text/tokenizer_section.h"

namespace attn {

static Result<std::vector<AddedToken>> read_added_tokens(const Section& list) {
  std::vector<AddedToken> out;
  if (list.json.is_null()) return out;
  if (!list.json.is_array()) return Error{list.where + " must be a list; the file is damaged"};
  for (size_t i = 0; i < list.json.size(); ++i) {
    const Section section{list.json.at(i), list.where};
    const int64_t id = section.json.at("id").integer().value_or(-1);
    AddedToken token{.id = id < 0 || id > INT32_MAX ? -1 : int(id),
                     .content = section.text("content", ""),
                     .special = section.flag("special", false),
                     .single_word = section.flag("single_word", false),
                     .lstrip = section.flag("lstrip", false),
                     .rstrip = section.flag("rstrip", false)};
    token.normalized = section.flag("normalized", !token.special);
    out.push_back(std::move(token));
  }
  return out;
}

// The sections truncation and padding are deliberately ignored: no text is cut silently.
Result<TokenizerRecords> read_tokenizer_json(const Json& json, std::string_view file) {
  const auto section = [&](const char* name) {
    return Section{json.at(name), std::string(file) + ": " + name};
  };
  Result<SubwordRecords> model = read_subword_records(section("model"));
  if (!model) return model.error();
  Result<Normalizer> normalizer = read_normalizer(section("normalizer"));
  if (!normalizer) return normalizer.error();
  Result<PreTokenizer> pre_tokenizer = read_pre_tokenizer(section("pre_tokenizer"));
  if (!pre_tokenizer) return pre_tokenizer.error();
  Result<PostProcessor> post_processor = read_post_processor(section("post_processor"));
  if (!post_processor) return post_processor.error();
  Result<Decoder> decoder = read_decoder(section("decoder"));
  if (!decoder) return decoder.error();
  Result<std::vector<AddedToken>> added = read_added_tokens(section("added_tokens"));
  if (!added) return added.error();
  return TokenizerRecords{.file = std::string(file),
                          .model = std::move(*model),
                          .added = std::move(*added),
                          .normalizer = std::move(*normalizer),
                          .pre_tokenizer = std::move(*pre_tokenizer),
                          .post_processor = std::move(*post_processor),
                          .decoder = std::move(*decoder)};
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::from_json(const Json& json,
                                                              std::string_view file) {
  Result<TokenizerRecords> records = read_tokenizer_json(json, file);
  if (!records) return records.error();
  return from_records(std::move(*records));
}

}  // namespace attn
