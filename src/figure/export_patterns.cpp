// export_patterns.cpp - writes the attention patterns of a text as arrays, head by head.
#include <algorithm>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/json_writer.h"
#include "figure/exporters.h"
#include "files/npy.h"
#include "files/safetensors_write.h"

namespace attn {

namespace {

// Zip archives hold 32-bit sizes; the rest is left for the tokens.
constexpr uint64_t kMostBytes = 4'000'000'000;
constexpr int64_t kBlockFloats = 1 << 20;

void put_patterns(const PatternExport& what, ByteSink& sink) {
  const Attention& a = what.attention;
  const ArrayGroups* groups = what.groups;
  const int n_rows = int(std::clamp<int64_t>(kBlockFloats / a.n_key, 1, a.n_query));
  std::vector<float> block(size_t(n_rows) * size_t(a.n_key));
  for (int layer = 0; layer < a.n_layers; ++layer) {
    for (int head = 0; head < a.n_heads; ++head) {
      std::optional<RowMerger> merger;
      if (groups) merger.emplace(groups->queries, groups->keys);
      for (int q = 0; q < a.n_query; q += n_rows) {
        const int end = std::min(q + n_rows, a.n_query);
        a.pattern_rows(0, layer, head, q, end, {block.data(), end - q, a.n_key});
        if (!groups) sink.write(block.data(), 4 * size_t(end - q) * size_t(a.n_key));
        for (int row = q; row < end && groups; ++row)
          merger->add(row, {block.data() + int64_t(row - q) * a.n_key, size_t(a.n_key)});
      }
      if (!groups) continue;
      const Measure merged = merger->take();
      sink.write(merged.values.data(), 4 * merged.values.size());
    }
  }
}

WrittenTensor attention_tensor(const PatternExport& what) {
  const Attention& a = what.attention;
  return {.name = "attention",
          .shape = {a.n_layers, a.n_heads, what.shown().n_query, what.shown().n_key},
          .put = [&what](ByteSink& sink) { put_patterns(what, sink); }};
}

std::vector<int32_t> ids_of(const Tokens& tokens) {
  std::vector<int32_t> ids;
  for (const Token& t : tokens.items) ids.push_back(t.id);
  return ids;
}

}  // namespace

void write_notes(JsonWriter& json, std::span<const std::string> notes) {
  json.key("notes").array();
  for (const std::string& note : notes) json.text(note);
  json.end();
}

std::string tokens_json(const Pairs& pairs, const std::string& model_name, int sample,
                        std::span<const std::string> notes) {
  const Tokens& tokens = pairs.key_tokens[size_t(sample)];
  JsonWriter json;
  json.object().text("model", model_name);
  json.text("text", tokens.text);
  write_notes(json, notes);
  json.key("tokens").array();
  for (const Token& t : tokens.items) {
    json.object().integer("id", t.id).text("piece", t.piece).text("shown", t.shown);
    json.integer("begin", int64_t(t.begin)).integer("end", int64_t(t.end));
    json.boolean("special", t.special).end();
  }
  return json.end().end().take() + "\n";
}

Status check_patterns_size(int n_layers, int n_heads, int n_tokens) {
  const uint64_t bytes =
      4 * uint64_t(n_layers) * uint64_t(n_heads) * uint64_t(n_tokens) * uint64_t(n_tokens);
  if (bytes <= kMostBytes) return {};
  return Error{"the patterns of " + std::to_string(n_tokens) + " tokens in " +
               std::to_string(n_layers) + " layers of " + std::to_string(n_heads) + " heads take " +
               human_bytes(bytes) + ", more than the limit of " + human_bytes(kMostBytes) +
               "; shorten the text"};
}

Status export_patterns_npy(const PatternExport& what, ByteSink& sink) {
  write_npy(attention_tensor(what), sink);
  return {};
}

Status export_patterns_npz(const PatternExport& what, ByteSink& sink) {
  const std::vector<int32_t> ids = ids_of(what.shown().key_tokens[0]);
  const WrittenTensor tensors[] = {attention_tensor(what), written_tensor("input_ids", ids)};
  const std::pair<std::string, std::string> texts[] = {
      {"tokens.json", tokens_json(what.shown(), what.model_name, 0, what.notes)}};
  return write_npz(tensors, texts, sink);
}

Status export_patterns_safetensors(const PatternExport& what, ByteSink& sink) {
  const std::vector<int32_t> ids = ids_of(what.shown().key_tokens[0]);
  const WrittenTensor tensors[] = {attention_tensor(what), written_tensor("input_ids", ids)};
  const std::pair<std::string, std::string> metadata[] = {
      {"tokens", tokens_json(what.shown(), what.model_name, 0, what.notes)}};
  write_safetensors(tensors, metadata, sink);
  return {};
}

}  // namespace attn
