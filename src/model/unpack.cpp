#include "model/unpack.h"

#include <algorithm>
#include <optional>
#include <string>

#include "files/formats.h"
#include "files/inflate.h"
#include "files/known_files.h"
#include "files/zip_read.h"
#include "model/model_files.h"

namespace attn {

namespace {

constexpr size_t kUnpackStep = 1 << 20;

// A file inside; compressed where `packed` is not empty.
struct Inside {
  std::string name;
  Bytes bytes;
  std::span<const uint8_t> packed;
  uint64_t size = 0;
  uint32_t crc = 0;
};

bool is_gzip(std::span<const uint8_t> b) { return b.size() > 2 && b[0] == 0x1f && b[1] == 0x8b; }

// A text of a tar header, up to the first 0.
std::string tar_text(std::span<const uint8_t> header, size_t at, size_t n) {
  const auto* begin = reinterpret_cast<const char*>(header.data() + at);
  return {begin, std::find(begin, begin + n, '\0')};
}

// A number of a tar header: octal digits, or big-endian after a byte of 128.
std::optional<uint64_t> tar_number(std::span<const uint8_t> header, size_t at, size_t n) {
  uint64_t value = 0;
  if (header[at] == 128) {
    for (size_t i = 1; i < n; ++i) {
      if (value >> 55) return {};
      value = value << 8 | header[at + i];
    }
    return value;
  }
  for (size_t i = at; i < at + n; ++i) {
    if (header[i] == 0 || header[i] == ' ') continue;
    if (header[i] < '0' || header[i] > '7' || value >> 60) return {};
    value = value << 3 | uint64_t(header[i] - '0');
  }
  return value;
}

// The path in an extended header: lines of "27 path=folder/name".
std::string tar_path(std::string_view records) {
  constexpr std::string_view kPath = " path=";
  const size_t at = records.find(kPath);
  if (at == records.npos) return "";
  const size_t begin = at + kPath.size();
  return std::string(records.substr(begin, records.find('\n', begin) - begin));
}

constexpr size_t kTarBlock = 512;

// The sum of a header's bytes, with blanks in the place of the sum itself.
bool has_tar_sum(std::span<const uint8_t> header) {
  constexpr size_t kAt = 148, kSize = 8;
  uint64_t sum = kSize * uint64_t(' ');
  for (size_t i = 0; i < kTarBlock; ++i)
    if (i < kAt || i >= kAt + kSize) sum += header[i];
  return tar_number(header, kAt, kSize) == sum;
}

}  // namespace

bool is_archive(const File& file) {
  const KnownFile* known = known_file(file.name, file.bytes.span());
  return known && known->is_archive && known_content(file.bytes.span()) && !may_hold_weights(file);
}

bool is_of_a_model(std::string_view path) {
  const std::string_view name = base_name(path);
  constexpr std::string_view kOthers[] = {".json", ".txt", ".model"};
  return is_weights(find_format(name)) || name == "meta.pkl" ||
         std::ranges::any_of(kOthers, [&](auto ending) { return name.ends_with(ending); });
}

struct Unpacking::Impl {
  File archive;
  uint64_t room = 0;
  std::string name, folder;
  Status error;
  bool begun = false;
  std::optional<Inflating> inflating;
  ByteBuffer buffer;    // of what is inflated
  uint64_t n_done = 0;  // of it
  bool whole = false;   // the tar in a gzip is inflated
  std::vector<Inside> parts;
  size_t part = 0;

  Error damaged(const std::string& what) const {
    return Error{name + ": " + what + " is damaged or cut short; download or pack it again"};
  }
  Error too_large(uint64_t bytes) const {
    return Error{name + ": unpacked, it has " + human_bytes(bytes) + ", more than the " +
                 human_bytes(room) +
                 " that there is room for; unpack it, and open the folder in "
                 "the desktop program"};
  }

