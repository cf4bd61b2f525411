#include "base/file_set.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace attn {
namespace {

// Names for remove_unfinished(), which may not allocate; a file without a slot is removed by its
// set alone. Only under a Hold.
struct Slot {
  bool taken = false;
  char name[4096];
};
constexpr int kSlots = 8;
Slot slots[kSlots];
std::atomic_flag held = ATOMIC_FLAG_INIT;

// While one lives no signal ends the program between a change of the folder and that of the slots:
// this thread takes none, and the handler on another thread waits.
class Hold {
 public:
  Hold() { begin(before_); }
  ~Hold() {
    held.clear();
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  Hold(const Hold&) = delete;

  // A hold that does not end.
  static void begin(sigset_t& before) noexcept {
    sigset_t ending;
    sigemptyset(&ending);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ending, signal);
    ::pthread_sigmask(SIG_BLOCK, &ending, &before);
    while (held.test_and_set()) ::sched_yield();
  }

 private:
  sigset_t before_;
};

int take_slot(const std::string& name) {
  if (name.size() >= sizeof(Slot::name)) return -1;
  for (int i = 0; i < kSlots; ++i) {
    if (slots[i].taken) continue;
    std::memcpy(slots[i].name, name.c_str(), name.size() + 1);
    slots[i].taken = true;
    return i;
  }
  return -1;
}

void free_slot(int i) {
  if (i >= 0) slots[i].taken = false;
}

Error not_written(const std::string& path, int reason) {
  return Error{path + ": could not be written" +
               (reason != 0 ? " (" + std::string(std::strerror(reason)) + ")" : std::string()) +
               "; check that the folder exists and the disk is not full"};
}

using Stream = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// The output of `content` in the open file; `reason` becomes the errno of a failure, or stays 0.
Status fill(std::FILE* file, const std::function<Status(ByteSink&)>& content, int& reason) {
  uint64_t end = 0;  // seeking flushes the stream's buffer, so it is done only where needed
  ByteSink sink([&](uint64_t at, const void* data, size_t size) {
    const bool back = at != end;
    bool good = !back || ::fseeko(file, off_t(at), SEEK_SET) == 0;
    good = good && std::fwrite(data, 1, size, file) == size;
    if (back) good = good && ::fseeko(file, off_t(end), SEEK_SET) == 0;
    if (!back) end += size;
    if (!good) reason = errno != 0 ? errno : EIO;
    return good;
  });
  errno = 0;
  Status status = content(sink);
  if (!status && !sink.failed() && std::fflush(file) != 0) reason = errno;
  return status;
}

// The file that a link leads to, so that it is the file which is replaced, not the link.
std::string behind_links(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real ? std::string(real.get()) : path;
}

// A new file in the folder of `path`.
int open_beside(const std::string& path, std::string& name) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  constexpr int kTries = 1000;
  for (int i = 0; i < kTries; ++i) {
    name = folder + ".attnscope-" + std::to_string(::getpid()) + "-" + std::to_string(i) + ".part";
    const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file >= 0 || errno != EEXIST) return file;
  }
  return -1;
}

Status write_in_place(const std::string& path, const std::function<Status(ByteSink&)>& content) {
  errno = 0;
  const Stream file(std::fopen(path.c_str(), "wb"), std::fclose);
  if (!file) return not_written(path, errno);
  int reason = 0;
  if (Status e = fill(file.get(), content, reason)) return e;
  if (reason != 0) return not_written(path, reason);
  return {};
}

}  // namespace

FileSet::~FileSet() {
  if (pending_.empty()) return;
  const Hold hold;
  for (const Pending& file : pending_) {
    ::unlink(file.unfinished.c_str());
    free_slot(file.slot);
  }
}

Status FileSet::add(const std::string& path, const std::function<Status(ByteSink&)>& content) {
  struct stat there{};
  const bool exists = ::stat(path.c_str(), &there) == 0;
  if (exists && S_ISDIR(there.st_mode)) return not_written(path, EISDIR);
  if (exists && !S_ISREG(there.st_mode)) return write_in_place(path, content);
  if (exists && ::access(path.c_str(), W_OK) != 0) return not_written(path, errno);
  const std::string target = exists ? behind_links(path) : path;
  Pending& begun = pending_.emplace_back(Pending{target, {}, -1});
  int opened = -1, reason = 0;
  {
    const Hold hold;
    std::string name;
    errno = 0;
    opened = open_beside(target, name);
    reason = errno;
    if (opened >= 0) begun.slot = take_slot(name);
    if (opened >= 0) begun.unfinished = std::move(name);
  }
  if (opened < 0) {
    pending_.pop_back();
    return not_written(path, reason);
  }
  if (exists) ::fchmod(opened, there.st_mode & 07777);
  Stream file(::fdopen(opened, "wb"), std::fclose);
  if (!file) {
    ::close(opened);
    return not_written(path, errno);
  }
  reason = 0;
  if (Status e = fill(file.get(), content, reason); e && reason == 0) return e;
  // Some file systems cannot be told to write now, and say so.
  if (reason == 0 && ::fsync(opened) != 0 && errno != EINVAL && errno != ENOSYS) reason = errno;
  if (std::fclose(file.release()) != 0 && reason == 0) reason = errno;
  if (reason != 0) return not_written(path, reason);
  return {};
}

Status FileSet::finish() {
  const Hold hold;
  for (size_t i = 0; i < pending_.size(); ++i) {
    if (std::rename(pending_[i].unfinished.c_str(), pending_[i].path.c_str()) == 0) continue;
    Error error = not_written(pending_[i].path, errno);
    for (size_t k = 0; k < i; ++k) ::unlink(pending_[k].path.c_str());
    return error;
  }
  for (const Pending& file : pending_) free_slot(file.slot);
  pending_.clear();
  return {};
}

void FileSet::remove_unfinished() noexcept {
  sigset_t before;
  Hold::begin(before);  // nothing new is begun
  for (const Slot& slot : slots)
    if (slot.taken) ::unlink(slot.name);
}

Status write_file(const std::string& path, const std::function<Status(ByteSink&)>& content) {
  FileSet files;
  if (Status e = files.add(path, content)) return e;
  return files.finish();
}

}  // namespace attn
