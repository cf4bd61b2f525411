// test_safetensors.cpp - reading weights, and refusing what is broken, however it is broken.
#include <doctest/doctest.h>

#include <cstring>
#include <random>

#include "base/utf8.h"
#include "files/safetensors.h"
#include "golden_model.h"

using namespace attn;

namespace {

File file_of(const std::string& header, size_t n_data, uint64_t claimed = UINT64_MAX) {
  const uint64_t n = claimed == UINT64_MAX ? header.size() : claimed;
  std::vector<uint8_t> bytes(8 + header.size() + n_data);
  std::memcpy(bytes.data(), &n, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  for (size_t i = 0; i < n_data; ++i) bytes[8 + header.size() + i] = uint8_t(i);
  return {"some/folder/model.safetensors", std::move(bytes)};
}

std::string error_of(const File& file) {
  const Result<NamedTensors> read = read_safetensors(file);
  return read ? "" : read.error().message;
}

std::string error_of(const std::string& header, size_t n_data) {
  return error_of(file_of(header, n_data));
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"h.0.attn":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
         offsets + "}}";
}

}  // namespace

TEST_CASE("every type of number comes out as the float it is") {
  std::vector<uint8_t> data(64);
  const float f32[2] = {1.5f, -2.25f};
  const double f64[2] = {0.1, -3e20};
  const uint16_t f16[2] = {0x3E00, 0xC080}, bf16[2] = {0x3FC0, 0xC010};
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"F64","shape":[2,1],"data_offsets":[8,24]},)"
      R"("c":{"dtype":"F16","shape":[2],"data_offsets":[24,28]},)"
      R"("d":{"dtype":"BF16","shape":[1,2],"data_offsets":[28,32]},)"
      R"("e":{"dtype":"I64","shape":[],"data_offsets":[32,40]},)"
      R"("none":{"dtype":"F32","shape":[0,5],"data_offsets":[40,40]}})";
  // With every alignment of the data.
  for (int pad = 0; pad < 4; ++pad) {
    File file = file_of(header + std::string(size_t(pad), ' '), 40);
    std::vector<uint8_t> bytes(file.bytes.span().begin(), file.bytes.span().end());
    uint8_t* at = bytes.data() + bytes.size() - 40;
    std::memcpy(at, f32, 8);
    std::memcpy(at + 8, f64, 16);
    std::memcpy(at + 24, f16, 4);
    std::memcpy(at + 28, bf16, 4);
    file.bytes = std::move(bytes);
    const Result<NamedTensors> read = read_safetensors(file);
    REQUIRE(read);
    CHECK(read->tensors.size() == 6);
    CHECK(read->file == "model.safetensors");
    const auto floats = [&](const char* name) {
      const Result<Tensor> t = to_floats(*read, *read->find(name));
      REQUIRE(t);
      return std::vector<float>(t->data, t->data + t->size());
    };
    CHECK(floats("a") == std::vector<float>{1.5f, -2.25f});
    CHECK(floats("b") == std::vector<float>{0.1f, -3e20f});
    CHECK(floats("c") == std::vector<float>{1.5f, -2.25f});
    CHECK(floats("d") == std::vector<float>{1.5f, -2.25f});
    CHECK(floats("none").empty());
    CHECK(to_floats(*read, *read->find("b"))->shape == std::vector<int64_t>{2, 1});
    const Result<Tensor> whole = to_floats(*read, *read->find("e"));
    REQUIRE(!whole);
    CHECK(has(whole.error().message, "model.safetensors: tensor \"e\""));
    CHECK(has(whole.error().message, "quantized"));
    CHECK(!read->find("f"));
  }
}

