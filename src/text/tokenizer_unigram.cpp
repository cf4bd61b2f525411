// tokenizer_unigram.cpp - SentencePiece's unigram model: the segmentation with the highest score.
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
    size_t begin = size_t(-1);  // of the last piece in the best segmentation that ends here
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
    // Adjacent unknown characters may spell a piece that is not in the best segmentation.
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

SubwordModel make_unigram(SubwordRecords records) {
  auto model = std::make_shared<Unigram>();
  model->bytes = ids_of_bytes(records.vocabulary);
  model->vocabulary = std::make_shared<const Vocabulary>(std::move(records.vocabulary));
  model->scores = std::move(records.scores);
  model->unknown = records.unknown;
  model->byte_fallback = records.byte_fallback;
  double least = std::numeric_limits<double>::infinity();
  for (const double score : model->scores) least = std::min(least, score);
  constexpr double kUnknownPenalty = 10;  // SentencePiece's
  model->unknown_score = least - kUnknownPenalty;
  return {model->vocabulary,
          [model](std::string_view text, std::vector<Subword>& out) { model->cut(text, out); }};
}

}  // namespace attn
