// reading_view.cpp - the frame in which words, sentences or spans are merged into one unit each.
#include <algorithm>

#include "platform/platform.h"
#include "ui/ui_state.h"
#include "ui/widgets.h"

namespace attn {

std::optional<Frame> reading_frame(Frame& f) {
  UiState& ui = f.ui;
  const auto& reading = f.snap.reading;
  if (!f.trace || !reading || !regroups(f.shown) || reading->of.lock() != f.snap.trace ||
      reading->queries.size() == 0 || reading->keys.size() == 0) {
    ui.read_snap = {};
    return {};
  }
  ui.read_snap = f.snap;
  ui.read_snap.trace.reset();  // its measures are not of groups
  ui.read_snap.map.reset();
  if (const auto read = f.snap.read_map(nullptr, f.shown)) ui.read_snap.map = read->map;
  Frame g{ui, f.session, f.state, f.history, ui.read_snap, f.trace, reading->at(f.shown), f.lang};
  g.reading = reading.get();
  g.base = &f;
  return g;
}

std::shared_ptr<const void> Frame::drawn() const {
  return base ? std::shared_ptr<const void>(base->snap.reading) : snap.trace;
}

std::shared_ptr<const MadeMeasure> Frame::shown_made(const Metric* metric) const {
  if (!base) return snap.measure(metric, shown);
  const auto map = base->snap.read_map(metric, base->shown);
  return map ? map->made : nullptr;
}

int Frame::query_token(int query) const {
  if (!reading) return query;
  if (query == shown.token && reading->queries.of_token[size_t(base->shown.token)] == query)
    return base->shown.token;
  return reading->queries.places[size_t(query)].begin;
}

int Frame::key_token(int key) const {
  if (!reading || key < 0) return key;
  if (key == shown.locked_key) return base->shown.locked_key;
  return reading->keys.places[size_t(key)].begin;
}

std::optional<CellRect> Frame::rectangle() const {
  if (!reading) return read_rectangle(state.rectangle, attention());
  const auto tokens = read_rectangle(state.rectangle, attention());
  if (!tokens) return {};
  const auto at = [](const Groups& groups, int token) { return groups.nearest(token); };
  return CellRect{at(reading->queries, tokens->q0), at(reading->queries, tokens->q1),
                  at(reading->keys, tokens->k0), at(reading->keys, tokens->k1)};
}

void Frame::choose_rectangle(CellRect r) const {
  if (reading)
    r = {reading->queries.places[size_t(r.q0)].begin, reading->queries.places[size_t(r.q1)].end - 1,
         reading->keys.places[size_t(r.k0)].begin, reading->keys.places[size_t(r.k1)].end - 1};
  state.rectangle = write_rectangle(r);
}

void draw_reading_words(const Frame& f, const Metric* metric) {
  if (!f.reading) return;
  std::string says = regroup_words(f.state, !metric || metric->adds_up, f.lang);
  const auto map = f.base->snap.read_map(nullptr, f.base->shown);
  if (f.reading->n_hidden > 0 && map && !map->error)
    says += (says.empty() ? "" : f.t(" · ", " · ")) +
            hidden_words(f.shown, f.reading->n_hidden, map->hidden_mean, f.lang);
  if (f.state.units == Units::spans && f.state.spans.empty())
    says = f.t("Shift+click a token below the text to mark the span from the chosen token to it",
               "按住 Shift 单击文本下方的词元，即可标记从所选词元到它的片段");
  if (says.empty()) return;
  ImGui::PushFont(nullptr, kSmallText);
  ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().accent));
  wrapped(says);
  ImGui::PopStyleColor();
  ImGui::PopFont();
  f.mark("reading");
}

std::string reading_error(const Frame& f) {
  if (!f.base) return "";
  const auto map = f.base->snap.read_map(nullptr, f.base->shown);
  return map && map->error ? map->error->message : "";
}

void mark_span(Frame& f, int query) {
  const auto place = [&](int i) {
    return f.reading ? f.reading->queries.places[size_t(i)] : TokenSpan{i, i + 1};
  };
  const TokenSpan a = place(f.shown.token), b = place(query);
  auto spans = read_spans(f.state.spans);
  f.state.spans = write_spans(with_span(spans ? *spans : std::vector<TokenSpan>{},
                                        {std::min(a.begin, b.begin), std::max(a.end, b.end)}));
  f.state.units = Units::spans;
}

}  // namespace attn
