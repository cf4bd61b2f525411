#include "files/zip.h"

#include <zip.h>
#include <zlib.h>

#include <cstdio>
#include <exception>

namespace attn {

namespace {

// The limit of 32-bit sizes, for an entry and for the archive.
constexpr uint64_t kMostBytes = 0xffff'ffff;
constexpr unsigned long kFirstDay = 0x21u << 16;  // 1980-01-01 as DOS dates have it
constexpr unsigned long kUtf8Names = 1u << 11;

// The sink as the library's file: it writes in order and goes back to fill in sizes and checksums.
// The library loses memory where it is told of a failure, and more where an exception passes
// through it: it hears of neither, the sink remembers the one and this the other.
struct SinkFile {
  ByteSink& sink;
  uint64_t at = 0;
  std::exception_ptr thrown = nullptr;

  bool failed() const { return thrown || sink.failed(); }
  void rethrow() const {
    if (thrown) std::rethrow_exception(thrown);
  }
};

SinkFile& file_of(void* opaque) { return *static_cast<SinkFile*>(opaque); }

void* open_sink(void* opaque, const void*, int) { return opaque; }
unsigned long read_sink(void*, void*, void*, unsigned long) { return 0; }
unsigned long write_sink(void* opaque, void*, const void* data, unsigned long size) {
  SinkFile& file = file_of(opaque);
  if (!file.failed()) try {
      if (file.at == file.sink.size())
        file.sink.write(data, size);
      else
        file.sink.rewrite(file.at, data, size);
    } catch (...) {
      file.thrown = std::current_exception();
    }
  file.at += size;
  return size;
}
uint64_t tell_sink(void* opaque, void*) { return file_of(opaque).at; }
long seek_sink(void* opaque, void*, uint64_t offset, int origin) {
  SinkFile& file = file_of(opaque);
  file.at =
      origin == SEEK_SET ? offset : (origin == SEEK_CUR ? file.at : file.sink.size()) + offset;
  return file.failed() || file.at <= file.sink.size() ? 0 : -1;
}
int close_sink(void*, void*) { return 0; }
int error_of_sink(void*, void*) { return 0; }

}  // namespace

struct ZipWriter::Impl {
  SinkFile file;
  zipFile zip = nullptr;
  bool too_large = false;
  bool out_of_memory = false;  // the only failure that the library has left

  explicit Impl(ByteSink& sink) : file{sink} {
    zlib_filefunc64_def functions{};
    functions.zopen64_file = open_sink;
    functions.zread_file = read_sink;
    functions.zwrite_file = write_sink;
    functions.ztell64_file = [](void* o, void* s) -> ZPOS64_T { return tell_sink(o, s); };
    functions.zseek64_file = [](void* o, void* s, ZPOS64_T offset, int origin) {
      return seek_sink(o, s, offset, origin);
    };
    functions.zclose_file = close_sink;
    functions.zerror_file = error_of_sink;
    functions.opaque = &file;
    zip = zipOpen2_64("", APPEND_STATUS_CREATE, nullptr, &functions);
  }
  ~Impl() {
    if (zip) zipClose(zip, nullptr);
  }
};

ZipWriter::ZipWriter(ByteSink& sink) : impl_(std::make_unique<Impl>(sink)) {}
ZipWriter::~ZipWriter() = default;

void ZipWriter::add(const std::string& name, const std::function<void(ByteSink&)>& content) {
  zip_fileinfo info{};
  info.dosDate = kFirstDay;
  zipFile zip = impl_->zip;
  if (impl_->file.failed()) return;
  if (!zip || zipOpenNewFileInZip4_64(zip, name.c_str(), &info, nullptr, 0, nullptr, 0, nullptr, 0,
                                      0, 0, -MAX_WBITS, DEF_MEM_LEVEL, Z_DEFAULT_STRATEGY, nullptr,
                                      0, 20, kUtf8Names, 0) != ZIP_OK) {
    impl_->out_of_memory = true;
    return;
  }
  ByteSink entry([&](uint64_t at, const void* data, size_t size) {
    if (at + size > kMostBytes || impl_->file.sink.size() + size > kMostBytes) {
      impl_->too_large = true;
      return false;
    }
    const bool done = zipWriteInFileInZip(zip, data, unsigned(size)) == ZIP_OK;
    impl_->file.rethrow();
    return done && !impl_->file.failed();
  });
  impl_->file.rethrow();
  content(entry);
  zipCloseFileInZip(zip);
  impl_->file.rethrow();
}

Status ZipWriter::finish() {
  if (impl_->zip) zipClose(impl_->zip, nullptr);
  impl_->zip = nullptr;
  impl_->file.rethrow();
  if (impl_->too_large) return Error{"the archive would be larger than 4 GB; shorten the text"};
  if (impl_->out_of_memory) return Error{"there is not enough memory to write the archive"};
  return {};
}

}  // namespace attn
