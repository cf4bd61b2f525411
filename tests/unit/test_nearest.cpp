#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/nearest.h"

using namespace attn;

TEST_CASE("distances between names count letters and swaps") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("heads", "haeds") == 1);
  CHECK(edit_distance("heads", "head") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("Head_Entropy", "head-entropy") == 0);
  CHECK(edit_distance(std::string(1000, 'a'), std::string(1000, 'b')) == 64);
}

TEST_CASE("the nearest name is one that could have been meant, or none") {
  const std::vector<std::string> names{"map", "lines", "scatter", "head_entropy", "neuron"};
  CHECK(nearest_name("mapp", names) == "map");
  CHECK(nearest_name("lnies", names) == "lines");
  CHECK(nearest_name("Scatter", names) == "scatter");
  CHECK(nearest_name("scat", names) == "scatter");
  CHECK(nearest_name("head-entropy", names) == "head_entropy");
  CHECK(nearest_name("nonsense", names).empty());
  CHECK(nearest_name("", names).empty());
  CHECK(nearest_name("x", names).empty());
  CHECK(nearest_name("map", {}).empty());
  CHECK(did_you_mean("neurn", names) == "; did you mean \"neuron\"?");
  CHECK(did_you_mean("nonsense", names).empty());
}
