#include "figure/caption.h"

#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/heads_table.h"
#include "figure/views.h"

namespace attn {
namespace {

constexpr size_t kMostText = 4000;  // bytes of text in a description

unsigned reads_of(const Metric* metric) {
  return metric ? metric->reads : reads_layer | reads_head;
}

void join(std::string& out, const std::string& part) {
  if (!part.empty()) out += (out.empty() ? "" : " · ") + part;
}

std::string part_name(const Inputs& in, Lang lang) {
  if (!in.trace || in.trace->parts.size() < 2) return "";
  switch (in.attention().part) {
    case Part::encoder_self:
      return tr(lang, "Encoder", "编码器");
    case Part::decoder_self:
      return tr(lang, "Decoder", "解码器");
    case Part::cross:
      return tr(lang, "Cross-attention", "交叉注意力");
    case Part::pooling:
      return kPoolingTitle.in(lang);
  }
  return "";
}

std::string text_of(const Tokens& tokens) {
  // Without a text, the names of the tokens are joined.
  std::string text = tokens.text;
  for (size_t i = 0; text.empty() && i < tokens.items.size() && text.size() < kMostText; ++i)
    text += (i ? " " : "") + tokens.items[i].shown;
  if (text.size() <= kMostText) return text;
  size_t end = kMostText;
  while (end > 0 && (uint8_t(text[end]) & 0xC0) == 0x80) --end;  // not inside a UTF-8 character
  return text.substr(0, end) + "…";
}

std::string in_one_line(std::string text) {
  for (char& c : text)
    if (uint8_t(c) < 32) c = ' ';
  return text;
}

std::string words_of_site(unsigned reads, const State& s) {
  std::string out;
  if (reads & reads_layer)
    out = tr(s.lang, "Layer ", "第 ") + std::to_string(s.layer) + tr(s.lang, "", " 层");
  if (reads & reads_head)
    join(out, tr(s.lang, "Head ", "第 ") + std::to_string(s.head) + tr(s.lang, "", " 头"));
  return out;
}

}  // namespace

std::string site_words(const Metric* metric, const State& s) {
  return words_of_site(reads_of(metric), s);
}

std::string site_name(const Metric* metric, const State& s) {
  const unsigned reads = reads_of(metric);
  if (!(reads & reads_layer)) return "";
  return reads & reads_head ? head_name(s.layer, s.head) : "L" + std::to_string(s.layer);
}

std::string measure_title(const Metric* metric, Lang lang) {
  return metric ? metric->title.in(lang) : tr(lang, "Weight", "权重");
}

std::string figure_title(const Metric* metric, const State& state) {
  std::string out = site_name(metric, state);
  join(out, measure_title(metric, state.lang));
  return out;
}

std::string row_title(const Metric* metric, const State& s, const Pairs& pairs) {
  const std::string query = position_text(pairs.query_tokens[size_t(s.sample)].items, s.token) +
                            tr(s.lang, " ", "") +
                            quoted_token(s.lang, token_name(pairs.query_tokens, s.sample, s.token));
  const std::string site = site_name(metric, s);
  const std::string what = metric ? metric->title.in(s.lang) : tr(s.lang, "Attention", "注意力");
  if (s.lang == Lang::zh) return "查询 " + query + "的" + what + (site.empty() ? "" : "，" + site);
  return what + " of query " + query + (site.empty() ? "" : " in " + site);
}

Caption caption_of(const Metric& metric, const Metric* second, const Inputs& in, const Pairs& pairs,
                   std::string note, const View* view) {
  const State& state = *in.state;
  const Lang lang = state.lang;
  const unsigned draws = view ? view->draws : 0, reads = metric.reads | draws;
  std::string title =
      in.model ? in.model->name : tr(lang, "Attention from scratch", "从零实现的注意力");
  join(title, part_name(in, lang));
  join(title, words_of_site(reads, state));
  if (reads & reads_token)
    join(title, tr(lang, "Query ", "查询 ") +
                    position_text(pairs.query_tokens[size_t(state.sample)].items, state.token) +
                    " " +
                    quoted_token(lang, token_name(pairs.query_tokens, state.sample, state.token)));
  join(title, second ? std::string(second->title.in(lang)) + tr(lang, " against ", " 对 ") +
                           metric.title.in(lang)
              : draws ? view->title.in(lang)
                      : metric.title.in(lang));
  if (in.trace)
    if (const std::string cut = cut_words(in.trace->own().query_tokens[0], lang); !cut.empty())
      note += (note.empty() ? "" : "; ") + cut;
  return {title, text_of(pairs.key_tokens[size_t(state.sample)]), std::move(note)};
}

void add_caption(Figure& figure, const Caption& caption, float line) {
  const auto add = [&](const std::string& text, Ink ink) {
    if (text.empty()) return;
    figure.shapes.push_back(
        Label{{0, figure.size.y + 2}, in_one_line(text), ink, Align::left, figure.size.x, .8f});
    figure.size.y += line * 1.2f;
  };
  add(caption.note, Ink::faint);
  add(caption.title, Ink::text);
  add(caption.text, Ink::faint);
}

}  // namespace attn
