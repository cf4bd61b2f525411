#include "app/measures.h"

#include <algorithm>
#include <chrono>

#include "analysis/head_scores.h"
#include "base/bytes.h"
#include "figure/views.h"
#include "pass/forward.h"
#include "pass/forward_sizes.h"

namespace attn {
namespace {

constexpr double kPartSeconds = .1;

bool has(const Metric& m, Axis axis) { return std::ranges::find(m.axes, axis) != m.axes.end(); }

const std::vector<Axis> kByHead = {Axis::layer, Axis::head};

std::shared_ptr<const HeadRoles> roles_of(const HeadTable& table,
                                          const std::shared_ptr<const Trace>& trace, int part,
                                          int sample) {
  auto made = std::make_shared<HeadRoles>();
  made->trace = trace;
  made->part = part;
  made->sample = sample;
  made->n_heads = table.n_heads;
  for (int layer = 0; layer < table.n_layers; ++layer)
    for (int head = 0; head < table.n_heads; ++head)
      made->roles.push_back(head_role(table, layer, head));
  return made;
}

double now_s() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

bool MeasureKey::operator==(const MeasureKey& o) const {
  return metric == o.metric && !trace.owner_before(o.trace) && !o.trace.owner_before(trace) &&
         site() == o.site() && sample == o.sample && token == o.token && offset == o.offset &&
         target == o.target && foil == o.foil && lang == o.lang;
}

MeasureKey measure_key(const Metric& metric, const std::shared_ptr<const Trace>& trace,
                       const State& at) {
  MeasureKey key{{metric.needs & of_weights ? 0 : at.part, -1, -1}, &metric, trace};
  if (metric.reads & reads_sample) key.sample = at.sample;
  if (metric.reads & reads_layer) key.layer = at.layer;
  if (metric.reads & reads_head) key.head = at.head;
  if (metric.reads & reads_token) key.token = at.token;
  if (metric.reads & reads_offset) key.offset = at.offset;
  if (metric.reads & reads_target) {
    key.target = at.target;
    key.foil = at.foil;
  }
  if (metric.reads & reads_lang) key.lang = at.lang;
  return key;
}

Status cannot_compute(const Metric& metric, const Inputs& inputs) {
  const Attention& a = inputs.attention();
  const Lang lang = inputs.state->lang;
  if (has(metric, Axis::query) && has(metric, Axis::key) &&
      int64_t(a.n_query) * a.n_key > kMostCells)
    return Error{std::string(metric.title.in(lang)) +
                 tr(lang, ": shown for texts of up to 2,048 tokens; this one has ",
                    "：仅对不超过 2,048 个词元的文本显示；当前词元数为 ") +
                 std::to_string(a.n_query)};
  if ((metric.reads & reads_layer) && !a.is_kept(inputs.state->layer))
    return Error{tr(lang, "The memory has no room for this layer; choosing it computes it",
                    "内存放不下这一层；选择该层即可计算")};
  return missing(metric, inputs);
}

Result<Measure> compute_checked(const Metric& metric, const Inputs& inputs) {
  if (Status no = cannot_compute(metric, inputs)) return *no;
  return metric.compute(inputs);
}

const Metric* next_measure() { return find_view("next")->usual_metric(); }

std::vector<const Metric*> wanted_metrics(const State& s) {
  std::vector<const Metric*> wanted;
  const auto add = [&](const Metric* m) {
    if (m && std::ranges::find(wanted, m) == wanted.end()) wanted.push_back(m);
  };
  for (const View& view : views()) {
    if (!view.is_on_page(s)) continue;
    add(view.metric(s));
    add(view.second_metric(s));
  }
  // The list's filter may name any of them.
  if (s.panel == Panel::head || (s.panel == Panel::list && !s.filter.empty()))
    for (const Metric& m : metrics())
      if (m.axes == kByHead) add(&m);
  // What may be chosen as the target: what the model itself expects.
  if (std::ranges::any_of(wanted, [](const Metric* m) { return m->reads & reads_target; }))
    add(next_measure());
  return wanted;
}

Job measure_job(MeasureWish wish, Lang lang, std::function<void(MadeMeasures)> done) {
  struct Work {
    MeasureWish wish;
    std::vector<std::shared_ptr<const MadeMeasure>> made;
    std::optional<ForwardPass> pass;  // that keeps activations
    std::optional<Error> no_activations;
    Study study;  // of the metric in hand, when it has steps
    // Scores of heads look at the same patterns: all that follow each other are made in one walk.
    std::unique_ptr<HeadTable> table;
    std::unique_ptr<HeadTableWork> walk;
    std::shared_ptr<const HeadRoles> roles;
    double seconds = 0;

    bool step() {
      const double begun = now_s();
      const Metric& metric = *wish.keys[made.size()].metric;
      const bool asks =
          (metric.needs & needs_activations) && wish.model && !wish.trace->activations;
      if (asks && !wish.activations && !no_activations) {
        keep_activations();
      } else {
        compute(metric, asks);
      }
      seconds += now_s() - begun;
      return made.size() < wish.keys.size() &&
             (made.empty() || study.step || walk || pass || seconds < kPartSeconds);
    }
    void keep_activations() {
      const Trace& t = *wish.trace;
      if (!pass) {
        const Tokens& tokens = t.parts[0].query_tokens[0];
        const uint64_t bytes =
            activation_floats(wish.model->config, uint64_t(tokens.size())) * sizeof(float);
        if (bytes > wish.room) {
          no_activations = Error{
              tr(wish.at.lang, "This needs the activations of all layers, ",
                 "这需要保留所有层的激活值，共 ") +
              human_bytes(bytes) +
              tr(wish.at.lang, ", and the memory has room for ", "，而内存只剩 ") +
              human_bytes(wish.room) + tr(wish.at.lang, "; shorten the text", "；请缩短文本")};
          return;
        }
        Keep keep;
        keep.activations = true;
        keep.facts = false;
        pass.emplace(wish.model, tokens, keep);
      } else if (!pass->step()) {
        wish.activations = pass->take().activations;
        pass.reset();
      }
    }
    void compute(const Metric& metric, bool asks) {
      const Inputs inputs{wish.model.get(), wish.trace.get(), &wish.at, wish.activations.get(),
                          wish.period};
      if (asks && no_activations) return add({}, no_activations);
      if (walk) return go_on_walking();
      if (!study.step) {
        if (Status no = cannot_compute(metric, inputs)) return add({}, no);
        if (begin_walk(inputs)) return;
        study = metric.begin(inputs);
      }
      if (study.step()) return;
      add(study.take(), {});
      study = {};
    }
    bool begin_walk(const Inputs& inputs) {
      std::vector<const HeadScore*> scores;
      for (size_t i = made.size(); i < wish.keys.size(); ++i) {
        const HeadScore* score = find_head_score(wish.keys[i].metric->id);
        if (!score || cannot_compute(*wish.keys[i].metric, inputs)) break;
        scores.push_back(score);
      }
      if (scores.size() < 2) return false;
      table = std::make_unique<HeadTable>(std::move(scores), wish.trace->at(wish.at));
      walk = std::make_unique<HeadTableWork>(
          *table, wish.model.get(), wish.trace->at(wish.at),
          HeadQuestion{wish.at.sample, wish.period, wish.at.offset});
      return true;
    }
    void go_on_walking() {
      if (walk->step()) return;
      for (size_t s = 0; s < table->scores.size(); ++s)
        add({kByHead, {table->n_layers, table->n_heads}, table->values(s)}, {});
      const auto has = [&](const HeadScore* score) {
        return std::ranges::find(table->scores, score) != table->scores.end();
      };
      if (std::ranges::all_of(role_scores(wish.period > 0), has))
        roles = roles_of(*table, wish.trace, wish.at.part, wish.at.sample);
      walk.reset();
      table.reset();
    }
    void add(Measure measure, std::optional<Error> error) {
      auto one = std::make_shared<MadeMeasure>();
      one->key = wish.keys[made.size()];
      one->measure = std::move(measure);
      one->error = std::move(error);
      made.push_back(std::move(one));
    }
  };
  auto work = std::make_shared<Work>();
  work->wish = std::move(wish);
  return {tr(lang, "Measuring", "正在测量"), int(work->wish.keys.size()),
          [work] { return work->step(); },
          [work, done] { done({std::move(work->made), work->wish.activations, work->roles}); }};
}

Job role_job(RoleWish wish, Lang lang, std::function<void(std::shared_ptr<const HeadRoles>)> done) {
  struct Work {
    RoleWish wish;
    HeadTable table;
    HeadTableWork pass;
    std::shared_ptr<const HeadRoles> made;

    explicit Work(const RoleWish& w)
        : wish(w),
          table(role_scores(w.period > 0), attention()),
          pass(table, w.model.get(), attention(), {w.sample, w.period, 2}) {}
    const Attention& attention() const { return wish.trace->parts[size_t(wish.part)]; }
    bool step() {
      if (pass.step()) return true;
      made = roles_of(table, wish.trace, wish.part, wish.sample);
      return false;
    }
  };
  // What it needs is set up in the first step, away from the caller's thread.
  struct Begun {
    RoleWish wish;
    std::optional<Work> work;
  };
  auto begun = std::make_shared<Begun>();
  begun->wish = std::move(wish);
  return {tr(lang, "Measuring", "正在测量"), 100,
          [begun] {
            if (!begun->work) {
              begun->work.emplace(begun->wish);
              return true;
            }
            return begun->work->step();
          },
          [begun, done] { done(begun->work->made); }};
}

}  // namespace attn
