// tokenizer.cpp - the way of a text through the steps of a tokenizer.
#include "text/tokenizer.h"

#include <algorithm>
#include <functional>

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

namespace {

// A text on its way to tokens.
struct Cutting {
  std::string text;
  Pieces pieces = {};
  size_t n_cut = 0;  // of `pieces`
  std::vector<Item> items = {};
};

}  // namespace

struct Tokenizing::Impl {
  static constexpr size_t kLettersInStep = 2048, kTokensInStep = 1024;

  const Tokenizer& tokenizer;
  const Tokenizer::Impl& rules;
  Cutting first, second;
  bool is_pair, add_special;
  std::vector<std::function<bool()>> stages = {};  // each is called until it gives false
  size_t stage = 0;
  Encoding encoding = {};
  Tokens out = {};
  Status error = {};

  void plan();
  void plan(Cutting& text);
  void normalize(Cutting& text) const;
  bool cut(Cutting& text) const;
  void post_process();
  bool name_tokens();
};

void Tokenizing::Impl::plan() {
  out.text = is_pair ? first.text + "\n" + second.text : first.text;
  if (out.text.size() > UINT32_MAX) return;
  plan(first);
  if (is_pair) plan(second);
  stages.push_back([this] {
    post_process();
    return false;
  });
  stages.push_back([this] { return name_tokens(); });
}

void Tokenizing::Impl::plan(Cutting& text) {
  stages.push_back([this, &text] {
    normalize(text);
    return false;
  });
  if (rules.pre_tokenizer)
    stages.push_back([this, &text] {
      rules.pre_tokenizer(text.pieces);
      return false;
    });
  stages.push_back([this, &text] { return cut(text); });
}

void Tokenizing::Impl::normalize(Cutting& text) const {
  text.pieces.push_back({AlignedText::of(text.text)});
  rules.added.cut(text.pieces, false);
  if (rules.normalizer) {
    for (Piece& piece : text.pieces) {
      if (piece.token >= 0) continue;
      rules.normalizer(piece.text);
      piece.text.all = piece.text.place_of(0, piece.text.text.size());
    }
  }
  rules.added.cut(text.pieces, true);
}

// A part of the pieces; false after the last.
bool Tokenizing::Impl::cut(Cutting& text) const {
  std::vector<Subword> subwords;
  for (size_t n = 0; text.n_cut < text.pieces.size() && n < kLettersInStep; ++text.n_cut) {
    const Piece& piece = text.pieces[text.n_cut];
    const std::string& letters = piece.text.text;
    n += letters.size();
    if (letters.empty()) continue;
    subwords.clear();
    if (piece.token >= 0) {
      subwords.push_back({piece.token, 0, letters.size()});
    } else {
      rules.model.cut(letters, subwords);
    }
    for (const Subword& subword : subwords) {
      const Place place = piece.text.place_of(subword.begin, subword.end);
      text.items.push_back({subword.id, letters.substr(subword.begin, subword.end - subword.begin),
                            place.begin, place.end, false});
    }
  }
  return text.n_cut < text.pieces.size();
}

void Tokenizing::Impl::post_process() {
  encoding = {first.text, std::move(first.items), add_special};
  if (is_pair) {
    encoding.second_text = second.text;
    encoding.second = std::move(second.items);
    encoding.is_pair = true;
    for (Item& item : encoding.second) item.sequence = 1;
  }
  if (rules.post_processor) rules.post_processor(encoding);
  if (encoding.is_pair) {
    error = Error{rules.file +
                  ": the post-processor has no form for two texts; leave the second empty"};
    encoding.items.clear();
  }
  out.items.reserve(encoding.items.size());
}

bool Tokenizing::Impl::name_tokens() {
  const std::vector<Item>& items = encoding.items;
  for (size_t n = 0; out.items.size() < items.size() && n < kTokensInStep; ++n) {
    const Item& item = items[out.items.size()];
    const bool moved = item.sequence == 1 && item.begin != item.end;
    const size_t from = moved ? first.text.size() + 1 : 0;
    out.items.push_back({.id = item.id,
                         .piece = tokenizer.piece(item.id),
                         .shown = tokenizer.shown(item.id),
                         .begin = from + item.begin,
                         .end = from + item.end,
                         .special = item.special || tokenizer.is_special(item.id),
                         .type = item.type,
                         .sequence = item.sequence});
  }
  return out.items.size() < items.size();
}

Tokenizing::Tokenizing(const Tokenizer& tokenizer, std::string_view text,
                       std::optional<std::string_view> second, bool add_special)
    : impl_(new Impl{tokenizer,
                     *tokenizer.impl_,
                     {repair_utf8(text)},
                     {repair_utf8(second.value_or(""))},
                     second.has_value(),
                     add_special}) {
  impl_->plan();
}
Tokenizing::Tokenizing(Tokenizing&&) noexcept = default;
Tokenizing& Tokenizing::operator=(Tokenizing&&) noexcept = default;
Tokenizing::~Tokenizing() = default;

bool Tokenizing::step() {
  Impl& impl = *impl_;
  if (impl.stage < impl.stages.size() && !impl.stages[impl.stage]()) ++impl.stage;
  return impl.stage < impl.stages.size();
}

Result<Tokens> Tokenizing::take() {
  if (impl_->error) return *impl_->error;
  return std::move(impl_->out);
}

static Result<Tokens> all_steps(Tokenizing tokenizing) {
  while (tokenizing.step()) {
  }
  return tokenizing.take();
}

Tokens Tokenizer::encode(std::string_view text, bool add_special) const {
  return *all_steps({*this, text, {}, add_special});
}

Result<Tokens> Tokenizer::encode_pair(std::string_view first, std::string_view second) const {
  return all_steps({*this, first, second});
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
