#include "files/zip_read.h"

#include <unzip.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

namespace attn {

namespace {

constexpr size_t kMostEntries = 200'000;
constexpr size_t kMostName = 1024;

// The archive in memory, as the library's file.
struct Memory {
  std::span<const uint8_t> bytes;
  uint64_t at = 0;
};

Memory& memory_of(void* stream) { return *static_cast<Memory*>(stream); }

zlib_filefunc64_def functions_of(Memory& memory) {
  zlib_filefunc64_def f{};
  f.zopen64_file = [](void* opaque, const void*, int) { return opaque; };
  f.zread_file = [](void*, void* stream, void* to, unsigned long size) -> unsigned long {
    Memory& m = memory_of(stream);
    const uint64_t n = std::min<uint64_t>(size, m.bytes.size() - m.at);
    if (n > 0) std::memcpy(to, m.bytes.data() + m.at, n);
    m.at += n;
    return static_cast<unsigned long>(n);
  };
  f.ztell64_file = [](void*, void* stream) -> ZPOS64_T { return memory_of(stream).at; };
  f.zseek64_file = [](void*, void* stream, ZPOS64_T offset, int origin) -> long {
    Memory& m = memory_of(stream);
    const uint64_t base = origin == SEEK_SET ? 0 : origin == SEEK_CUR ? m.at : m.bytes.size();
    if (offset > m.bytes.size() - base) return -1;
    m.at = base + offset;
    return 0;
  };
  f.zclose_file = [](void*, void*) { return 0; };
  f.zerror_file = [](void*, void*) { return 0; };
  f.opaque = &memory;
  return f;
}

// The entry that the library stands at; no bytes where its place does not lie in the archive.
ZipEntry read_entry(unzFile zip, std::span<const uint8_t> archive) {
  ZipEntry entry;
  unz_file_info64 info{};
  char name[kMostName + 1] = {};
  if (unzGetCurrentFileInfo64(zip, &info, name, kMostName, nullptr, 0, nullptr, 0) != UNZ_OK ||
      info.size_filename >= kMostName)
    return entry;
  int method = 0;
  if (unzOpenCurrentFile2(zip, &method, nullptr, 1) != UNZ_OK) return entry;
  const uint64_t at = unzGetCurrentFileZStreamPos64(zip);
  unzCloseCurrentFile(zip);
  constexpr unsigned kEncrypted = 1;
  if (at > archive.size() || info.compressed_size > archive.size() - at) return entry;
  entry.name = name;
  entry.encrypted = (info.flag & kEncrypted) != 0;
  entry.stored = !entry.encrypted && method == 0 && info.compressed_size == info.uncompressed_size;
  entry.method = method;
  entry.size = info.uncompressed_size;
  entry.crc = uint32_t(info.crc);
  entry.bytes = archive.subspan(at, info.compressed_size);
  return entry;
}

}  // namespace

bool is_zip(std::span<const uint8_t> bytes) {
  constexpr uint8_t kMagic[] = {'P', 'K', 3, 4};
  return bytes.size() >= sizeof kMagic && std::ranges::equal(bytes.first(sizeof kMagic), kMagic);
}

Result<std::vector<ZipEntry>> list_zip(const File& file) {
  const std::string name(base_name(file.name));
  Memory memory{file.bytes.span()};
  zlib_filefunc64_def functions = functions_of(memory);
  const std::unique_ptr<void, int (*)(void*)> zip(unzOpen2_64("", &functions), unzClose);
  const Error damaged{name +
                      ": its list of contents, at the end of the file, is missing or damaged; the "
                      "file is cut short: download it again"};
  std::vector<ZipEntry> out;
  if (!zip) return damaged;
  for (int at = unzGoToFirstFile(zip.get()); at != UNZ_END_OF_LIST_OF_FILE;
       at = unzGoToNextFile(zip.get())) {
    if (at != UNZ_OK) return damaged;
    ZipEntry entry = read_entry(zip.get(), memory.bytes);
    if (entry.name.empty()) return damaged;
    if (entry.name.ends_with('/')) continue;
    if (out.size() == kMostEntries)
      return Error{name + ": has more than " + std::to_string(kMostEntries) +
                   " files inside; unpack it and choose the folder of the model"};
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace attn
