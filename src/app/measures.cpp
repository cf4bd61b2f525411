#include "app/measures.h"

#include <algorithm>
#include <chrono>

#include "analysis/head_scores.h"
#include "app/chain.h"
#include "base/bytes.h"
#include "figure/views.h"
#include "pass/forward.h"
#include "pass/forward_sizes.h"
#include "pass/scratch.h"

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
         sample == o.sample && site() == o.site() && token == o.token && offset == o.offset &&
         target == o.target && foil == o.foil && lang == o.lang;
}

MeasureKey measure_key(const Metric& metric, const std::shared_ptr<const Trace>& trace,
                       const State& at) {
  MeasureKey key{{at.part, -1, -1}, &metric, trace};
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
                 tr(lang, ": available for up to 2,048 tokens; this text has ",
                    "：最多支持 2,048 个词元；当前文本的词元数为 ") +
                 std::to_string(a.n_query)};
  if ((metric.reads & reads_layer) && !a.is_kept(inputs.state->layer))
    return Error{tr(lang, "This layer did not fit in memory; choose it to compute it",
                    "该层未能保留在内存中；选择该层即可重新计算")};
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
  // A filter may name any head metric.
  const bool filters = s.panel == Panel::list || middle_view(s).filters;
  if (s.panel == Panel::head || (filters && !s.filter.empty()))
    for (const Metric& m : metrics())
      if (m.axes == kByHead) add(&m);
  // The target menu offers the model's own predictions.
  if (std::ranges::any_of(wanted, [](const Metric* m) { return m->reads & reads_target; }))
    add(next_measure());
  return wanted;
}

namespace {

// Makes the measures of a wish, key after key; each step depends on what exists so far.
struct MeasureWork {
  MeasureWish wish;
  MadeMeasures made;
  std::optional<Error> no_activations;
  double seconds = 0;
  Chain chain{[this] { return next(); }};

  explicit MeasureWork(MeasureWish w) : wish(std::move(w)) { made.activations = wish.activations; }
  MeasureWork(const MeasureWork&) = delete;

  bool step() {
    const double begun = now_s();
    const bool more = chain.step();
    seconds += now_s() - begun;
    return more && (made.made.empty() || !chain.is_between() || seconds < kPartSeconds);
  }
  Inputs inputs() const {
    return {stack_of(wish.model, wish.at.part),
            wish.trace.get(),
            &wish.at,
            made.activations.get(),
            wish.period,
            wish.scratch ? &wish.scratch->module : nullptr};
  }
  // Whose W_O the heads have; that of cross-attention and pooling is not read.
  const Model* heads_model() const {
    return wish.model && wish.model->is_across(wish.at.part) ? nullptr : inputs().model;
  }
  std::vector<const HeadScore*> roles_by() const {
    return role_scores(wish.period > 0, wish.trace->at(wish.at).is_across());
  }
  size_t n_made() const { return made.made.size(); }
  // The pass whose activations are asked for: of the encoder alone, or of the whole model.
  bool of_encoder() const { return wish.model->encoder && wish.at.part == 0; }
  std::shared_ptr<const Model> stack() const {
    return of_encoder() ? wish.model->encoder : wish.model;
  }
  const Tokens& tokens() const {
    return (of_encoder() ? wish.trace->parts[0] : wish.trace->own()).query_tokens[0];
  }

  std::optional<Chain::Link> next() {
    if (n_made() == wish.keys.size()) {
      if (!wish.roles || made.roles) return {};
      return walk(roles_by(), 2);
    }
    const Metric& metric = *wish.keys[n_made()].metric;
    const bool asks = (metric.needs & needs_activations) && wish.model &&
                      !wish.trace->activations && !is_of_other_stacks(metric, inputs());
    if (asks && !made.activations && !no_activations) {
      no_activations = no_room_for_activations();
      if (!no_activations) return pass();
    }
    if (asks && no_activations) return fails(*no_activations);
    if (Status no = cannot_compute(metric, inputs())) return fails(*no);
    std::vector<const HeadScore*> scores = scores_ahead();
    if (scores.size() >= 2) return walk(std::move(scores), wish.at.offset);
    return link_of(metric.begin(inputs()), [this](Measure m) { add(std::move(m), {}); });
  }

