// learn_panel.cpp - the tutorial's chapters on the state on screen, and lessons.
#include <algorithm>
#include <utility>

#include "figure/chapters.h"
#include "figure/open_link.h"
#include "figure/report_text.h"
#include "ui/action_table.h"
#include "ui/panels/view_parts.h"
#include "ui/widgets.h"

namespace attn {
namespace {

const Lesson* find_lesson(const Frame& f, std::string_view id) {
  for (const Lesson& lesson : f.session.lessons())
    if (lesson.id == id) return &lesson;
  return nullptr;
}

// All that can be opened, in the order of the list: the chapters, then every step of the lessons.
std::vector<std::string> places(const Frame& f) {
  std::vector<std::string> all;
  for (const Chapter& chapter : chapters()) all.emplace_back(chapter.id);
  for (const Lesson& lesson : f.session.lessons())
    for (size_t i = 0; i < lesson.steps.size(); ++i) all.push_back(write_place({lesson.id, i}));
  return all;
}

void open_entry(Frame& f, const char* name, const std::string& id, const std::string& title,
                const std::string& about) {
  ImGui::PushID(id.c_str());
  if (menu_entry(f, fit_text(title, ImGui::GetContentRegionAvail().x).c_str())) open_place(f, id);
  f.mark(std::string(name) + id);
  item_tooltip(about);
  ImGui::PopID();
}

void draw_contents(Frame& f) {
  heading(f, f.t("The tutorial, with the numbers on screen", "教程：用屏幕上的数讲解"));
  int n = 0;
  for (const Chapter& chapter : chapters())
    open_entry(f, "learn.chapter.", chapter.id,
               std::to_string(++n) + "  " + chapter.title.in(f.lang), chapter.about.in(f.lang));
  ImGui::Spacing();
  heading(f, f.t("Lessons", "课程"));
  for (const Lesson& lesson : f.session.lessons())
    open_entry(f, "learn.lesson.", lesson.id, lesson.title.in(f.lang), lesson.about.in(f.lang));
  ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().faint));
  wrapped(f.t("A lesson is a JSON file: drop one anywhere on this page to add it.",
              "课程是一个 JSON 文件：拖放到页面任意位置即可加入。"));
  ImGui::PopStyleColor();
}

// The way back to the list, and to the pages before and after.
void draw_walk(Frame& f) {
  if (ImGui::Button(f.t("Contents", "目录"))) f.state.learn.clear();
  f.mark("button.learn_list");
  item_tooltip(f.t("All chapters and lessons", "所有章节与课程"));
  const float side = ImGui::GetFrameHeight();
  ImGui::SameLine(ImGui::GetWindowWidth() - ImGui::GetStyle().WindowPadding.x - 2 * side - 6);
  if (icon_button(f, "learn_previous", Icon::previous, action_help(f, "previous_page")))
    step_place(f, -1);
  ImGui::SameLine(0, 6);
  if (icon_button(f, "learn_next", Icon::next, action_help(f, "next_page"))) step_place(f, 1);
}

void draw_title(Frame& f, const std::string& title) {
  ImGui::PushFont(nullptr, 17);
  ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().accent));
  wrapped(title);
  ImGui::PopStyleColor();
  ImGui::PopFont();
}

void draw_token_steps(Frame& f) {
  const int last = f.attention().n_query - 1;
  if (icon_button(f, "learn_less", Icon::minus, f.t("Previous token", "上一个词元"),
                  f.shown.token > 0))
    choose_token(f, f.shown.token - 1);
  ImGui::SameLine(0, 6);
  ImGui::AlignTextToFramePadding();
  ImGui::TextUnformatted(
      (f.t("Token ", "词元 ") +
       quoted(f.attention().query_tokens[size_t(f.shown.sample)], f.shown.token, f.lang))
          .c_str());
  ImGui::SameLine(0, 6);
  if (icon_button(f, "learn_more", Icon::plus, f.t("Next token", "下一个词元"),
                  f.shown.token < last))
    choose_token(f, f.shown.token + 1);
}

void draw_view_button(Frame& f, const Chapter& chapter) {
  if (!*chapter.view) return;
  if (ImGui::Button(chapter.view_title.in(f.lang))) {
    const int token = f.shown.token;
    f.state.show.clear();
    f.state = open_link(chapter.view, f.state).state;
    if (chapter.of_pair && f.state.locked_key < 0) {
      f.state.token = token;
      f.state.locked_key = spoken_key({f.stack(), f.trace, &f.shown});
    }
  }
  f.mark("button.learn_view");
  item_tooltip(f.t("Shows in the middle what this chapter is about", "在中间显示本章所讲的内容"));
}

