// test_formats.cpp - the table of file formats: every row reads a good file and refuses a bad one.
#include <doctest/doctest.h>

#include <cstring>
#include <map>
#include <string>

#include "base/utf8.h"
#include "files/formats.h"
#include "golden_model.h"

using namespace attn;

namespace {

// A good file of every format that is read, by the format's id.
Bytes sample_of(const std::string& id) {
  if (id == "safetensors") return read_bytes(test_models() / "gpt2" / "model.safetensors");
  if (id == "pytorch") return read_bytes(ATTNSCOPE_SOURCE_DIR "/tests/data/torch/checkpoint.pt");
  if (id == "gguf") return read_bytes(ATTNSCOPE_SOURCE_DIR "/tests/data/gguf/qwen2.gguf");
  return {};
}

Bytes first_bytes(const Bytes& bytes, size_t n) {
  return std::vector<uint8_t>(bytes.data(), bytes.data() + n);
}

Bytes bytes_of_text(std::string_view text) {
  return std::vector<uint8_t>(text.begin(), text.end());
}

bool is_toy(std::span<const uint8_t> bytes) { return bytes.size() > 2 && bytes[0] == 'T'; }

Result<NamedTensors> read_toy(const File& file) {
  NamedTensors f;
  f.file = base_name(file.name);
  f.bytes = file.bytes;
  return f;
}

constexpr std::string_view kToyEndings[] = {".toy", ".ty"};
constexpr std::string_view kPlainEndings[] = {".plain"};
const FileFormat kToyFormats[] = {
    {.id = "plain", .endings = kPlainEndings, .read = read_toy},
    {.id = "toy", .endings = kToyEndings, .magic = is_toy, .read = read_toy, .holds_weights = true},
    {.id = "unread", .endings = {}, .magic = [](auto bytes) { return bytes.size() == 1; }},
};

}  // namespace

TEST_CASE("every format reads a good file, and refuses one that is cut short") {
  for (const FileFormat& format : file_formats()) {
    CAPTURE(format.id);
    REQUIRE(!format.endings.empty());
    const std::string name = "folder/file" + std::string(format.endings[0]);
    CHECK(find_format(name) == &format);
    if (!format.read) {
      const Result<NamedTensors> read = read_tensors({name, {}});
      REQUIRE(!read);
      CHECK(read.error().message.starts_with(std::string(base_name(name)) +
                                             ": this weight format is not"));
      continue;
    }
    const Bytes good = sample_of(format.id);
    REQUIRE_MESSAGE(good.size() > 0, "add a sample of this format");
    if (format.magic) CHECK(format.magic(good.span()));
    const Result<NamedTensors> read = read_tensors({name, good});
    REQUIRE(read);
    CHECK(read->file == base_name(name));
    CHECK(!read->tensors.empty());
    CHECK(!read->header.empty());
    const uint8_t *begin = read->bytes.data(), *end = begin;
    const bool shares = std::string_view(format.id) == "pytorch";
    for (const StoredTensor& tensor : read->tensors) {
      CHECK(read->find(tensor.name) == &tensor);
      // In order, inside of the file, and without overlaps where tensors do not share their memory.
      CHECK(tensor.bytes.data() >= (shares ? begin : end));
      begin = tensor.bytes.data();
      end = std::max(end, begin + tensor.bytes.size());
      uint64_t n = bytes_of(tensor.dtype);
      for (const int64_t size : tensor.shape) n *= uint64_t(size);
      CHECK(tensor.bytes.size() == n);
    }
    CHECK(end <= read->bytes.data() + read->bytes.size());
    for (size_t n = 0; n < good.size(); n += 1 + n / 3) {
      const Result<NamedTensors> cut = format.read({name, first_bytes(good, n)});
      REQUIRE(!cut);
      CHECK(cut.error().message.starts_with(std::string(base_name(name)) + ": "));
      CHECK(is_valid_utf8(cut.error().message));
    }
  }
}

TEST_CASE("a format is known by its first bytes, and only then by the file's name") {
  const auto id = [](const File& file) {
    const FileFormat* format = find_format(file, kToyFormats);
    return std::string(format ? format->id : "");
  };
  CHECK(id({"a/b.plain", bytes_of_text("text")}) == "plain");
  CHECK(id({"a/b.plain", bytes_of_text("Text")}) == "toy");
  CHECK(id({"b.toy", bytes_of_text("text")}) == "toy");
  CHECK(id({"b.ty", {}}) == "toy");
  CHECK(id({"b.toy", bytes_of_text("x")}) == "unread");
  CHECK(id({"b", bytes_of_text("Text")}) == "toy");
  CHECK(id({"b.tx", bytes_of_text("text")}) == "");
  CHECK(id({"b.toy.gz", {}}) == "");
  CHECK(is_weights(find_format("b.toy", kToyFormats)));
  CHECK(!is_weights(find_format("b.plain", kToyFormats)));
  CHECK(!is_weights(nullptr));
  CHECK(read_tensors({"b.ty", {}}, kToyFormats));
  const Result<NamedTensors> unread = read_tensors({"a/b.toy", bytes_of_text("x")}, kToyFormats);
  REQUIRE(!unread);
  CHECK(unread.error().message.starts_with("b.toy: this weight format is not supported; "));

  // Weights under another name, and another format under the name of weights.
  const Bytes good = sample_of("safetensors");
  CHECK(read_tensors({"weights.bin", good}));
  const Result<NamedTensors> gguf = read_tensors({"model.safetensors", bytes_of_text("GGUF\3")});
  REQUIRE(!gguf);
  CHECK(gguf.error().message.starts_with("model.safetensors: ends in its first bytes"));
}

TEST_CASE("the strings of a safetensors file's metadata are read") {
  const std::string header = R"({"__metadata__":{"format":"pt","é \"q\"":"a\nb","number":7},)"
                             R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  const uint64_t n = header.size();
  std::vector<uint8_t> bytes(8 + n + 1);
  std::memcpy(bytes.data(), &n, 8);
  std::memcpy(bytes.data() + 8, header.data(), n);
  const Result<NamedTensors> read = read_tensors({"x.safetensors", std::move(bytes)});
  REQUIRE(read);
  CHECK(read->metadata.size() == 2);
  CHECK(read->metadata.at("format").text() == "pt");
  CHECK(read->metadata.at("é \"q\"").text() == "a\nb");
  CHECK(read->tensors.size() == 1);
}
