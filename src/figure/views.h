// views.h - the table of views: what each shows, where it gets it, and where on the page it stands.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "figure/figure.h"

namespace attn {

// One row, one view; the page's tabs and keys, the measures that are computed, links, the command
// line and the tests walk the table.
struct View {
  const char* id = "";  // in links and on the command line
  Text title = {};
  Text sentence = {};
  Text tab = {};  // of the views that take turns in the middle of the page; empty: stands elsewhere
  std::vector<Axis> axes = {};               // of the measures it can show
  std::vector<std::vector<Axis>> also = {};  // other axes that it can show
  Figure (*figure)(const ViewInput&) = nullptr;

  // Which measure it asks for. The member of State with the id of its metric, and with that of a
  // second one to put against it; null: there is nothing to choose.
  std::string State::* chosen = nullptr;
  std::string State::* second = nullptr;
  // Unless a metric is chosen, the weights of the chosen head, which the page has at hand; else the
  // first metric of the table with these axes.
  bool of_pattern = false;
  unsigned reads = 0;   // Read: what each metric that may be chosen reads
  unsigned needs = 0;   // Need: what it draws beside its measure
  bool groups = false;  // words, sentences or spans may count as one token
  // Outside the middle: whether it is on the page and needs its measure.
  bool (*on_page)(const State&) = nullptr;

  bool in_middle() const { return *tab.en != '\0'; }
  bool is_on_page(const State& state) const;
  // By its axes.
  bool can_show(const Metric& metric) const;
  // Whether these are the weights of patterns, which are coloured by the scale alone; other numbers
  // go from their lowest to their highest.
  bool shows_weights(const Metric& metric) const;
  // In its menu; not the weights where these need no metric.
  bool offers(const Metric& metric) const;
  // The first of the table with `axes`; null: there is none.
  const Metric* usual_metric() const;
  // What it shows of a state; null: the weights.
  const Metric* metric(const State& state) const;
  const Metric* second_metric(const State& state) const;
};
std::span<const View> views();
const View* find_view(std::string_view id);

// Those that take turns in the middle, in the order of their tabs.
std::span<const View* const> middle_views();
// That of State::view; the first where there is none by this id.
const View& middle_view(const State& state);
// In one sentence, that a link names a view which does not exist.
Status unknown_view(const State& state);

}  // namespace attn
