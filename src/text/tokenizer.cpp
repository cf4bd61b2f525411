// tokenizer.cpp - the way of a text through the steps of a tokenizer.
#include "text/tokenizer.h"

#include <algorithm>

#include "base/json.h"
#include "base/utf8.h"
#include "text/tokenizer_added.h"
#include "text/tokenizer_models.h"
#include "text/tokenizer_shown.h"

namespace attn {

struct Tokenizer::Impl {
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  SubwordModel model;
  PostProcessor post_processor;
  Decoder decoder;
  AddedTokens added;

  std::string file;

  // Without the post-processor.
  std::vector<Item> cut(std::string_view text) const;
};

Tokenizer::Tokenizer() = default;
Tokenizer::~Tokenizer() = default;

Result<std::shared_ptr<const Tokenizer>> Tokenizer::from_records(TokenizerRecords records) {
  Result<SubwordModel> model =
      make_subword_model(std::move(records.model), records.file + ": model");
  if (!model) return model.error();
  Result<AddedTokens> added =
      AddedTokens::make(std::move(records.added), records.file + ": added_tokens",
                        *model->vocabulary, records.normalizer);
  if (!added) return added.error();
  auto impl = std::make_unique<Impl>();
  *impl = {std::move(records.normalizer),
           std::move(records.pre_tokenizer),
           std::move(*model),
           std::move(records.post_processor),
           std::move(records.decoder),
           std::move(*added),
           std::move(records.file)};
  std::shared_ptr<Tokenizer> out(new Tokenizer);
  out->impl_ = std::move(impl);
  for (const bool is_pair : {false, true}) {
    Encoding around{""};
    around.is_pair = is_pair;
    if (out->impl_->post_processor) out->impl_->post_processor(around);
    for (const Item& item : around.items)
      if (item.id >= out->size())
        return Error{out->impl_->file + ": post_processor gives " + json_quote(item.value) +
                     " the id " + std::to_string(item.id) + ", but the largest id is " +
                     std::to_string(out->size() - 1) + "; correct it"};
  }
  return std::shared_ptr<const Tokenizer>(std::move(out));
}

std::vector<Item> Tokenizer::Impl::cut(std::string_view text) const {
  std::vector<Item> out;
  Pieces pieces;
  pieces.push_back({AlignedText::of(text)});
  added.cut(pieces, false);
  if (normalizer) {
    for (Piece& piece : pieces) {
      if (piece.token >= 0) continue;
      normalizer(piece.text);
      piece.text.all = piece.text.place_of(0, piece.text.text.size());
    }
  }
  added.cut(pieces, true);
  if (pre_tokenizer) pre_tokenizer(pieces);
  std::vector<Subword> subwords;
  for (const Piece& piece : pieces) {
    const std::string& letters = piece.text.text;
    if (letters.empty()) continue;
    subwords.clear();
    if (piece.token >= 0) {
      subwords.push_back({piece.token, 0, letters.size()});
    } else {
      model.cut(letters, subwords);
    }
    for (const Subword& subword : subwords) {
      const Place place = piece.text.place_of(subword.begin, subword.end);
      out.push_back({subword.id, letters.substr(subword.begin, subword.end - subword.begin),
                     place.begin, place.end, false});
    }
  }
  return out;
}

std::vector<Token> Tokenizer::tokens_of(const Encoding& encoding) const {
  std::vector<Token> out;
  out.reserve(encoding.items.size());
  for (const Item& item : encoding.items)
    out.push_back({.id = item.id,
                   .piece = piece(item.id),
                   .shown = shown(item.id),
                   .begin = item.begin,
                   .end = item.end,
                   .special = item.special || is_special(item.id),
                   .type = item.type,
                   .sequence = item.sequence});
  return out;
}

Tokens Tokenizer::encode(std::string_view text, bool add_special) const {
  Tokens out;
  out.text = repair_utf8(text);
  if (out.text.size() > UINT32_MAX) return out;
  Encoding encoding{out.text, impl_->cut(out.text), add_special};
  if (impl_->post_processor) impl_->post_processor(encoding);
  out.items = tokens_of(encoding);
  return out;
}

Result<Tokens> Tokenizer::encode_pair(std::string_view first, std::string_view second) const {
  const std::string a = repair_utf8(first), b = repair_utf8(second);
  Tokens out;
  out.text = a + "\n" + b;
  if (out.text.size() > UINT32_MAX) return out;
  Encoding encoding{a, impl_->cut(a), true, b, impl_->cut(b), true};
  for (Item& item : encoding.second) item.sequence = 1;
  if (impl_->post_processor) impl_->post_processor(encoding);
  if (encoding.is_pair)
    return Error{impl_->file +
                 ": the post-processor has no form for two texts; leave the second empty"};
  out.items = tokens_of(encoding);
  for (Token& token : out.items) {
    if (token.sequence == 0 || token.begin == token.end) continue;
    token.begin += a.size() + 1;
    token.end += a.size() + 1;
  }
  return out;
}

Result<Tokens> encode(const Tokenizer& tokenizer, std::string_view text, std::string_view pair) {
  return pair.empty() ? Result<Tokens>(tokenizer.encode(text)) : tokenizer.encode_pair(text, pair);
}

std::string Tokenizer::decode(std::span<const int> ids) const {
  std::vector<std::string> pieces;
  for (const int id : ids)
    if (id_of(piece(id)) >= 0 && !is_special(id)) pieces.push_back(piece(id));
  std::string out;
  if (impl_->decoder.decode) {
    impl_->decoder.decode(pieces);
    for (const std::string& text : pieces) out += text;
    return out;
  }
  for (const std::string& text : pieces) out += (out.empty() ? "" : " ") + text;
  return out;
}

int Tokenizer::size() const {
  return std::max(impl_->model.vocabulary->size(), impl_->added.size());
}

std::string Tokenizer::piece(int id) const {
  if (const AddedToken* token = impl_->added.find(id)) return token->content;
  return std::string(impl_->model.vocabulary->piece(id));
}

std::string Tokenizer::shown(int id) const {
  std::string bytes = piece(id);
  if (!impl_->added.find(id) && impl_->decoder.show) impl_->decoder.show(bytes);
  return readable(bytes);
}

bool Tokenizer::is_special(int id) const {
  const AddedToken* token = impl_->added.find(id);
  return token && token->special;
}

int Tokenizer::id_of(std::string_view piece) const {
  const int id = impl_->added.find(piece);
  return id >= 0 ? id : impl_->model.vocabulary->find(piece);
}

}  // namespace attn
