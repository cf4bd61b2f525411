// test_match.cpp - what search boxes find.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/match.h"

namespace attn {
namespace {

int score(const char* typed, std::vector<std::string> names) { return match_score(typed, names); }

}  // namespace

TEST_CASE("match: beginnings of words, in any language and case") {
  CHECK(score("copy li", {"Copy link"}) > 0);
  CHECK(score("LINK copy", {"Copy link"}) > 0);
  CHECK(score("cl", {"Copy link"}) > 0);
  CHECK(score("coli", {"Copy link"}) > 0);
  CHECK(score("归纳", {"Induction", "归纳头"}) > 0);
  CHECK(score("归头", {"归纳头"}) > 0);
  CHECK(score("q_comp", {"q_composition"}) > 0);
  CHECK(score("comp", {"q_composition"}) > 0);
  CHECK(score("熵 entropy", {"Entropy", "熵"}) > 0);
}

TEST_CASE("match: no letters within words, no missing words") {
  CHECK(score("ink", {"Copy link"}) == 0);
  CHECK(score("copy zzz", {"Copy link"}) == 0);
  CHECK(score("grid", {"Gradient of the head"}) == 0);
  CHECK(score("", {"Copy link"}) == 0);
  CHECK(score("   ", {"Copy link"}) == 0);
  CHECK(score("x", {}) == 0);
  CHECK(score("x", {""}) == 0);
  CHECK(score("\xbd", {"归"}) == 0);  // half a character
}

TEST_CASE("match: the nearest name comes first") {
  CHECK(score("map", {"Map"}) > score("map", {"Map of words"}));
  CHECK(score("map", {"Map of words"}) > score("map", {"Show the map"}));
  CHECK(score("ind", {"Induction"}) > score("ind", {"In a dream"}));
}

TEST_CASE("match: long input ends soon") {
  CHECK(score(std::string(100000, 'a').c_str(), {std::string(100000, 'a')}) > 0);
}

}  // namespace attn
