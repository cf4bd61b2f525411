// test_chapters.cpp - the tutorial's chapters: their table, what they say, and how they are made.
#include <doctest/doctest.h>

#include <chrono>
#include <set>

#include "app/session.h"
#include "base/utf8.h"
#include "figure/chapters.h"
#include "figure/open_link.h"
#include "figure/report.h"

using namespace attn;

namespace {

void settle(Session& session, const State& state) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  do {
    session.pump();
    session.want(state);
  } while (!session.snapshot().current && !session.snapshot().error &&
           std::chrono::steady_clock::now() < end);
}

ScratchRun run_of(ScratchSettings settings) {
  auto run = run_scratch(settings);
  REQUIRE(run);
  return *run;
}

std::string text_of_chapter(const char* id, const Trace& trace, const State& state) {
  const State at = clamped(state, trace);
  return text_of(find_chapter(id)->blocks({nullptr, &trace, &at}));
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the tutorial has eight chapters, named in both languages, whose views open") {
  CHECK(chapters().size() == 8);
  std::set<std::string> ids;
  for (const Chapter& chapter : chapters()) {
    CAPTURE(chapter.id);
    CHECK(ids.insert(chapter.id).second);
    CHECK(find_chapter(chapter.id) == &chapter);
    CHECK(*chapter.title.zh != '\0');
    CHECK(*chapter.about.zh != '\0');
    CHECK(bool(*chapter.view) == bool(*chapter.view_title.en));
    CHECK(bool(*chapter.view) == bool(*chapter.view_title.zh));
    CHECK(open_link(chapter.view).faults.empty());
  }
  CHECK(!find_chapter("gone"));
}

TEST_CASE("every block of every chapter is well formed, for any choice and language") {
  const ScratchRun runs[] = {run_of({}),
                             run_of({.d_model = 6, .n_heads = 6, .mask = ScratchMask::padding}),
                             run_of({.d_model = 8,
                                     .n_heads = 2,
                                     .n_samples = 1,
                                     .tokens = std::vector<std::string>(300, "词")}),
                             run_of({.d_model = 1, .n_heads = 1, .n_samples = 1, .tokens = {"x"}})};
  for (const ScratchRun& run : runs) {
    for (Lang lang : {Lang::en, Lang::zh}) {
      for (int choice : {0, 3, 99}) {
        State s;
        s.lang = lang;
        s.head = s.token = s.locked_key = choice;
        for (const Chapter& chapter : chapters()) {
          CAPTURE(chapter.id);
          const State at = clamped(s, *run.trace);
          const Inputs in{nullptr, run.trace.get(), &at};
          const TextBlocks blocks = chapter.blocks(in);
          REQUIRE(!blocks.empty());
          CHECK(!blocks.front().follows);
          CHECK(is_valid_utf8(text_of(blocks)));
          CHECK(chapter_work(chapter, in) > 0);
          for (const TextBlock& block : blocks) {
            CHECK(!has(paragraph(block, lang), "\n"));
            CHECK(!has(block.text, "{0}"));
            CHECK(!has(block.text, "{1}"));
            for (const auto& row : block.table.rows())
              CHECK(row.size() == block.table.aligns().size());
          }
        }
      }
    }
  }
}

TEST_CASE("the rows of a chapter's tables choose what they show") {
  const ScratchRun run = run_of({});
  State s;
  s.token = 2;
  const Inputs in{nullptr, run.trace.get(), &s};
  for (const TextBlock& block : find_chapter("token")->blocks(in)) {
    if (block.kind != TextBlock::Kind::table) continue;
    REQUIRE(block.table.rows().size() == 7);
    for (size_t r = 1; r < 7; ++r) {
      CHECK(block.table.pick(r).query == 2);
      CHECK(block.table.pick(r).key == int(r) - 1);
      CHECK(block.table.pick(r).bar ==
            doctest::Approx(run.trace->parts[0].pattern(0, 0, 0)[12 + r - 1]));
    }
  }
  const TextBlocks heads = find_chapter("heads")->blocks(in);
  CHECK(heads.back().table.pick(4).head == 3);
}

TEST_CASE("the mean over heads warns of a second softmax, with what it would give") {
  const ScratchRun run = run_of({});
  const std::string text = text_of_chapter("mean", *run.trace, {});
  // Row 0 of the four heads, from PyTorch with seed 42; the largest mean is on token 3.
  const double mean[] = {.196825, .137325, .122725, .196375, .1791, .16765};
  double largest = 0, sum = 0;
  for (double w : mean) {
    largest = std::max(largest, w);
    sum += std::exp(w);
  }
  char said[100];
  std::snprintf(said, sizeof said, "would turn %.4f into ", largest);
  CHECK(has(text, "never put it through a softmax again"));
  const size_t at = text.find("would turn ");
  REQUIRE(at != std::string::npos);
  double from = 0, to = 0;
  REQUIRE(std::sscanf(text.c_str() + at, "would turn %lf into %lf", &from, &to) == 2);
  CHECK(from == doctest::Approx(largest).epsilon(.001));
  CHECK(to == doctest::Approx(std::exp(largest) / sum).epsilon(.001));
}

