// exporters.cpp - the table of output formats.
#include "figure/exporters.h"

#include <algorithm>

namespace attn {

std::span<const Exporter> exporters() {
  static const Exporter kExporters[] = {
      {.id = "svg", .ending = ".svg", .title = {"SVG picture", "SVG 图片"}, .figure = export_svg},
      {.id = "png", .ending = ".png", .title = {"PNG picture", "PNG 图片"}, .figure = export_png},
      {.id = "csv",
       .ending = ".csv",
       .title = {"CSV table", "CSV 表格"},
       .measure = export_measure_csv},
      {.id = "json",
       .ending = ".json",
       .title = {"JSON with names and units", "JSON（含名称与单位）"},
       .measure = export_measure_json},
      {.id = "npy",
       .ending = ".npy",
       .title = {"NumPy array (.npy)", "NumPy 数组（.npy）"},
       .measure = export_measure_npy,
       .patterns = export_patterns_npy,
       .tokens_ending = ".tokens.json"},
      {.id = "npz",
       .ending = ".npz",
       .title = {"NumPy arrays with tokens (.npz)", "NumPy 数组与词元（.npz）"},
       .measure = export_measure_npz,
       .patterns = export_patterns_npz},
      {.id = "safetensors",
       .ending = ".safetensors",
       .title = {"safetensors with tokens", "safetensors（含词元）"},
       .measure = export_measure_safetensors,
       .patterns = export_patterns_safetensors},
  };
  return kExporters;
}

const Exporter* find_exporter(std::string_view id) {
  const auto all = exporters();
  const auto it = std::ranges::find_if(all, [&](const Exporter& e) { return id == e.id; });
  return it == all.end() ? nullptr : &*it;
}

Status export_svg(const FigureExport& what, ByteSink& sink) {
  sink.write(to_svg(what.figure, what.style, what.caption));
  return {};
}

}  // namespace attn
