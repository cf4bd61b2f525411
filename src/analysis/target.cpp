#include "analysis/target.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "analysis/dense.h"
#include "model/label_head.h"

namespace attn {

namespace {

// Of "#50".
std::optional<int> number_in(std::string_view text) {
  int id = 0;
  if (text.size() < 2 || text.front() != '#') return {};
  const auto [end, fault] = std::from_chars(text.data() + 1, text.data() + text.size(), id);
  const bool whole = fault == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(id) : std::nullopt;
}

}  // namespace

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
  if (const auto id = number_in(text)) return *id < tokenizer.size() ? *id : -1;
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

int output_named(const Model& model, std::string_view text) {
  const std::vector<std::string>& labels = model.config.labels.names;
  if (labels.empty()) {
    const int id = model.tokenizer ? token_named(*model.tokenizer, text) : -1;
    return id < model.config.d_vocab ? id : -1;
  }
  const auto named = std::ranges::find(labels, text);
  if (named != labels.end()) return int(named - labels.begin());
  const int id = number_in(text).value_or(-1);
  return id < int(labels.size()) ? id : -1;
}

std::string name_of_output(const Model& model, int id) {
  if (model.config.labels.names.empty()) return name_of_token(*model.tokenizer, id);
  const std::string name = output_name(model, id);
  return output_named(model, name) == id ? name : "#" + std::to_string(id);
}

std::vector<int> outputs_beginning(const Model& model, std::string_view text, int most) {
  const std::vector<std::string>& labels = model.config.labels.names;
  if (labels.empty()) return tokens_beginning(*model.tokenizer, text, most);
  std::vector<int> found;
  for (int id = 0; id < int(labels.size()) && int(found.size()) < most; ++id)
    if (labels[size_t(id)].starts_with(text)) found.push_back(id);
  return found;
}

int read_token(const Inputs& in) {
  return rows_read(in.model->config, in.attention().query_tokens[0], in.state->token).from;
}

Target target_of(const Inputs& in) {
  if (!in.model) return {};
  return {output_named(*in.model, in.state->target), output_named(*in.model, in.state->foil)};
}

Status bad_target(const Inputs& in) {
  const Target target = target_of(in);
  const Lang lang = in.state->lang;
  std::string labels;
  if (in.model)
    for (const std::string& name : in.model->config.labels.names)
      labels += (labels.empty() ? "" : tr(lang, ", ", "、")) + name;
  for (const auto& [text, id] :
       {std::pair(in.state->target, target.token), {in.state->foil, target.foil}})
    if (!text.empty() && id < 0 && !labels.empty())
      return Error{"“" + text + "”" +
                   tr(lang, " is not a label of this model; its labels are ",
                      " 不是该模型的标签；它的标签有：") +
                   labels};
    else if (!text.empty() && id < 0)
      return Error{"“" + text + "”" +
                   tr(lang, " is not one token of this model; choose a shorter or more common word",
                      " 不是该模型的单个词元；请改用更短或更常见的词")};
  return {};
}

std::vector<float> direction(const Model& model, const Target& target) {
  std::vector<float> u(size_t(model.config.output_width())), foil(u.size());
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
