// window.h - one frame of the whole interface.
#pragma once

#include <memory>
#include <string>

#include "app/session.h"
#include "state/history.h"
#include "state/state.h"

namespace attn {

// What the interface remembers between frames and nobody else needs: hover, scroll, zoom, textures.
struct UiState;
std::shared_ptr<UiState> create_ui();

// Draws everything; may change `state`, and through undo and redo `history`. Milliseconds until
// another frame is wanted even when nothing happens.
double draw_window(UiState& ui, Session& session, State& state, History& history);
// False in the middle of a drag or of typing, when `state` should not enter the history yet.
bool is_settled(const UiState& ui);
// Shown in the status line; below 0: nothing is being fetched.
void show_fetching(UiState& ui, float progress);
// Shows another model: with a text of its own, and the last token chosen, since the first one sees
// only itself.
void enter_model(UiState& ui, const Session& session, State& state, const std::string& id);
// Shown until it is dismissed, or another model is chosen. `failed_model`: the listed model that it
// is about, which may be tried again.
void show_error(UiState& ui, std::string message, std::string failed_model = "");

// What scripts of the page may ask (platform::on_ask), as JSON:
//   status            model, text, current, busy, error, sizes, tokens, the state as a link
//   pattern S L H     one pattern, [n_query, n_key]
//   row S L H Q       one row of it, [n_key]
//   logits            of the last position
//   layout            named rectangles of what can be clicked, in units of the window
std::string answer(const std::string& what, const UiState& ui, const Session& session,
                   const State& state);

}  // namespace attn
