// ask.cpp - answers to scripts of the page, as JSON.
#include <cstdio>
#include <cstdlib>

#include "base/json.h"
#include "platform/platform.h"
#include "state/query.h"
#include "ui/ui_state.h"

namespace attn {
namespace {

std::string number(float x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", double(x));
  return text;
}

// NaN and infinity are no JSON: null.
std::string list(std::span<const float> values) {
  std::string out = "[";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i) out += ",";
    out += values[i] - values[i] == 0 ? number(values[i]) : "null";
  }
  return out + "]";
}

constexpr int64_t kMostWeights = 4'000'000;  // of one answer

std::string error(const std::string& message) { return "{\"error\":" + json_quote(message) + "}"; }

std::string status(const UiState& ui, const Snapshot& s, const State& state) {
  const auto quoted = [](const std::optional<Error>& e) {
    return e ? json_quote(e->message) : std::string("null");
  };
  std::string out =
      "{\"model\":" + json_quote(state.model) + ",\"text\":" + json_quote(s.text) +
      ",\"current\":" + (s.current ? "true" : "false") + ",\"busy\":" + json_quote(s.busy) +
      ",\"error\":" + quoted(s.error) + ",\"file_error\":" + quoted(s.file_error) +
      ",\"link_error\":" + (ui.link_error.empty() ? "null" : json_quote(ui.link_error));
  if (s.trace) {
    const Attention& a = s.trace->at(clamped(state, *s.trace));
    out += ",\"n_samples\":" + std::to_string(a.n_samples) +
           ",\"n_layers\":" + std::to_string(a.n_layers) +
           ",\"n_heads\":" + std::to_string(a.n_heads) +
           ",\"n_query\":" + std::to_string(a.n_query) + ",\"n_key\":" + std::to_string(a.n_key);
    out += ",\"tokens\":[";
    const size_t sample = size_t(clamped(state, *s.trace).sample);
    for (const Token& token : a.query_tokens[sample].items) {
      if (out.back() != '[') out += ",";
      out += json_quote(token.shown);
    }
    out += "]";
  }
  return out + ",\"state\":" + json_quote(to_query(state)) + ",\"note\":" + json_quote(s.note) +
         ",\"n_traces\":" + std::to_string(s.n_traces) +
         ",\"memory\":{\"weights\":" + std::to_string(s.memory.weights) +
         ",\"traces\":" + std::to_string(s.memory.traces) +
         ",\"pictures\":" + std::to_string(s.memory.pictures) +
         ",\"limit\":" + std::to_string(s.memory.limit) + "}" +
         ",\"map_is_new\":" + (s.trace && s.map && s.map->trace == s.trace ? "true" : "false") +
         ",\"longest_step\":{\"ms\":" + number(float(s.longest_step.ms)) +
         ",\"job\":" + json_quote(s.longest_step.title) + "}" +
         ",\"threads\":" + (platform::has_threads() ? "true" : "false") + "}";
}

std::string pattern(const Snapshot& s, const char* arguments) {
  int sample = 0, layer = 0, head = 0;
  if (std::sscanf(arguments, "%d %d %d", &sample, &layer, &head) != 3)
    return error("pattern needs a sample, a layer and a head");
  if (!s.trace) return error("there is no trace yet");
  const Attention& a = s.trace->parts[0];
  if (sample < 0 || sample >= a.n_samples || layer < 0 || layer >= a.n_layers || head < 0 ||
      head >= a.n_heads)
    return error("there is no such head");
  if (!a.is_kept(layer)) return error("the memory has no room for this layer");
  if (int64_t(a.n_query) * a.n_key > kMostWeights)
    return error("the pattern is too large for one answer: ask for rows of it");
  return "{\"n_query\":" + std::to_string(a.n_query) + ",\"n_key\":" + std::to_string(a.n_key) +
         ",\"values\":" + list(a.pattern(sample, layer, head)) + "}";
}

std::string pattern_row(const Snapshot& s, const char* arguments) {
  int sample = 0, layer = 0, head = 0, query = 0;
  if (std::sscanf(arguments, "%d %d %d %d", &sample, &layer, &head, &query) != 4)
    return error("row needs a sample, a layer, a head and a query");
  if (!s.trace) return error("there is no trace yet");
  const Attention& a = s.trace->parts[0];
  if (sample < 0 || sample >= a.n_samples || layer < 0 || layer >= a.n_layers || head < 0 ||
      head >= a.n_heads || query < 0 || query >= a.n_query)
    return error("there is no such row");
  if (!a.is_kept(layer)) return error("the memory has no room for this layer");
  std::vector<float> row(size_t(a.n_key));
  a.pattern_rows(sample, layer, head, query, query + 1, {row.data(), 1, a.n_key});
  return "{\"n_key\":" + std::to_string(a.n_key) + ",\"values\":" + list(row) + "}";
}

std::string logits(const Snapshot& s) {
  if (!s.trace || s.trace->n_logits < 1) return error("there are no logits");
  const size_t d_vocab = s.trace->logits.size() / size_t(s.trace->n_logits);
  return "{\"values\":" +
         list({s.trace->logits.data() + s.trace->logits.size() - d_vocab, d_vocab}) + "}";
}

std::string layout(const UiState& ui) {
  std::string out = "{";
  for (const Area& area : ui.areas) {
    if (out.size() > 1) out += ",";
    out += json_quote(area.name) + ":{\"min\":" + list({&area.min.x, 2}) +
           ",\"max\":" + list({&area.max.x, 2});
    if (area.is_map)
      out += ",\"cell_min\":" + list({&area.cell_min.x, 2}) +
             ",\"cell_max\":" + list({&area.cell_max.x, 2});
    out += "}";
  }
  return out + "}";
}

}  // namespace

std::string answer(const std::string& what, const UiState& ui, const Session& session,
                   const State& state) {
  const Snapshot& s = session.snapshot();
  if (what == "status") return status(ui, s, state);
  if (what.rfind("pattern ", 0) == 0) return pattern(s, what.c_str() + 8);
  if (what.rfind("row ", 0) == 0) return pattern_row(s, what.c_str() + 4);
  if (what == "logits") return logits(s);
  if (what == "layout") return layout(ui);
  return error(
      "known are: status, pattern SAMPLE LAYER HEAD, row SAMPLE LAYER HEAD QUERY, logits, layout");
}

}  // namespace attn
