// exporters.h - the files that results leave the program in, one row each: the only list of them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "analysis/regroup.h"
#include "base/byte_sink.h"
#include "figure/export.h"

namespace attn {

struct FigureExport {
  const Figure& figure;
  ExportStyle style;
  Caption caption = {};
};

// Numbers of one measure. The tokens of the pairs name queries and keys.
struct MeasureExport {
  const Metric& metric;
  const Measure& measure;
  const Pairs& pairs;  // an attention's tokens, or groups of them
  const State& state;  // clamped to them
  std::string model_name;
  std::string note = {};  // how tokens were regrouped
};

// Which tokens count as one, of sample 0; `shown` is pairs_of() them.
struct ArrayGroups {
  const Groups &queries, &keys;
  const Pairs& shown;
};

// The patterns of all heads of sample 0, float32 [layer, head, query, key], and the tokens. With
// `groups`, those are the queries, the keys and the tokens; input_ids has -1 for what is several
// tokens. No more than a few MB of patterns are held at a time, or one head's of the groups.
struct PatternExport {
  const Attention& attention;
  std::string model_name;
  const ArrayGroups* groups = nullptr;

  const Pairs& shown() const { return groups ? groups->shown : attention; }
};

// A format writes whatever it has a function for; null: it cannot hold that.
struct Exporter {
  const char* id;      // as --format names it
  const char* ending;  // of files' names: ".svg"
  Text title;
  Status (*figure)(const FigureExport& what, ByteSink& sink) = nullptr;
  Status (*measure)(const MeasureExport& what, ByteSink& sink) = nullptr;
  Status (*patterns)(const PatternExport& what, ByteSink& sink) = nullptr;
  // Of patterns whose format has no place for the tokens: a second file, named by the first and
  // this ending.
  const char* tokens_ending = nullptr;
};
// Adding a format is a page that writes it and a row here.
std::span<const Exporter> exporters();
const Exporter* find_exporter(std::string_view id);

// By the end of the name, of those that `writes` (such as &Exporter::figure); if there is none, an
// error that lists them.
template <class Writes>
Result<const Exporter*> exporter_of(std::string_view path, Writes Exporter::* writes) {
  std::string endings;
  const char* before = "";
  for (const Exporter& row : exporters()) {
    if (!(row.*writes)) continue;
    if (path.ends_with(row.ending)) return &row;
    endings += before + std::string(row.ending);
    before = ", ";
  }
  return Error{std::string(path) + ": the name must end in one of " + endings};
}

// The axis in files: "layer".
const char* axis_id(Axis axis);
// {"model": …, "text": …, "tokens": [{"id": …, "piece": …, …}, …]} of the sample's keys.
std::string tokens_json(const Pairs& pairs, const std::string& model_name, int sample = 0);
// Says no, with the number, where [n_layers, n_heads, n, n] float32 would pass 4 GB.
Status check_patterns_size(int n_layers, int n_heads, int n_tokens);

// The rows' functions.
Status export_svg(const FigureExport& what, ByteSink& sink);
Status export_png(const FigureExport& what, ByteSink& sink);
// csv has a line for each number: an index a column, then the value; empty where it isn't defined.
Status export_measure_csv(const MeasureExport& what, ByteSink& sink);
Status export_measure_json(const MeasureExport& what, ByteSink& sink);
Status export_measure_npy(const MeasureExport& what, ByteSink& sink);
Status export_measure_npz(const MeasureExport& what, ByteSink& sink);
Status export_measure_safetensors(const MeasureExport& what, ByteSink& sink);
Status export_patterns_npy(const PatternExport& what, ByteSink& sink);
Status export_patterns_npz(const PatternExport& what, ByteSink& sink);
Status export_patterns_safetensors(const PatternExport& what, ByteSink& sink);

}  // namespace attn
