// measure.h - numbers under named axes: where metrics and views meet.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "state/state.h"
#include "trace/activations.h"
#include "trace/trace.h"

namespace attn {

struct MultiHeadAttention;  // pass/scratch.h

// `component`: parts that the residual stream is a sum of, named by Measure::names.
enum class Axis { sample, layer, head, query, key, dim, vocab, component };

// One of a vocabulary, and the chance that a model gives it.
struct Guess {
  int token;
  float probability;
};

struct Measure {
  std::vector<Axis> axes;
  std::vector<int> shape;     // one size per axis
  std::vector<float> values;  // row-major; NaN where nothing is defined, as above a causal diagonal
  std::vector<std::string> names =
      {};  // of the last axis' entries, where they are neither numbers nor tokens
  std::vector<Guess> guesses =
      {};  // the same number for each value: the tokens it stands for, the most likely first

  int n_guesses() const { return values.empty() ? 0 : int(guesses.size() / values.size()); }
};

// What a metric needs in order to be computed; bits of Metric::needs.
enum Need : unsigned {
  needs_model = 1,
  needs_activations = 2,   // of a pass that kept them (Keep::activations)
  needs_facts = 4,         // of a pass that collected them (Keep::facts)
  needs_logits = 8,        // an output vocabulary
  needs_self = 16,         // query i is key i
  needs_period = 32,       // a text r + r, Inputs::period
  needs_norm_first = 64,   // a residual stream that is a plain sum, and logits linear in its norm
  needs_all_layers = 128,  // every layer's attention, for which the memory may have no room
  needs_scores = 256,      // q and k, not the patterns alone
  needs_values = 512,      // v
  of_weights = 1024,       // nothing but weights: there may be no trace
  needs_output = 2048,     // W_O, of a model or of the attention from scratch
  needs_one_mlp = 32768,   // layers without experts, whose derivatives are known
  needs_plain_writes = 4096,  // heads whose outputs are added as they are
  needs_one_of = 8192,        // outputs of which each token has one, by a softmax
  needs_one_stack = 16384,    // layers that read nothing but their own residual stream
};

// The members of State that a metric's numbers and names depend on; bits of Metric::reads. All
// others may change and the measure stays the same, bit for bit. A metric with a layer axis never
// reads the layer; one without it does, unless it is about all layers together, like their mean.
enum Read : unsigned {
  reads_sample = 1,
  reads_layer = 2,
  reads_head = 4,
  reads_token = 8,    // the chosen query
  reads_offset = 16,  // State::offset
  reads_target = 32,  // State::target and State::foil; either may be empty
  reads_lang = 64,    // Measure::names are words
};

// What a metric may read. Null what is not there.
struct Inputs {
  // That made the trace, or its stack of layers that the part is of (Model::stack); none for one
  // from scratch or from a file.
  const Model* model = nullptr;
  const Trace* trace = nullptr;              // none where only weights are asked about
  const State* state = nullptr;              // site, sample, token, already clamped to the trace
  const Activations* activations = nullptr;  // null: those of the trace
  int period = 0;  // the text is r + r with r of so many tokens; 0: it is not
  const MultiHeadAttention* module = nullptr;  // that made the trace; none for one of a model

  // The same with another state, which must outlive the result.
  Inputs at(const State& other) const {
    Inputs in = *this;
    in.state = &other;
    return in;
  }
  // The one that the state's site is in.
  const Attention& attention() const { return trace->at(*state); }
  const Activations* kept() const { return activations ? activations : trace->activations.get(); }
};

// A measure of many passes: call step() until it returns false, then take() once. A step takes
// a few milliseconds.
struct Study {
  int n_steps = 0;  // about
  std::function<bool()> step;
  std::function<Measure()> take;
};

// What a metric is about, in the order of menus.
enum class MetricGroup {
  none,
  weights,
  position,
  kinds,
  copies,
  spread,
  flow,
  output,
  predictions,
  circuits
};
inline constexpr Text kMetricGroups[] = {{},
                                         {"Attention weights", "注意力权重"},
                                         {"Position", "位置"},
                                         {"Kinds of tokens", "词元类别"},
                                         {"Induction and copies", "归纳与重复"},
                                         {"Concentration and similarity", "集中程度与相似度"},
                                         {"What is moved", "信息的搬运"},
                                         {"Contribution to the output", "对输出的贡献"},
                                         {"Predictions", "预测"},
                                         {"Weights and circuits", "权重矩阵与回路"}};

// One row, one metric; menus, the command line and a test that knows none by name walk the table.
struct Metric {
  const char* id = "";
  MetricGroup group = MetricGroup::none;
  Text title = {};
  Text sentence = {};  // what it is, for somebody who has not read the paper
  std::vector<Axis> axes = {};
  float low = 0, high = 1;  // every value lies between
  Text unit = {};           // "bits", "tokens", "share"
  // One line of plain text, "mean over i of A[i, i-1]", and paper or tool. No Chinese where they
  // are but symbols and names: formula_of() and source_of() give them for either language.
  Text formula = {}, source = {};
  unsigned reads = 0;                       // Read
  unsigned needs = 0;                       // Need
  Study (*begin)(const Inputs&) = nullptr;  // never null in the table; ask missing() first
  // One sentence, without the title, on what is too large for it; empty: nothing is. Asked before
  // anything is allocated.
  Status (*too_large)(const Inputs&) = nullptr;
  // The weights as they are, which a page has at hand without computing a measure.
  bool is_pattern = false;
  // Over keys: what goes to a word is the sum of what goes to its parts; else their mean.
  bool adds_up = true;

  // All steps at once, however long they take.
  Measure compute(const Inputs& inputs) const;
};
// No measure takes more memory while it is made; a sentence for one that would take `bytes`.
constexpr uint64_t kMostMeasureBytes = uint64_t(1) << 30;
Status too_many_bytes(const Inputs& inputs, uint64_t bytes);
// Tables of families, one after the other.
std::span<const Metric> metrics();
const Metric* find_metric(std::string_view id);

// Whether the metric cannot be computed for the decoder of an encoder, for its cross-attention, or
// for a pooling head: it is about layers that read one text.
bool is_of_other_stacks(const Metric& metric, const Inputs& inputs);

// One sentence on what a metric needs and these inputs lack; empty: it can be computed.
Status missing(const Metric& metric, const Inputs& inputs);
const char* formula_of(const Metric& metric, Lang lang);
const char* source_of(const Metric& metric, Lang lang);

// All steps at once.
Measure run(Study study);
// Metric::begin for what takes a moment: a study of one step.
Study made_at_once(Measure measure);
template <Measure (*make)(const Inputs&)>
Study at_once(const Inputs& inputs) {
  return made_at_once(make(inputs));
}

// Clamps part, layer, head, sample, token and locked key to what the trace has.
State clamped(const State& state, const Trace& trace);
// The same for layer and head, where there is only a model.
State clamped(const State& state, const Config& config);

struct Peak {
  int key;
  float weight;
};
// The `n` largest weights of a row, largest first; equal weights in order of position.
std::vector<Peak> top_keys(std::span<const float> row, int n);

}  // namespace attn
