// ask.cpp - answers requests of the page's scripts with JSON.
#include <cstdio>
#include <cstdlib>

#include "base/json_writer.h"
#include "platform/platform.h"
#include "state/query.h"
#include "ui/action_table.h"

namespace attn {
namespace {

constexpr int64_t kMostWeights = 4'000'000;  // per answer

std::string error(const std::string& message) {
  return JsonWriter().object(JsonLayout::tight).text("error", message).end().take();
}

void write_text_or_null(JsonWriter& json, const char* name, const std::string* text) {
  json.key(name);
  if (text)
    json.text(*text);
  else
    json.null();
}

void write_trace(JsonWriter& json, const Trace& trace, const State& state) {
  const Attention& a = trace.at(clamped(state, trace));
  json.integer("n_samples", a.n_samples).integer("n_layers", a.n_layers);
  json.integer("n_heads", a.n_heads).integer("n_query", a.n_query).integer("n_key", a.n_key);
  json.key("tokens").array(JsonLayout::tight);
  const size_t sample = size_t(clamped(state, trace).sample);
  for (const Token& token : a.query_tokens[sample].items) json.text(token.shown);
  json.end();
}

std::string status(const UiState& ui, const Snapshot& s, const State& state) {
  const auto message = [](const std::optional<Error>& e) { return e ? &e->message : nullptr; };
  JsonWriter json;
  json.object(JsonLayout::tight).text("model", state.model).text("text", s.text);
  json.boolean("current", s.current).text("busy", s.busy);
  write_text_or_null(json, "error", message(s.error));
  write_text_or_null(json, "file_error", message(s.file_error));
  json.boolean("can_retry", s.can_retry || !ui.failed_model.empty());
  write_text_or_null(json, "link_error", ui.link_error.empty() ? nullptr : &ui.link_error);
  if (s.trace) write_trace(json, *s.trace, state);
  json.text("state", to_query(state))
      .text("note", s.note)
      .text("toast", ui.toast)
      .text("action", ui.last_action)
      .integer("n_traces", s.n_traces);
  json.key("memory").object(JsonLayout::tight);
  json.unsigned_integer("weights", s.memory.weights).unsigned_integer("traces", s.memory.traces);
  json.unsigned_integer("pictures", s.memory.pictures).unsigned_integer("limit", s.memory.limit);
  json.end().boolean("map_is_new", s.trace && s.map && s.map->trace == s.trace);
  json.key("longest_step").object(JsonLayout::tight);
  json.number("ms", float(s.longest_step.ms)).text("job", s.longest_step.title).end();
  json.boolean("threads", platform::has_threads());
  return json.end().take();
}

bool has_part(const Trace& trace, int part) { return part >= 0 && part < int(trace.parts.size()); }

std::string pattern(const Snapshot& s, const char* arguments) {
  int sample = 0, layer = 0, head = 0, part = 0;
  if (std::sscanf(arguments, "%d %d %d %d", &sample, &layer, &head, &part) < 3)
    return error("pattern needs a sample, a layer and a head");
  if (!s.trace || !has_part(*s.trace, part)) return error("there is no trace yet");
  const Attention& a = s.trace->parts[size_t(part)];
  if (sample < 0 || sample >= a.n_samples || layer < 0 || layer >= a.n_layers || head < 0 ||
      head >= a.n_heads)
    return error("pattern: sample, layer or head is out of range");
  if (!a.is_kept(layer)) return error("this layer did not fit in memory; choose it first");
  if (int64_t(a.n_query) * a.n_key > kMostWeights)
    return error("the pattern is too large for one answer; request single rows with row");
  JsonWriter json;
  json.object(JsonLayout::tight).integer("n_query", a.n_query).integer("n_key", a.n_key);
  json.key("values").numbers(a.pattern(sample, layer, head), JsonLayout::tight);
  return json.end().take();
}

std::string pattern_row(const Snapshot& s, const char* arguments) {
  int sample = 0, layer = 0, head = 0, query = 0, part = 0;
  if (std::sscanf(arguments, "%d %d %d %d %d", &sample, &layer, &head, &query, &part) < 4)
    return error("row needs a sample, a layer, a head and a query");
  if (!s.trace || !has_part(*s.trace, part)) return error("there is no trace yet");
  const Attention& a = s.trace->parts[size_t(part)];
  if (sample < 0 || sample >= a.n_samples || layer < 0 || layer >= a.n_layers || head < 0 ||
      head >= a.n_heads || query < 0 || query >= a.n_query)
    return error("row: sample, layer, head or query is out of range");
  if (!a.is_kept(layer)) return error("this layer did not fit in memory; choose it first");
  std::vector<float> row(size_t(a.n_key));
  a.pattern_rows(sample, layer, head, query, query + 1, {row.data(), 1, a.n_key});
  JsonWriter json;
  json.object(JsonLayout::tight).integer("n_key", a.n_key);
  json.key("values").numbers(row, JsonLayout::tight);
  return json.end().take();
}

std::string logits(const Snapshot& s) {
  if (!s.trace || s.trace->n_logits < 1) return error("there are no logits");
  const size_t d_vocab = s.trace->logits.size() / size_t(s.trace->n_logits);
  JsonWriter json;
  json.object(JsonLayout::tight).key("values");
  json.numbers({s.trace->logits.data() + s.trace->logits.size() - d_vocab, d_vocab},
               JsonLayout::tight);
  return json.end().take();
}

// The open chapter as text; with a lesson open, its step.
std::string learn(const Session& session, const State& state) {
  JsonWriter json;
  json.object(JsonLayout::tight).text("place", state.learn);
  const auto& made = session.snapshot().chapter;
  json.text("chapter", made && made->key.chapter->id == state.learn ? text_of(made->blocks) : "");
  json.key("lessons").array(JsonLayout::tight);
  for (const Lesson& lesson : session.lessons()) json.text(lesson.id);
  return json.end().end().take();
}

// The actions that have keys.
std::string keys() {
  JsonWriter json;
  json.object(JsonLayout::tight);
  for (const Action& action : actions())
    if (action.run && *action.keys.en) json.text(action.id, action.keys.en);
  return json.end().take();
}

std::string layout(const UiState& ui) {
  JsonWriter json;
  json.object(JsonLayout::tight);
  const auto point = [&](const char* name, const Vec2& v) {
    json.key(name).array(JsonLayout::tight).number(v.x).number(v.y).end();
  };
  for (const Area& area : ui.areas) {
    json.key(area.name).object(JsonLayout::tight);
    point("min", area.min);
    point("max", area.max);
    if (area.is_map) {
      point("cell_min", area.cell_min);
      point("cell_max", area.cell_max);
    }
    json.end();
  }
  return json.end().take();
}

}  // namespace

std::string answer(const std::string& what, const UiState& ui, const Session& session,
                   const State& state) {
  const Snapshot& s = session.snapshot();
  if (what == "status") return status(ui, s, state);
  if (what.starts_with("pattern ")) return pattern(s, what.c_str() + 8);
  if (what.starts_with("row ")) return pattern_row(s, what.c_str() + 4);
  if (what == "logits") return logits(s);
  if (what == "layout") return layout(ui);
  if (what == "keys") return keys();
  if (what == "learn") return learn(session, state);
  return error(
      "unknown request; use status, pattern SAMPLE LAYER HEAD, row SAMPLE LAYER HEAD QUERY, "
      "logits, layout, keys, learn, mirror or act ID VALUE");
}

}  // namespace attn
