#include "text/tokenizer_sentencepiece.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <unordered_set>

#include "base/utf8.h"

namespace attn {
namespace {

// The fields of one message of the protobuf wire format.
struct Fields {
  std::string_view rest;
  bool broken = false;

  uint32_t number = 0;
  enum class Kind { number = 0, eight_bytes = 1, bytes = 2, four_bytes = 5 } kind{};
  uint64_t value = 0;  // of numbers and four bytes
  std::string_view bytes;

  bool next() {
    if (rest.empty() || broken) return false;
    const uint64_t key = varint();
    number = uint32_t(key >> 3);
    kind = Kind(key & 7);
    broken |= key >> 32 != 0 || number == 0;
    if (kind == Kind::number)
      value = varint();
    else if (kind == Kind::bytes)
      bytes = take(varint());
    else if (kind == Kind::four_bytes || kind == Kind::eight_bytes)
      value = fixed(take(kind == Kind::four_bytes ? 4 : 8));
    else
      broken = true;
    return !broken;
  }

 private:
  uint64_t varint() {
    uint64_t out = 0;
    for (int shift = 0; shift < 64 && !rest.empty(); shift += 7) {
      const auto byte = uint8_t(rest[0]);
      rest.remove_prefix(1);
      out |= uint64_t(byte & 0x7F) << shift;
      if (byte < 0x80) return out;
    }
    broken = true;
    return 0;
  }
  std::string_view take(uint64_t n) {
    broken |= n > rest.size();
    if (broken) return {};
    const std::string_view out = rest.substr(0, n);
    rest.remove_prefix(n);
    return out;
  }
  static uint64_t fixed(std::string_view bytes) {
    uint64_t out = 0;
    for (size_t i = 0; i < bytes.size(); ++i) out |= uint64_t(uint8_t(bytes[i])) << (8 * i);
    return out;
  }
};

using Kind = Fields::Kind;

bool read_piece(std::string_view message, SentencePiece& out) {
  Fields f{message};
  while (f.next()) {
    if (f.number == 1 && f.kind == Kind::bytes) out.text = f.bytes;
    if (f.number == 2 && f.kind == Kind::four_bytes)
      out.score = std::bit_cast<float>(uint32_t(f.value));
    if (f.number == 3 && f.kind == Kind::number)
      out.type = PieceType(int(std::min<uint64_t>(f.value, 99)));
  }
  return !f.broken;
}

struct Trainer {
  uint64_t type = 1;  // UNIGRAM, BPE, WORD, CHAR
  bool suffix = false;
};

bool read_trainer(std::string_view message, SentencePieceModel& out, Trainer& trainer) {
  Fields f{message};
  while (f.next()) {
    if (f.kind == Kind::number) {
      const auto id = int64_t(int32_t(f.value));
      if (f.number == 3) trainer.type = f.value;
      if (f.number == 24) trainer.suffix = f.value != 0;
      if (f.number == 35) out.byte_fallback = f.value != 0;
      if (f.number == 40) out.unk_id = id;
      if (f.number == 41) out.bos_id = id;
      if (f.number == 42) out.eos_id = id;
    } else if (f.kind == Kind::bytes) {
      if (f.number == 45) out.unk_piece = f.bytes;
      if (f.number == 46) out.bos_piece = f.bytes;
      if (f.number == 47) out.eos_piece = f.bytes;
    }
  }
  return !f.broken;
}

bool read_normalizer_spec(std::string_view message, SentencePieceModel& out) {
  Fields f{message};
  while (f.next()) {
    if (f.number == 2 && f.kind == Kind::bytes) out.charsmap = f.bytes;
    if (f.kind != Kind::number) continue;
    if (f.number == 3) out.add_dummy_prefix = f.value != 0;
    if (f.number == 4) out.remove_extra_whitespaces = f.value != 0;
    if (f.number == 5) out.escape_whitespaces = f.value != 0;
  }
  return !f.broken;
}

Status check_pieces(const SentencePieceModel& model, const std::string& file) {
  constexpr size_t kMostBytes = 512;
  std::unordered_set<std::string_view> known;
  known.reserve(model.pieces.size());
  bool has_letters = false;
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    const SentencePiece& piece = model.pieces[id];
    const auto wrong = [&](const std::string& what) {
      return Error{file + ": piece " + std::to_string(id) + " " + what +
                   "; download the file again"};
    };
    if (piece.text.empty()) return wrong("is empty");
    if (piece.text.size() > kMostBytes) return wrong("is longer than 512 bytes");
    if (!is_valid_utf8(piece.text)) return wrong("is not valid UTF-8");
    if (!std::isfinite(piece.score)) return wrong("has a score that is not a finite number");
    if (piece.type < PieceType::normal || piece.type > PieceType::byte)
      return wrong("has a type that SentencePiece does not know");
    if (!known.insert(piece.text).second)
      return wrong("repeats " + json_quote(piece.text.substr(0, 80)));
    has_letters |= piece.type == PieceType::normal || piece.type == PieceType::byte;
  }
  if (!has_letters)
    return Error{file + " has no pieces of text, only " + std::to_string(model.pieces.size()) +
                 " special ones: it is a placeholder, not the model's vocabulary; download the "
                 "model's own file"};
  return {};
}

}  // namespace

