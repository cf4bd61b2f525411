// gguf_tokenizer.cpp - the tokenizer in the metadata of a GGUF file.
#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "files/gguf.h"
#include "text/tokenizer_records.h"
#include "text/tokenizer_sentencepiece.h"
#include "text/tokenizer_settings.h"

namespace attn {

namespace {

constexpr char kUseJson[] = "; put the model's tokenizer.json beside it";

// How texts are cut into words before their bytes are merged, by the name that llama.cpp's
// converter gives a tokenizer whose cuts it has compared with the original ones.
struct WordsRow {
  const char* names;            // separated by spaces
  const char* words;            // the pattern of a word; null: GPT-2's
  bool digits = false;          // each is a word
  bool normal = false;          // NFC first
  bool ignores_merges = false;  // words that are tokens are not split
  bool begins = false;          // a text begins with the token bos, unless the file says otherwise
};
constexpr const char* kQwenWords =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kLlamaWords =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr WordsRow kWords[] = {
    {"gpt-2 gpt2", nullptr},
    {.names = "llama-bpe llama3 llama-v3",
     .words = kLlamaWords,
     .ignores_merges = true,
     .begins = true},
    {.names = "qwen2 deepseek-r1-qwen", .words = kQwenWords, .normal = true},
    {.names = "smollm starcoder refact", .words = nullptr, .digits = true},
};

const WordsRow* words_named(std::string_view name) {
  for (const WordsRow& row : kWords)
    if (has_word(row.names, name)) return &row;
  return nullptr;
}

struct Reader {
  const NamedTensors& file;
  GgufList tokens = {};
  std::vector<PieceType> types = {};  // of each
  TokenizerRecords out = {};