  // Leaves out what is not of a model, and of a training run what is not needed.
  Status choose(size_t n_files) {
    const size_t n_all = std::max(n_files, parts.size());
    std::erase_if(parts, [](const Inside& p) {
      return !is_of_a_model(p.name) || p.name.find("__MACOSX/") != p.name.npos ||
             base_name(p.name).starts_with("._");
    });
    if (parts.empty())
      return Error{name + ": has no model among its " + std::to_string(n_all) +
                   (n_all == 1 ? " file" : " files") +
                   "; a model has config.json, its weights and tokenizer.json"};
    std::vector<std::string> names;
    for (const Inside& p : parts) names.push_back(p.name);
    std::vector<std::string> sorted = names;
    std::ranges::sort(sorted);
    if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end())
      return Error{name + ": has " + quoted_name(*twice) + " twice; pack the folder again"};
    const std::vector<std::string> left = not_needed(names);
    std::erase_if(parts,
                  [&](const Inside& p) { return std::ranges::find(left, p.name) != left.end(); });
    uint64_t bytes = 0;
    for (const Inside& p : parts) {
      const uint64_t size = p.packed.data() ? p.size : 0;
      if (size > room - std::min(room, bytes)) return too_large(bytes + size);
      bytes += size;
    }
    return {};
  }

  Status list_zip_parts() {
    Result<std::vector<ZipEntry>> entries = list_zip(archive);
    if (!entries) return entries.error();
    const size_t n_all = entries->size();
    for (ZipEntry& e : *entries) {
      if (!is_of_a_model(e.name)) continue;
      constexpr int kDeflated = 8;
      if (e.encrypted)
        return Error{name + ": " + quoted_name(e.name) +
                     " inside is encrypted; unpack it with its password and open the folder"};
      if (!e.stored && e.method != kDeflated)
        return Error{name + ": " + quoted_name(e.name) +
                     " inside is compressed in a way that is not read here (method " +
                     std::to_string(e.method) + "); pack it as an ordinary zip"};
      Inside p{e.name, {}, {}, e.size, e.crc};
      if (e.stored)
        p.bytes =
            archive.bytes.slice(size_t(e.bytes.data() - archive.bytes.data()), e.bytes.size());
      else
        p.packed = e.bytes;
      parts.push_back(std::move(p));
    }
    return choose(n_all);
  }

  Status list_tar_parts(const Bytes& tar) {
    constexpr size_t kName = 0, kNameSize = 100, kSizeAt = 124, kTypeAt = 156, kPrefixAt = 345,
                     kPrefixSize = 155, kMostName = 1 << 16, kMostParts = 200'000;
    const std::span<const uint8_t> bytes = tar.span();
    std::string longer;  // the name, from a header before
    size_t n_all = 0;
    bool ended = false;  // by a block of zeros
    for (size_t at = 0; at + kTarBlock <= bytes.size();) {
      const std::span<const uint8_t> header = bytes.subspan(at, kTarBlock);
      if (std::ranges::all_of(header, [](uint8_t b) { return b == 0; })) {
        ended = true;
        break;
      }
      const std::optional<uint64_t> size = tar_number(header, kSizeAt, 12);
      if (!size || !has_tar_sum(header)) return damaged("its header at byte " + std::to_string(at));
      at += kTarBlock;
      if (*size > bytes.size() - at) return damaged("its last file");
      const std::string_view content = tar.text().substr(at, size_t(*size));
      const char type = char(header[kTypeAt]);
      std::string path = tar_text(header, kName, kNameSize);
      if (std::string before = tar_text(header, kPrefixAt, kPrefixSize);
          !before.empty() && tar_text(header, 257, 5) == "ustar" && header[262] == 0)
        path = before + "/" + path;
      if (!longer.empty()) path = longer;
      if (type == 'L' && content.size() < kMostName) {
        longer = std::string(content.substr(0, content.find('\0')));
      } else if (type == 'x' && content.size() < kMostName) {
        if (std::string of_next = tar_path(content); !of_next.empty()) longer = of_next;
      } else if (type == '0' || type == '\0') {
        if (path.starts_with("./")) path.erase(0, 2);
        if (++n_all > kMostParts) return damaged("its list of files");
        parts.push_back({path, tar.slice(at, size_t(*size)), {}, *size, 0});
        longer.clear();
      } else if (is_of_a_model(path) && type != 'g') {
        return Error{name + ": " + quoted_name(path) +
                     " inside is a link or of a kind that is not read; pack the folder with tar "
                     "--dereference, or unpack it and open the folder"};
      } else {
        longer.clear();
      }
      at += size_t(
          std::min<uint64_t>((*size + kTarBlock - 1) / kTarBlock * kTarBlock, bytes.size() - at));
    }
    if (!ended) return damaged("its end");
    return choose(n_all);
  }

