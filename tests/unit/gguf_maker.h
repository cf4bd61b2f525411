// gguf_maker.h - writes GGUF files for the tests.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace attn {

struct GgufMaker {
  struct Tensor {
    std::string name;
    std::vector<uint64_t> dims;  // the length of a row first, as in files
    uint32_t type = 0;
    std::string bytes;
  };
  uint32_t version = 3;
  uint64_t align = 32;
  std::string entries;
  uint64_t n_entries = 0;
  std::vector<Tensor> tensors;

  template <class T>
  static void put(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  static void put_text(std::string& out, std::string_view text) {
    put(out, uint64_t(text.size()));
    out += text;
  }
  void key(std::string_view name, uint32_t type) {
    put_text(entries, name);
    put(entries, type);
    ++n_entries;
  }
  GgufMaker& text(std::string_view name, std::string_view value) {
    key(name, 8);
    put_text(entries, value);
    return *this;
  }
  GgufMaker& number(std::string_view name, uint32_t value) {
    key(name, 4);
    put(entries, value);
    return *this;
  }
  GgufMaker& real(std::string_view name, double value) {
    key(name, 6);
    put(entries, float(value));
    return *this;
  }
  GgufMaker& flag(std::string_view name, bool value) {
    key(name, 7);
    put(entries, uint8_t(value));
    return *this;
  }
  template <class Texts>
  GgufMaker& texts(std::string_view name, const Texts& values) {
    key(name, 9);
    put(entries, uint32_t(8));
    put(entries, uint64_t(values.size()));
    for (const auto& value : values) put_text(entries, value);
    return *this;
  }
  GgufMaker& numbers(std::string_view name, const std::vector<float>& values) {
    key(name, 9);
    put(entries, uint32_t(6));
    put(entries, uint64_t(values.size()));
    for (const float value : values) put(entries, value);
    return *this;
  }
  GgufMaker& tensor(std::string name, std::vector<uint64_t> dims, uint32_t type,
                    std::string bytes) {
    tensors.push_back({std::move(name), std::move(dims), type, std::move(bytes)});
    return *this;
  }
  GgufMaker& floats(std::string name, std::vector<uint64_t> dims,
                    const std::vector<float>& values) {
    std::string bytes;
    for (const float value : values) put(bytes, value);
    return tensor(std::move(name), std::move(dims), 0, std::move(bytes));
  }

  Bytes bytes() const {
    std::string out = "GGUF";
    put(out, version);
    put(out, uint64_t(tensors.size()));
    put(out, n_entries);
    out += entries;
    uint64_t offset = 0;
    for (const Tensor& t : tensors) {
      put_text(out, t.name);
      put(out, uint32_t(t.dims.size()));
      for (const uint64_t size : t.dims) put(out, size);
      put(out, t.type);
      put(out, offset);
      offset += (t.bytes.size() + align - 1) / align * align;
    }
    for (const Tensor& t : tensors) {
      out.resize((out.size() + align - 1) / align * align);
      out += t.bytes;
    }
    return std::vector<uint8_t>(out.begin(), out.end());
  }
};

}  // namespace attn
