// tokenizer_pieces.cpp - what classes of transformers make of a SentencePiece model.
#include <algorithm>
#include <deque>
#include <functional>

#include "base/utf8.h"
#include "text/tokenizer_sentencepiece.h"
#include "text/tokenizer_settings.h"

namespace attn {
namespace {

constexpr std::string_view kMbartLanguages =
    "ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX kk_KZ ko_KR lt_LT "
    "lv_LV my_MM ne_NP nl_XX ro_RO ru_RU si_LK tr_TR vi_VN zh_CN";

using pre_tokenizers::PrependScheme;

struct PieceReader {
  TokenizerSettings& s;
  TokenizerRecords& out;
  SentencePieceModel model;
  std::deque<std::string> texts = {};  // of pieces that are not in the file

  Error wrong(const char* what) const { return Error{out.file + ": " + what}; }
  Normalizer charsmap(Status& error) const;
  Status read();
  Status read_as_is();
  Status read_unigram(bool prefix);
  void arrange();
  void put(std::vector<SentencePiece>& list, std::string text, float score = 0) {
    texts.push_back(std::move(text));
    list.push_back({texts.back(), score, PieceType::unused});
  }
};

Normalizer PieceReader::charsmap(Status& error) const {
  if (model.charsmap.empty()) return {};
  std::optional<Normalizer> step = normalizers::precompiled(model.charsmap);
  if (!step) error = wrong("precompiled_charsmap is cut short; download the file again");
  return step ? std::move(*step) : Normalizer{};
}

// The vocabulary that the class makes of the pieces.
void PieceReader::arrange() {
  const TokenizerKind kind = s.kind->kind;
  std::vector<SentencePiece> list;
  const auto copy = [&](size_t from) {
    list.insert(list.end(),
                model.pieces.begin() + std::ptrdiff_t(std::min(from, model.pieces.size())),
                model.pieces.end());
  };
  if (kind == TokenizerKind::xlm_roberta || kind == TokenizerKind::mbart) {
    for (const char* name : {"bos", "pad", "eos", "unk"}) put(list, s.text(name));
    copy(3);
    if (kind == TokenizerKind::mbart)
      each_word(kMbartLanguages, [&](std::string_view code) {
        put(list, std::string(code));
        return true;
      });
    put(list, s.text("mask"));
  } else if (kind == TokenizerKind::camembert) {
    put(list, "<s>NOTUSED");
    put(list, s.text("pad"));
    put(list, "</s>NOTUSED");
    put(list, s.text("unk"));
    put(list, "<unk>NOTUSED", -100);
    copy(1);
    put(list, s.text("mask"));
  } else {
    copy(0);
  }
  model.pieces = std::move(list);
}

Status PieceReader::read_unigram(bool prefix) {
  const TokenizerKind kind = s.kind->kind;
  const auto special = [&](size_t id) {
    return id < model.pieces.size() && model.pieces[id].type != PieceType::normal;
  };
  const bool shifted = kind == TokenizerKind::xlm_roberta || kind == TokenizerKind::mbart;
  if ((shifted && !(special(0) && special(1) && special(2))) ||
      (kind == TokenizerKind::camembert && !special(0)))
    return wrong("the first pieces must be <unk>, <s> and </s>; use the model's own file");
  const size_t unknown = kind == TokenizerKind::t5       ? 2
                         : kind == TokenizerKind::albert ? 1
                                                         : size_t(model.unk_id);
  if (!shifted && kind != TokenizerKind::camembert &&
      (unknown >= model.pieces.size() || model.pieces[unknown].type != PieceType::unknown))
    return wrong("the unknown piece has another id than this kind of tokenizer gives it");
  // Pieces outside the text, in the order of their ids.
  if (!s.has_extra) {
    if (kind == TokenizerKind::mbart)
      each_word(kMbartLanguages, [&](std::string_view code) {
        s.extra.push_back({.content = std::string(code), .special = true});
        return true;
      });
    for (const SentencePiece& piece : model.pieces)
      if (piece.type == PieceType::control || piece.type == PieceType::user_defined)
        s.extra.push_back(
            {.content = std::string(piece.text), .special = piece.type == PieceType::control});
  }
  arrange();
  if (kind == TokenizerKind::t5) {
    const Json given = s.config.at("extra_ids");
    const int64_t n = given.is_null() ? 100 : given.integer().value_or(-1);
    if (n < 0 || n > 1000)
      return Error{"tokenizer_config.json: extra_ids must be a number up to 1000; correct it"};
    for (int64_t i = n; i-- > 0;) {
      put(model.pieces, "<extra_id_" + std::to_string(i) + ">");
      if (!s.has_extra) s.extra.push_back({.content = texts.back(), .special = true});
    }
  }
  out.model = unigram_records(model.pieces);
  out.model.unknown = shifted || kind == TokenizerKind::camembert ? 3 : int(unknown);
  Status error;
  std::vector<Normalizer> steps;
  std::vector<PreTokenizer> cuts;
  PrependScheme scheme = prefix ? PrependScheme::always : PrependScheme::never;
  if (kind == TokenizerKind::deberta_v2) {
    if (s.flag("do_lower_case", false)) steps.push_back(normalizers::lowercase());
    steps.push_back(replace_all(R"(\s{2,}|[\n\r\t])", " "));
    steps.push_back(normalizers::normal_form(NormalForm::nfc));
    steps.push_back(normalizers::strip(false, true));
    if (s.flag("split_by_punct", false))
      cuts.push_back(pre_tokenizers::punctuation(Delimiter::isolated));
    if (!prefix) scheme = PrependScheme::first;
  } else {
    if (kind == TokenizerKind::albert) {
      steps.push_back(normalizers::replace(Pattern::literal("``"), "\""));
      steps.push_back(normalizers::replace(Pattern::literal("''"), "\""));
      if (!s.flag("keep_accents", false)) {
        steps.push_back(normalizers::normal_form(NormalForm::nfkd));
        steps.push_back(normalizers::strip_accents());
      }
      if (s.flag("do_lower_case", true)) steps.push_back(normalizers::lowercase());
    }
    if (kind != TokenizerKind::mbart)
      if (Normalizer step = charsmap(error)) steps.push_back(std::move(step));
    if (kind == TokenizerKind::t5 || kind == TokenizerKind::mbart) scheme = PrependScheme::always;
    cuts.push_back(pre_tokenizers::whitespace_split());
  }
  cuts.push_back(pre_tokenizers::metaspace(U'▁', scheme, true));
  out.normalizer = normalizers::sequence(std::move(steps));
  out.pre_tokenizer = pre_tokenizers::sequence(std::move(cuts));
  out.decoder = decoders::metaspace("▁", scheme != PrependScheme::never);
  return error;
}

// As SentencePiece itself cuts.
Status PieceReader::read_as_is() {
  const auto is_id = [&](int64_t id) { return id >= 0 && id < int64_t(model.pieces.size()); };
  if (!is_id(model.unk_id)) return wrong("unk_id is not the id of a piece");
  const auto set = [&](const char* name, int64_t id, std::string_view piece) {
    NamedToken* known = s.find(name);
    if (id >= 0 && known->token.content.empty() && s.config.at(name).is_null())
      known->token = {.content = std::string(piece), .special = true};
  };
  set("bos_token", model.bos_id, model.bos_piece);
  set("eos_token", model.eos_id, model.eos_piece);
  set("unk_token", model.unk_id, model.unk_piece);
  // Placeholders may have got names since.
  const auto renamed = [&](int id) {
    return std::ranges::binary_search(s.added, id, {}, &AddedToken::id);
  };
  const Vocabulary before = unigram_records(model.pieces).vocabulary;
  std::vector<SentencePiece> pieces = model.pieces;
  for (const AddedToken& token : s.added) {
    if (!is_id(token.id)) continue;
    const int same = before.find(token.content);
    if (same >= 0 && !renamed(same)) continue;
    pieces[size_t(token.id)].text = token.content;
  }
  std::vector<std::string_view> whole;  // user-defined: never cut, never merged
  for (size_t id = 0; id < pieces.size(); ++id) {
    if (pieces[id].type == PieceType::user_defined) whole.push_back(pieces[id].text);
    if (pieces[id].type == PieceType::control && !s.has_extra)
      s.extra.push_back({.content = std::string(model.pieces[id].text), .special = true});
  }
  if (model.add_dummy_prefix && !s.config.at("added_tokens_decoder").is_null())
    for (AddedToken& token : s.added) token.normalized = false;
  out.model = model.is_bpe ? bpe_records(pieces, MergeRank::by_score) : unigram_records(pieces);
  out.model.byte_fallback = model.byte_fallback;
  out.model.unknown = model.is_bpe ? out.model.vocabulary.find(model.unk_piece) : int(model.unk_id);
  out.model.ignore_merges = !whole.empty();
  Status error;
  std::vector<Normalizer> steps;
  if (Normalizer step = charsmap(error)) steps.push_back(std::move(step));
  if (model.remove_extra_whitespaces) {
    steps.push_back(replace_all(R"(\A +| +\z)", ""));
    steps.push_back(replace_all(" {2,}", " "));
  }
  if (model.escape_whitespaces) steps.push_back(normalizers::replace(Pattern::literal(" "), "▁"));
  const bool legacy = s.flag("legacy", true);
  std::vector<PreTokenizer> cuts;
  if (model.add_dummy_prefix) {
    if (legacy) steps.push_back(replace_all(R"(\A▁)", "▁▁"));
    cuts.push_back(pre_tokenizers::metaspace(
        U'▁', legacy ? PrependScheme::always : PrependScheme::first, false));
  }
  if (!whole.empty()) {
    std::ranges::stable_sort(whole, std::greater(), [](std::string_view piece) {
      return std::ranges::count_if(piece, [](char c) { return (uint8_t(c) & 0xC0) != 0x80; });
    });
    std::string source;
    for (const std::string_view piece : whole) {
      source += source.empty() ? "" : "|";
      for (const char c : piece) {
        const bool plain = uint8_t(c) >= 0x80 || c == '_' || (c >= '0' && c <= '9') ||
                           ((c | 32) >= 'a' && (c | 32) <= 'z');
        source += (plain ? "" : "\\") + std::string(1, c);
      }
    }
    const Result<Pattern> pattern = Pattern::regex(source, out.file + ": user-defined pieces");
    if (!pattern) return pattern.error();
    cuts.push_back(pre_tokenizers::split(*pattern, Delimiter::isolated, false));
  }
  out.normalizer = normalizers::sequence(std::move(steps));
  out.pre_tokenizer = pre_tokenizers::sequence(std::move(cuts));
  out.decoder = piece_decoder(model.byte_fallback, model.add_dummy_prefix);
  return error;
}

Status PieceReader::read() {
  const TokenizerKind kind = s.kind->kind;
  if (kind == TokenizerKind::any_pieces) return read_as_is();
  const bool wants_bpe = kind == TokenizerKind::llama || kind == TokenizerKind::gemma;
  if (wants_bpe != model.is_bpe)
    return wrong(wants_bpe ? "it is a unigram model, but the tokenizer class is for BPE; correct "
                             "tokenizer_class"
                           : "it is a BPE model, but the tokenizer class is for unigram models; "
                             "correct tokenizer_class");
  const bool prefix = s.flag("add_prefix_space", true);
  if (!wants_bpe) return read_unigram(prefix);
  if (!s.has_extra)
    for (const SentencePiece& piece : model.pieces)
      if (piece.type == PieceType::control || piece.type == PieceType::user_defined)
        s.extra.push_back(
            {.content = std::string(piece.text), .special = piece.type == PieceType::control});
  out.model = bpe_records(model.pieces, MergeRank::by_id);
  out.model.byte_fallback = true;
  if (kind == TokenizerKind::gemma) {
    out.model.unknown = out.model.vocabulary.find(s.text("unk"));
    out.normalizer = normalizers::replace(Pattern::literal(" "), "▁");
    out.pre_tokenizer =
        pre_tokenizers::split(Pattern::literal(" "), Delimiter::merged_with_previous, false);
    out.decoder = piece_decoder(true, false);
    return {};
  }
  const PrependScheme scheme = !prefix                   ? PrependScheme::never
                               : s.flag("legacy", false) ? PrependScheme::always
                                                         : PrependScheme::first;
  out.pre_tokenizer = pre_tokenizers::metaspace(U'▁', scheme, false);
  out.decoder = piece_decoder(true, prefix);
  return {};
}

}  // namespace

Decoder piece_decoder(bool bytes, bool prefix) {
  std::vector<Decoder> steps = {decoders::replace(Pattern::literal("▁"), " ")};
  if (bytes) steps.push_back(decoders::byte_fallback());
  if (bytes || prefix) steps.push_back(decoders::fuse());
  if (prefix) steps.push_back(decoders::strip(" ", 1, 0));
  return decoders::sequence(std::move(steps));
}

Status read_pieces(TokenizerSettings& settings, std::string_view bytes, TokenizerRecords& out) {
  Result<SentencePieceModel> model = read_sentencepiece(bytes, out.file);
  if (!model) return model.error();
  return PieceReader{settings, out, std::move(*model)}.read();
}

}  // namespace attn
