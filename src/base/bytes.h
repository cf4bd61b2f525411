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

// Memory for a file that is about to be read: at a multiple of 64 bytes, and not filled with zeros.
class ByteBuffer {
 public:
  // Keeps the contents, which may move when it grows. False, and no change, if out of memory.
  bool resize(uint64_t size);

  uint8_t* data() const { return memory_.get(); }
  size_t size() const { return size_; }

 private:
  friend class Bytes;
  std::shared_ptr<uint8_t> memory_;
  size_t size_ = 0, room_ = 0;
};

// Cheap to copy; whoever holds one keeps the memory alive.
class Bytes {
 public:
  Bytes() = default;
  Bytes(std::vector<uint8_t> data) : size_(data.size()) {
    const auto owner = std::make_shared<std::vector<uint8_t>>(std::move(data));
    memory_ = {owner, owner->data()};
  }
  Bytes(ByteBuffer buffer) : memory_(std::move(buffer.memory_)), size_(buffer.size_) {}

  const uint8_t* data() const { return memory_.get(); }
  size_t size() const { return size_; }
  std::span<const uint8_t> span() const { return {data(), size()}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data()), size()}; }

  std::shared_ptr<const void> owner() const { return memory_; }

  // Gives the memory up for writing if this is its only holder, and leaves this empty. Null if the
  // bytes are shared, since they must not change for the other holders.
  std::shared_ptr<uint8_t> take();

 private:
  std::shared_ptr<uint8_t> memory_;
  size_t size_ = 0;
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
