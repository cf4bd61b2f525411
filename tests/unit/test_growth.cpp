// test_growth.cpp - what reads hostile input takes time that grows with its size, at most as n log
// n: four times the input may take twelve times as long, not sixteen times as what is quadratic
// does.
#include <doctest/doctest.h>

#include <ctime>
#include <functional>
#include <string>

#include "analysis/regroup.h"
#include "base/json.h"
#include "base/utf8.h"
#include "figure/lesson.h"
#include "files/formats.h"
#include "golden_model.h"
#include "state/query.h"
#include "text/tokenizer.h"
#include "text/tokenizer_normal_forms.h"

using namespace attn;

namespace {

using Work = std::function<void(size_t n)>;

// Processor seconds, the least of three.
double seconds(const Work& work, size_t n) {
  double least = 1e9;
  for (int i = 0; i < 3; ++i) {
    const std::clock_t begun = std::clock();
    work(n);
    least = std::min(least, double(std::clock() - begun) / CLOCKS_PER_SEC);
  }
  return least;
}

constexpr size_t kSmall = 2048, kLarge = 65536;
constexpr double kLeast = .004, kMost = 12;

// From the first size that takes long enough to be measured. What a shared machine adds by chance
// is measured again.
void check_growth(const Work& work) {
  for (size_t n = kSmall; n <= kLarge; n *= 4) {
    if (seconds(work, n) < kLeast) continue;
    double ratio = 0;
    for (int tries = 0; tries < 3; ++tries) {
      ratio = seconds(work, 4 * n) / seconds(work, n);
      if (ratio < kMost) break;
    }
    CAPTURE(n);
    CHECK(ratio < kMost);
    return;
  }
}

std::string repeated(std::string_view part, size_t n) {
  std::string out;
  while (out.size() < n) out += part;
  return out;
}

std::vector<std::shared_ptr<const Tokenizer>> tokenizers(std::vector<std::string>& names) {
  std::vector<std::filesystem::path> paths = {ATTNSCOPE_SOURCE_DIR
                                              "/web/models/bookworm-2m/tokenizer.json"};
  for (const auto& entry :
       std::filesystem::directory_iterator(ATTNSCOPE_SOURCE_DIR "/tests/data/tokenizers"))
    if (entry.path().string().ends_with(".tokenizer.json")) paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<std::shared_ptr<const Tokenizer>> all;
  for (const auto& path : paths) {
    const Bytes bytes = read_bytes(path);
    all.push_back(*Tokenizer::from_json(*Json::parse(bytes.text(), "x"), "x"));
    names.push_back(path.filename().string());
  }
  return all;
}

}  // namespace

TEST_CASE("texts of every kind are read in time that grows with them") {
  std::vector<std::string> names;
  const auto all = tokenizers(names);
  const std::string_view parts[] = {
      " ",
      "a",
      "ab",
      "\n",
      "7",
      "'s",
      "<",
      "深",
      "\xff",
      std::string_view("\0", 1),
      "e\xcc\x81\xcc\x96",             // marks of two classes, which normal forms sort
      "\xcc\x81\xcc\x96",              // nothing but marks
      "👩\xe2\x80\x8d🔬\xe2\x80\x8d",  // one endless cluster
      "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8",
      " the",
      "Aa ",
      "<s>",
      "▁"};
  for (size_t i = 0; i < all.size(); ++i) {
    for (const std::string_view part : parts) {
      CAPTURE(names[i]);
      CAPTURE(json_quote(part));
      check_growth([&](size_t n) { (void)all[i]->encode(repeated(part, n)); });
    }
  }
}

TEST_CASE("an added token that takes the blanks around it does not look at them again and again") {
  const Bytes bytes = read_bytes(ATTNSCOPE_SOURCE_DIR "/web/models/bookworm-2m/tokenizer.json");
  std::string json(bytes.text());
  const size_t at = json.find("\"added_tokens\"");
  REQUIRE(at != std::string::npos);
  const size_t list = json.find('[', at) + 1;
  json.insert(list,
              R"({"id": 0, "content": " ", "single_word": false, "lstrip": true, "rstrip": true,
                  "normalized": false, "special": false},)");
  const auto tokenizer = Tokenizer::from_json(*Json::parse(json, "x"), "x");
  REQUIRE(tokenizer);
  CHECK((*tokenizer)->encode(std::string(1000, ' ')).size() < 5);
  check_growth([&](size_t n) { (void)(*tokenizer)->encode(std::string(n, ' ')); });
  check_growth([&](size_t n) { (void)(*tokenizer)->encode(repeated("a  ", n)); });
}

TEST_CASE("what a link, a file or a person writes is read in time that grows with it") {
  for (const std::string_view part :
       {"&layer=1", "&text=%20", "%F0%9F%98%80", "&unknown=x", "&", "%", "=", "&spans=1-2."}) {
    CAPTURE(part);
    check_growth([&](size_t n) { (void)read_link(repeated(part, n)); });
    check_growth([&](size_t n) { (void)read_link("text=" + repeated(part, n)); });
  }
  check_growth([](size_t n) {
    State state;
    state.text = repeated("深 ", n);
    (void)to_query(state);
  });
  check_growth([](size_t n) {
    std::string spans;
    for (size_t i = 0; spans.size() < n; i += 2) spans += std::to_string(i) + ".";
    (void)read_spans(spans);
  });
  for (const std::string_view part : {"[0],", "{\"a\":1},", "\"\\u00e9\",", "1e5,", "[[[]]],"}) {
    CAPTURE(part);
    check_growth([&](size_t n) { (void)Json::parse("[" + repeated(part, n) + "0]", "x"); });
  }
  check_growth([](size_t n) {
    std::string members = "{";
    for (size_t i = 0; members.size() < n; ++i) members += "\"k" + std::to_string(i) + "\":1,";
    const Result<Json> json = Json::parse(members + "\"last\":1}", "x");
    for (size_t i = 0; i < n / 16; ++i) (void)json->at("k" + std::to_string(i));
  });
  for (const NormalForm form :
       {NormalForm::nfc, NormalForm::nfd, NormalForm::nfkc, NormalForm::nfkd})
    for (const std::string_view part : {"\xcc\x81\xcc\x96", "\xef\xb7\xba", "e\xcc\x81"}) {
      CAPTURE(json_quote(part));
      check_growth([&](size_t n) {
        AlignedText text = AlignedText::of(repeated(part, n));
        to_normal_form(text, form);
      });
    }
  check_growth([](size_t n) {
    std::string header = "{";
    for (size_t i = 0; header.size() < n; ++i)
      header +=
          "\"t" + std::to_string(i) + R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)";
    header.back() = '}';
    std::vector<uint8_t> file(8);
    for (int i = 0; i < 8; ++i) file[size_t(i)] = uint8_t(uint64_t(header.size()) >> (8 * i));
    file.insert(file.end(), header.begin(), header.end());
    (void)read_tensors({"x.safetensors", Bytes(std::move(file))});
  });
}