  // Runs the model again to keep its activations.
  std::optional<Error> no_room_for_activations() const {
    const uint64_t n = uint64_t(tokens().size());
    const uint64_t bytes = activation_floats(stack()->config, n) * sizeof(float);
    if (bytes <= wish.room) return {};
    return Error{
        tr(wish.at.lang,
           "This measure needs the activations of all layers: ", "该度量需要所有层的激活值，共 ") +
        human_bytes(bytes) + tr(wish.at.lang, ", but only ", "，而内存仅剩 ") +
        human_bytes(wish.room) + tr(wish.at.lang, " is free; shorten the text", "；请缩短文本")};
  }
  Chain::Link pass() {
    Keep keep;
    keep.activations = true;
    keep.facts = false;
    keep.edits = wish.trace->own().edits;  // what ran, once more
    auto pass = std::make_shared<ForwardPass>(stack(), tokens(), keep);
    return {[pass] { return pass->step(); },
            [this, pass] { made.activations = pass->take().activations; }};
  }

  // Head scores read the same patterns, so consecutive ones are made in one walk.
  std::vector<const HeadScore*> scores_ahead() const {
    std::vector<const HeadScore*> scores;
    for (size_t i = n_made(); i < wish.keys.size(); ++i) {
      const HeadScore* score = find_head_score(wish.keys[i].metric->id);
      if (!score || cannot_compute(*wish.keys[i].metric, inputs())) break;
      scores.push_back(score);
    }
    return scores;
  }
  Chain::Link walk(std::vector<const HeadScore*> scores, int offset) {
    struct Walk {
      HeadTable table;
      HeadTableWork work;
      Walk(std::vector<const HeadScore*> s, const Model* model, const Attention& a,
           HeadQuestion question)
          : table(std::move(s), a), work(table, model, a, question) {}
    };
    const auto walk =
        std::make_shared<Walk>(std::move(scores), heads_model(), wish.trace->at(wish.at),
                               HeadQuestion{wish.at.sample, wish.period, offset});
    return {[walk] { return walk->work.step(); }, [this, walk] { take(walk->table); }};
  }
  void take(const HeadTable& table) {
    const auto has = [&](const HeadScore* score) {
      return std::ranges::find(table.scores, score) != table.scores.end();
    };
    if (std::ranges::all_of(roles_by(), has))
      made.roles = roles_of(table, wish.trace, wish.at.part, wish.at.sample);
    for (size_t s = 0; s < table.scores.size() && n_made() < wish.keys.size(); ++s)
      add({kByHead, {table.n_layers, table.n_heads}, table.values(s)}, {});
  }

  Chain::Link fails(Error error) {
    return {nullptr, [this, error = std::move(error)] { add({}, error); }};
  }
  void add(Measure measure, std::optional<Error> error) {
    auto one = std::make_shared<MadeMeasure>();
    one->key = wish.keys[n_made()];
    one->measure = std::move(measure);
    one->error = std::move(error);
    made.made.push_back(std::move(one));
  }
};

}  // namespace

Job measure_job(MeasureWish wish, Lang lang, std::function<void(MadeMeasures)> done) {
  const int n_steps = wish.keys.empty() ? 100 : int(wish.keys.size());
  auto work = std::make_shared<MeasureWork>(std::move(wish));
  return {tr(lang, "Computing measures", "正在计算度量"), n_steps, [work] { return work->step(); },
          [work, done] { done(std::move(work->made)); }};
}

uint64_t bytes_of(const std::shared_ptr<const MadeMeasure>& made) {
  return 256 + made->measure.values.size() * sizeof(float);
}

}  // namespace attn
