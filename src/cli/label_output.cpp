#include "cli/label_output.h"

#include <algorithm>
#include <vector>

#include "analysis/predictions.h"
#include "base/json_writer.h"
#include "figure/exporters.h"
#include "figure/report_text.h"
#include "model/label_head.h"

namespace attn {

namespace {

constexpr int kLongestAnswer = 30;  // tokens

// Logits and chances of every row of the trace, [row, label].
struct Labels {
  const Model& model;
  const LabelHead& head = model.config.labels;
  const Trace& trace;
  const Tokens& tokens = trace.parts[0].query_tokens[0];
  int n = int(head.names.size());
  std::vector<float> chances = {};

  Labels(const Model& m, const Trace& t) : model(m), trace(t) {
    const bool by_label = head.scale == LabelScale::over_tokens;
    chances = trace.logits;
    const int n_groups = by_label ? n : trace.n_logits, size = by_label ? trace.n_logits : n;
    for (int group = 0; group < n_groups; ++group) {
      const auto at = [&](int i) {
        return by_label ? size_t(i * n + group) : size_t(group * n + i);
      };
      std::vector<float> values;
      for (int i = 0; i < size; ++i) values.push_back(trace.logits[at(i)]);
      to_chances(values, by_label ? LabelScale::softmax : head.scale);
      for (int i = 0; i < size; ++i) chances[at(i)] = values[size_t(i)];
    }
  }
  std::span<const float> row(const std::vector<float>& values, int i) const {
    return std::span(values).subspan(size_t(i) * size_t(n), size_t(n));
  }
  bool has_chances() const { return head.scale != LabelScale::plain; }
};

struct Answer {
  int start, end;  // tokens
  float probability;
};

// The most likely spans of the second text, or of the only one, as transformers ranks them.
std::vector<Answer> answers(const Labels& l, int most) {
  const std::vector<Token>& items = l.tokens.items;
  const bool pair = std::ranges::any_of(items, [](const Token& t) { return t.sequence == 1; });
  const auto may = [&](int i) {
    return !items[size_t(i)].special && (!pair || items[size_t(i)].sequence == 1);
  };
  std::vector<Answer> all;
  const auto better = [](const Answer& a, const Answer& b) {
    return a.probability > b.probability;
  };
  for (int start = 0; start < l.trace.n_logits; ++start) {
    for (int end = start; may(start) && end < l.trace.n_logits && end < start + kLongestAnswer;
         ++end) {
      if (!may(end)) break;
      const Answer answer{start, end, l.row(l.chances, start)[0] * l.row(l.chances, end)[1]};
      if (int(all.size()) == most && !better(answer, all.back())) continue;
      all.insert(std::ranges::upper_bound(all, answer, better), answer);
      if (int(all.size()) > most) all.pop_back();
    }
  }
  return all;
}

std::string text_of(const Labels& l, const Answer& a) {
  const size_t from = l.tokens.items[size_t(a.start)].begin,
               to = std::max(from, l.tokens.items[size_t(a.end)].end);
  return l.tokens.text.substr(from, to - from);
}

void write_labels(JsonWriter& json, const Labels& l, int row) {
  json.array(JsonLayout::lines);
  for (const Peak& p : top_keys(l.row(l.trace.logits, row), l.n)) {
    json.object().integer("id", p.key).text("label", l.head.names[size_t(p.key)]);
    if (l.has_chances()) json.number("probability", l.row(l.chances, row)[size_t(p.key)]);
    json.number("logit", p.weight).end();
  }
  json.end();
}

std::vector<std::string> cells(const Labels& l, int row, const Peak& p) {
  std::vector<std::string> out{l.head.names[size_t(p.key)]};
  if (l.has_chances()) out.push_back(percent(l.row(l.chances, row)[size_t(p.key)]));
  out.push_back(fixed(p.weight, 4));
  return out;
}

std::vector<std::string> headings(const Labels& l, Lang lang) {
  std::vector<std::string> out{tr(lang, "label", "标签")};
  if (l.has_chances()) out.emplace_back(tr(lang, "probability", "概率"));
  out.emplace_back(tr(lang, l.has_chances() ? "logit" : "value", l.has_chances() ? "logit" : "值"));
  return out;
}

std::string answers_text(const Labels& l, int top, Lang lang) {
  TextTable table("rlrrr",
                  {tr(lang, "rank", "名次"), tr(lang, "answer", "答案"), tr(lang, "start", "起点"),
                   tr(lang, "end", "终点"), tr(lang, "probability", "概率")});
  int rank = 0;
  for (const Answer& a : answers(l, top)) {
    Token token;
    token.shown = text_of(l, a);
    table.add({std::to_string(++rank), token_name(token, 40), std::to_string(a.start),
               std::to_string(a.end), percent(a.probability)});
  }
  return fill(tr(lang, "{0} · answers in {1} tokens\n\n", "{0} · {1} 个词元中的答案\n\n"),
              {l.model.name, std::to_string(l.tokens.size())}) +
         table.text();
}

}  // namespace

std::string labels_as_text(const Model& model, const Trace& trace, int top, Lang lang) {
  const Labels l(model, trace);
  if (l.head.scale == LabelScale::over_tokens) return answers_text(l, top, lang);
  const bool of_tokens = l.head.at == ReadAt::token;
  std::vector<std::string> header = headings(l, lang);
  if (of_tokens) {
    header.insert(header.begin(), {"", tr(lang, "token", "词元")});
    TextTable table(l.has_chances() ? "rllrr" : "rllr", header);
    for (int row = 0; row < trace.n_logits; ++row) {
      std::vector<std::string> line = cells(l, row, top_keys(l.row(trace.logits, row), 1)[0]);
      line.insert(line.begin(), {std::to_string(row), token_name(l.tokens.items[size_t(row)], 24)});
      table.add(std::move(line));
    }
    return fill(tr(lang, "{0} · labels of {1} tokens\n\n", "{0} · {1} 个词元的标签\n\n"),
                {model.name, std::to_string(l.tokens.size())}) +
           table.text();
  }
  TextTable table(l.has_chances() ? "lrr" : "lr", header);
  for (const Peak& p : top_keys(l.row(trace.logits, 0), top)) table.add(cells(l, 0, p));
  return fill(l.tokens.patches ? tr(lang, "{0} · labels of the picture, {1} tokens\n\n",
                                    "{0} · 图片（{1} 个词元）的标签\n\n")
                               : tr(lang, "{0} · labels of the text, {1} tokens\n\n",
                                    "{0} · 整段文本（{1} 个词元）的标签\n\n"),
              {model.name, std::to_string(l.tokens.size())}) +
         table.text();
}

std::string labels_as_json(const Model& model, const Trace& trace, int top,
                           std::span<const std::string> notes) {
  const Labels l(model, trace);
  JsonWriter json;
  json.object(JsonLayout::lines).text("model", model.name).text("text", l.tokens.text);
  write_notes(json, notes);
  json.key("input_ids").array();
  for (const Token& t : l.tokens.items) json.integer(t.id);
  json.end();
  if (l.head.at != ReadAt::token) {
    json.key("labels");
    write_labels(json, l, 0);
    return json.end().take() + "\n";
  }
  if (l.head.scale == LabelScale::over_tokens) {
    json.key("answers").array(JsonLayout::lines);
    for (const Answer& a : answers(l, top))
      json.object()
          .text("answer", text_of(l, a))
          .integer("start", a.start)
          .integer("end", a.end)
          .number("probability", a.probability)
          .end();
    json.end();
  }
  json.key("tokens").array(JsonLayout::lines);
  for (int row = 0; row < trace.n_logits; ++row) {
    json.object().integer("position", row).text("shown", l.tokens.items[size_t(row)].shown);
    json.key("labels");
    write_labels(json, l, row);
    json.end();
  }
  return json.end().end().take() + "\n";
}

}  // namespace attn
