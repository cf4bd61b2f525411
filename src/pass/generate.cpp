#include "pass/generate.h"

#include <algorithm>
#include <vector>

#include "base/json.h"
#include "base/utf8.h"
#include "pass/forward.h"
#include "text/random_tokens.h"
#include "text/tokenizer_ids.h"

namespace attn {

namespace {

Tokens joined(Tokens tokens, Tokens more) {
  tokens.text = std::move(more.text);
  std::ranges::move(more.items, std::back_inserter(tokens.items));
  return tokens;
}

Tokens start_of(const Model& model, std::shared_ptr<const Tokens> source) {
  Tokens start = tokens_of_ids({model.config.writes.start_id}, model.tokenizer.get());
  for (Token& token : start.items) token.special = true;
  start.source = std::move(source);
  return start;
}

// The ids as the tokens of a text where that is cut into the same, else without a text.
Tokens written(const Model& model, const std::vector<int>& ids) {
  const auto same = [&](const Tokens& t) {
    return std::ranges::equal(t.items, ids, {}, &Token::id);
  };
  const std::string text = model.tokenizer->decode(ids);
  for (const bool special : {false, true}) {
    Tokens read = model.tokenizer->encode(text, special);
    if (special && !read.items.empty() && read.items.back().id == model.config.writes.end_id)
      read.items.pop_back();
    if (same(read)) return read;
  }
  return tokens_of_ids(ids, model.tokenizer.get());
}

}  // namespace

bool is_to_be_generated(const Model& model, std::string_view pair) {
  return model.encoder && pair.empty();
}

Status check_ids(const Model& model, std::string_view text) {
  if (!model.reads_ids) return {};
  const std::string_view word = first_not_id(*model.tokenizer, text);
  if (word.empty()) return {};
  return Error{json_quote(printable(word.substr(0, 40), LineBreaks::escaped)) +
               " is no token id; this model has no tokenizer: type numbers from 0 to " +
               std::to_string(model.tokenizer->size() - 1) + " with blanks between them"};
}

TextReading::TextReading(const Model& model, std::string_view text, std::string_view pair)
    : model_(&model) {
  for (const std::string_view one : {text, pair})
    if (!error_) error_ = check_ids(model, one);
  const Writing& writes = model.config.writes;
  if (!error_ && model.encoder && writes.start_id < 0)
    error_ = Error{
        "config.json: decoder_start_token_id is missing, the token that the decoder begins with; "
        "add it"};
  if (error_) return;
  const Tokenizer& tokenizer = *model.tokenizer;
  if (!model.encoder && !pair.empty()) {
    parts_.emplace_back(tokenizer, text, pair);
    return;
  }
  parts_.emplace_back(tokenizer, text);
  if (!pair.empty()) parts_.emplace_back(tokenizer, pair, std::nullopt, !writes.names_language);
}

bool TextReading::step() {
  if (n_read_ < parts_.size() && !parts_[n_read_].step()) ++n_read_;
  return n_read_ < parts_.size();
}

Result<Tokens> TextReading::take() {
  if (error_) return *error_;
  Result<Tokens> text = parts_[0].take();
  if (!text || !model_->encoder) return text;
  Tokens start = start_of(*model_, std::make_shared<const Tokens>(std::move(*text)));
  if (parts_.size() < 2) return start;
  Tokens target = *parts_[1].take();
  const Writing& writes = model_->config.writes;
  std::vector<Token>& items = target.items;
  if (!items.empty() && items.back().id == writes.end_id) items.pop_back();
  const bool begins = !items.empty() && (items[0].special || items[0].id == writes.first_id);
  if (writes.first_id >= 0 && !begins) {
    const Tokens first = tokens_of_ids({writes.first_id}, model_->tokenizer.get());
    items.insert(items.begin(), first.items[0]);
  }
  return joined(std::move(start), std::move(target));
}

Result<Tokens> model_tokens(const Model& model, std::string_view text, std::string_view pair) {
  TextReading reading(model, text, pair);
  while (reading.step()) {
  }
  return reading.take();
}

struct Generation::Impl {
  std::shared_ptr<const Model> model;
  Tokens start, tokens;
  std::vector<int> ids;  // written so far
  int most = 0;
  std::shared_ptr<const Trace> before = {};
  std::unique_ptr<ForwardPass> pass = {};

  int next(const std::vector<float>& logits) const {
    const Writing& writes = model->config.writes;
    if (ids.empty() && writes.first_id >= 0) return writes.first_id;
    int best = -1;
    for (int id = 0; id < int(logits.size()); ++id) {
      if (best >= 0 && !(logits[size_t(id)] > logits[size_t(best)])) continue;
      if (std::ranges::find(writes.never, id) == writes.never.end()) best = id;
    }
    return best;
  }

  bool step() {
    if (!pass) {
      pass = std::make_unique<ForwardPass>(model, tokens, Keep{.facts = false}, before.get());
      return true;
    }
    if (pass->step()) return true;
    before = std::make_shared<const Trace>(pass->take());
    pass.reset();
    const int id = before->logits.empty() ? -1 : next(before->logits);
    if (id < 0 || id == model->config.writes.end_id) return false;
    ids.push_back(id);
    tokens = joined(start, tokens_of_ids(ids, model->tokenizer.get()));
    return int(ids.size()) < most;
  }
};

Generation::Generation(std::shared_ptr<const Model> model, Tokens start) {
  const int most = std::min(model->config.writes.most, model->config.n_ctx - 1);
  impl_ = std::make_unique<Impl>();
  impl_->model = std::move(model);
  impl_->tokens = impl_->start = std::move(start);
  impl_->most = most;
}
Generation::~Generation() = default;

int Generation::n_steps() const { return 2 * impl_->most + 100; }
bool Generation::step() { return impl_->step(); }
Tokens Generation::take() {
  return joined(std::move(impl_->start), written(*impl_->model, impl_->ids));
}

Tokens with_generated(const std::shared_ptr<const Model>& model, Tokens tokens) {
  Generation generation(model, std::move(tokens));
  while (generation.step()) {
  }
  return generation.take();
}

}  // namespace attn
