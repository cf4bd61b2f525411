#include <imgui.h>

#include <chrono>

#include "ui/opening.h"

namespace attn {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kWork(8);
constexpr double kTryAgain_ms = 1000;

// Starts what is missing and delivers what is finished; without threads, works for some
// milliseconds.
void work(Program& program) {
  const auto end = Clock::now() + kWork;
  for (;;) {
    program.session.want(wish(program));
    const std::chrono::duration<double, std::milli> left = end - Clock::now();
    if (left.count() <= 0 || !program.session.pump(left.count())) return;
  }
}

// In place of a frame for which there is no memory.
platform::FrameEnd draw_sentence(const char* sentence) {
  constexpr float kEdge = 20;
  ImGui::GetForegroundDrawList()->AddText(nullptr, 0, {kEdge, kEdge},
                                          ImGui::GetColorU32(ImGuiCol_Text), sentence, nullptr,
                                          ImGui::GetIO().DisplaySize.x - 2 * kEdge);
  return {kTryAgain_ms};
}

}  // namespace

platform::FrameEnd frame(Program& program) {
  if (const int n_failed = platform::frames_failed(); n_failed > 0) {
    program.session.let_go_unseen(n_failed > 1);
    forget_caches(*program.ui);
    const char* sentence = memory_is_used_up(program.state.lang);
    if (n_failed > 1) return draw_sentence(sentence);
    show_error(*program.ui, sentence);
  }
  work(program);
  follow_opening(program);
  const State drawn = program.state;
  const double more_ms = draw_window(*program.ui, program.session, program.state, program.history);
  settle(program);
  const Snapshot& snap = program.session.snapshot();
  const auto trace = snap.trace;
  const auto map = snap.map;
  if (!(program.state == drawn)) work(program);  // a frame sooner
  using enum platform::FrameEnd::Show;
  return {more_ms, holds_frame(program)                     ? later
                   : snap.trace != trace || snap.map != map ? again
                                                            : now};
}

}  // namespace attn
