// status_line.cpp - the job in hand, errors, and the build.
#include <algorithm>
#include <cmath>

#include "figure/figure_text.h"
#include "model/text_notes.h"
#include "platform/platform.h"
#include "ui/mirror.h"
#include "ui/ui_state.h"
#include "ui/widgets.h"

namespace attn {
namespace {

enum class Pressed { nothing, dismiss, retry };

// `action` is the label of a button beside the message; "" for none.
Pressed draw_error(Frame& f, const char* id, const std::string& message,
                   const std::string& action = "", const char* mark = "button.retry") {
  const float width = ImGui::GetContentRegionAvail().x, side = ImGui::GetFrameHeight();
  const float retry_width = action.empty() ? 0 : text_width(action) + 20;
  const float text_room = width - 2 * side - 20 - retry_width;
  const ImVec2 size = ImGui::CalcTextSize(message.c_str(), nullptr, false, text_room);
  const float height = std::max(side, size.y) + 10;
  const ImVec2 at = ImGui::GetCursorScreenPos();
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(at, {at.x + width, at.y + height}, rgb(f.colors().warn_panel), 8);
  list->AddRectFilled(at, {at.x + 4, at.y + height}, rgb(f.colors().warn), 2);
  draw_icon(list, Icon::warn, {at.x + 8 + side / 2, at.y + height / 2}, 17, rgb(f.colors().warn));
  list->AddText(nullptr, 0, {at.x + side + 14, at.y + (height - size.y) / 2}, rgb(f.colors().warn),
                message.c_str(), nullptr, text_room);
  ImGui::SetCursorScreenPos({at.x + width - side - 5, at.y + (height - side) / 2});
  ImGui::PushStyleColor(ImGuiCol_Button, 0);
  Pressed pressed = Pressed::nothing;
  if (icon_button(f, id, Icon::close, f.t("Dismiss", "关闭"))) pressed = Pressed::dismiss;
  ImGui::PopStyleColor();
  if (!action.empty()) {
    ImGui::SetCursorScreenPos({at.x + width - side - 10 - retry_width, at.y + (height - side) / 2});
    if (ImGui::Button(action.c_str(), {retry_width, side})) pressed = Pressed::retry;
    f.mark(mark);
  }
  ImGui::SetCursorScreenPos(at);
  ImGui::Dummy({width, height});
  return pressed;
}

std::string retry_label(const Frame& f, bool can) {
  return can ? f.t("Retry (R)", "重试 (R)") : "";
}

// Why the numbers on screen may not be what they seem: of the model's files, and of the text.
std::string warnings_of(const Frame& f) {
  if (!f.snap.model || !f.trace) return "";
  std::vector<std::string> all = f.snap.model->warnings;
  const Attention& a = f.trace->own();
  for (std::string& note : text_notes(*f.snap.model, a.query_tokens.front()))
    all.push_back(std::move(note));
  std::string text;
  for (const std::string& warning : all) text += (text.empty() ? "" : "\n") + warning;
  return text;
}

// The parts of a text that is too long which the model can read.
void draw_cuts(Frame& f) {
  const auto offer = [&](Cut cut, int n, const char* name, const char* before) {
    if (n < 1) return;
    if (ImGui::Button((before + std::to_string(n) + f.t(" tokens", " 个词元")).c_str())) {
      f.state.cut = cut;
      f.state.locked_key = -1;
      f.ui.wants_last_token = true;
    }
    f.mark(name);
    item_tooltip(f.t("The text stays as it is; the model reads this part of it",
                     "文本保持不变；模型只读取这一部分"));
    ImGui::SameLine();
  };
  if (f.snap.cuts.first < 1) return;
  offer(Cut::first, f.snap.cuts.first, "button.shorten", f.t("Use the first ", "使用前 "));
  offer(Cut::last, f.snap.cuts.last, "button.keep_end", f.t("Use the last ", "使用后 "));
  ImGui::NewLine();
}

}  // namespace

std::vector<std::string> errors_of(const Frame& f) {
  std::vector<std::string> all;
  const auto add = [&](const std::string& message, const std::string& dismissed) {
    if (!message.empty() && message != dismissed) all.push_back(message);
  };
  add(f.ui.link_error, "");
  if (f.snap.file_error) add(f.snap.file_error->message, "");
  if (f.snap.error) add(f.snap.error->message, f.ui.dismissed);
  add(f.snap.note, f.ui.dismissed_note);
  add(warnings_of(f), f.ui.dismissed_warnings);
  return all;
}

void draw_errors(Frame& f) {
  if (!f.ui.link_error.empty()) {
    const bool failed = !f.ui.failed_model.empty();
    const Pressed pressed = draw_error(f, "dismiss_link", f.ui.link_error, retry_label(f, failed));
    if (pressed == Pressed::dismiss) show_error(f.ui, "");
    if (pressed == Pressed::retry) retry(f);
  }
  if (f.snap.file_error) {
    const std::string open = f.snap.can_ignore ? f.t("Open all the same", "仍然打开") : "";
    const Pressed pressed =
        draw_error(f, "dismiss_file", f.snap.file_error->message, open, "button.open_all_the_same");
    if (pressed == Pressed::dismiss) f.session.dismiss_error();
    if (pressed == Pressed::retry) f.session.ignore_unused();
  }
  if (const std::string warnings = warnings_of(f);
      !warnings.empty() && warnings != f.ui.dismissed_warnings &&
      draw_error(f, "dismiss_warnings", warnings) == Pressed::dismiss)
    f.ui.dismissed_warnings = warnings;
  if (!f.snap.note.empty() && f.snap.note != f.ui.dismissed_note &&
      draw_error(f, "dismiss_note", f.snap.note) == Pressed::dismiss)
    f.ui.dismissed_note = f.snap.note;
  if (!f.snap.error) {
    if (f.snap.current) f.ui.dismissed.clear();
    return;
  }
  const std::string message = f.snap.error->message;
  if (message == f.ui.dismissed) return;
  const Pressed pressed = draw_error(f, "dismiss", message, retry_label(f, f.snap.can_retry));
  if (pressed == Pressed::dismiss) f.ui.dismissed = message;
  if (pressed == Pressed::retry) retry(f);
  draw_cuts(f);
}

std::string size_words(const Frame& f) {
  if (!f.trace) return "";
  const Attention& a = f.attention();
  std::string says = cut_words(a.query_tokens.front(), f.lang);
  if (says.empty())
    says = std::to_string(a.n_query) +
           (a.n_query == 1 ? f.t(" token", " 个词元") : f.t(" tokens", " 个词元"));
  return says + " · " + std::to_string(a.n_layers) +
         (a.n_layers == 1 ? f.t(" layer × ", " 层 × ") : f.t(" layers × ", " 层 × ")) +
         std::to_string(a.n_heads) + f.t(" heads", " 头");
}

Doing doing(const Frame& f) {
  if (ImGui::GetTime() < f.ui.toast_until) return {f.ui.toast, -1, true};
  if (f.ui.fetching >= 0)
    return {f.t("Downloading the model", "正在下载模型"), f.ui.fetching, false};
  if (!f.snap.busy.empty() && f.snap.busy_seconds > .5)
    return {f.snap.busy + "…", f.snap.progress, false};
  return {};
}

void draw_status_line(Frame& f) {
  ImGui::PushFont(nullptr, kSmallText);
  ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().faint));
  const std::string build =
      std::string("attnscope " ATTNSCOPE_VERSION " · ") +
      (platform::has_threads() ? f.t("multithreaded", "多线程") : f.t("single-threaded", "单线程"));
  const float width = ImGui::GetContentRegionAvail().x, build_width = text_width(build);
  const bool shows_build = width > 560;
  const float room = width - (shows_build ? build_width + 20 : 0);
  const ImVec2 at = ImGui::GetCursorScreenPos();

  const auto [busy, progress, toasting] = doing(f);
  const std::string says = busy.empty() ? size_words(f) : busy;
  const std::string cut = fit_text(says, room - (progress >= 0 ? 180 : 0));
  if (toasting) ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().accent));
  ImGui::TextUnformatted(cut.c_str());
  if (toasting) ImGui::PopStyleColor();
  if (progress >= 0) {
    const float x = at.x + text_width(cut) + 12, y = at.y + ImGui::GetFontSize() / 2;
    ImDrawList* list = ImGui::GetWindowDrawList();
    list->AddRectFilled({x, y - 3}, {x + 150, y + 3}, rgb(f.colors().field), 3);
    list->AddRectFilled({x, y - 3}, {x + 150 * std::clamp(progress, .02f, 1.f), y + 3},
                        rgb(f.colors().accent), 3);
  }
  if (shows_build) {
    ImGui::SetCursorScreenPos({at.x + width - build_width, at.y});
    ImGui::TextUnformatted(build.c_str());
  }
  ImGui::PopStyleColor();
  ImGui::PopFont();
}

}  // namespace attn
