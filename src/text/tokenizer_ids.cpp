#include "text/tokenizer_ids.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/tokenizer_chars.h"
#include "text/tokenizer_records.h"

namespace attn {

std::shared_ptr<const Tokenizer> ids_tokenizer(int n) {
  TokenizerRecords records{.file = "ids"};
  records.model.kind = SubwordKind::word_level;
  records.model.vocabulary.reserve(size_t(n));
  for (int id = 0; id < n; ++id) records.model.vocabulary.add(std::to_string(id), id);
  records.pre_tokenizer = pre_tokenizers::whitespace_split();
  records.decoder.decode = [](std::vector<std::string>& pieces) {
    for (size_t i = 1; i < pieces.size(); ++i) pieces[i].insert(0, " ");
  };
  return *Tokenizer::from_records(std::move(records));
}

std::string_view first_not_id(const Tokenizer& tokenizer, std::string_view text) {
  size_t begin = 0;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = at;
    const bool ends = at == text.size() || is_whitespace(decode_utf8(text, at));
    if (!ends) continue;
    const std::string_view word = text.substr(begin, end - begin);
    if (!word.empty() && tokenizer.id_of(word) < 0) return word;
    if (end == text.size()) break;
    begin = at;
  }
  return {};
}

std::string example_ids(const Tokenizer& tokenizer) {
  constexpr int kMost = 8;
  std::string text;
  for (int id = 0; id < std::min(kMost, tokenizer.size()); ++id)
    text += (id > 0 ? " " : "") + std::to_string(id);
  return text;
}

}  // namespace attn
