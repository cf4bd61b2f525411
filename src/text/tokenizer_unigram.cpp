// tokenizer_unigram.cpp - SentencePiece's unigram model: of all cuts the one of the highest score.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/utf8.h"
#include "text/tokenizer_models.h"

namespace attn {
namespace {

struct Unigram {
  std::shared_ptr<const Vocabulary> vocabulary;
  std::vector<double> scores;  // by id
  double unknown_score = 0;
  int unknown = -1;
  bool byte_fallback = false;
  std::array<int, 256> bytes{};

  void cut(std::string_view text, std::vector<Subword>& out) const;
  std::vector<Subword> best_cut(std::string_view text) const;
};

std::vector<Subword> Unigram::best_cut(std::string_view text) const {
  struct Best {
    double score = 0;
    size_t begin = size_t(-1);  // of the last piece of the best cut that ends here
    int id = -1;
  };
  std::vector<Best> best(text.size() + 1);
  const auto offer = [&](size_t begin, size_t end, int id, double score) {
    Best& here = best[end];
    const double sum = best[begin].score + score;
    if (here.begin == size_t(-1) || sum > here.score) here = {sum, begin, id};
  };
  for (size_t begin = 0; begin < text.size();) {
    size_t next = begin;
    decode_utf8(text, next);
    bool has_single = false;
    for (size_t end = begin; end < std::min(text.size(), begin + vocabulary->longest());) {
      decode_utf8(text, end);
      const int id = vocabulary->find(text.substr(begin, end - begin));
      if (id < 0) continue;
      offer(begin, end, id, scores[size_t(id)]);
      has_single |= end == next;
    }
    if (!has_single) offer(begin, next, unknown, unknown_score);
    begin = next;
  }
  std::vector<Subword> out;
  for (size_t end = text.size(); end > 0; end = best[end].begin)
    out.push_back({best[end].id, best[end].begin, end});
  std::reverse(out.begin(), out.end());
  return out;
}

void Unigram::cut(std::string_view text, std::vector<Subword>& out) const {
  std::vector<Subword> pieces = best_cut(text);
  for (size_t i = 0; i < pieces.size(); ++i) {
    Subword piece = pieces[i];
    if (piece.id != unknown) {
      out.push_back(piece);
      continue;
    }
    while (i + 1 < pieces.size() && pieces[i + 1].id == unknown) piece.end = pieces[++i].end;
    const std::string_view letters = text.substr(piece.begin, piece.end - piece.begin);
    // Unknown characters side by side may spell a piece that was not the best cut.
    if (const int id = vocabulary->find(letters); id >= 0) piece.id = id;
    const bool has_bytes =
        byte_fallback && piece.id == unknown &&
        std::all_of(letters.begin(), letters.end(), [&](char c) { return bytes[uint8_t(c)] >= 0; });
    if (has_bytes) {
      for (const char c : letters) out.push_back({bytes[uint8_t(c)], piece.begin, piece.end});
    } else if (piece.id >= 0) {
      out.push_back(piece);
    }
  }
}

}  // namespace

Result<SubwordModel> read_unigram(const Section& section) {
  const Json list = section.json.at("vocab");
  if (!list.is_array())
    return section.wrong("vocab", "must be a list of pieces and scores; the file is damaged");
  if (int64_t(list.size()) > Vocabulary::limit(list.size()))
    return section.wrong("vocab", "has too many pieces");
  Vocabulary vocabulary;
  auto model = std::make_shared<Unigram>();
  double least = std::numeric_limits<double>::infinity();
  bool good = true;
  list.each([&](std::string_view, const Json& entry) {
    const auto piece = entry.at(0).text();
    const auto score = entry.at(1).number();
    good = piece && score;
    if (!good) return false;
    vocabulary.add(*piece, int(model->scores.size()));
    model->scores.push_back(*score);
    least = std::min(least, *score);
    return true;
  });
  if (!good)
    return section.wrong("vocab", "entry " + std::to_string(model->scores.size()) +
                                      " must be [\"piece\", score]; the file is damaged");
  model->vocabulary = std::make_shared<const Vocabulary>(std::move(vocabulary));
  const Json unknown = section.json.at("unk_id");
  if (!unknown.is_null()) {
    const int64_t id = unknown.integer().value_or(-1);
    if (id < 0 || id >= int64_t(model->scores.size()))
      return section.wrong("unk_id", "must be the number of a piece of vocab; correct it");
    model->unknown = int(id);
  }
  constexpr double kUnknownPenalty = 10;  // SentencePiece's
  model->unknown_score = least - kUnknownPenalty;
  model->byte_fallback = section.flag("byte_fallback", false);
  for (size_t byte = 0; byte < 256; ++byte) {
    constexpr char kHex[] = "0123456789ABCDEF";
    const char piece[] = {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
    model->bytes[byte] = model->vocabulary->find({piece, sizeof piece});
  }
  return SubwordModel{model->vocabulary, [model](std::string_view text, std::vector<Subword>& out) {
                        model->cut(text, out);
                      }};
}

}  // namespace attn
