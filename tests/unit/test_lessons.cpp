// test_lessons.cpp - the lessons of the page: their links open, and what they say is so.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "app/scratch_settings.h"
#include "base/json.h"
#include "figure/chapters.h"
#include "figure/lesson.h"
#include "figure/open_link.h"
#include "golden_model.h"
#include "pass/forward.h"
#include "pass/scratch.h"

using namespace attn;
namespace fs = std::filesystem;

namespace {

const fs::path kLessons = ATTNSCOPE_SOURCE_DIR "/web/lessons";
const fs::path kModels = ATTNSCOPE_SOURCE_DIR "/web/models";

std::vector<std::string> listed() {
  const Bytes bytes = read_bytes(kLessons / "index.json");
  const auto index = Json::parse(bytes.text(), "index.json");
  REQUIRE(index);
  std::vector<std::string> names;
  for (size_t i = 0; i < index->at("lessons").size(); ++i)
    names.emplace_back(*index->at("lessons").at(i).text());
  return names;
}

Lesson lesson_of(const std::string& name) {
  const Bytes bytes = read_bytes(kLessons / name);
  Result<Lesson> lesson = read_lesson(bytes.text(), name);
  INFO((lesson ? "" : lesson.error().message));
  REQUIRE(lesson);
  return *lesson;
}

// What a state is computed from; traces are kept by model and text.
struct Computed {
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Trace> trace;
};
Computed computed(const State& state) {
  if (state.model == "scratch") {
    const auto run = run_scratch(scratch_settings(state));
    REQUIRE(run);
    return {nullptr, run->trace};
  }
  static std::map<std::string, Computed> kept;
  Computed& c = kept[state.model + "\n" + state.text];
  if (c.trace) return c;
  const auto model = load_model(read_model_files(kModels / state.model), state.model);
  REQUIRE(model);
  c.model = *model;
  Keep keep;
  keep.activations = true;
  ForwardPass pass(c.model, c.model->tokenizer->encode(state.text), keep);
  while (pass.step()) {
  }
  c.trace = std::make_shared<const Trace>(pass.take());
  return c;
}

// The numbers with a decimal point in a text: "0.2035" has value 0.2035 and 4 decimals.
struct Number {
  double value;
  int decimals;
};
std::vector<Number> numbers_in(const std::string& text) {
  const auto digit = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  std::vector<Number> found;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!digit(i) || (i > 0 && (digit(i - 1) || text[i - 1] == '.'))) continue;
    size_t point = i;
    while (digit(point)) ++point;
    if (point >= text.size() || text[point] != '.' || !digit(point + 1)) continue;
    size_t end = point + 1;
    while (digit(end)) ++end;
    found.push_back({std::stod(text.substr(i, end - i)), int(end - point - 1)});
  }
  return found;
}

const char* const kGood = R"({"attnscope_lesson": 1, "id": "mine",
 "title": {"en": "Mine", "zh": "我的"}, "about": {"en": "a", "zh": "甲"},
 "steps": [{"link": "model=scratch&token=1", "says": {"en": "a", "zh": "甲"},
  "do": {"en": "b", "zh": "乙"}, "ask": {"en": "c", "zh": "丙"}, "answer": {"en": "d", "zh": "丁"},
  "expect": [{"measure": "row", "at": [0], "value": 0.1666, "within": 0.0001}]}]})";

std::string replaced(std::string text, const std::string& part, const std::string& by) {
  const size_t at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.replace(at, part.size(), by);
}

}  // namespace

TEST_CASE("the index lists every lesson, and five travel with the page") {
  const auto names = listed();
  CHECK(names.size() >= 5);
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(kLessons))
    files += entry.path().extension() == ".json" && entry.path().filename() != "index.json";
  CHECK(files == names.size());
  for (const std::string& name : names) CHECK(lesson_of(name).id + ".json" == name);
}

TEST_CASE("every lesson, step by step: its link opens and its numbers hold") {
  for (const std::string& name : listed()) {
    const Lesson lesson = lesson_of(name);
    for (size_t i = 0; i < lesson.steps.size(); ++i) {
      CAPTURE(write_place({lesson.id, i}));
      const State state = lesson_state(lesson, i, State{});
      const Computed c = computed(state);
      const State at = clamped(state, *c.trace);
      CHECK(at == state);  // nothing in the link is beyond what there is
      CHECK(!lesson.steps[i].expect.empty());
      for (const Expectation& e : lesson.steps[i].expect) {
        const State there = open_link(e.link).state;
        const Computed of = computed(there);
        const State clamped_there = clamped(there, *of.trace);
        const Status no = unmet(e, {of.model.get(), of.trace.get(), &clamped_there});
        INFO((no ? no->message : ""));
        CHECK(!no);
      }
    }
  }
}

