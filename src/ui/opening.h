// opening.h - how the program begins: the link, the listed models, and which of them is shown
// first.
#pragma once

#include <memory>
#include <string>

#include "platform/platform.h"
#include "ui/window.h"

namespace attn {

// All that lives as long as the program does.
struct Program {
  Session session{platform::wake};
  State state;
  History history;
  std::shared_ptr<UiState> ui = create_ui();
  std::string query;  // the address as we last wrote it

  // The first listed model takes the demonstration's place once it has loaded, unless the link
  // names a model or the person has changed something by then.
  State first;
  std::string preferred;
  bool demonstrated = false;
  // Its files are asked for as soon as it is known, and where they come at once it is shown without
  // the demonstration before it.
  std::string fetched_first;   // while its files are on their way
  bool first_is_here = false;  // they have come
  bool names_model = false;    // the link does
  bool index_read = false;
  bool holds_first = true;  // nothing is shown yet, as the preferred model may come in a moment

  double held_since_s =
      -1;  // the frame that waits for a new picture was drawn then; below 0: none waits
  bool picture_slow = false;  // the picture in hand did not come in time
};

// The state of the link, else the defaults with the person's language and theme; asks for the list
// of models; takes drops, links and questions from now on. `program` must outlive the window.
void open_program(Program& program);
// Fetches what the session needs; lets the preferred model take over. After each frame's want().
void follow_opening(Program& program);
// What the session should make: what the state says, or what will take its place.
State wish(const Program& program);
// After all else of a frame: whether it is not to be shown, for a picture that comes in a moment. A
// keystroke would else cost two frames, one with the old picture, and drawing one takes longer than
// a pass where there is no graphics card.
bool holds_frame(Program& program);
// Shows the model with this id from now on.
void show_model(Program& program, const std::string& id);
// Writes the state into the history and the address, once nothing is being dragged or typed.
void settle(Program& program);

}  // namespace attn
