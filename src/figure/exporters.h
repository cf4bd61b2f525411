// exporters.h - the table of output formats, one row each.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "analysis/regroup.h"
#include "base/byte_sink.h"
#include "base/json_writer.h"
#include "figure/export.h"

namespace attn {

struct FigureExport {
  const Figure& figure;
  ExportStyle style;
  Caption caption = {};
};

// The values of one measure; the tokens of the pairs label queries and keys.
struct MeasureExport {
  const Metric& metric;
  const Measure& measure;
  const Pairs& pairs;  // an attention's tokens, or groups of them
  const State& state;  // clamped to them
  std::string model_name;
  std::string note = {};                    // how tokens were regrouped
  std::span<const std::string> notes = {};  // what the person has to know of model and text
};

// How the tokens of sample 0 are grouped; `shown` is pairs_of() the groups.
struct ArrayGroups {
  const Groups &queries, &keys;
  const Pairs& shown;
};

// The patterns of all heads of sample 0, float32 [layer, head, query, key], and the tokens. With
// `groups`, queries, keys and tokens are the groups; input_ids is -1 for a group of several tokens.
// At most a few MB of patterns (or one head's regrouped pattern) are in memory at a time.
struct PatternExport {
  const Attention& attention;
  std::string model_name;
  const ArrayGroups* groups = nullptr;
  std::span<const std::string> notes = {};  // what the person has to know of model and text

  const Pairs& shown() const { return groups ? groups->shown : attention; }
};

// A format supports what it has a function for; null: not supported.
struct Exporter {
  const char* id;      // value of --format
  const char* ending;  // file extension: ".svg"
  Text title;
  Status (*figure)(const FigureExport& what, ByteSink& sink) = nullptr;
  Status (*measure)(const MeasureExport& what, ByteSink& sink) = nullptr;
  Status (*patterns)(const PatternExport& what, ByteSink& sink) = nullptr;
  // For pattern formats that cannot hold the tokens: they go to a second file, whose name is the
  // first file's plus this ending.
  const char* tokens_ending = nullptr;
};
// To add a format, write its function in a file of its own and add a row.
std::span<const Exporter> exporters();
const Exporter* find_exporter(std::string_view id);

// The format for the extension of `path`, among those that support `writes` (such as
// &Exporter::figure). The error lists their extensions.
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
  return Error{std::string(path) + ": the file name must end in one of " + endings};
}

// The name of the axis in files: "layer".
const char* axis_id(Axis axis);
// {"model": …, "text": …, "notes": […], "tokens": [{"id": …, "piece": …, …}, …]} for the keys of
// the sample.
std::string tokens_json(const Pairs& pairs, const std::string& model_name, int sample = 0,
                        std::span<const std::string> notes = {});
// "notes": […], which is empty where there is nothing to say.
void write_notes(JsonWriter& json, std::span<const std::string> notes);
// An error that names the size if [n_layers, n_heads, n, n] float32 would exceed 4 GB.
Status check_patterns_size(int n_layers, int n_heads, int n_tokens);

// The functions of the rows.
Status export_svg(const FigureExport& what, ByteSink& sink);
Status export_png(const FigureExport& what, ByteSink& sink);
// CSV: one line per value, with a column per axis index and the value last; NaN is empty.
Status export_measure_csv(const MeasureExport& what, ByteSink& sink);
Status export_measure_json(const MeasureExport& what, ByteSink& sink);
Status export_measure_npy(const MeasureExport& what, ByteSink& sink);
Status export_measure_npz(const MeasureExport& what, ByteSink& sink);
Status export_measure_safetensors(const MeasureExport& what, ByteSink& sink);
Status export_patterns_npy(const PatternExport& what, ByteSink& sink);
Status export_patterns_npz(const PatternExport& what, ByteSink& sink);
Status export_patterns_safetensors(const PatternExport& what, ByteSink& sink);

}  // namespace attn