TEST_CASE("every decimal number that a lesson says is among what it expects, in both languages") {
  int n_numbers = 0;
  for (const std::string& name : listed()) {
    const Lesson lesson = lesson_of(name);
    for (const LessonStep& step : lesson.steps) {
      for (const LessonText* text : {&step.says, &step.question, &step.answer}) {
        CHECK(numbers_in(text->en).size() == numbers_in(text->zh).size());
        for (Lang lang : {Lang::en, Lang::zh}) {
          for (const Number& number : numbers_in(text->in(lang))) {
            ++n_numbers;
            const double half = .5001 * std::pow(10., -number.decimals);
            bool found = false;
            for (const LessonStep& other : lesson.steps)
              for (const Expectation& e : other.expect)
                // As a share, in percent, or as the sum of a column of the demonstration.
                for (double scale : {1., 100., 6.})
                  found =
                      found || std::abs(e.value * scale - number.value) <= half + e.within * scale;
            INFO(name << ": " << number.value << " in: " << text->in(lang));
            CHECK(found);
          }
        }
      }
    }
  }
  CHECK(n_numbers > 60);
}

TEST_CASE("a lesson that does not hold is found out") {
  const Result<Lesson> lesson = read_lesson(kGood, "mine.json");
  REQUIRE(lesson);
  const State state = lesson_state(*lesson, 0, State{});
  CHECK(state.panel == Panel::learn);
  CHECK(state.learn == "mine");
  CHECK(state.token == 1);
  const Computed c = computed(state);
  Expectation e = lesson->steps[0].expect[0];
  const Inputs in{nullptr, c.trace.get(), &state};
  CHECK(!unmet(e, in));
  e.value += .001;
  REQUIRE(unmet(e, in));
  CHECK(unmet(e, in)->message.starts_with("row is 0.1666"));
  e.at = {6};
  CHECK(unmet(e, in)->message == "row: index 6 of axis 0 is beyond its size, 6");
}

TEST_CASE("a broken lesson is one sentence with the file, the field and the repair") {
  struct {
    const char *part, *by, *says;
  } const cases[] = {
      {"\"zh\": \"丙\"", "\"zh\": 3",
       "mine.json: steps[0].ask.zh must be a text; add the text in Chinese"},
      {", \"zh\": \"丁\"", "", "mine.json: steps[0].answer.zh is missing; add the text in Chinese"},
      {"\"id\": \"mine\"", "\"id\": \"a b\"",
       "mine.json: id may only have letters, digits and hyphens"},
      {"\"id\": \"mine\"", "\"id\": \"mean\"",
       "mine.json: id is that of a chapter; choose another"},
      {"\"attnscope_lesson\": 1", "\"attnscope_lesson\": 2",
       "mine.json: attnscope_lesson must be 1, the version of the format"},
      {"token=1", "view=nap", "mine.json: steps[0].link does not open: link: view must be one of "},
      {"\"row\"", "\"rows\"",
       "mine.json: steps[0].expect[0].measure is \"rows\", which is no measure"},
      {"[0]", "[0, 1]", "mine.json: steps[0].expect[0].at must have 1 indices"},
      {"[0]", "[-1]", "mine.json: steps[0].expect[0].at[0] must be a whole number from 0"},
      {"0.1666", "\"much\"", "mine.json: steps[0].expect[0].value must be a number"},
      {"\"steps\": [", "\"steps\": [], \"more\": [",
       "mine.json: steps must be a list of 1 to 50 steps"},
  };
  REQUIRE(read_lesson(kGood, "mine.json"));
  for (const auto& one : cases) {
    CAPTURE(one.says);
    const auto lesson = read_lesson(replaced(kGood, one.part, one.by), "mine.json");
    REQUIRE(!lesson);
    CHECK(lesson.error().message.starts_with(one.says));
    CHECK(lesson.error().message.find('\n') == std::string::npos);
  }
}

TEST_CASE("a lesson that is no JSON is named as such") {
  const auto lesson = read_lesson(std::string(kGood).substr(0, 100), "mine.json");
  REQUIRE(!lesson);
  CHECK(lesson.error().message.starts_with("mine.json: not valid JSON at byte "));
}

TEST_CASE("places in the Learn panel are read back as written") {
  for (const LearnPlace& place :
       {LearnPlace{"mask", 0}, LearnPlace{"mask", 1}, LearnPlace{"", 0}, LearnPlace{"mask", 11}}) {
    const LearnPlace back = read_place(write_place(place));
    CHECK(back.id == place.id);
    CHECK(back.step == place.step);
  }
  CHECK(write_place({"mask", 1}) == "mask.2");
  CHECK(read_place("mask.x").step == 0);
  CHECK(read_place("mask.99999999999999999999").step == 998);
  CHECK(looks_like_lesson(kGood));
  CHECK(!looks_like_lesson("{\"lessons\": []}"));
}
