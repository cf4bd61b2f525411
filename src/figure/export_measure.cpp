// export_measure.cpp - writes a measure as CSV, JSON or arrays.
#include <cmath>

#include "base/csv.h"
#include "base/json_writer.h"
#include "figure/exporters.h"
#include "figure/report_text.h"
#include "files/npy.h"
#include "files/safetensors_write.h"

namespace attn {

namespace {

std::string tokens_of(const MeasureExport& what) {
  return tokens_json(what.pairs, what.model_name, what.state.sample, what.notes);
}

}  // namespace

const char* axis_id(Axis axis) {
  switch (axis) {
    case Axis::sample:
      return "sample";
    case Axis::layer:
      return "layer";
    case Axis::head:
      return "head";
    case Axis::query:
      return "query";
    case Axis::key:
      return "key";
    case Axis::dim:
      return "dim";
    case Axis::vocab:
      return "vocab";
    case Axis::component:
      return "component";
  }
  return "";
}

Status export_measure_csv(const MeasureExport& what, ByteSink& sink) {
  const Measure& m = what.measure;
  std::string line;
  for (const Axis axis : m.axes) line += std::string(axis_id(axis)) + ",";
  sink.write(line + "value\n");
  std::vector<int> index(m.shape.size(), 0);
  for (const float value : m.values) {
    line.clear();
    for (size_t axis = 0; axis < index.size(); ++axis) {
      const bool is_named = axis + 1 == index.size() && !m.names.empty();
      line +=
          (is_named ? csv_quote(m.names[size_t(index[axis])]) : std::to_string(index[axis])) + ",";
    }
    if (!std::isnan(value)) line += json_number(value);
    sink.write(line += "\n");
    for (size_t axis = index.size(); axis-- > 0;) {
      if (++index[axis] < m.shape[axis]) break;
      index[axis] = 0;
    }
  }
  return {};
}

Status export_measure_json(const MeasureExport& what, ByteSink& sink) {
  const Metric& metric = what.metric;
  const Measure& m = what.measure;
  const Lang lang = what.state.lang;
  JsonWriter json;
  json.object(JsonLayout::lines).text("measure", metric.id);
  json.text("title", metric.title.in(lang)).text("meaning", metric.sentence.in(lang));
  json.text("formula", metric.formula.en).text("source", metric.source.en);
  json.text("unit", metric.unit.in(lang)).key("axes").array();
  for (const Axis axis : m.axes) json.text(axis_id(axis));
  json.end();
  if (regroups(what.state))
    json.text("units", kUnitNames[int(what.state.units)])
        .text("special", kSpecialNames[int(what.state.specials)])
        .text("regrouped", what.note);
  write_notes(json, what.notes);
  json.key("tokens").array();
  for (const Token& token : what.pairs.key_tokens[size_t(what.state.sample)].items)
    json.text(token.shown);
  json.end();
  if (!m.names.empty()) {
    json.key("names").array();
    for (const std::string& name : m.names) json.text(name);
    json.end();
  }
  json.key("values").numbers(m.values, m.shape).end();
  sink.write(json.take() + "\n");
  return {};
}

Status export_measure_npy(const MeasureExport& what, ByteSink& sink) {
  write_npy(written_tensor(what.metric.id, what.measure.values, what.measure.shape), sink);
  return {};
}

Status export_measure_npz(const MeasureExport& what, ByteSink& sink) {
  const WrittenTensor tensors[] = {
      written_tensor(what.metric.id, what.measure.values, what.measure.shape)};
  const std::pair<std::string, std::string> texts[] = {{"tokens.json", tokens_of(what)}};
  return write_npz(tensors, texts, sink);
}

Status export_measure_safetensors(const MeasureExport& what, ByteSink& sink) {
  const WrittenTensor tensors[] = {
      written_tensor(what.metric.id, what.measure.values, what.measure.shape)};
  const std::pair<std::string, std::string> metadata[] = {{"tokens", tokens_of(what)}};
  write_safetensors(tensors, metadata, sink);
  return {};
}

}  // namespace attn
