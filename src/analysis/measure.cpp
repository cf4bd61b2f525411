// measure.cpp - clamps a choice to a trace, says what a metric lacks, finds the largest weights of
// a row.
#include "analysis/measure.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "analysis/target.h"
#include "base/bytes.h"

namespace attn {

namespace {

int within(int i, int n) { return std::clamp(i, 0, std::max(n - 1, 0)); }

// Whether it is a lens: predictions of each layer at each token.
bool reads_layers(const Metric& metric) {
  return metric.group == MetricGroup::predictions && metric.axes.size() > 1;
}

// Whether a layer that the metric reads was given as weights.
bool has_weights_alone(const Metric& metric, const Inputs& in) {
  const Attention& a = in.attention();
  if (metric.reads & reads_layer) return a.is_given(in.state->layer);
  for (int l = 0; l < a.n_layers; ++l)
    if (a.is_given(l)) return true;
  return false;
}

}  // namespace

State clamped(const State& state, const Trace& trace) {
  State s = state;
  s.part = within(s.part, int(trace.parts.size()));
  if (trace.parts.size() > 1) s.between = Between::all;  // the second text is the decoder's
  const Attention& a = trace.at(s);
  s.sample = within(s.sample, a.n_samples);
  s.layer = within(s.layer, a.n_layers);
  s.head = within(s.head, a.n_heads);
  s.token = within(s.token, a.n_query);
  s.locked_key = s.locked_key < 0 ? -1 : within(s.locked_key, a.n_key);
  return s;
}

State clamped(const State& state, const Config& config) {
  State s = state;
  s.layer = within(s.layer, config.n_layers);
  s.head = within(s.head, config.n_heads);
  return s;
}

bool is_of_other_stacks(const Metric& metric, const Inputs& in) {
  if (!in.model) return false;
  const bool across = in.model->is_across(in.state->part);
  // The blocks of the model are not those of its pooling head.
  if (!in.model->encoder)
    return across && (metric.needs & (needs_model | needs_output | of_weights | needs_one_stack));
  const unsigned of_heads = needs_output | needs_plain_writes | of_weights | needs_one_stack;
  const bool model_and_values =
      (metric.needs & needs_model) != 0 && (metric.needs & needs_values) != 0;
  return across ? (metric.needs & of_heads) != 0 || model_and_values
                : (metric.needs & needs_one_stack) != 0;
}

Status missing(const Metric& metric, const Inputs& in) {
  const auto asks = [&](unsigned need) { return (metric.needs & need) != 0; };
  const Lang lang = in.state->lang;
  const std::string name = metric.title.in(lang);
  const auto no = [&](const char* en, const char* zh) { return Error{name + tr(lang, en, zh)}; };
  const auto named = [&](const Status& e) { return e ? Status(Error{name + e->message}) : e; };
  if (asks(needs_model) && !in.model)
    return no(": needs a model; this attention comes from scratch or from a file alone",
              "：需要模型；当前的注意力来自演示模块或文件");
  if (is_of_other_stacks(metric, in) && !in.model->encoder)
    return no(
        ": reads the model's layers, which the pooling head is not one of; choose the encoder",
        "：针对模型的各层，不适用于其后的池化头；请选择编码器");
  if (is_of_other_stacks(metric, in))
    return no(
        ": is not available where a decoder reads an encoder; it is for the encoder's own layers",
        "：不适用于读取编码器输出的解码器；可用于编码器自身的各层");
  if (asks(needs_output) && !in.model && !in.module)
    return no(": needs the output matrix W_O; this attention came from a file as weights alone",
              "：需要输出矩阵 W_O；当前的注意力来自文件，只有权重");
  if (asks(needs_norm_first) && in.model && in.model->config.norm_place == NormPlace::post)
    return no(
        ": needs a residual stream that is a plain sum; this model takes a norm after every sum, "
        "as BERT does; use gradient × attention instead",
        "：需要各部分直接相加的残差流；该模型（如 BERT）在每次相加之后都做归一化；可改用梯度 × "
        "注意力");
  if (asks(needs_norm_first) && in.model && !in.model->weights.head_dense.w.empty())
    return no(
        ": needs logits that are a sum over the parts of the residual stream; this model has a "
        "dense layer before its outputs; use gradient × attention instead",
        "：需要 logit 是残差流各部分之和；该模型在输出之前还有一个全连接层；可改用梯度 "
        "× 注意力");
  if (asks(needs_plain_writes) && in.model &&
      (in.model->config.writes_normed || in.model->config.qk_norm_whole))
    return no(
        ": needs heads that act independently; this model normalizes what they write, or their "
        "queries and keys, together",
        "：需要各头相互独立；该模型对各头写入的内容或其查询与键一起做归一化");
  if (asks(needs_one_mlp) && in.model && in.model->config.n_experts > 0)
    return no(": needs derivatives of the MLPs, which are not computed for experts",
              "：需要 MLP 的导数，而对专家层不计算导数");
  if (asks(needs_logits) && in.model && !in.model->config.has_logits)
    return no(": needs an output vocabulary, which this model doesn't have",
              "：需要输出词表，而该模型没有");
  const LabelHead* const labels = in.model ? &in.model->config.labels : nullptr;
  if (asks(needs_one_of) && labels && labels->scale != LabelScale::softmax)
    return no(
        ": needs outputs that share one probability; those of this model do not; use the lens of "
        "logits instead",
        "：需要各输出的概率之和为 1；该模型的标签不是这样；可改用 logit 透镜");
  if (reads_layers(metric) && labels && labels->at == ReadAt::mean)
    return no(
        ": needs labels that are read from one token; this model reads them from the mean over all "
        "tokens; use gradient × attention instead",
        "：需要从单个词元读取的标签；该模型从所有词元的平均读取；可改用梯度 × 注意力");
  if (asks(of_weights)) return metric.too_large ? named(metric.too_large(in)) : Status();
  if (!in.trace) return no(": needs a text", "：需要先输入文本");
  const Attention& a = in.attention();
  if (asks(needs_self) && (a.is_across() || a.n_query != a.n_key))
    return no(": needs attention within one text; here queries and keys are two",
              "：需要同一文本内的注意力；此处查询与键来自两段文本");
  if (asks(needs_values) && has_weights_alone(metric, in))
    return no(": needs the value vectors; this attention came from a file as weights alone",
              "：需要值向量；当前的注意力来自文件，只有权重");
  if (asks(needs_scores) && has_weights_alone(metric, in))
    return no(": needs queries and keys; this attention came from a file as weights alone",
              "：需要查询和键；当前的注意力来自文件，只有权重");
  if (asks(needs_facts) && (a.facts.empty() || std::ranges::any_of(a.facts, &HeadRows::empty)))
    return no(": needs a pass that looked at every row of every head",
              "：需要逐行统计过所有头的运行结果");
  if (asks(needs_period) && in.period <= 0)
    return no(": needs a text that repeats, such as the random repeated one",
              "：需要重复的文本，例如随机重复文本");
  if (metric.reads & reads_target)
    if (const Status e = bad_target(in)) return Error{name + ": " + e->message};
  if (asks(needs_all_layers))
    for (int l = 0; l < a.n_layers; ++l)
      if (!a.is_kept(l))
        return no(": needs every layer, and the memory has no room for all; a shorter text will do",
                  "：需要所有层，而内存放不下；请缩短文本");
  if (asks(needs_activations) && !in.kept())
    return no(": needs a pass that kept its activations", "：需要保留激活值的运行结果");
  return metric.too_large ? named(metric.too_large(in)) : Status();
}

Status too_many_bytes(const Inputs& in, uint64_t bytes) {
  if (bytes <= kMostMeasureBytes) return {};
  const Lang lang = in.state->lang;
  const int n = in.trace ? in.attention().n_query : 0;
  std::string message = tr(lang, ": would take ", "：需要占用 ") + human_bytes(bytes) +
                        tr(lang, " of memory, more than the ", " 内存，超过上限 ") +
                        human_bytes(kMostMeasureBytes);
  if (n > 0)
    message += tr(lang, " that a measure may use; use a text of fewer than ", "；请使用少于 ") +
               std::to_string(n) + tr(lang, " tokens", " 个词元的文本");
  else
    message += tr(lang, " that a measure may use; use a smaller model", "；请使用更小的模型");
  return Error{message};
}

namespace {

const char* or_english(const Text& text, Lang lang) {
  return *text.in(lang) ? text.in(lang) : text.en;
}

}  // namespace

const char* formula_of(const Metric& metric, Lang lang) { return or_english(metric.formula, lang); }
const char* source_of(const Metric& metric, Lang lang) { return or_english(metric.source, lang); }

Measure run(Study study) {
  while (study.step()) {
  }
  return study.take();
}

Study made_at_once(Measure measure) {
  auto made = std::make_shared<Measure>(std::move(measure));
  return {1, [] { return false; }, [made] { return std::move(*made); }};
}

Measure Metric::compute(const Inputs& inputs) const { return run(begin(inputs)); }

std::vector<Peak> top_keys(std::span<const float> row, int n) {
  std::vector<int> order(row.size());
  std::iota(order.begin(), order.end(), 0);
  const auto end = order.begin() + std::clamp<int64_t>(n, 0, int64_t(row.size()));
  std::partial_sort(order.begin(), end, order.end(), [&](int a, int b) {
    return row[size_t(a)] != row[size_t(b)] ? row[size_t(a)] > row[size_t(b)] : a < b;
  });
  std::vector<Peak> peaks;
  for (auto it = order.begin(); it != end; ++it) peaks.push_back({*it, row[size_t(*it)]});
  return peaks;
}

}  // namespace attn
