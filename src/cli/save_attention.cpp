// save_attention.cpp - .npy headers, stored zip archives and safetensors, written as they stream.
#include "cli/save_attention.h"

#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"

namespace attn {

namespace {

// Below what a zip archive can say in 32 bits.
constexpr uint64_t kMostBytes = 4'000'000'000;
constexpr int64_t kBlockFloats = 1 << 20;

using Put = std::function<void(const void* data, size_t size)>;

void put_text(const Put& put, const std::string& text) { put(text.data(), text.size()); }

// All patterns, and what counts as one token in them.
struct Patterns {
  const Attention& attention;
  const std::string& model_name;
  const ArrayGroups* groups;
  const Pairs& shown() const { return groups ? groups->shown : attention; }
  uint64_t bytes() const {
    return 4 * uint64_t(attention.n_layers) * uint64_t(attention.n_heads) *
           uint64_t(shown().n_query) * uint64_t(shown().n_key);
  }
};

void put_patterns(const Put& put, const Patterns& patterns) {
  const Attention& a = patterns.attention;
  const ArrayGroups* groups = patterns.groups;
  const int n_rows = int(std::clamp<int64_t>(kBlockFloats / a.n_key, 1, a.n_query));
  std::vector<float> block(size_t(n_rows) * size_t(a.n_key));
  for (int layer = 0; layer < a.n_layers; ++layer) {
    for (int head = 0; head < a.n_heads; ++head) {
      std::optional<RowMerger> merger;
      if (groups) merger.emplace(groups->queries, groups->keys);
      for (int q = 0; q < a.n_query; q += n_rows) {
        const int end = std::min(q + n_rows, a.n_query);
        a.pattern_rows(0, layer, head, q, end, {block.data(), end - q, a.n_key});
        if (!groups) put(block.data(), 4 * size_t(end - q) * size_t(a.n_key));
        for (int row = q; row < end && groups; ++row)
          merger->add(row, {block.data() + int64_t(row - q) * a.n_key, size_t(a.n_key)});
      }
      if (!groups) continue;
      const Measure merged = merger->take();
      put(merged.values.data(), 4 * merged.values.size());
    }
  }
}

std::vector<int32_t> ids_of(const Tokens& tokens) {
  std::vector<int32_t> ids;
  for (const Token& t : tokens.items) ids.push_back(t.id);
  return ids;
}

std::string shape_text(const Patterns& p) {
  return std::to_string(p.attention.n_layers) + ", " + std::to_string(p.attention.n_heads) + ", " +
         std::to_string(p.shown().n_query) + ", " + std::to_string(p.shown().n_key);
}

std::string tokens_json(const Patterns& patterns) {
  const Tokens& tokens = patterns.shown().key_tokens[0];
  std::string out = "{\"model\": " + json_quote(patterns.model_name) +
                    ", \"text\": " + json_quote(tokens.text) + ", \"tokens\": [";
  for (const Token& t : tokens.items) {
    if (&t != &tokens.items.front()) out += ", ";
    out += "{\"id\": " + std::to_string(t.id) + ", \"piece\": " + json_quote(t.piece) +
           ", \"shown\": " + json_quote(t.shown) + ", \"begin\": " + std::to_string(t.begin) +
           ", \"end\": " + std::to_string(t.end) +
           ", \"special\": " + (t.special ? "true" : "false") + "}";
  }
  return out + "]}\n";
}

// NumPy's format 1.0: magic, length of the header, a Python dictionary padded to 64 bytes.
std::string npy_header(const char* type, const std::string& shape) {
  std::string dictionary =
      std::string("{'descr': '") + type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  dictionary.append(63 - (10 + dictionary.size()) % 64, ' ');
  dictionary += '\n';
  const size_t n = dictionary.size();
  return std::string("\x93NUMPY\x01\x00", 8) + char(n & 255) + char(n >> 8) + dictionary;
}

void append_little(std::string& out, uint64_t value, int n_bytes) {
  for (int i = 0; i < n_bytes; ++i) out += char(value >> (8 * i) & 255);
}

// A stored archive: sizes are known before the content, checksums only after it, so they are filled
// in behind. Dates are 1980-01-01, so that equal contents are equal files.
class Zip {
 public:
  explicit Zip(std::ofstream& out) : out_(out) {}

  void add(const std::string& name, uint64_t size, const std::function<void(const Put&)>& content) {
    Entry entry{name, uint64_t(out_.tellp()), size, 0};
    const std::string before = header(entry);
    out_.write(before.data(), std::streamsize(before.size()));
    uint64_t written = 0;
    content([&](const void* data, size_t n) {
      entry.crc = uint32_t(crc32_z(entry.crc, static_cast<const Bytef*>(data), n));
      out_.write(static_cast<const char*>(data), std::streamsize(n));
      written += n;
    });
    assert(written == size);
    const std::streampos end = out_.tellp();
    const std::string again = header(entry);
    out_.seekp(std::streamoff(entry.offset));
    out_.write(again.data(), std::streamsize(again.size()));
    out_.seekp(end);
    entries_.push_back(std::move(entry));
  }

  void finish() {
    const uint64_t begin = uint64_t(out_.tellp());
    std::string directory;
    for (const Entry& e : entries_) {
      append_little(directory, 0x02014b50, 4);
      append_little(directory, 20, 2);  // made by
      directory += common(e);
      directory.append(2 + 2 + 2 + 4, '\0');  // comment, disk, attributes
      append_little(directory, e.offset, 4);
      directory += e.name;
    }
    const uint64_t size = directory.size();
    append_little(directory, 0x06054b50, 4);
    append_little(directory, 0, 4);  // disks
    append_little(directory, entries_.size(), 2);
    append_little(directory, entries_.size(), 2);
    append_little(directory, size, 4);
    append_little(directory, begin, 4);
    append_little(directory, 0, 2);  // comment
    out_.write(directory.data(), std::streamsize(directory.size()));
  }

