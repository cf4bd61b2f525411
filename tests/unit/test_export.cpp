// test_export.cpp - JSON and byte sinks, and every row of the table of exporters.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>

#include "base/csv.h"
#include "base/file_set.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "figure/exporters.h"
#include "files/formats.h"
#include "files/npy.h"
#include "files/safetensors_write.h"
#include "files/zip.h"
#include "pass/scratch.h"

using namespace attn;

namespace {

Bytes bytes_of(const std::string& text) {
  return Bytes(std::vector<uint8_t>(text.begin(), text.end()));
}

uint32_t little(const std::string& data, size_t at) {
  uint32_t n = 0;
  for (size_t i = 0; i < 4; ++i) n |= uint32_t(uint8_t(data.at(at + i))) << (8 * i);
  return n;
}

}  // namespace

TEST_CASE("JSON is laid out as asked, and reads back") {
  JsonWriter json;
  json.object(JsonLayout::lines).text("a", "\"q\"\n\x01 深").integer("b", -3);
  json.key("c").array().number(.1f).number(std::numeric_limits<float>::quiet_NaN());
  json.number(-HUGE_VALF).boolean(true).null().end();
  json.key("d").object(JsonLayout::tight).integer("x", 1).integer("y", 2).end();
  json.key("e").array(JsonLayout::lines).end().key("f").unsigned_integer(~uint64_t(0));
  const float values[] = {1, 2, 3, 4, 5, 6};
  const int shape[] = {3, 2};
  json.key("g").numbers(values, shape).end();
  const std::string text = json.take();
  CHECK(text ==
        "{\n\"a\": \"\\\"q\\\"\\n\\u0001 深\",\n\"b\": -3,\n\"c\": [0.1, null, null, true, null],\n"
        "\"d\": {\"x\":1,\"y\":2},\n\"e\": [],\n\"f\": 18446744073709551615,\n"
        "\"g\": [[1, 2],\n[3, 4],\n[5, 6]]\n}");
  const Result<Json> read = Json::parse(text, "test");
  REQUIRE(read);
  CHECK(read->at("a").text() == "\"q\"\n\x01 深");
  CHECK(read->at("g").at(size_t(2)).at(size_t(1)).integer() == 6);
  CHECK(csv_quote("a \"b\"") == "\"a \"\"b\"\"\"");
}

TEST_CASE("a sink that is full keeps its failure, and a file that failed is not there") {
  ByteSink full([](uint64_t at, const void*, size_t size) { return at + size <= 4; });
  full.write("abc");
  CHECK(!full.failed());
  full.write("de");
  CHECK(full.failed());
  CHECK(full.size() == 3);
  const std::string path =
      (std::filesystem::temp_directory_path() / "attnscope_test_export").string();
  const auto write = [](ByteSink& sink) -> Status {
    sink.write("0000 one");
    sink.rewrite(0, "size", 4);
    sink.write(" two");
    return {};
  };
  CHECK(written([&](ByteSink& sink) { (void)write(sink); }) == "size one two");
  REQUIRE(!write_file(path, write));
  CHECK(std::filesystem::file_size(path) == 12);
  CHECK(write_file(path, [](ByteSink&) -> Status { return Error{"no"}; })->message == "no");
  CHECK(std::filesystem::file_size(path) == 12);  // as it was
  CHECK(std::filesystem::remove(path));
  CHECK(write_file(path, [](ByteSink&) -> Status { return Error{"no"}; })->message == "no");
  CHECK(!std::filesystem::exists(path));
  CHECK(write_file(path + "/absent/file", write));
}