Result<SentencePieceModel> read_sentencepiece(std::string_view bytes, const std::string& file) {
  SentencePieceModel out;
  Trainer trainer;
  Fields f{bytes};
  constexpr size_t kMostPieces = 1 << 22;
  bool has_trainer = false, has_normalizer = false;
  while (f.next()) {
    if (f.kind != Kind::bytes) continue;
    bool good = true;
    if (f.number == 1) {
      if (out.pieces.size() == kMostPieces)
        return Error{file + " has more than 4 million pieces; it is not a vocabulary"};
      good = read_piece(f.bytes, out.pieces.emplace_back());
    }
    if (f.number == 2) good = read_trainer(f.bytes, out, trainer);
    if (f.number == 3) good = read_normalizer_spec(f.bytes, out);
    has_trainer |= f.number == 2;
    has_normalizer |= f.number == 3;
    f.broken |= !good;
  }
  if (f.broken || out.pieces.empty())
    return Error{file +
                 " is cut short, or not a SentencePiece model (such as a vocabulary of tiktoken); "
                 "download it again, or put the model's tokenizer.json beside it"};
  if (trainer.type != 1 && trainer.type != 2)
    return Error{file +
                 ": model_type is that of words or characters; only unigram and BPE are supported"};
  if (trainer.suffix)
    return Error{file + ": treat_whitespace_as_suffix is set, which is not supported"};
  out.is_bpe = trainer.type == 2;
  if (const Status wrong = check_pieces(out, file)) return *wrong;
  // They stand behind the pieces.
  if (!has_trainer || !has_normalizer)
    return Error{file + " has no " + (has_trainer ? "normalizer_spec" : "trainer_spec") +
                 ": it is cut short; download it again"};
  return out;
}

SubwordRecords bpe_records(const std::vector<SentencePiece>& pieces, MergeRank rank) {
  SubwordRecords out{.kind = SubwordKind::bpe, .fuse_unknown = true};
  out.vocabulary.reserve(pieces.size());
  for (const SentencePiece& piece : pieces) out.vocabulary.add(piece.text, out.vocabulary.size());
  std::vector<int> order(pieces.size());
  std::iota(order.begin(), order.end(), 0);
  const auto takes_part = [&](int id) {
    return id >= 0 && (rank == MergeRank::by_id || pieces[size_t(id)].type == PieceType::normal);
  };
  if (rank == MergeRank::by_score)
    std::ranges::stable_sort(
        order, [&](int a, int b) { return pieces[size_t(a)].score > pieces[size_t(b)].score; });
  for (const int id : order) {
    if (!takes_part(id)) continue;
    const std::string_view text = pieces[size_t(id)].text;
    for (size_t at = 0; decode_utf8(text, at), at < text.size();) {
      const int left = out.vocabulary.find(text.substr(0, at));
      const int right = takes_part(left) ? out.vocabulary.find(text.substr(at)) : -1;
      if (takes_part(right)) out.merges.push_back({left, right, id});
    }
  }
  return out;
}

SubwordRecords unigram_records(const std::vector<SentencePiece>& pieces) {
  SubwordRecords out{.kind = SubwordKind::unigram};
  out.vocabulary.reserve(pieces.size());
  for (const SentencePiece& piece : pieces) {
    out.vocabulary.add(piece.text, int(out.scores.size()));
    out.scores.push_back(piece.score);
  }
  return out;
}

}  // namespace attn
