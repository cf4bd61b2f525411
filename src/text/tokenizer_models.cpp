// tokenizer_models.cpp - from records to the model of their kind, and the simplest of them.
#include "text/tokenizer_models.h"

#include <algorithm>

namespace attn {

std::optional<std::string> SubwordRecords::add_merge(std::string_view left,
                                                     std::string_view right) {
  const bool continues = !continuing_prefix.empty() && right.starts_with(continuing_prefix);
  std::string merged(left);
  merged += continues ? right.substr(continuing_prefix.size()) : right;
  const BpeMerge merge{vocabulary.find(left), vocabulary.find(right), vocabulary.find(merged)};
  if (merge.left < 0) return std::string(left);
  if (merge.right < 0) return std::string(right);
  if (merge.merged < 0) return merged;
  merges.push_back(merge);
  return {};
}

std::array<int, 256> ids_of_bytes(const Vocabulary& vocabulary) {
  std::array<int, 256> ids{};
  for (size_t byte = 0; byte < 256; ++byte) {
    constexpr char kHex[] = "0123456789ABCDEF";
    const char piece[] = {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
    ids[byte] = vocabulary.find({piece, sizeof piece});
  }
  return ids;
}

SubwordModel make_word_level(SubwordRecords records) {
  const auto vocabulary = std::make_shared<const Vocabulary>(std::move(records.vocabulary));
  return {vocabulary, [vocabulary, unknown = records.unknown](std::string_view piece,
                                                              std::vector<Subword>& out) {
            const int id = vocabulary->find(piece);
            if (id >= 0 || unknown >= 0) out.push_back({id >= 0 ? id : unknown, 0, piece.size()});
          }};
}

Result<SubwordModel> make_subword_model(SubwordRecords records, const std::string& where) {
  const int size = records.vocabulary.size();
  const auto is_id = [&](int id) { return id >= 0 && id < size; };
  if (records.unknown != -1 && !is_id(records.unknown))
    return Error{where + ": the unknown token is not in the vocabulary; correct it"};
  switch (records.kind) {
    case SubwordKind::bpe:
      for (const BpeMerge& merge : records.merges) {
        if (!is_id(merge.left) || !is_id(merge.right) || !is_id(merge.merged))
          return Error{where + ": a merge uses pieces that are not in the vocabulary; correct it"};
      }
      return make_bpe(std::move(records));
    case SubwordKind::word_piece:
      if (records.unknown < 0)
        return Error{where + ": WordPiece needs an unknown token; name one from the vocabulary"};
      return make_word_piece(std::move(records));
    case SubwordKind::unigram:
      if (int64_t(records.scores.size()) < size)
        return Error{where + ": there are fewer scores than pieces; the file is damaged"};
      return make_unigram(std::move(records));
    case SubwordKind::word_level:
      return make_word_level(std::move(records));
  }
  return Error{where + ": unknown model type"};
}

}  // namespace attn
