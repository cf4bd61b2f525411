// opening.h - startup: the link, the listed models, and which model is shown first.
#pragma once

#include <memory>
#include <string>

#include "platform/platform.h"
#include "ui/window.h"

namespace attn {

// Everything that lives as long as the program.
struct Program {
  Session session{platform::wake};
  State state;
  History history;
  std::shared_ptr<UiState> ui = create_ui();
  std::string query;  // the address as we last wrote it

  // The first listed model replaces the demonstration once loaded, unless the link names a model
  // or the user has changed something by then.
  State first;
  std::string preferred;
  bool demonstrated = false;
  // Its download starts as soon as the index is read; if it finishes at once, the demonstration is
  // never shown.
  std::string fetched_first;   // id while its files are downloading
  bool first_is_here = false;  // its files have arrived
  bool names_model = false;    // the link names a model
  bool index_read = false;
  std::string just_opened;     // a model from files, until it is shown for the first time
  bool asked_lessons = false;  // the lessons are fetched when the Learn panel is first open
  bool holds_first = true;     // nothing is drawn yet: the preferred model may arrive in a moment

  double held_since_s = -1;   // since when a frame waits for a new picture; below 0: none waits
  bool picture_slow = false;  // the awaited picture took too long
};

// One frame (frame.cpp): computes for some milliseconds and draws. Where the one before failed for
// want of memory, lets go of what is not on screen and says so; where that did not help, draws
// nothing else.
platform::FrameEnd frame(Program& program);
// Takes the state from the link, else defaults with the user's language and theme; requests the
// list of models; handles drops, links and script requests from now on. `program` must outlive the
// window.
void open_program(Program& program);
// Downloads what the session needs and switches to the preferred model. Call after want().
void follow_opening(Program& program);
// The state to compute: the current one, with the preferred model if it is about to take over.
State wish(const Program& program);
// Call last in a frame: true to skip showing it because a new picture is due in a moment. Otherwise
// a keystroke would cost two frames, and without a GPU drawing one takes longer than a pass.
bool holds_frame(Program& program);
// Shows the model with this id from now on.
void show_model(Program& program, const std::string& id);
// Adds the state to the history and the address, unless something is being dragged or typed.
void settle(Program& program);

}  // namespace attn
