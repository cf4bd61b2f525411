#include "figure/lesson.h"

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "figure/chapters.h"
#include "figure/open_link.h"

namespace attn {
namespace {

constexpr size_t kMostSteps = 50;

// Reads one file; the first fault is kept, and everything after it is skipped.
struct Reader {
  std::string file;
  std::optional<Error> fault;

  void fail(const std::string& field, const std::string& what) {
    if (!fault) fault = Error{file + ": " + field + " " + what};
  }
  std::string plain(const Json& from, const char* key, const std::string& where,
                    const char* repair) {
    const auto text = from.at(key).text();
    if (!text || text->empty())
      fail(where + key, from.at(key).is_null() ? std::string("is missing; ") + repair
                                               : std::string("must be a text; ") + repair);
    return std::string(text.value_or(""));
  }
  LessonText both(const Json& from, const char* key, const std::string& where) {
    const std::string inside = where + key + ".";
    return {plain(from.at(key), "en", inside, "add the text in English"),
            plain(from.at(key), "zh", inside, "add the text in Chinese")};
  }
  std::string link(const Json& from, const std::string& where);
  Expectation expectation(const Json& from, const std::string& where);
  LessonStep step(const Json& from, const std::string& where);
  Lesson lesson(const Json& from);
};

std::string Reader::link(const Json& from, const std::string& where) {
  std::string text = plain(from, "link", where, "add the part of the page's address after #");
  if (const Link read = open_link(text); !read.faults.empty())
    fail(where + "link", "does not open: " + read.faults.front());
  return text;
}

Expectation Reader::expectation(const Json& from, const std::string& where) {
  Expectation e;
  const std::string id = plain(from, "measure", where, "name a measure, such as row");
  e.metric = find_metric(id);
  if (!e.metric) {
    fail(where + "measure",
         "is \"" + shortened(id) + "\", which is no measure; `attnscope measure` lists them");
    return e;
  }
  if (!from.at("link").is_null()) e.link = link(from, where);
  const Json at = from.at("at");
  const size_t n_axes = e.metric->axes.size();
  if (at.size() != n_axes)
    fail(where + "at", "must have " + std::to_string(n_axes) + " indices, one for each axis of " +
                           id + "; it has " + std::to_string(at.size()));
  for (size_t i = 0; i < at.size(); ++i) {
    const auto index = at.at(i).integer();
    if (!index || *index < 0 || *index > 1048575)
      fail(where + "at[" + std::to_string(i) + "]", "must be a whole number from 0");
    e.at.push_back(int(std::clamp<int64_t>(index.value_or(0), 0, 1048575)));
  }
  const auto value = from.at("value").number(), within = from.at("within").number();
  if (!value) fail(where + "value", "must be a number");
  if (!within || *within < 0)
    fail(where + "within", "must be a number from 0: how far the measure may be from the value");
  e.value = value.value_or(0);
  e.within = within.value_or(0);
  return e;
}

LessonStep Reader::step(const Json& from, const std::string& where) {
  LessonStep s;
  s.link = link(from, where);
  s.says = both(from, "says", where);
  s.task = both(from, "do", where);
  s.question = both(from, "ask", where);
  s.answer = both(from, "answer", where);
  const Json expect = from.at("expect");
  if (!expect.is_null() && !expect.is_array())
    fail(where + "expect", "must be a list of measures and their values");
  for (size_t i = 0; i < expect.size() && !fault; ++i) {
    s.expect.push_back(expectation(expect.at(i), where + "expect[" + std::to_string(i) + "]."));
    if (s.expect.back().link.empty()) s.expect.back().link = s.link;
  }
  return s;
}

bool is_name(const std::string& id) {
  return std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Lesson Reader::lesson(const Json& from) {
  Lesson l;
  if (from.at("attnscope_lesson").integer() != 1)
    fail("attnscope_lesson", "must be 1, the version of the format");
  l.id = plain(from, "id", "", "add a short name for links");
  if (!is_name(l.id)) fail("id", "may only have letters, digits and hyphens");
  if (find_chapter(l.id)) fail("id", "is that of a chapter; choose another");
  l.title = both(from, "title", "");
  l.about = both(from, "about", "");
  const Json steps = from.at("steps");
  if (!steps.is_array() || steps.size() == 0 || steps.size() > kMostSteps)
    fail("steps", "must be a list of 1 to " + std::to_string(kMostSteps) + " steps");
  for (size_t i = 0; i < steps.size() && !fault; ++i)
    l.steps.push_back(step(steps.at(i), "steps[" + std::to_string(i) + "]."));
  return l;
}

}  // namespace

bool looks_like_lesson(std::string_view json) {
  constexpr size_t kMostBytes = 1 << 20;
  return json.size() <= kMostBytes && json.find("\"attnscope_lesson\"") != std::string_view::npos;
}

Result<Lesson> read_lesson(std::string_view json, std::string_view file) {
  const Result<Json> document = Json::parse(json, file);
  if (!document) return document.error();
  Reader reader{std::string(file), {}};
  Lesson lesson = reader.lesson(*document);
  if (reader.fault) return *reader.fault;
  return lesson;
}

State lesson_state(const Lesson& lesson, size_t step, const State& reader) {
  State usual;
  usual.lang = reader.lang;
  usual.theme = reader.theme;
  usual.palette = reader.palette;
  State state = open_link(lesson.steps[step].link, usual).state;
  state.panel = Panel::learn;
  state.learn = write_place({lesson.id, step});
  return state;
}

LearnPlace read_place(std::string_view learn) {
  const size_t dot = learn.find('.');
  LearnPlace place{std::string(learn.substr(0, dot)), 0};
  if (dot == std::string_view::npos) return place;
  size_t number = 0;
  for (const char c : learn.substr(dot + 1, 3)) {
    if (c < '0' || c > '9') return place;
    number = number * 10 + size_t(c - '0');
  }
  place.step = number > 0 ? number - 1 : 0;
  return place;
}

std::string write_place(const LearnPlace& place) {
  return place.id + (place.step > 0 ? "." + std::to_string(place.step + 1) : "");
}

Status unmet(const Expectation& e, const Inputs& in) {
  const std::string id = e.metric->id;
  if (const Status no = missing(*e.metric, in)) return Error{id + ": " + no->message};
  const Measure m = e.metric->compute(in);
  size_t index = 0;
  for (size_t i = 0; i < e.at.size(); ++i) {
    if (e.at[i] >= m.shape[i])
      return Error{id + ": index " + std::to_string(e.at[i]) + " of axis " + std::to_string(i) +
                   " is beyond its size, " + std::to_string(m.shape[i])};
    index = index * size_t(m.shape[i]) + size_t(e.at[i]);
  }
  const double value = double(m.values[index]);
  if (std::abs(value - e.value) <= e.within) return {};
  return Error{id + " is " + std::to_string(value) + ", not " + std::to_string(e.value) +
               " within " + std::to_string(e.within)};
}

}  // namespace attn
