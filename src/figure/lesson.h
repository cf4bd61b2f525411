// lesson.h - a lesson: steps that each open a state, with a task, a question and its answer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/measure.h"
#include "base/result.h"
#include "state/state.h"

namespace attn {

struct LessonText {
  std::string en, zh;
  const std::string& in(Lang lang) const { return lang == Lang::zh ? zh : en; }
};

// A number that a step's sentences rest on: `metric` at these indices of its axes.
struct Expectation {
  std::string link;  // of the state it is computed in; that of the step where the file has none
  const Metric* metric = nullptr;
  std::vector<int> at;
  double value = 0, within = 0;
};

struct LessonStep {
  std::string link;  // the part after '#'; opens without faults
  LessonText says;   // what is on screen
  LessonText task, question, answer;
  std::vector<Expectation> expect;
};

struct Lesson {
  std::string id;  // letters, digits and hyphens; not that of a chapter
  LessonText title, about;
  std::vector<LessonStep> steps;  // at least one
};

// Whether a file is meant as a lesson: JSON text with a member "attnscope_lesson".
bool looks_like_lesson(std::string_view json);
// Reads {"attnscope_lesson": 1, "id", "title", "about", "steps": [{"link", "says", "do", "ask",
// "answer", "expect": [{"measure", "at", "value", "within", "link"}]}]}, where "expect" and its
// link may be missing; every text is {"en", "zh"}. Error text: rows.json: steps[1].ask.zh is
// missing; add the text in Chinese
Result<Lesson> read_lesson(std::string_view json, std::string_view file);

// The state of a step: its link, with the reader's language, theme and palette, in the Learn panel.
State lesson_state(const Lesson& lesson, size_t step, const State& reader);

// State::learn: a chapter's id, or a lesson's id and, from the second step on, ".2".
struct LearnPlace {
  std::string id;
  size_t step = 0;  // from 0
};
LearnPlace read_place(std::string_view learn);
std::string write_place(const LearnPlace& place);

// In one sentence, how far the computation is from what a step expects; empty: it holds. `in` is of
// the expectation's state.
Status unmet(const Expectation& expectation, const Inputs& in);

}  // namespace attn
