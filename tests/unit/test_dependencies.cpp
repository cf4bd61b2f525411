// test_dependencies.cpp - the libraries that the core stands on do what it needs of them.
#include <doctest/doctest.h>
#include <pcre2.h>
#include <utf8proc.h>
#include <zlib.h>

#include <Eigen/Dense>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

TEST_CASE("a product of Eigen equals the sum it stands for") {
  const Eigen::MatrixXf a = Eigen::MatrixXf::Random(33, 17), b = Eigen::MatrixXf::Random(17, 9);
  const Eigen::MatrixXf c = a * b;
  float sum = 0;
  for (int k = 0; k < 17; ++k) sum += a(3, k) * b(k, 4);
  CHECK(c(3, 4) == doctest::Approx(sum));
}

TEST_CASE("JSON keeps UTF-8 as it is") {
  CHECK(nlohmann::json::parse(R"({"a": [1, {"b": "深度"}]})")["a"][1]["b"] == "深度");
}

TEST_CASE("utf8proc composes") {
  CHECK(utf8proc_category(0x6DF1) == UTF8PROC_CATEGORY_LO);
  utf8proc_uint8_t* composed = utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>("e\xCC\x81"));
  CHECK(std::string(reinterpret_cast<char*>(composed)) == "\xC3\xA9");
  std::free(composed);
}

TEST_CASE("PCRE2 splits as GPT-2's pattern says") {
  const char* pattern =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
  int code = 0;
  PCRE2_SIZE where = 0;
  pcre2_code* compiled = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern), PCRE2_ZERO_TERMINATED,
                                       PCRE2_UTF | PCRE2_UCP, &code, &where, nullptr);
  REQUIRE(compiled);
  pcre2_match_data* match = pcre2_match_data_create_from_pattern(compiled, nullptr);
  const std::string text = "I love 深度学习, don't  you? 123";
  std::vector<std::string> pieces;
  for (size_t at = 0; at < text.size();) {
    const int found = pcre2_match(compiled, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                  at, 0, match, nullptr);
    REQUIRE(found > 0);
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(match);
    pieces.push_back(text.substr(range[0], range[1] - range[0]));
    at = range[1];
  }
  CHECK(pieces == std::vector<std::string>{"I", " love", " 深度学习", ",", " don", "'t", " ",
                                           " you", "?", " 123"});
  pcre2_match_data_free(match);
  pcre2_code_free(compiled);
}

TEST_CASE("zlib gives back what it was given") {
  const std::string text(100000, 'x');
  uLongf n_packed = compressBound(text.size());
  std::vector<Bytef> packed(n_packed);
  REQUIRE(compress(packed.data(), &n_packed, reinterpret_cast<const Bytef*>(text.data()),
                   text.size()) == Z_OK);
  std::string again(text.size(), ' ');
  uLongf n_again = again.size();
  REQUIRE(uncompress(reinterpret_cast<Bytef*>(again.data()), &n_again, packed.data(), n_packed) ==
          Z_OK);
  CHECK(again == text);
}
