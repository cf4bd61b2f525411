// golden_model.h - checkpoints of the tests, and what transformers computes with them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "files/safetensors.h"
#include "model/model.h"

namespace attn {

inline Bytes read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::vector<uint8_t>(std::istreambuf_iterator<char>(in), {});
}

// All files of a folder but the golden one, named as a browser names dropped ones. Subfolders, such
// as the __pycache__ of a model's scripts, are not part of a model.
inline std::vector<File> read_model_files(const std::filesystem::path& folder) {
  std::vector<File> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().filename().string();
    if (name == "expected.safetensors" || name.ends_with(".gguf")) continue;
    files.push_back({folder.filename().string() + "/" + name, read_bytes(entry.path())});
  }
  std::ranges::sort(files, {}, &File::name);
  return files;
}

inline std::filesystem::path test_models() { return ATTNSCOPE_SOURCE_DIR "/tests/data/models"; }

// Real checkpoints that are not part of the repository; nothing, and a line that says so, without.
inline std::optional<std::filesystem::path> shared_model(const std::string& name) {
  const char* given = std::getenv("ATTNSCOPE_SHARED");
  const std::filesystem::path shared = given ? given : ATTNSCOPE_SOURCE_DIR "/../shared";
  std::filesystem::path folder = shared / "models" / "checkpoints" / name;
  if (std::filesystem::exists(folder)) return folder;
  std::printf("SKIPPED %s: no %s\n", name.c_str(), folder.string().c_str());
  return {};
}

struct GoldenPass {
  std::vector<int> ids;
  std::vector<float> attn;    // [layer, head, query, key]
  std::vector<float> logits;  // [n, d_vocab], or none
  std::vector<float> hidden;  // [n, d_model] after the last norm, or none
  std::vector<int> seen;      // [n], 0 for padding; or none
};

inline GoldenPass read_golden_pass(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "expected.safetensors";
  const Result<NamedTensors> file = read_safetensors({path.filename().string(), read_bytes(path)});
  if (!file) return {};
  const auto copy = [&]<class T>(const char* name, std::vector<T>& out) {
    const StoredTensor* tensor = file->find(name);
    if (!tensor) return;
    const std::span<const uint8_t> bytes = tensor->bytes;
    out.resize(bytes.size() / sizeof(T));
    std::memcpy(out.data(), bytes.data(), bytes.size());
  };
  GoldenPass golden;
  copy("input_ids", golden.ids);
  copy("attn", golden.attn);
  copy("logits", golden.logits);
  copy("hidden", golden.hidden);
  copy("attention_mask", golden.seen);
  return golden;
}

inline Tokens tokens_of(std::span<const int> ids) {
  Tokens tokens;
  for (int id : ids) tokens.items.push_back({.id = id});
  return tokens;
}

inline Tokens tokens_of(const GoldenPass& golden) {
  Tokens tokens = tokens_of(golden.ids);
  for (size_t i = 0; i < golden.seen.size(); ++i) tokens.items[i].padding = golden.seen[i] == 0;
  return tokens;
}

inline double most_apart(std::span<const float> ours, std::span<const float> theirs) {
  if (ours.size() != theirs.size() || ours.empty()) return INFINITY;
  double most = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double apart = std::abs(double(ours[i]) - theirs[i]);
    if (!(apart <= most)) most = std::isnan(apart) ? INFINITY : apart;
  }
  return most;
}

}  // namespace attn
