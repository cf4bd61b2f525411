// command_plot.cpp - attnscope plot: any view as an SVG or PNG file, without a window.
#include <algorithm>

#include "app/measures.h"
#include "app/read_folder.h"
#include "base/file_set.h"
#include "base/nearest.h"
#include "cli/command.h"
#include "cli/regrouped.h"
#include "figure/exporters.h"
#include "figure/figure.h"
#include "figure/heads_table.h"
#include "figure/views.h"
#include "pass/forward.h"

namespace attn {

namespace {

struct Options {
  ModelOptions model;
  State state;
  std::string view, measure, versus, out, font;
  float width = 640, height = 0;
  bool dark = false;
};

// Usual font files of the systems: Latin first, then Chinese.
constexpr const char* kFonts[] = {"/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
                                  "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
                                  "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
                                  "/System/Library/Fonts/Helvetica.ttc",
                                  "C:/Windows/Fonts/segoeui.ttf",
                                  "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
                                  "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
                                  "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
                                  "/System/Library/Fonts/PingFang.ttc",
                                  "C:/Windows/Fonts/msyh.ttc"};

std::vector<Bytes> read_fonts(const std::string& given) {
  std::vector<Bytes> fonts;
  const auto add = [&](const std::string& path) {
    if (Result<Bytes> bytes = read_file(path)) fonts.push_back(std::move(*bytes));
  };
  if (!given.empty()) add(given);
  for (const char* path : kFonts) add(path);
  return fonts;
}

std::string ids_of(const View& view) {
  std::string ids;
  for (const Metric& m : metrics())
    if (view.can_show(m)) ids += (ids.empty() ? "" : ", ") + std::string(m.id);
  return ids;
}

// The metric with this id, or without one the view's usual metric.
Result<const Metric*> metric_for(const View& view, const std::string& id, const char* option) {
  if (id.empty()) {
    if (const Metric* usual = view.usual_metric()) return usual;
    return Error{std::string("--view ") + view.id + ": no measure is available for this view"};
  }
  const Metric* metric = find_metric(id);
  if (metric && view.can_show(*metric)) return metric;
  std::vector<std::string> ids;
  for (const Metric& m : metrics())
    if (view.can_show(m)) ids.emplace_back(m.id);
  return Error{std::string(option) + " " + id +
               (metric ? ": not available for --view " : ": no such measure for --view ") +
               view.id + (metric ? std::string() : did_you_mean(id, ids)) +
               (metric || nearest_name(id, ids).empty() ? "; choose" : " Choose") + " from " +
               ids_of(view)};
}

// "map, lines and strip"
std::string views_that_group() {
  std::string ids;
  for (const View& view : views()) {
    if (!view.groups) continue;
    const size_t last = ids.rfind(" and ");
    if (last != std::string::npos) ids.replace(last, 5, ", ");
    ids += (ids.empty() ? "" : " and ") + std::string(view.id);
  }
  return ids;
}

Status draw(const Options& o, const Exporter& format, const View& view, const Inputs& in) {
  const State& state = *in.state;
  const Result<const Metric*> metric = metric_for(view, o.measure, "--measure");
  if (!metric) return metric.error();
  const Result<Measure> measure = run_checked(**metric, in);
  if (!measure) return measure.error();
  Result<Regrouped> read = Regrouped{};
  if (regroups(state)) {
    if (!view.groups)
      return Error{std::string("--view ") + view.id +
                   ": --units, --spans and --special work only with " + views_that_group()};
    read = regroup(**metric, *measure, in.attention(), state);
    if (!read) return read.error();
  }
  const bool groups = regroups(state);
  ViewInput input{groups ? read->measure : *measure,
                  groups ? read->pairs : static_cast<const Pairs&>(in.attention()),
                  groups ? read->state : state, o.width};
  input.height = o.height;
  input.attention = &in.attention();
  input.model = in.model;
  // Null stands for pattern weights; see ViewInput.
  input.metric = view.shows_weights(**metric) ? nullptr : *metric;

  Result<Measure> second = Measure{};
  if (view.second) {
    const Result<const Metric*> versus = metric_for(view, o.versus, "--against");
    if (!versus) return versus.error();
    second = run_checked(**versus, in);
    if (!second) return second.error();
    input.second = &*second;
    input.second_metric = *versus;
  }
  HeadsTable heads;
  if (!state.filter.empty()) {
    const Result<HeadFilter> filter = parse_filter(state.filter, state.lang);
    if (!filter) return Error{"--filter: " + filter.error().message};
    heads = {in.attention().n_layers, in.attention().n_heads, {}};
    // Compute only the measures that the filter mentions.
    for (const auto& condition : filter->conditions) {
      if (condition.kind == HeadFilter::Condition::role && !heads.general)
        heads.general = probe({std::shared_ptr<void>(), in.model});  // the caller keeps the model
      if (!condition.metric || heads.find(condition.metric->id)) continue;
      Result<Measure> column = run_checked(*condition.metric, in);
      if (!column) return column.error();
      heads.columns.push_back({condition.metric, std::move(column->values)});
    }
    input.heads = &heads;
  }
  if (view.second && state.dots == Dots::role && state.part == 0) {
    heads.n_layers = in.attention().n_layers;
    heads.n_heads = in.attention().n_heads;
    if (!heads.general)
      heads.general = probe({std::shared_ptr<void>(), in.model});  // the caller keeps the model
    input.heads = &heads;
  }
  Figure figure = view.figure(input);
  const Caption caption =
      caption_of(**metric, input.second_metric, in.at(input.state), input.pairs, read->note, &view);
  add_caption(figure, caption, input.line_height);
  ExportStyle style;
  style.dark = o.dark;
  style.palette = state.palette;
  if (format.id == std::string_view("png")) style.letters = letters_of(read_fonts(o.font));
  const FigureExport what{figure, style, caption};
  return write_file(o.out, [&](ByteSink& sink) { return format.figure(what, sink); });
}

int run_plot(const Options& o) {
  const Result<const Exporter*> format = exporter_of(o.out, &Exporter::figure);
  if (!format) return fail({"--out " + format.error().message});
  const View* view = find_view(o.view);
  Result<Opened> opened = open_model(o.model);
  if (!opened) return fail(opened.error());
  State state = o.state;
  state.part = opened->part;
  state.pair = opened->model->encoder ? "" : o.model.pair;
  if (state.token < 0) state.token = usual_token(opened->tokens);
  Keep keep;
  keep.activations = true;
  if (Status e = check_pass(*opened->model, opened->tokens, keep)) return fail(*e);
  const Trace trace = run_forward(opened->model, std::move(opened->tokens), keep);
  if (Status e = check_looks(state, trace)) return fail(*e);
  if (Status e = draw(o, **format, *view, {opened->model.get(), &trace, &state})) return fail(*e);
  return kFine;
}

}  // namespace

Run set_up_plot(CLI::App& app) {
  auto o = std::make_shared<Options>();
  o->state.token = -1;
  std::vector<std::string> ids;
  std::string says = "View to draw:";
  for (const View& view : views()) {
    ids.push_back(view.id);
    says += std::string("\n") + view.id + ": " + view.sentence.en;
  }
  add_choice(app, "--view", ids, [o, ids](int i) { o->view = ids[size_t(i)]; }, says);
  add_model(app, o->model);
  add_looks(app, Looks::at_layer, o->state);
  add_units(app, o->state);
  app.add_option("--measure", o->measure, "Measure to draw (default: the first that fits the view)")
      ->option_text("ID");
  app.add_option("--against", o->versus, "Second measure of the scatter plot")->option_text("ID");
  add_choice(
      app, "--dots", {std::begin(kDotNames), std::end(kDotNames)},
      [o](int i) { o->state.dots = Dots(i); },
      "What colours the dots of the scatter plot: the layer (default), or the role in general");
  app.add_option("--filter", o->state.filter, "Filter of the list, such as \"induction > 0.5 L5\"")
      ->option_text("TEXT");
  add_choice(
      app, "--order", {std::begin(kOrderNames), std::end(kOrderNames)},
      [o](int i) { o->state.order = Order(i); }, "Order of the list (default: highest first)");
  app.add_option("--mass", o->state.mass,
                 "Share of each row's weight drawn as lines, in percent (default 70)")
      ->option_text("N")
      ->check(CLI::Range(1, 100).description(""));
  app.add_option("--target", o->state.target, "Target token (default: the most likely)")
      ->option_text("TOKEN");
  app.add_option("--foil", o->state.foil, "Token to compare it with")->option_text("TOKEN");
  add_choice(
      app, "--scale", {std::begin(kScaleNames), std::end(kScaleNames)},
      [o](int i) { o->state.scale = Scale(i); }, "Colour scale of the weights");
  add_choice(
      app, "--palette", {std::begin(kPaletteNames), std::end(kPaletteNames)},
      [o](int i) { o->state.palette = Palette(i); }, "Colour map (default viridis)");
  add_choice(
      app, "--theme", {"light", "dark"}, [o](int i) { o->dark = i == 1; },
      "Background (default light)");
  app.add_option("--width", o->width, "Width of the picture, in SVG units (default 640)")
      ->option_text("N")
      ->check(CLI::Range(120.f, 8000.f).description(""));
  app.add_option("--height", o->height,
                 "Height, for views that fill the available space (default: as needed)")
      ->option_text("N")
      ->check(CLI::Range(80.f, 8000.f).description(""));
  app.add_option("--font", o->font, "Font file for PNG, tried before the system fonts")
      ->option_text("FILE");
  app.add_option("--out", o->out, "Output file, .svg or .png")->option_text("FILE")->required();
  add_language(app, o->state.lang);
  app.get_option("--view")->required();
  return [o] { return run_plot(*o); };
}

}  // namespace attn
