#include <doctest/doctest.h>

#include <random>
#include <set>

#include "app/scratch_settings.h"
#include "figure/open_link.h"
#include "state/history.h"
#include "state/look.h"
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

TEST_CASE("one bad field of a link defaults that field alone, and is named") {
  State usual;
  usual.lang = Lang::zh;
  const Link link = read_link("#layer=2&palette=jet&head=x&text=Once%20upon&token=3", usual);
  CHECK(link.state.layer == 2);
  CHECK(link.state.token == 3);
  CHECK(link.state.text == "Once upon");
  CHECK(link.state.palette == Palette::viridis);
  CHECK(link.state.head == 0);
  CHECK(link.state.lang == Lang::zh);
  CHECK(link.unknown.empty());
  REQUIRE(link.faults.size() == 2);
  CHECK(link.faults[0].find("palette must be one of viridis") != std::string::npos);
  CHECK(link.faults[1].find("head must be a whole number") != std::string::npos);
  const Link open =
      open_link("view=nonsense&measure=gone&show=sink&spans=9&look=4-4&layer=1", usual);
  CHECK(open.state.layer == 1);
  CHECK(open.state.view == "map");
  CHECK(open.state.measure.empty());
  CHECK(open.state.look.empty());
  CHECK(open.state.lang == Lang::zh);
  const std::string notice = link_notice(open);
  CHECK(notice.find("link: view must be one of ") != std::string::npos);
  CHECK(notice.find("not \"nonsense\"; ") != std::string::npos);
  CHECK(notice.ends_with("; the rest of the link is shown"));
  CHECK(link_notice(open_link("view=lines&layer=1")).empty());
  CHECK(shortened(std::string(39, 'a') + "学") == std::string(39, 'a'));
}

TEST_CASE("keys of another version stay in the link, and are named") {
  const Link link = read_link("layer=2&wall=3&head=1&colour=a%20b&<b>=1&=2");
  CHECK(link.state.layer == 2);
  CHECK(link.state.head == 1);
  CHECK(link.unknown == "&wall=3&colour=a%20b");
  REQUIRE(link.faults.size() == 4);
  CHECK(link.faults[0].find("unknown key \"wall\"") != std::string::npos);
  const Link again = read_link(to_query(link.state) + link.unknown);
  CHECK(again.state == link.state);
  CHECK(again.unknown == link.unknown);
  CHECK(read_link("x=" + std::string(100000, 'a')).unknown.empty());
}

TEST_CASE("the part of the map in view goes through the link, and is no step to undo") {
  CHECK(write_look({0, 0, 6, 8}) == "0-0-6-8");
  CHECK(write_look({2.5f, 0.0625f, 10.5004f, 1000.999f}) == "2.5-0.063-10.5-1000.999");
  for (const CellsInView& view : {CellsInView{0, 0, 6, 8}, {2.5f, .125f, 10.75f, 1000.25f}}) {
    CAPTURE(write_look(view));
    CHECK(read_look(write_look(view)) == view);
    State state;
    state.look = write_look(view);
    CHECK(to_query(state) == "look=" + state.look);
    CHECK(open_link(to_query(state)).state == state);
  }
  for (const char* bad :
       {"", "1", "1-2-3", "1-2-3-4-5", "3-0-3-4", "0-4-3-2", "a-0-3-4", "0-0-3-4x", "-1-0-3-4",
        "0-0-1e9-4", "0-0-99999999999-4", "0-0-1.2345-4", "0-0-1.-4"}) {
    CAPTURE(bad);
    CHECK(!read_look(bad));
  }
  History history;
  State s;
  s.head = 1;
  history.commit(s);
  s.look = "0-0-3-3";
  CHECK(history.commit(s));
  CHECK(history.undo().head == 0);
  CHECK(history.current().look == "0-0-3-3");
  CHECK(history.redo().head == 1);
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

TEST_CASE("a number of heads that does not divide d_model changes it, and that is said") {
  CHECK(divisible_d_model(64, 5, 4096) == 65);
  CHECK(divisible_d_model(64, 8, 4096) == 64);
  CHECK(divisible_d_model(1, 7, 4096) == 7);
  CHECK(divisible_d_model(4096, 3, 4096) == 4095);
  CHECK(d_model_note(64, 65, 5, Lang::en) == "d_model is now 65 (was 64): 5 heads must divide it");
  CHECK(d_model_note(64, 65, 5, Lang::zh) == "d_model 已由 64 改为 65：须能被头数 5 整除");
}
