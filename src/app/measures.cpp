#include "app/measures.h"

#include <algorithm>
#include <chrono>

namespace attn {
namespace {

constexpr double kPartSeconds = .1;

bool has(const Metric& m, Axis axis) { return std::ranges::find(m.axes, axis) != m.axes.end(); }

const Metric* first_of(const std::vector<Axis>& axes, int nth = 0) {
  for (const Metric& m : metrics())
    if (m.compute && m.axes == axes && nth-- == 0) return &m;
  return nullptr;
}

const Metric* named(const std::string& id, const std::vector<Axis>& axes) {
  const Metric* m = find_metric(id);
  return m && m->compute && m->axes == axes ? m : nullptr;
}

const std::vector<Axis> kByHead = {Axis::layer, Axis::head};
const std::vector<Axis> kByCell = {Axis::query, Axis::key};
const std::vector<Axis> kByLayer = {Axis::layer, Axis::query};

double now_s() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

bool MeasureKey::operator==(const MeasureKey& o) const {
  return metric == o.metric && !trace.owner_before(o.trace) && !o.trace.owner_before(trace) &&
         sample == o.sample && layer == o.layer && head == o.head && token == o.token &&
         target == o.target && foil == o.foil;
}

MeasureKey measure_key(const Metric& metric, const std::shared_ptr<const Trace>& trace, const State& at) {
  MeasureKey key{&metric, trace, at.sample, -1, -1, -1, {}, {}};
  if (!has(metric, Axis::layer)) key.layer = at.layer;
  if (!has(metric, Axis::head)) key.head = at.head;
  if (!has(metric, Axis::query)) key.token = at.token;
  // Scores of heads are about all rows.
  if (metric.axes == kByHead) key.token = -1;
  key.target = at.target;
  key.foil = at.foil;
  return key;
}

Result<Measure> compute_checked(const Metric& metric, const Inputs& inputs) {
  const Attention& a = inputs.trace->attention();
  const Lang lang = inputs.state->lang;
  if (has(metric, Axis::query) && has(metric, Axis::key) && int64_t(a.n_query) * a.n_key > kMostCells)
    return Error{std::string(metric.title.in(lang)) +
                 tr(lang, ": shown for texts of up to 2,048 tokens; this one has ",
                    "：仅对不超过 2,048 个词元的文本显示；当前有 ") +
                 std::to_string(a.n_query) + tr(lang, "", " 个")};
  if (!has(metric, Axis::layer) && !a.is_kept(inputs.state->layer))
    return Error{tr(lang, "The memory has no room for this layer; choosing it computes it",
                    "内存放不下这一层；选择该层即可计算")};
  return metric.compute(inputs);
}

const Metric* head_measure(const State& s) {
  const Metric* m = named(s.measure, kByHead);
  return m ? m : first_of(kByHead);
}

const Metric* second_head_measure(const State& s) {
  if (const Metric* m = named(s.versus, kByHead)) return m;
  const Metric* first = first_of(kByHead, 0);
  return head_measure(s) == first ? first_of(kByHead, 1) : first;
}

const Metric* shown_measure(const State& s) { return named(s.show, kByCell); }

const Metric* lens_measure(const State&) { return first_of(kByLayer); }

std::vector<const Metric*> wanted_metrics(const State& s) {
  std::vector<const Metric*> wanted;
  const auto add = [&](const Metric* m) {
    if (m && std::ranges::find(wanted, m) == wanted.end()) wanted.push_back(m);
  };
  if (s.canvas == Canvas::map || s.canvas == Canvas::lines) add(shown_measure(s));
  if (!s.measure.empty() || s.panel == Panel::list || s.canvas == Canvas::scatter) add(head_measure(s));
  if (s.canvas == Canvas::scatter) add(second_head_measure(s));
  if (s.canvas == Canvas::lens) add(lens_measure(s));
  // The list's filter may name any of them.
  if (s.panel == Panel::head || (s.panel == Panel::list && !s.filter.empty()))
    for (const Metric& m : metrics())
      if (m.compute && m.axes == kByHead) add(&m);
  return wanted;
}

Job measure_job(std::shared_ptr<const Trace> trace, State at, std::vector<MeasureKey> keys, Lang lang,
                std::function<void(std::vector<std::shared_ptr<const MadeMeasure>>)> done) {
  struct Work {
    std::shared_ptr<const Trace> trace;
    State at;
    std::vector<MeasureKey> keys;
    std::vector<std::shared_ptr<const MadeMeasure>> made;
    double seconds = 0;

    bool step() {
      const double begun = now_s();
      const MeasureKey& key = keys[made.size()];
      Result<Measure> measure = compute_checked(*key.metric, {trace.get(), &at});
      auto one = std::make_shared<MadeMeasure>();
      one->key = key;
      if (measure)
        one->measure = std::move(*measure);
      else
        one->error = measure.error();
      made.push_back(std::move(one));
      seconds += now_s() - begun;
      return made.size() < keys.size() && seconds < kPartSeconds;
    }
  };
  auto work = std::make_shared<Work>();
  work->trace = std::move(trace);
  work->at = std::move(at);
  work->keys = std::move(keys);
  return {tr(lang, "Measuring", "正在测量"), int(work->keys.size()), [work] { return work->step(); },
          [work, done] { done(std::move(work->made)); }};
}

}  // namespace attn
