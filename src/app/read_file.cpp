// read_file.cpp - the bytes of one path: a file, or a pipe that ends.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "app/read_folder.h"

namespace attn {

namespace fs = std::filesystem;

namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

constexpr uint64_t kMostPiped = 64'000'000;  // bytes; /dev/zero never ends

// A named pipe is opened without waiting for its writer, and then given so long.
constexpr int kPatience_ms = 10'000;

Result<Bytes> read_pipe(const std::string& path) {
  const Descriptor in(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (in.number() < 0)
    return Error{path + ": cannot be opened; check that it exists and is readable"};
  ByteBuffer data;
  for (uint64_t size = 0;;) {
    if (size == data.size() &&
        !data.resize(std::max<uint64_t>(1 << 16, std::min(2 * size, kMostPiped + 1))))
      return Error{path + ": too large for the available memory"};
    pollfd ready{in.number(), POLLIN, 0};
    const int n_ready = ::poll(&ready, 1, kPatience_ms);
    if (n_ready < 0 && errno != EINTR)
      return Error{path + ": could not be read to its end; give a file"};
    if (n_ready == 0)
      return Error{path +
                   ": nothing has come out of this pipe for 10 seconds; check what writes "
                   "to it, or give a file"};
    const ssize_t n = ::read(in.number(), data.data() + size, data.size() - size);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return Error{path + ": could not be read to its end; give a file"};
    size += uint64_t(n);
    if (size > kMostPiped)
      return Error{path + ": more than 64 MB came out of it; give a file instead"};
    if (n > 0) continue;
    data.resize(size);
    return Bytes(std::move(data));
  }
}

}  // namespace

Result<Bytes> read_file(const std::string& path, Pipes pipes) {
  std::error_code failed;
  const fs::file_status status = fs::status(path, failed);
  if (fs::is_directory(status)) return Error{path + ": is a folder; give the path of a file"};
  // Opening one may wait for ever, and none says how much it holds.
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    if (pipes == Pipes::read && (fs::is_fifo(status) || fs::is_character_file(status)))
      return read_pipe(path);
    return Error{path + ": is a pipe or device; give a file"};
  }
  const uintmax_t size = fs::file_size(path, failed);
  std::ifstream in(path, std::ios::binary);
  if (failed || !in)
    return Error{path + ": cannot be opened; check that it exists and is readable"};
  ByteBuffer data;
  if (!data.resize(size)) return Error{path + ": too large for the available memory"};
  in.read(reinterpret_cast<char*>(data.data()), std::streamsize(data.size()));
  if (size_t(in.gcount()) != data.size())
    return Error{path + ": ended early while being read; try again"};
  return Bytes(std::move(data));
}

}  // namespace attn
