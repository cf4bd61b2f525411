// bytes.h - a file's bytes, shared and never changed, and the name a person knows it by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace attn {

// Cheap to copy; whoever holds one keeps the memory alive, so weights may point into it.
class Bytes {
 public:
  Bytes() = default;
  Bytes(std::vector<uint8_t> data)
      : owner_(std::make_shared<const std::vector<uint8_t>>(std::move(data))) {}

  const uint8_t* data() const { return owner_ ? owner_->data() : nullptr; }
  size_t size() const { return owner_ ? owner_->size() : 0; }
  std::span<const uint8_t> span() const { return {data(), size()}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data()), size()}; }
  std::shared_ptr<const void> owner() const { return owner_; }

 private:
  std::shared_ptr<const std::vector<uint8_t>> owner_;
};

// `name` is the path inside what was dropped or chosen, with '/' ("stories/model.safetensors").
struct File {
  std::string name;
  Bytes bytes;
};

// "stories/model.safetensors" -> "model.safetensors"
inline std::string_view base_name(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

// 1536 -> "1.5 KB" (decimal units, as file managers show).
std::string human_bytes(uint64_t n);

}  // namespace attn
