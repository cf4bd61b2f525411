// views.h - the table of views: what each shows, its measures, and its place on the page.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "figure/figure.h"

namespace attn {

// One row per view. The page's tabs and keys, the measures to compute, links, the command line and
// the tests all walk this table.
struct View {
  const char* id = "";  // in links and on the command line
  Text title = {};
  Text sentence = {};
  Text tab = {};                // tab of a view in the middle of the page; empty: shown elsewhere
  std::vector<Axis> axes = {};  // axes of the measures it can show
  std::vector<std::vector<Axis>> also = {};  // further axes it can show
  Figure (*figure)(const ViewInput&) = nullptr;

  // The members of State that hold the ids of its metric and of a second metric to plot against it;
  // null: no choice.
  std::string State::* chosen = nullptr;
  std::string State::* second = nullptr;
  // True: without a chosen metric it shows the weights of the chosen head. False: the first metric
  // with these axes.
  bool of_pattern = false;
  unsigned reads = 0;        // Read flags that a metric must have to be offered
  unsigned needs = 0;        // Need flags of what it draws besides its measure
  unsigned draws = 0;        // Read flags of what it draws besides its measure
  bool of_pictures = false;  // of models that read pictures only
  bool groups = false;       // supports words, sentences and spans
  bool filters = false;      // marks the heads that State::filter lets through
  // For views outside the middle: whether it is on the page and needs its measure.
  bool (*on_page)(const State&) = nullptr;

  bool in_middle() const { return *tab.en != '\0'; }
  bool is_on_page(const State& state) const;
  // Whether the axes match.
  bool can_show(const Metric& metric) const;
  // Whether these are pattern weights, which are coloured over 0 to 1; other values are coloured
  // over their own range.
  bool shows_weights(const Metric& metric) const;
  // Whether its menu lists the metric; pattern weights are left out where they need no metric.
  bool offers(const Metric& metric) const;
  // The first metric with `axes`; null if there is none.
  const Metric* usual_metric() const;
  // The metric to show for a state; null: the weights.
  const Metric* metric(const State& state) const;
  const Metric* second_metric(const State& state) const;
};
std::span<const View> views();
const View* find_view(std::string_view id);

// The views in the middle of the page, in the order of their tabs.
std::span<const View* const> middle_views();
// Those with something to show here: a model, or the attention from scratch, of which some views
// could only say that they need a model. The chosen view is always among them.
std::vector<const View*> tabs_for(const State& state, bool has_model, bool has_picture = false);
// The view named by State::view, or the default one if there is no such view.
const View& middle_view(const State& state);
// An error if a link names a view that does not exist.
Status unknown_view(const State& state);

}  // namespace attn