TEST_CASE("a text heat map is copied as the lines that the report prints") {
  const ScratchRun run = run_of({.mask = ScratchMask::causal});
  const State s;
  const TextBlocks blocks = heat_map_report({nullptr, run.trace.get(), &s});
  int n_maps = 0;
  for (const TextBlock& block : blocks) {
    if (block.kind != TextBlock::Kind::map) continue;
    ++n_maps;
    CHECK(block.copies);
    CHECK(has(text_of(blocks), block.text));
    CHECK(has(block.text, "0 我         ██\n"));
    // Two header rows: positions and names.
    CHECK(block.table.rows()[2][1] == "██");
    CHECK(block.table.rows()[2][2] == "");
  }
  CHECK(n_maps == 1);
}

TEST_CASE("the masks of the last chapter are a triangle and a stripe") {
  const ScratchRun run = run_of({});
  const State s;
  std::vector<const TextBlock*> maps;
  const TextBlocks blocks = masks_report({nullptr, run.trace.get(), &s});
  for (const TextBlock& block : blocks)
    if (block.kind == TextBlock::Kind::map) maps.push_back(&block);
  REQUIRE(maps.size() == 2);
  for (int q = 0; q < 5; ++q) {
    for (int k = 0; k < 5; ++k) {
      CHECK((maps[0]->table.rows()[size_t(q) + 1][size_t(k) + 1] == "██") == (k <= q));
      CHECK((maps[1]->table.rows()[size_t(q) + 1][size_t(k) + 1] == "██") == (k < 3));
    }
  }
}

TEST_CASE("the session makes the open chapter, and again when what it tells changes") {
  Session session;
  State state;
  settle(session, state);
  CHECK(!session.snapshot().chapter);
  state.panel = Panel::learn;
  for (const Chapter& chapter : chapters()) {
    CAPTURE(chapter.id);
    state.learn = chapter.id;
    settle(session, state);
    const auto made = session.snapshot().chapter;
    REQUIRE(made);
    CHECK(made->key.chapter == &chapter);
    const State at = clamped(state, *session.snapshot().trace);
    CHECK(text_of(made->blocks) ==
          text_of(chapter.blocks({nullptr, session.snapshot().trace.get(), &at})));
    settle(session, state);
    CHECK(session.snapshot().chapter == made);
    state.palette = state.palette == Palette::greys ? Palette::magma : Palette::greys;
    settle(session, state);
    CHECK(session.snapshot().chapter == made);
    state.token = (state.token + 1) % 6;
    settle(session, state);
    CHECK(session.snapshot().chapter != made);
    CHECK(session.snapshot().chapter->key.token == state.token);
  }
  state.learn = "no-such-lesson";
  settle(session, state);
  CHECK(session.snapshot().current);
}

TEST_CASE("a lesson file that is dropped joins the lessons; a broken one is an error") {
  Session session;
  const auto file = [](const char* name, const std::string& text) {
    return File{name, Bytes(std::vector<uint8_t>(text.begin(), text.end()))};
  };
  const std::string both = R"({"en": "a", "zh": "甲"})";
  const std::string good =
      R"({"attnscope_lesson": 1, "id": "mine", "title": )" + both + R"(, "about": )" + both +
      R"(, "steps": [{"link": "model=scratch&token=1", "says": )" + both + R"(, "do": )" + both +
      R"(, "ask": )" + both + R"(, "answer": )" + both + "}]}";
  session.open({file("folder/mine.json", good)});
  CHECK(!session.snapshot().file_error);
  CHECK(session.take_lesson() == "mine");
  CHECK(!session.take_lesson());
  REQUIRE(session.lessons().size() == 1);
  session.open({file("again.json", good)});
  CHECK(session.lessons().size() == 1);
  session.take_lesson();
  session.open({file("folder/mine.json", R"({"attnscope_lesson": 1, "id": "other"})")});
  REQUIRE(session.snapshot().file_error);
  CHECK(session.snapshot().file_error->message ==
        "mine.json: title.en is missing; add the text in English");
  CHECK(!session.take_lesson());
  CHECK(session.lessons().size() == 1);
}
