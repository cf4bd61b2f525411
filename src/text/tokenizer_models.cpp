// tokenizer_models.cpp - the model section: which kind it is, and the simplest of them.
#include "text/tokenizer_models.h"

namespace attn {

Result<SubwordModel> read_word_level(const Section& section) {
  Result<Vocabulary> read = Vocabulary::read(section.json.at("vocab"), section.where + " vocab");
  if (!read) return read.error();
  const auto vocabulary = std::make_shared<const Vocabulary>(std::move(*read));
  const int unknown = vocabulary->find(section.text("unk_token", "<unk>"));
  return SubwordModel{vocabulary, [=](std::string_view piece, std::vector<Subword>& out) {
                        const int id = vocabulary->find(piece);
                        if (id >= 0 || unknown >= 0)
                          out.push_back({id >= 0 ? id : unknown, 0, piece.size()});
                      }};
}

static const StepKind<SubwordModel> kKinds[] = {
    {"BPE", read_bpe},
    {"WordPiece", read_word_piece},
    {"Unigram", read_unigram},
    {"WordLevel", read_word_level},
};

Result<SubwordModel> read_subword_model(const Section& section) {
  const Json& json = section.json;
  if (!json.is_object())
    return Error{section.where +
                 " is missing; this is no tokenizer.json of the tokenizers library"};
  if (!json.at("type").is_null()) return read_step<SubwordModel>(kKinds, section);
  // Files from before 2021 do not say; the kinds differ in their fields.
  if (!json.at("merges").is_null()) return read_bpe(section);
  if (json.at("vocab").is_array()) return read_unigram(section);
  if (!json.at("continuing_subword_prefix").is_null()) return read_word_piece(section);
  return read_word_level(section);
}

}  // namespace attn
