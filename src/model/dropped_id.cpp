#include "model/dropped_id.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/json.h"
#include "base/utf8.h"
#include "files/formats.h"

namespace attn {

namespace {

constexpr std::string_view kPrefix = "file:";
constexpr size_t kDigits = 8;
constexpr size_t kLongestName = 80;  // bytes

// 64-bit FNV-1a (Fowler, Noll, Vo).
struct Hash {
  uint64_t value = 0xcbf29ce484222325;

  void add(std::span<const uint8_t> bytes) {
    for (const uint8_t byte : bytes) value = (value ^ byte) * 0x100000001b3;
  }
  void add(std::string_view text) {
    add(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  }
};

// All of a short file; else its first half of `most` bytes and pieces spread over the rest.
void add_sample(Hash& hash, std::span<const uint8_t> bytes, size_t most) {
  if (bytes.size() <= most) return hash.add(bytes);
  constexpr size_t kPiece = 1024;
  const size_t start = most / 2, n_pieces = std::max<size_t>(1, start / kPiece);
  hash.add(bytes.first(start));
  const size_t rest = bytes.size() - start, last = rest - std::min(rest, kPiece);
  for (size_t i = 0; i < n_pieces; ++i) {
    const uint64_t at = n_pieces == 1 ? last : uint64_t(last) * i / (n_pieces - 1);
    hash.add(bytes.subspan(start + size_t(at), std::min(rest, kPiece)));
  }
}

std::string last_part(std::string_view path) {
  while (path.ends_with('/') || path.ends_with('\\')) path.remove_suffix(1);
  const size_t slash = path.find_last_of("/\\");
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  std::string name(path.substr(0, kLongestName));
  std::erase_if(name, [](char c) { return uint8_t(c) < ' ' || c == '@'; });
  return is_valid_utf8(name) && name != "." && name != ".." ? name : std::string();
}

// The folder of the first file with this name; "" if there is none.
std::string folder_with(std::span<const File> files, std::string_view name) {
  for (const File& file : files)
    if (base_name(file.name) == name) return file.name.substr(0, file.name.find('/') + 1);
  return "";
}

std::string name_of(std::span<const File> files) {
  const std::string adapter = folder_with(files, "adapter_config.json");
  const std::string base = folder_with(files, "config.json");
  if (!adapter.empty() && !base.empty() && adapter != base)
    return last_part(base) + " + " + last_part(adapter);
  for (const File& file : files) {
    const size_t slash = file.name.find('/');
    if (slash != std::string::npos) return file.name.substr(0, slash);
  }
  for (const File& file : files) {
    if (file.name != "config.json") continue;
    const Result<Json> config = Json::parse(file.bytes.text(), file.name);
    if (!config) continue;
    const auto path = config->at("_name_or_path").text();
    if (std::string name = path ? last_part(*path) : ""; !name.empty()) return name;
  }
  for (const File& file : files)
    if (is_weights(find_format(file.name)))
      return last_part(file.name.substr(0, file.name.rfind('.')));
  return "";
}

}  // namespace

std::optional<DroppedId> read_dropped_id(std::string_view id) {
  if (!id.starts_with(kPrefix)) return std::nullopt;
  id.remove_prefix(kPrefix.size());
  const size_t at = id.size() > kDigits ? id.size() - kDigits - 1 : id.size();
  const bool has_content =
      at < id.size() && id[at] == '@' &&
      id.substr(at + 1).find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (!has_content) return DroppedId{std::string(id), ""};
  return DroppedId{std::string(id.substr(0, at)), std::string(id.substr(at + 1))};
}

std::string write_dropped_id(const DroppedId& dropped) {
  return std::string(kPrefix) + dropped.name + (dropped.content.empty() ? "" : "@") +
         dropped.content;
}

DroppedId dropped_id(std::span<const File> files) {
  constexpr size_t kMost = 1 << 20, kFewest = 8192;
  std::vector<const File*> ordered;
  for (const File& file : files) ordered.push_back(&file);
  std::ranges::sort(ordered, {}, [](const File* file) { return base_name(file->name); });
  Hash hash;
  for (const File* file : ordered) {
    hash.add(base_name(file->name));
    hash.add(" " + std::to_string(file->bytes.size()) + "\n");
    add_sample(hash, file->bytes.span(), std::max(kFewest, kMost / files.size()));
  }
  constexpr char kHex[] = "0123456789abcdef";
  DroppedId id{name_of(files), ""};
  if (id.name.empty()) id.name = "model";
  const uint64_t folded = hash.value ^ (hash.value >> 32);
  for (size_t i = 0; i < kDigits; ++i) id.content += kHex[(folded >> (28 - 4 * i)) & 15];
  return id;
}

}  // namespace attn
