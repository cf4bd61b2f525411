#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "app/chain.h"
#include "app/store.h"

using namespace attn;

namespace {

using Texts = Store<int, std::string>;
uint64_t length(const std::string& text) { return text.size(); }

std::vector<int> keys(const Texts& store) {
  std::vector<int> out;
  for (const auto& e : store.entries()) out.push_back(e.key);
  return out;
}

}  // namespace

TEST_CASE("a store keeps the newest that fit, and what was asked for is the newest") {
  Texts store(length, 10);
  store.put(1, "aaaa");
  store.put(2, "bbbb");
  CHECK(keys(store) == std::vector{2, 1});
  REQUIRE(store.peek(1));
  CHECK(*store.peek(1) == "aaaa");
  CHECK(keys(store) == std::vector{2, 1});
  REQUIRE(store.find(1));
  CHECK(keys(store) == std::vector{1, 2});
  store.put(3, "ccc");
  CHECK(keys(store) == std::vector{3, 1});
  CHECK(!store.find(2));
  CHECK(store.bytes() == 7);
  store.put(1, "aa");  // in the place of the other with this key
  CHECK(keys(store) == std::vector{1, 3});
  CHECK(*store.find(1) == "aa");
  store.put(4, std::string(100, 'd'));  // larger than all that may be kept: the newest stays
  CHECK(keys(store) == std::vector{4});
}

TEST_CASE("a store without a bound is trimmed on demand, and forgets what is lost") {
  Texts store(length);
  for (int i = 0; i < 6; ++i) store.put(i, std::string(100, 'x'));
  store.erase_if([](const auto& e) { return e.key % 2 == 1; });
  CHECK(keys(store) == std::vector{4, 2, 0});
  store.trim(150, 2);  // the newest two are wanted, whatever they take
  CHECK(keys(store) == std::vector{4, 2});
  store.trim(150);
  CHECK(keys(store) == std::vector{4});
  store.trim(0);
  CHECK(keys(store) == std::vector{4});
  store.clear();
  CHECK(store.size() == 0);
  CHECK(store.bytes() == 0);
}

TEST_CASE("a chain begins each link when the one before is done") {
  std::string log;
  int n = 0;
  Chain chain([&]() -> std::optional<Chain::Link> {
    if (n == 3) return {};
    const std::string name = std::to_string(++n);
    log += "begin" + name + " ";
    if (n == 2) return Chain::Link{nullptr, [&log] { log += "done2 "; }};
    return Chain::Link{[&log, left = 2]() mutable {
                         log += "step ";
                         return --left > 0;
                       },
                       [&log, name] { log += "done" + name + " "; }};
  });
  CHECK(chain.is_between());
  CHECK(chain.step());
  CHECK(!chain.is_between());
  CHECK(chain.step());
  CHECK(chain.is_between());
  while (chain.step()) {
  }
  CHECK(log == "begin1 step step done1 begin2 done2 begin3 step step done3 ");
}
