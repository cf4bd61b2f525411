// tokenizer_json_model.cpp - the model section of tokenizer.json: a vocabulary and its kind.
#include "text/tokenizer_section.h"

namespace attn {

Result<SubwordRecords> read_piece_ids(const Section& vocab, SubwordKind kind) {
  if (!vocab.json.is_object())
    return Error{vocab.where + " must be an object that maps pieces to ids; the file is damaged"};
  SubwordRecords out{.kind = kind};
  out.vocabulary.reserve(vocab.json.size());
  const int64_t most = Vocabulary::limit(vocab.json.size());
  Status error;
  vocab.json.each([&](std::string_view piece, const Json& value) {
    const std::optional<int64_t> id = value.integer();
    if (!id || *id < 0 || *id >= most) {
      error =
          Error{vocab.where + ": the id of " + json_quote(piece.substr(0, 80)) +
                " must be a whole number from 0 to " + std::to_string(most - 1) + "; correct it"};
      return false;
    }
    out.vocabulary.add(piece, int(*id));
    return true;
  });
  if (error) return *error;
  return out;
}

namespace {

// "a b" in older files, ["a", "b"] in newer ones.
std::optional<std::pair<std::string_view, std::string_view>> read_pair(const Json& json) {
  if (const auto line = json.text()) {
    const size_t blank = line->find(' ');
    if (blank == line->npos || line->find(' ', blank + 1) != line->npos) return {};
    return std::pair(line->substr(0, blank), line->substr(blank + 1));
  }
  const auto left = json.at(0).text(), right = json.at(1).text();
  if (!left || !right || json.size() != 2) return {};
  return std::pair(*left, *right);
}

Status read_merges(const Section& section, SubwordRecords& records) {
  const Json list = section.json.at("merges");
  if (!list.is_array()) return section.wrong("merges", "must be a list; the file is damaged");
  records.merges.reserve(list.size());
  Status error;
  list.each([&](std::string_view, const Json& json) {
    const auto entry = [&] { return "entry " + std::to_string(records.merges.size()); };
    const auto pair = read_pair(json);
    if (!pair) {
      error = section.wrong("merges", entry() + " must be two pieces; the file is damaged");
      return false;
    }
    if (const auto missing = records.add_merge(pair->first, pair->second)) {
      error = section.wrong("merges", entry() + " needs " + json_quote(missing->substr(0, 80)) +
                                          ", which is not in vocab; the file is damaged");
      return false;
    }
    return true;
  });
  return error;
}

Result<SubwordRecords> read_vocabulary(const Section& section, SubwordKind kind) {
  return read_piece_ids({section.json.at("vocab"), section.where + " vocab"}, kind);
}

Result<SubwordRecords> read_bpe(const Section& section) {
  Result<SubwordRecords> records = read_vocabulary(section, SubwordKind::bpe);
  if (!records) return records.error();
  records->continuing_prefix = section.text("continuing_subword_prefix", "");
  records->end_of_word_suffix = section.text("end_of_word_suffix", "");
  records->fuse_unknown = section.flag("fuse_unk", false);
  records->byte_fallback = section.flag("byte_fallback", false);
  records->ignore_merges = section.flag("ignore_merges", false);
  if (const auto piece = section.json.at("unk_token").text()) {
    records->unknown = records->vocabulary.find(*piece);
    if (records->unknown < 0)
      return section.wrong("unk_token", json_quote(piece->substr(0, 80)) +
                                            " is not in vocab; add it or set unk_token to null");
  }
  if (Status error = read_merges(section, *records)) return *error;
  return records;
}

Result<SubwordRecords> read_word_piece(const Section& section) {
  Result<SubwordRecords> records = read_vocabulary(section, SubwordKind::word_piece);
  if (!records) return records.error();
  records->continuing_prefix = section.text("continuing_subword_prefix", "##");
  records->most_characters = section.json.at("max_input_chars_per_word").integer().value_or(100);
  const std::string unknown = section.text("unk_token", "[UNK]");
  records->unknown = records->vocabulary.find(unknown);
  if (records->unknown < 0)
    return section.wrong(
        "unk_token", json_quote(unknown.substr(0, 80)) + " is not in vocab; use a token that is");
  return records;
}

Result<SubwordRecords> read_unigram(const Section& section) {
  const Json list = section.json.at("vocab");
  if (!list.is_array())
    return section.wrong("vocab", "must be a list of pieces and scores; the file is damaged");
  if (int64_t(list.size()) > Vocabulary::limit(list.size()))
    return section.wrong("vocab", "has too many pieces");
  SubwordRecords records{.kind = SubwordKind::unigram};
  bool good = true;
  list.each([&](std::string_view, const Json& entry) {
    const auto piece = entry.at(0).text();
    const auto score = entry.at(1).number();
    good = piece && score;
    if (!good) return false;
    records.vocabulary.add(*piece, int(records.scores.size()));
    records.scores.push_back(*score);
    return true;
  });
  if (!good)
    return section.wrong("vocab", "entry " + std::to_string(records.scores.size()) +
                                      " must be [\"piece\", score]; the file is damaged");
  const Json unknown = section.json.at("unk_id");
  if (!unknown.is_null()) {
    const int64_t id = unknown.integer().value_or(-1);
    if (id < 0 || id >= int64_t(records.scores.size()))
      return section.wrong("unk_id", "must be the index of a piece in vocab; correct it");
    records.unknown = int(id);
  }
  records.byte_fallback = section.flag("byte_fallback", false);
  return records;
}

Result<SubwordRecords> read_word_level(const Section& section) {
  Result<SubwordRecords> records = read_vocabulary(section, SubwordKind::word_level);
  if (records) records->unknown = records->vocabulary.find(section.text("unk_token", "<unk>"));
  return records;
}

const StepKind<SubwordRecords> kKinds[] = {
    {"BPE", read_bpe},
    {"WordPiece", read_word_piece},
    {"Unigram", read_unigram},
    {"WordLevel", read_word_level},
};

}  // namespace

Result<SubwordRecords> read_subword_records(const Section& section) {
  const Json& json = section.json;
  if (!json.is_object())
    return Error{section.where +
                 " is missing; use a tokenizer.json written by the tokenizers library"};
  if (!json.at("type").is_null()) return read_step<SubwordRecords>(kKinds, section);
  // Files from before 2021 do not say; the kinds differ in their fields.
  if (!json.at("merges").is_null()) return read_bpe(section);
  if (json.at("vocab").is_array()) return read_unigram(section);
  if (!json.at("continuing_subword_prefix").is_null()) return read_word_piece(section);
  return read_word_level(section);
}

}  // namespace attn