  Status begin() {
    const std::span<const uint8_t> bytes = archive.bytes.span();
    if (is_gzip(bytes)) {
      // The size, modulo 4 GB, stands at the end. Deflate makes at most 1032 of a byte.
      if (bytes.size() < 18) return damaged("its beginning");
      uint32_t size = 0;
      for (size_t i = 0; i < 4; ++i) size |= uint32_t(bytes[bytes.size() - 4 + i]) << (8 * i);
      if (size / 1032 > bytes.size()) return damaged("its end");
      if (size > room) return too_large(size);
      if (!buffer.resize(size)) return too_large(size);
      inflating.emplace(bytes, Inflating::Wrapped::gzip);
      whole = true;
      return {};
    }
    return is_zip(bytes) || !has_tar_header(bytes) ? list_zip_parts()
                                                   : list_tar_parts(archive.bytes);
  }

  static bool has_tar_header(std::span<const uint8_t> bytes) {
    return bytes.size() >= kTarBlock && has_tar_sum(bytes.first(kTarBlock));
  }

  // The next megabyte of what is being inflated; true where there is no more.
  bool inflate_more() {
    const size_t n = std::min<size_t>(kUnpackStep, buffer.size() - size_t(n_done));
    const size_t made = inflating->read({buffer.data() + n_done, n});
    n_done += made;
    return made < n || n_done == buffer.size();
  }

  bool step() {
    if (!begun) {
      begun = true;
      error = begin();
      return !error && (whole || part < parts.size());
    }
    if (whole) {
      if (!inflate_more()) return true;
      if (n_done != buffer.size() || !inflating->ended()) {
        error = Error{name +
                      ": is damaged or cut short, or unpacks to more than 4 GB; download it "
                      "again, or unpack it and open the folder"};
        return false;
      }
      inflating.reset();
      whole = false;
      Bytes tar{std::move(buffer)};
      buffer = {};
      n_done = 0;
      archive.bytes = {};
      if (!has_tar_header(tar.span()))
        error = Error{name +
                      ": a single file in gzip, no archive of a folder; unpack it with "
                      "gunzip, and open what is inside"};
      else
        error = list_tar_parts(tar);
      return false;
    }
    Inside& p = parts[part];
    if (p.packed.data() && !inflating) {
      n_done = 0;
      if (!buffer.resize(p.size)) {
        error = too_large(p.size);
        return false;
      }
      inflating.emplace(p.packed, Inflating::Wrapped::raw);
    }
    if (inflating) {
      if (!inflate_more()) return true;
      if (n_done != p.size || !inflating->ended() || inflating->crc() != p.crc) {
        error = damaged(quoted_name(p.name) + " inside");
        return false;
      }
      inflating.reset();
      p.bytes = Bytes(std::move(buffer));
      buffer = {};
    }
    return ++part < parts.size();
  }
};

Unpacking::Unpacking(File archive, uint64_t room) : impl_(std::make_unique<Impl>()) {
  impl_->name = impl_->folder = base_name(archive.name);
  for (const std::string_view ending : {".zip", ".gz", ".tgz", ".tar"})
    if (impl_->folder.ends_with(ending)) impl_->folder.resize(impl_->folder.size() - ending.size());
  impl_->archive = std::move(archive);
  impl_->room = room;
}

Unpacking::~Unpacking() = default;

int Unpacking::n_steps() const {
  return 1 + int(impl_->archive.bytes.size() / kUnpackStep * 11 / 10);
}

bool Unpacking::step() { return impl_->step(); }

Result<std::vector<File>> Unpacking::take() {
  if (impl_->error) return *impl_->error;
  std::vector<File> files;
  for (Inside& p : impl_->parts)
    files.push_back({impl_->folder + "/" + p.name, std::move(p.bytes)});
  impl_->parts.clear();
  return files;
}

}  // namespace attn
