#include "analysis/target.h"

#include <algorithm>
#include <charconv>

#include "analysis/dense.h"

namespace attn {

int token_named(const Tokenizer& tokenizer, std::string_view text) {
  if (text.empty()) return -1;
  const auto only = [&](const std::string& s) {
    int found = -1;
    for (const Token& t : tokenizer.encode(s, false).items) {
      if (found >= 0 || tokenizer.is_special(t.id)) return -1;
      found = t.id;
    }
    return found;
  };
  if (int id = 0; text.front() == '#' && text.size() > 1) {
    const auto [end, fault] = std::from_chars(text.data() + 1, text.data() + text.size(), id);
    if (fault == std::errc() && end == text.data() + text.size())
      return id < tokenizer.size() ? id : -1;
  }
  if (text.front() != ' ')
    if (const int id = only(" " + std::string(text)); id >= 0) return id;
  if (const int id = tokenizer.id_of(text); id >= 0) return id;
  return only(std::string(text));
}

std::string name_of_token(const Tokenizer& tokenizer, int token) {
  const std::string shown = tokenizer.shown(token);
  const size_t word = std::min(shown.find_first_not_of(' '), shown.size());
  for (const std::string& name : {shown.substr(word), shown, tokenizer.piece(token)})
    if (token_named(tokenizer, name) == token) return name;
  return "#" + std::to_string(token);
}

std::vector<int> tokens_beginning(const Tokenizer& tokenizer, std::string_view text, int most) {
  struct Found {
    size_t length;
    int token;
    auto operator<=>(const Found&) const = default;
  };
  std::vector<Found> found;
  for (int id = 0; id < tokenizer.size(); ++id) {
    const std::string shown = tokenizer.shown(id);
    const size_t word = shown.find_first_not_of(' ');
    if (word != std::string::npos && std::string_view(shown).substr(word).starts_with(text))
      found.push_back({shown.size(), id});
  }
  const size_t n = std::min(found.size(), size_t(std::max(0, most)));
  std::partial_sort(found.begin(), found.begin() + std::ptrdiff_t(n), found.end());
  std::vector<int> tokens;
  for (size_t i = 0; i < n; ++i) tokens.push_back(found[i].token);
  return tokens;
}

Target target_of(const Inputs& in) {
  const Model* model = in.model;
  if (!model || !model->tokenizer) return {};
  const auto known = [&](const std::string& text) {
    const int id = token_named(*model->tokenizer, text);
    return id < model->config.d_vocab ? id : -1;
  };
  return {known(in.state->target), known(in.state->foil)};
}

Status bad_target(const Inputs& in) {
  const Target target = target_of(in);
  const Lang lang = in.state->lang;
  for (const auto& [text, id] :
       {std::pair(in.state->target, target.token), {in.state->foil, target.foil}})
    if (!text.empty() && id < 0)
      return Error{"“" + text + "”" +
                   tr(lang, " is not one token of this model; choose a shorter or more common word",
                      " 不是该模型的单个词元；请改用更短或更常见的词")};
  return {};
}

Target target_at(const Inputs& in, int query) {
  Target target = target_of(in);
  if (target.token >= 0) return target;
  const Model& model = *in.model;
  const int d = model.config.d_model;
  const ConstMat resid =
      ConstMat(in.kept()->resid_final.data(), in.kept()->n, d).rows_of(query, query + 1);
  std::vector<float> ready(size_t(model.config.embed_width())),
      logits(size_t(model.config.d_vocab));
  const Mat row(ready.data(), 1, int64_t(ready.size()));
  ready_to_unembed(model, resid, row);
  unembed(model, row, {logits.data(), 1, int64_t(logits.size())});
  target.token = int(std::ranges::max_element(logits) - logits.begin());
  return target;
}

std::vector<float> direction(const Model& model, const Target& target) {
  std::vector<float> u(size_t(model.config.embed_width())), foil(u.size());
  model.weights.unembed.row(target.token, u);
  if (target.foil >= 0) model.weights.unembed.row(target.foil, foil);
  for (size_t i = 0; i < u.size(); ++i) u[i] -= foil[i];
  scale_row(u, model.config.logit_scale);
  return u;
}

float direction_bias(const Model& model, const Target& target) {
  const Tensor& b = model.weights.unembed_bias;
  if (b.empty()) return 0;
  const auto of = [&](int token) { return token < 0 ? 0 : b.vec()[size_t(token)]; };
  return of(target.token) - of(target.foil);
}

}  // namespace attn