 private:
  struct Entry {
    std::string name;
    uint64_t offset, size;
    uint32_t crc;
  };

  // What an entry's own header and the directory say alike.
  static std::string common(const Entry& e) {
    std::string out;
    append_little(out, 20, 2);       // version needed
    append_little(out, 1 << 11, 2);  // names are UTF-8
    append_little(out, 0, 2);        // stored
    append_little(out, 0, 2);        // time
    append_little(out, 0x21, 2);     // date
    append_little(out, e.crc, 4);
    append_little(out, e.size, 4);  // compressed
    append_little(out, e.size, 4);
    append_little(out, e.name.size(), 2);
    append_little(out, 0, 2);  // extra
    return out;
  }
  static std::string header(const Entry& e) {
    std::string out;
    append_little(out, 0x04034b50, 4);
    return out + common(e) + e.name;
  }

  std::ofstream& out_;
  std::vector<Entry> entries_;
};

void write_npz(const Patterns& patterns, std::ofstream& out) {
  const std::vector<int32_t> ids = ids_of(patterns.shown().key_tokens[0]);
  const std::string header = npy_header("<f4", shape_text(patterns));
  const std::string ids_header = npy_header("<i4", std::to_string(ids.size()) + ",");
  const std::string tokens = tokens_json(patterns);
  Zip zip(out);
  zip.add("attention.npy", header.size() + patterns.bytes(), [&](const Put& put) {
    put_text(put, header);
    put_patterns(put, patterns);
  });
  zip.add("input_ids.npy", ids_header.size() + 4 * ids.size(), [&](const Put& put) {
    put_text(put, ids_header);
    put(ids.data(), 4 * ids.size());
  });
  zip.add("tokens.json", tokens.size(), [&](const Put& put) { put_text(put, tokens); });
  zip.finish();
}

void write_safetensors(const Patterns& patterns, const Put& put) {
  const std::vector<int32_t> ids = ids_of(patterns.shown().key_tokens[0]);
  const uint64_t size = patterns.bytes(), end = size + 4 * ids.size();
  std::string header = "{\"__metadata__\":{\"tokens\":" + json_quote(tokens_json(patterns)) +
                       "},\"attention\":{\"dtype\":\"F32\",\"shape\":[" + shape_text(patterns) +
                       "],\"data_offsets\":[0," + std::to_string(size) +
                       "]},\"input_ids\":{\"dtype\":\"I32\",\"shape\":[" +
                       std::to_string(ids.size()) + "],\"data_offsets\":[" + std::to_string(size) +
                       "," + std::to_string(end) + "]}}";
  header.append((8 - header.size() % 8) % 8, ' ');
  std::string length;
  append_little(length, header.size(), 8);
  put_text(put, length + header);
  put_patterns(put, patterns);
  put(ids.data(), 4 * ids.size());
}

Status not_written(const std::string& path) {
  return Error{path +
               ": could not be written; check that the folder is there and the disk not full"};
}

}  // namespace

Result<ArrayFormat> array_format(const std::string& path) {
  if (path.ends_with(".npz")) return ArrayFormat::npz;
  if (path.ends_with(".npy")) return ArrayFormat::npy;
  if (path.ends_with(".safetensors")) return ArrayFormat::safetensors;
  return Error{path + ": the name must end in .npz, .npy or .safetensors"};
}

Status check_size(int n_layers, int n_heads, int n_tokens) {
  const uint64_t bytes =
      4 * uint64_t(n_layers) * uint64_t(n_heads) * uint64_t(n_tokens) * uint64_t(n_tokens);
  if (bytes <= kMostBytes) return {};
  return Error{"the patterns of " + std::to_string(n_tokens) + " tokens in " +
               std::to_string(n_layers) + " layers of " + std::to_string(n_heads) + " heads take " +
               human_bytes(bytes) + " and the limit is " + human_bytes(kMostBytes) +
               "; shorten the text"};
}

Status save_attention(const Attention& attention, const std::string& model_name, ArrayFormat format,
                      const std::string& path, const ArrayGroups* groups) {
  const Patterns patterns{attention, model_name, groups};
  std::ofstream out(path, std::ios::binary);
  if (!out) return not_written(path);
  const Put put = [&](const void* data, size_t n) {
    out.write(static_cast<const char*>(data), std::streamsize(n));
  };
  switch (format) {
    case ArrayFormat::npz:
      write_npz(patterns, out);
      break;
    case ArrayFormat::safetensors:
      write_safetensors(patterns, put);
      break;
    case ArrayFormat::npy: {
      put_text(put, npy_header("<f4", shape_text(patterns)));
      put_patterns(put, patterns);
      const std::string tokens = tokens_json(patterns), beside = path + ".tokens.json";
      std::ofstream tokens_out(beside, std::ios::binary);
      tokens_out.write(tokens.data(), std::streamsize(tokens.size()));
      tokens_out.close();
      if (!tokens_out) return not_written(beside);
      break;
    }
  }
  out.close();
  if (out) return {};
  std::remove(path.c_str());  // half a file is worse than none
  return not_written(path);
}

}  // namespace attn