void draw_chapter(Frame& f, const Chapter& chapter) {
  draw_title(f, std::to_string(&chapter - chapters().data() + 1) + "  " + chapter.title.in(f.lang));
  if (!f.trace) return draw_no_trace(f);
  if (!f.attention().is_kept(f.shown.layer)) return wrapped(not_kept(f, f.shown.layer));
  if (chapter.of_token) draw_token_steps(f);
  draw_view_button(f, chapter);
  ImGui::Spacing();
  const auto& made = f.snap.chapter;
  if (!made || made->key.chapter != &chapter || made->key.trace.lock() != f.snap.trace)
    return heading(f, f.t("Computing…", "正在计算…"));
  draw_blocks(f, made->blocks);
}

void draw_labelled(Frame& f, const char* label, const std::string& text) {
  heading(f, label);
  explained(f, text);
  ImGui::Spacing();
}

void draw_step(Frame& f, const Lesson& lesson, size_t i) {
  const LessonStep& step = lesson.steps[i];
  draw_title(f, lesson.title.in(f.lang));
  heading(f, f.t("Step ", "第 ") + std::to_string(i + 1) + f.t(" of ", " 步，共 ") +
                 std::to_string(lesson.steps.size()) + f.t("", " 步"));
  // Whoever has gone on from the step's view can return to it.
  State wanted = lesson_state(lesson, i, f.state), now = f.state;
  wanted.look = now.look;
  ImGui::BeginDisabled(wanted == now);
  if (ImGui::Button(f.t("Back to this step's view", "回到这一步的画面")))
    open_place(f, write_place({lesson.id, i}));
  f.mark("button.learn_again");
  item_tooltip(
      f.t("Restores the model, text and view of this step", "恢复这一步的模型、文本与视图"));
  ImGui::EndDisabled();
  ImGui::Spacing();
  explained(f, step.says.in(f.lang));
  ImGui::Spacing();
  draw_labelled(f, f.t("Try", "动手"), step.task.in(f.lang));
  draw_labelled(f, f.t("Think", "思考"), step.question.in(f.lang));
  const std::string place = write_place({lesson.id, i});
  const bool open = f.ui.learn_answer == place;
  if (ImGui::Button(open ? f.t("Hide the answer", "收起答案") : f.t("Show the answer", "显示答案")))
    f.ui.learn_answer = open ? "" : place;
  f.mark("button.answer");
  item_tooltip(f.t("The answer to the question above", "上面问题的答案"));
  if (open) {
    ImGui::Spacing();
    explained(f, step.answer.in(f.lang));
    f.mark("learn.answer");
  }
  ImGui::Spacing();
  if (i + 1 < lesson.steps.size()) {
    if (ImGui::Button(f.t("Next step", "下一步"))) step_place(f, 1);
    f.mark("button.learn_step");
    item_tooltip(f.t("The next step of the lesson (J)", "课程的下一步（J）"));
  }
}

void draw_place(Frame& f) {
  draw_walk(f);
  const bool moved = std::exchange(f.ui.learn_drawn, f.state.learn) != f.state.learn;
  ImGui::BeginChild("place", {0, 0}, kTabPasses);
  if (moved) ImGui::SetScrollY(0);
  ImGui::PushFont(nullptr, 14);
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {8, 4});
  const LearnPlace place = read_place(f.state.learn);
  if (const Chapter* chapter = find_chapter(place.id)) {
    draw_chapter(f, *chapter);
  } else if (const Lesson* lesson = find_lesson(f, place.id)) {
    draw_step(f, *lesson, std::min(place.step, lesson->steps.size() - 1));
  } else {
    wrapped(f.t("There is no chapter or lesson named ", "没有这个章节或课程：") + place.id +
            f.t("; drop the lesson's file here, or choose from the contents.",
                "；请把课程文件拖放到这里，或从目录中选择。"));
  }
  ImGui::PopStyleVar();
  ImGui::PopFont();
  ImGui::EndChild();
}

}  // namespace

void open_place(Frame& f, const std::string& learn) {
  f.state.panel = Panel::learn;
  const LearnPlace place = read_place(learn);
  const Lesson* lesson = find_lesson(f, place.id);
  if (lesson && place.step < lesson->steps.size()) {
    f.state = lesson_state(*lesson, place.step, f.state);
    return;
  }
  f.state.learn = learn;
  const Chapter* chapter = find_chapter(learn);
  if (!chapter || !chapter->from_first) return;
  f.state.token = 0;
  f.state.locked_key = -1;
}

void step_place(Frame& f, int by) {
  const std::vector<std::string> all = places(f);
  const auto at = std::ranges::find(all, f.state.learn);
  const int next = at == all.end() ? 0 : int(at - all.begin()) + by;
  if (next >= 0 && next < int(all.size())) open_place(f, all[size_t(next)]);
}

void draw_learn_panel(Frame& f) {
  if (!f.state.learn.empty()) return draw_place(f);
  f.ui.learn_drawn.clear();
  ImGui::BeginChild("contents", {0, 0}, kTabPasses);
  draw_contents(f);
  ImGui::EndChild();
}

}  // namespace attn