TEST_CASE("a zip archive says where its entries are and what they hold") {
  const auto content = [](ByteSink& sink) {
    ZipWriter zip(sink);
    zip.add("a.txt", [](ByteSink& entry) { entry.write("123456789"); });
    zip.add("深.txt", [](ByteSink& entry) { entry.write(std::string(100'000, 'x')); });
    CHECK(!zip.finish());
  };
  const std::string data = written(content);
  CHECK(data == written(content));  // no dates of today
  CHECK(little(data, 0) == 0x04034b50);
  CHECK(little(data, 14) == 0xCBF43926);  // the CRC-32 of 123456789, filled in behind
  CHECK(little(data, 22) == 9);
  const size_t end = data.rfind("PK\x05\x06");
  REQUIRE(end != std::string::npos);
  const uint32_t directory = little(data, end + 16);
  CHECK(little(data, directory) == 0x02014b50);
  CHECK(data.find("深.txt", directory) != std::string::npos);
  CHECK((uint8_t(data[directory + 9]) & 8) != 0);  // names are UTF-8
}

TEST_CASE("safetensors that are written can be read, and .npy has NumPy's header") {
  const float values[] = {1, -2, 3, 4, 5, 6};
  const int shape[] = {2, 3};
  const int32_t ids[] = {7, 8};
  const WrittenTensor tensors[] = {written_tensor("w\"", values, shape),
                                   written_tensor("ids", ids)};
  const std::pair<std::string, std::string> metadata[] = {{"note", "a \"quote\""}};
  const std::string data =
      written([&](ByteSink& sink) { write_safetensors(tensors, metadata, sink); });
  const Result<NamedTensors> read = read_tensors({"test.safetensors", bytes_of(data)});
  REQUIRE(read);
  const StoredTensor* w = read->find("w\"");
  REQUIRE(w);
  CHECK(w->shape == std::vector<int64_t>{2, 3});
  CHECK(std::ranges::equal(std::as_bytes(w->bytes), std::as_bytes(std::span(values))));
  REQUIRE(read->find("ids"));
  CHECK(read->metadata.at("note").text() == "a \"quote\"");

  const std::string npy = written([&](ByteSink& sink) { write_npy(tensors[0], sink); });
  CHECK(npy.size() == 128 + sizeof values);
  CHECK(npy.substr(0, 8) == std::string("\x93NUMPY\x01\x00", 8));
  CHECK(npy.find("'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)") == 10 + 1);
  CHECK(written([&](ByteSink& sink) { write_npy(tensors[1], sink); }).find("'shape': (2,)") !=
        std::string::npos);
}

TEST_CASE("every exporter has an ending that leads to it, and writes what it says") {
  const ScratchRun run = *run_scratch(ScratchSettings{});
  State state;
  const Metric& metric = *find_metric("pattern");
  const Attention& a = run.trace->parts[0];
  const Measure measure{{Axis::query, Axis::key}, {a.n_query, a.n_key}, a.pattern(0, 0, 0)};
  const MeasureExport numbers{metric, measure, a, state, "scratch"};
  Figure figure{{100, 20}, {Rect{{0, 0}, {5, 5}}}, {}};
  ExportStyle style;
  style.letters = [](char32_t, float, float, bool, Letter&) { return true; };
  for (const Exporter& row : exporters()) {
    CAPTURE(row.id);
    CHECK(find_exporter(row.id) == &row);
    CHECK(*row.title.en != 0);
    CHECK(*row.title.zh != 0);
    CHECK((row.figure || row.measure || row.patterns));
    const std::string path = std::string("folder/x") + row.ending;
    const auto check = [&](auto writes, auto&& what) {
      if (!(row.*writes)) {
        const auto none = exporter_of(path, writes);
        REQUIRE(!none);
        CHECK(none.error().message.find(path) == 0);
        return;
      }
      const auto found = exporter_of(path, writes);
      REQUIRE(found);
      CHECK(*found == &row);
      Status status;
      const std::string out = written([&](ByteSink& sink) { status = (row.*writes)(what, sink); });
      CHECK(!status);
      CHECK(out.size() > 50);
    };
    check(&Exporter::figure, FigureExport{figure, style});
    check(&Exporter::measure, numbers);
    check(&Exporter::patterns, PatternExport{a, "scratch"});
  }
}

TEST_CASE("a measure as CSV has a line a number, and as JSON its names") {
  const ScratchRun run = *run_scratch(ScratchSettings{});
  State state;
  const Metric& metric = *find_metric("pattern");
  const Measure measure{{Axis::layer, Axis::component}, {1, 2}, {.5f, NAN}, {"a \"b\"", "c,d"}};
  const MeasureExport what{metric, measure, run.trace->parts[0], state, "scratch"};
  CHECK(written([&](ByteSink& sink) { (void)export_measure_csv(what, sink); }) ==
        "layer,component,value\n0,\"a \"\"b\"\"\",0.5\n0,\"c,d\",\n");
  const std::string json = written([&](ByteSink& sink) { (void)export_measure_json(what, sink); });
  const Result<Json> read = Json::parse(json, "test");
  REQUIRE(read);
  CHECK(read->at("names").at(size_t(0)).text() == "a \"b\"");
  CHECK(read->at("values").at(size_t(0)).at(size_t(1)).is_null());
}