  Json get(const char* name) const {
    return file.metadata.at(std::string("tokenizer.ggml.") + name);
  }
  std::optional<GgufList> list(const char* name) const {
    return gguf_list(file, std::string("tokenizer.ggml.") + name);
  }
  Error wrong(const std::string& what) const {
    return Error{file.file + ": tokenizer.ggml." + what + kUseJson};
  }
  Status read_tokens(size_t most_bytes);
  Status read_bytes(const WordsRow& row);
  Status read_pieces();
  Status surround(bool begins);
};

Status Reader::read_tokens(size_t most_bytes) {
  constexpr size_t kMost = 1 << 22;
  std::optional<GgufList> read = list("tokens");
  if (!read || read->texts.empty()) return wrong("tokens is missing");
  tokens = std::move(*read);
  if (tokens.size() > kMost) return wrong("tokens has more than 4 million tokens");
  const std::optional<GgufList> kinds = list("token_type");
  if (kinds && kinds->numbers.size() != tokens.size())
    return wrong("token_type has not as many numbers as there are tokens");
  for (size_t id = 0; id < tokens.size(); ++id) {
    const std::string_view text = tokens.texts[id];
    const auto at = [&] { return "tokens: token " + std::to_string(id); };
    if (text.size() > most_bytes)
      return wrong(at() + " is longer than " + std::to_string(most_bytes) + " bytes");
    if (!is_valid_utf8(text)) return wrong(at() + " is not valid UTF-8");
    const double kind = kinds ? kinds->numbers[id] : 1;
    if (!(kind >= 1 && kind <= 6))
      return wrong("token_type of token " + std::to_string(id) + " is unknown");
    types.push_back(PieceType(int(kind)));
    const bool special = types.back() == PieceType::control || types.back() == PieceType::unknown;
    if ((special || types.back() == PieceType::user_defined) && !text.empty())
      out.added.push_back({.id = int(id), .content = std::string(text), .special = special});
  }
  return {};
}

// GPT-2's, of bytes written as letters.
Status Reader::read_bytes(const WordsRow& row) {
  if (Status failed = read_tokens(4096)) return failed;
  SubwordRecords& model = out.model;
  model.vocabulary.reserve(tokens.size());
  for (size_t id = 0; id < tokens.size(); ++id) model.vocabulary.add(tokens.texts[id], int(id));
  const std::optional<GgufList> merges = list("merges");
  if (!merges) return wrong("merges is missing");
  for (const std::string_view pair : merges->texts) {
    const size_t blank = pair.find(' ', 1);
    if (blank == pair.npos)
      return wrong("merges: " + quoted_name(printable(pair)) + " is not two tokens");
    if (const auto unknown = model.add_merge(pair.substr(0, blank), pair.substr(blank + 1)))
      return wrong("merges: " + quoted_name(printable(*unknown)) + " is not a token");
  }
  model.ignore_merges = row.ignores_merges;
  if (row.normal) out.normalizer = normalizers::normal_form(NormalForm::nfc);
  std::vector<PreTokenizer> cuts;
  if (row.digits) cuts.push_back(pre_tokenizers::digits(true));
  if (row.words)
    cuts.push_back(
        pre_tokenizers::split(*Pattern::regex(row.words, "pattern"), Delimiter::isolated, false));
  cuts.push_back(pre_tokenizers::byte_level(false, !row.words));
  out.pre_tokenizer = pre_tokenizers::sequence(std::move(cuts));
  out.decoder = decoders::byte_level();
  return surround(row.begins);
}

// SentencePiece's byte pair encoding.
Status Reader::read_pieces() {
  if (Status failed = read_tokens(512)) return failed;
  const std::optional<GgufList> scores = list("scores");
  if (!scores || scores->numbers.size() != tokens.size())
    return wrong("scores has not as many numbers as there are tokens");
  std::vector<SentencePiece> pieces;
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (!std::isfinite(scores->numbers[id]))
      return wrong("scores: that of token " + std::to_string(id) + " is not a finite number");
    pieces.push_back({tokens.texts[id], float(scores->numbers[id]), types[id]});
  }
  out.model = bpe_records(pieces, MergeRank::by_score);
  out.model.byte_fallback = true;
  const auto unknown = std::ranges::find(types, PieceType::unknown);
  if (unknown != types.end()) out.model.unknown = int(unknown - types.begin());
  const bool prefix = get("add_space_prefix").boolean().value_or(true);
  std::vector<Normalizer> steps;
  if (prefix) steps.push_back(normalizers::prepend("▁"));
  steps.push_back(normalizers::replace(Pattern::literal(" "), "▁"));
  out.normalizer = normalizers::sequence(std::move(steps));
  out.decoder = piece_decoder(true, prefix);
  return surround(true);
}

// The tokens before and after a text.
Status Reader::surround(bool begins) {
  std::vector<Item> one, two;
  const auto put = [&](const char* name, bool wanted, int sequence) -> Status {
    const auto given = get((std::string("add_") + name + "_token").c_str()).boolean();
    if (!given.value_or(wanted)) return {};
    const std::string key = std::string(name) + "_token_id";
    const auto id = get(key.c_str()).integer();
    if (!id || *id < 0 || *id >= int64_t(tokens.size()))
      return wrong(key + " is not the number of a token");
    Item item = post_processors::special_item(tokens.texts[size_t(*id)], int(*id));
    item.sequence = sequence;
    if (sequence == 0) one.push_back(item);
    item.type = sequence;
    two.push_back(std::move(item));
    return {};
  };
  for (int sequence = 0; sequence < 2; ++sequence) {
    if (Status failed = put("bos", begins, sequence)) return failed;
    if (sequence == 0) one.push_back(post_processors::text_item(0, 0));
    two.push_back(post_processors::text_item(sequence, sequence));
    if (Status failed = put("eos", false, sequence)) return failed;
  }
  out.post_processor = post_processors::assemble(std::move(one), std::move(two));
  return {};
}

}  // namespace

Result<TokenizerRecords> gguf_tokenizer(const NamedTensors& file) {
  Reader reader{file};
  reader.out.file = file.file;
  const std::string model(reader.get("model").text().value_or(""));
  const std::string pre(reader.get("pre").text().value_or(""));
  Status failed;
  if (model == "llama") {
    failed = reader.read_pieces();
  } else if (model != "gpt2") {
    failed = reader.wrong(model.empty() ? "model is missing"
                                        : "model " + quoted_name(model) +
                                              " is not supported; gpt2 and llama are");
  } else if (const WordsRow* row = words_named(pre)) {
    failed = reader.read_bytes(*row);
  } else {
    failed = reader.wrong((pre.empty()
                               ? "pre is missing: how texts are cut into words is not known"
                               : "pre " + quoted_name(pre) +
                                     " is not supported: how texts are cut into words "
                                     "is known for gpt-2, llama-bpe, qwen2, smollm and starcoder"));
  }
  if (failed) return *failed;
  return std::move(reader.out);
}

}  // namespace attn
