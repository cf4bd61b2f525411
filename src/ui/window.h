// window.h - one frame of the whole interface.
#pragma once

#include <memory>
#include <string>

#include "app/session.h"
#include "state/history.h"
#include "state/state.h"

namespace attn {

// What the interface keeps between frames: hover, scroll, zoom, textures.
struct UiState;
std::shared_ptr<UiState> create_ui();

// Draws everything; may change `state` and, by undo and redo, `history`. Returns the milliseconds
// until the next frame is due even when nothing happens.
double draw_window(UiState& ui, Session& session, State& state, History& history);
// False during a drag or while typing: `state` must not enter the history yet.
bool is_settled(const UiState& ui);
// The state as the address and copied links hold it. It always names the model: an empty address
// opens the first listed one.
std::string link_of(const UiState& ui, const State& state);
// The fields of the link that this version does not know ("&key=value"), which stay in it.
void keep_unknown(UiState& ui, std::string pairs);
// Download progress for the status line, 0 to 1; below 0: no download.
void show_fetching(UiState& ui, float progress);
// Shows another model with a text of its own and its last token chosen (the first sees only
// itself).
void enter_model(UiState& ui, const Session& session, State& state, const std::string& id);
// Another text, for the demonstration as names of tokens.
void enter_text(UiState& ui, State& state, std::string text);
// Shown until dismissed or another model is chosen. `failed_model`: the listed model the message is
// about, which can be retried.
void show_error(UiState& ui, std::string message, std::string failed_model = "");

// After a frame that was cut short, in which a cache may have got a new key for its old content.
void forget_caches(UiState& ui);

// Answers a request of the page's scripts (platform::on_ask) with JSON:
//   status            model, text, current, busy, error, sizes, tokens, the state as a link
//   pattern S L H     one pattern, [n_query, n_key]
//   row S L H Q       one row of it, [n_key]
//   logits            of the last position
//   learn             the chapter or lesson that is open, the chapter's text, all lessons' ids
//   layout            named rectangles of everything clickable, in window units
// Two more are answered with the rest of the program (mirror.h): mirror, and act ID VALUE.
std::string answer(const std::string& what, const UiState& ui, const Session& session,
                   const State& state);

}  // namespace attn
