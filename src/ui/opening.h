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
};

// The state of the link, else the defaults with the person's language and theme; asks for the list
// of models; takes drops, links and questions from now on. `program` must outlive the window.
void open_program(Program& program);
// Fetches what the session needs; lets the preferred model take over. After each frame's want().
void follow_opening(Program& program);
// What the session should make: what the state says, or what will take its place.
State wish(const Program& program);
// Shows the model with this id from now on.
void show_model(Program& program, const std::string& id);
// Writes the state into the history and the address, once nothing is being dragged or typed.
void settle(Program& program);

}  // namespace attn