TEST_CASE("broken headers are refused with the tensor's name and the mend") {
  CHECK(error_of(tensor("F32", "[2,3]", "[0,24]"), 24) == "");
  const std::string damaged = "the file is damaged or cut short: download it again";
  struct Case {
    std::string header;
    size_t n_data;
    std::string expected;
  };
  const Case cases[] = {
      {tensor("F32", "[2,3]", "[0,24]"), 23, "ends at byte 24 of the data, which has 23"},
      {tensor("F32", "[2,3]", "[0,24]"), 25, "1 B after the last tensor"},
      {tensor("F32", "[2,3]", "[0,20]"), 24, "has 20 bytes where its shape needs 24"},
      {tensor("F32", "[2,3]", "[4,28]"), 28, "begins at byte 4 of the data, but 0 was expected"},
      {tensor("F32", "[2,3]", "[24,0]"), 24, "data_offsets"},
      {tensor("F32", "[2,3]", "[-24,0]"), 24, "data_offsets"},
      {tensor("F32", "[2,3]", "[0,24,48]"), 48, "data_offsets"},
      {tensor("F32", "[2,3]", "[0]"), 24, "data_offsets"},
      {tensor("F32", "[2,3]", "\"0\""), 24, "data_offsets"},
      {tensor("F32", "[2,3]", "[0.5,24.5]"), 24, "data_offsets"},
      {tensor("F32", "[2,3]", "[0,18446744073709551615]"), 24, "data_offsets"},
      {tensor("F32", "[2,3]", "[0,9223372036854775807]"), 24, "ends at byte 9223372036854775807"},
      {tensor("F32", "[-2,-3]", "[0,24]"), 24, "shape"},
      {tensor("F32", "[2.5]", "[0,10]"), 10, "shape"},
      {tensor("F32", "6", "[0,24]"), 24, "shape"},
      {tensor("F32", "[4294967296,4294967296,16]", "[0,0]"), 0, "too large for any file"},
      {tensor("F32", "[9223372036854775807,9223372036854775807,0]", "[0,0]"), 0, "too large"},
      {tensor("F32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "shape"},
      {tensor("F31", "[2,3]", "[0,24]"), 24, "unknown dtype \"F31\""},
      {R"({"h.0.attn":{"shape":[1],"data_offsets":[0,4]}})", 4, "has no dtype"},
      {R"({"h.0.attn":7})", 4, "has no dtype"},
      {R"({"h.0.attn":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"h.0.attn":)"
       R"({"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
       8, "occurs twice"},
      {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"h.0.attn":)"
       R"({"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
       6, "begins at byte 2 of the data, but 4 was expected"},
      {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"h.0.attn":)"
       R"({"dtype":"U8","shape":[4],"data_offsets":[5,9]}})",
       9, "begins at byte 5 of the data, but 4 was expected"},
  };
  for (const Case& c : cases) {
    const std::string message = error_of(c.header, c.n_data);
    CAPTURE(c.header);
    CAPTURE(message);
    CHECK(has(message, "model.safetensors: "));
    CHECK(has(message, c.expected));
    CHECK((has(message, damaged) || has(message, "convert")));
    if (!has(c.expected, "after the last")) CHECK(has(message, "tensor \"h.0.attn\""));
  }
  CHECK(has(error_of("[]", 0), "not a JSON object"));
  CHECK(has(error_of("{", 0), "model.safetensors: not valid JSON"));
  CHECK(error_of("{}", 0) == "");
  CHECK(has(error_of("{}", 5), "5 B after the last tensor"));
}

TEST_CASE("huge claims are refused before anything is allocated") {
  const std::string header = tensor("F32", "[2,3]", "[0,24]");
  CHECK(has(error_of(file_of(header, 24, uint64_t(1) << 62)), "not a safetensors file"));
  CHECK(has(error_of(file_of(header, 24, UINT64_MAX - 1)), "not a safetensors file"));
  CHECK(has(error_of(file_of(header, 24, 15'000'000)), "extends past the end"));
  CHECK(has(error_of(file_of(header, 24, header.size() + 25)), "extends past the end"));
  CHECK(has(error_of(file_of(header, 24, 0)), "not valid JSON"));
  for (size_t n = 0; n < 8; ++n) {
    CHECK(has(error_of(File{"m.safetensors", std::vector<uint8_t>(n)}), "download it again"));
  }
}

TEST_CASE("names that no person chose do not spoil the sentence") {
  const std::string name(100'000, 'x');
  const std::string message =
      error_of("{\"" + name + "\\n\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,3]}}", 3);
  CHECK(message.size() < 400);
  CHECK(quoted_name("a\nb") == "\"a\\nb\"");
  CHECK(is_valid_utf8(quoted_name(std::string(119, 'x') + "深度深度")));
}

TEST_CASE("a file cut at any length is refused, and one with broken bytes never crashes") {
  const Bytes whole = read_bytes(test_models() / "gpt-neox-sequential" / "model.safetensors");
  const std::vector<uint8_t> good(whole.span().begin(), whole.span().end());
  REQUIRE(error_of(File{"model.safetensors", good}) == "");
  uint64_t n_header = 0;
  std::memcpy(&n_header, good.data(), 8);
  for (size_t n = 0; n < good.size(); n += n < 8 + n_header ? 7 : 501) {
    const std::vector<uint8_t> cut(good.begin(), good.begin() + int64_t(n));
    const std::string message = error_of(File{"model.safetensors", cut});
    CHECK(message.starts_with("model.safetensors: "));
  }

  std::mt19937 random(11);
  int n_read = 0;
  for (int i = 0; i < 5000; ++i) {
    std::vector<uint8_t> broken(good.begin(), good.begin() + int64_t(8 + n_header + 4096));
    const int n_flips = 1 + int(random() % 4);
    for (int flip = 0; flip < n_flips; ++flip) {
      const size_t at = random() % 20 == 0 ? random() % 8 : 8 + random() % n_header;
      const uint32_t kind = random() % 3;  // a bit, any byte, or a digit
      broken[at] = kind == 0   ? uint8_t(broken[at] ^ (1u << random() % 8))
                   : kind == 1 ? uint8_t(random())
                               : uint8_t('0' + random() % 10);
    }
    broken.resize(good.size());  // zeros where the weights were
    const Result<NamedTensors> read = read_safetensors({"model.safetensors", broken});
    if (!read) {
      if (read.error().message.empty()) FAIL("an error without a sentence");
      continue;
    }
    ++n_read;
    for (const StoredTensor& t : read->tensors) {
      if (const Result<Tensor> floats = to_floats(*read, t)) {
        if (!floats->empty()) CHECK(floats->data[floats->size() - 1] == 0);
      }
    }
  }
  CHECK(n_read > 50);    // flips inside names do no harm here …
  CHECK(n_read < 4500);  // … and most others do
}
