// bytes.h - the immutable, shared bytes of a file, and its name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace attn {

// Uninitialized memory for reading a file into, aligned to 64 bytes.
class ByteBuffer {
 public:
  // Keeps the contents, which may move. False, without any change, if out of memory.
  bool resize(uint64_t size);

  uint8_t* data() const { return memory_.get(); }
  size_t size() const { return size_; }

 private:
  friend class Bytes;
  std::shared_ptr<uint8_t> memory_;
  size_t size_ = 0, room_ = 0;
};

// Cheap to copy; each copy keeps the memory alive.
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
  // A part, which keeps the whole alive.
  Bytes slice(size_t at, size_t size) const {
    Bytes part;
    part.memory_ = {memory_, memory_.get() + at};
    part.size_ = size;
    return part;
  }

  // Releases the memory for writing and leaves this empty, if this is its only holder. Null if the
  // bytes are shared, since they must not change for other holders.
  std::shared_ptr<uint8_t> take();

 private:
  std::shared_ptr<uint8_t> memory_;
  size_t size_ = 0;
};

// `name` is the path within the dropped or chosen folder, with '/' ("stories/model.safetensors").
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
