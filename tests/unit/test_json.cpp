// test_json.cpp - what is JSON is read, what is not is an error that says where.
#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "base/json.h"

using namespace attn;

static std::string error_of(std::string_view text) {
  const Result<Json> json = Json::parse(text, "x.json");
  return json ? "" : json.error().message;
}

TEST_CASE("JSON values answer for their kind alone") {
  const Result<Json> json = Json::parse(
      R"({"a": [1, 2.0, 2.5, -3e2, true, null, "深\u5ea6\ud83d\ude00"], "b": {"c": {}},
          "big": 18446744073709551615})",
      "x.json");
  REQUIRE(json);
  const Json a = json->at("a");
  CHECK(a.is_array());
  CHECK(a.size() == 7);
  CHECK(a.at(0).integer() == 1);
  CHECK(a.at(0).number() == 1.0);
  CHECK(a.at(1).integer() == 2);
  CHECK(!a.at(2).integer());
  CHECK(a.at(2).number() == 2.5);
  CHECK(a.at(3).integer() == -300);
  CHECK(a.at(4).boolean() == true);
  CHECK(!a.at(4).integer());
  CHECK(a.at(5).is_null());
  CHECK(a.at(6).text() == "深度😀");
  CHECK(a.at(7).is_null());
  CHECK(!json->at("big").integer());
  CHECK(json->at("big").number() == doctest::Approx(18446744073709551615.0));
  CHECK(json->at("b").at("c").is_object());
  CHECK(json->at("b").at("c").size() == 0);
  CHECK(json->at("no").at("such").at(3).at("thing").is_null());
  CHECK(!json->at("no").text());
}

TEST_CASE("JSON members keep their order, and of equal keys the last one counts") {
  std::string text = "{";
  for (int i = 99; i >= 0; --i)
    text += "\"k" + std::to_string(i) + "\": " + std::to_string(i) + ",";
  text += "\"k7\": \"again\"}";
  const Result<Json> json = Json::parse(text, "x.json");
  REQUIRE(json);
  CHECK(json->size() == 101);
  CHECK(json->at("k50").integer() == 50);
  CHECK(json->at("k7").text() == "again");
  CHECK(json->at("k100").is_null());
  int next = 99;
  json->each([&](std::string_view key, const Json& value) {
    CHECK(key == "k" + std::to_string(next));
    CHECK(value.integer() == next);
    return --next > 90;
  });
  CHECK(next == 90);
  CHECK(Json::parse(R"({"a": 1, "a": 2})", "x.json")->at("a").integer() == 2);
}

TEST_CASE("JSON outlives the text and the value it came from") {
  Json inner;
  {
    const std::string text = R"({"a": {"b": "kept"}})";
    inner = Json::parse(text, "x.json")->at("a");
  }
  CHECK(inner.at("b").text() == "kept");
}

TEST_CASE("broken JSON is an error that names the file and the place") {
  CHECK(error_of("{\n\"a\": nul}").starts_with("x.json: not valid JSON at byte 10 (line 2): "));
  CHECK(error_of("").starts_with("x.json: not valid JSON at byte 0 (line 1): "));
  CHECK(
      error_of("[\"a\xFF\"]").starts_with("x.json: not valid JSON at byte 3 (line 1): not UTF-8"));
  for (const char* text : {"{", "[1,]", "{\"a\" 1}", "[1] 2", "nan", "\"a", "[1e999]", "{1: 2}",
                           "\"\\ud800\"", "'a'", "[\"\t\"]"}) {
    CAPTURE(text);
    CHECK(error_of(text) != "");
  }
}

TEST_CASE("JSON nests up to 128 levels") {
  const auto nested = [](size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  CHECK(Json::parse(nested(128), "x.json"));
  CHECK(error_of(nested(129)).find("128") != std::string::npos);
  CHECK(error_of(std::string(1000000, '[')) != "");
}

TEST_CASE("JSON is read in linear time") {
  std::string text = "{";
  for (int i = 0; i < 200000; ++i)
    text += "\"key" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  text += "\"end\":[" + std::string(500000, ' ') + "]}";
  const auto begin = std::chrono::steady_clock::now();
  const Result<Json> json = Json::parse(text, "x.json");
  REQUIRE(json);
  CHECK(json->at("key123456").integer() == 123456);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
}

TEST_CASE("json_quote writes what parse reads") {
  const std::string text("a\"b\\c\n\t\r\b\f\x01\x7F\0深😀</script>", 29);
  const std::string quoted = json_quote(text);
  const Result<Json> json = Json::parse(quoted, "x.json");
  REQUIRE(json);
  CHECK(json->text() == text);
  CHECK(json_quote("a\xFF") == "\"a\xEF\xBF\xBD\"");
}

TEST_CASE("a document made value by value reads like a parsed one") {
  JsonBuilder builder;
  builder.begin_object();
  builder.key("a");
  builder.integer(-7);
  builder.key("list");
  builder.begin_array();
  builder.number(2.5);
  builder.boolean(true);
  builder.null();
  builder.text("é\xFF");
  builder.begin_object();
  builder.end();
  builder.end();
  for (int i = 0; i < 40; ++i) {
    builder.key("k" + std::to_string(i));
    builder.integer(i);
  }
  builder.end();
  const std::optional<Json> json = builder.take();
  REQUIRE(json);
  CHECK(json->size() == 42);
  CHECK(json->at("a").integer() == -7);
  CHECK(json->at("k39").integer() == 39);
  const Json list = json->at("list");
  REQUIRE(list.size() == 5);
  CHECK(list.at(size_t(0)).number() == 2.5);
  CHECK(list.at(1).boolean() == true);
  CHECK(list.at(2).is_null());
  CHECK(list.at(3).text() == "é\uFFFD");
  CHECK(list.at(4).is_object());
  CHECK(!builder.take());  // it is empty again

  builder.begin_array();
  CHECK(!builder.take());  // not ended
  for (int i = 0; i < 200; ++i) builder.begin_array();
  for (int i = 0; i < 200; ++i) builder.end();
  CHECK(!builder.take());  // too deep
  builder.text("alone");
  CHECK(builder.take()->text() == "alone");
}

TEST_CASE("JSON of more values than any model has is refused before it takes the memory") {
  std::string text = "[0";
  for (int i = 1; i < 8'000'001; ++i) text += ",0";
  CHECK(error_of(text + "]").find("x.json: more than 8 million values") == 0);
  text.resize(text.size() - 4);
  CHECK(error_of(text + "]") == "");
}

TEST_CASE("nothing is left unread behind a zero byte") {
  CHECK(error_of(std::string_view("{}\0{", 4)).find("x.json: not valid JSON at byte 2") == 0);
  CHECK(error_of(std::string_view("{}\0", 3)) != "");
}

TEST_CASE("quoted text has no character that a terminal obeys") {
  CHECK(json_quote("\x1b\xc2\x9b\xe2\x80\xae") == R"("\u001b\u009b\u202e")");
  CHECK(Json::parse(json_quote("\xc2\x9b\xe2\x80\xae"), "x")->text() == "\xc2\x9b\xe2\x80\xae");
}
