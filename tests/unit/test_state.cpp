#include <doctest/doctest.h>

#include <random>
#include <set>

#include "app/scratch_settings.h"
#include "state/history.h"
#include "state/query.h"
#include "state/state.h"

using namespace attn;

TEST_CASE("a link holds only what differs, and brings every field back") {
  CHECK(to_query(State{}) == "");
  State s;
  s.model = "stories";
  s.text = "Zwölf & 学习=?#%\n🙂";
  s.layer = 3;
  s.locked_key = 0;
  s.palette = Palette::magma;
  s.lang = Lang::zh;
  const std::string query = to_query(s);
  CHECK(query.find("layer=3") != std::string::npos);
  CHECK(query.find("head=") == std::string::npos);
  CHECK(query.find('#') == std::string::npos);
  const Result<State> back = from_query("#" + query);
  REQUIRE(back);
  CHECK(*back == s);
}

TEST_CASE("every field goes through the link, at its bounds too") {
  State s;
  int i = 0;
  for_each_field(s, [&](auto& value, const Field& field) {
    using T = std::decay_t<decltype(value)>;
    ++i;
    if constexpr (std::is_same_v<T, std::string>)
      value = "v" + std::to_string(i);
    else if constexpr (std::is_same_v<T, int>)
      value = field.high;
    else
      value = T(field.names.size() - 1);
  });
  const Result<State> back = from_query(to_query(s));
  REQUIRE(back);
  CHECK(*back == s);
  std::set<std::string> keys;
  for_each_field(s, [&](const auto&, const Field& field) {
    CHECK(keys.insert(field.key).second);
    CHECK(field.titles.size() == field.names.size());
    CHECK(std::string(field.title.zh) != "");
  });
}

TEST_CASE("a bad link is one sentence that names the key") {
  for (const auto& [query, key] : {std::pair{"colour=red", "colour"},
                                   {"layer=-1", "layer"},
                                   {"layer=1e3", "layer"},
                                   {"layer=99999999999999", "layer"},
                                   {"palette=jet", "palette"},
                                   {"text=%e6%b7", "text"},
                                   {"text=%zz", "text"},
                                   {"head", "head"}}) {
    CAPTURE(query);
    const Result<State> state = from_query(query);
    REQUIRE(!state);
    CHECK(state.error().message.find(key) != std::string::npos);
    CHECK(state.error().message.find('\n') == std::string::npos);
  }
}

TEST_CASE("random bytes never break the link reader") {
  std::mt19937 random(7);
  const std::string alphabet = "abcdefghijklmnopqrstuvwxyz=&%#+0123456789\xe6\xff";
  for (int i = 0; i < 20000; ++i) {
    std::string query;
    for (unsigned n = random() % 40; n > 0; --n) query += alphabet[random() % alphabet.size()];
    const Result<State> state = from_query(query);
    if (!state) CHECK(!state.error().message.empty());
  }
}

TEST_CASE("undo and redo walk the states that were") {
  History history;
  State s;
  CHECK(!history.commit(s));
  s.layer = 1;
  CHECK(history.commit(s));
  s.layer = 2;
  CHECK(history.commit(s));
  CHECK(history.undo().layer == 1);
  CHECK(history.undo().layer == 0);
  CHECK(history.undo().layer == 0);
  CHECK(history.redo().layer == 1);
  s = history.current();
  s.theme = Theme::dark;  // how it looks is nothing to go back to
  CHECK(history.commit(s));
  CHECK(history.can_redo());
  CHECK(history.undo().theme == Theme::dark);
  s = history.current();
  s.head = 5;
  CHECK(history.commit(s));
  CHECK(!history.can_redo());
  for (int i = 0; i < 500; ++i) {
    s.token = i + 1;
    history.commit(s);
  }
  int undone = 0;
  while (history.can_undo()) history.undo(), ++undone;
  CHECK(undone <= 200);
}

TEST_CASE("token names are cut at blanks and made up when there are too few") {
  State s;
  s.tokens = "  我  爱\n学习 ";
  CHECK(scratch_settings(s).tokens == std::vector<std::string>{"我", "爱", "学习"});
  s.n_tokens = 2;
  CHECK(scratch_settings(s).tokens.size() == 2);
  s.n_tokens = 5;
  CHECK(scratch_settings(s).tokens.back() == "x5");
  CHECK(scratch_settings(State{}) == ScratchSettings{});
}
