// platform.h - everything that differs between the browser and the desktop.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "figure/figure.h"
#include "state/state.h"

namespace attn::platform {

// The result of a frame: the milliseconds until the next one is due without input, and whether to
// show this one. `again` (its data changed meanwhile; never twice in a row) and `later` discard it
// before it reaches the graphics card.
struct FrameEnd {
  double more_ms = 1e300;
  enum Show { now, again, later } show = now;
};

// Opens the window (or takes the page's canvas), sets up Dear ImGui, and calls `frame` whenever
// something may have changed: on input, a resize, wake(), or after the milliseconds that `frame`
// returned. An idle program draws nothing and uses no CPU. On the desktop, returns when the window
// is closed. In the browser, returns at once and the page's loop calls `frame` from then on:
// `frame` must own what it uses (a shared_ptr captured by value), because main()'s variables are
// gone.
int run(const char* title, std::function<FrameEnd()> frame);
void wake();  // requests a frame; from any thread
// How often in a row memory ran out in a frame or a callback, since a frame was last shown. The
// picture before stays on screen, and another frame is drawn; from the second on, after a while.
int frames_failed();

struct Size {
  float width, height;  // in ImGui's units (CSS pixels)
  float scale;          // device pixels per unit
};
Size size();
bool prefers_dark();
Lang prefers_language();

// Whether folders can be opened by path; a page cannot.
#ifdef __EMSCRIPTEN__
inline constexpr bool kHasPaths = false;
#else
inline constexpr bool kHasPaths = true;
#endif
// Receives the files, with folders read recursively, or the error. The platform shows the progress
// of reading itself.
using TakeFiles = std::function<void(Result<std::vector<File>>)>;
void on_drop(TakeFiles then);
// Called before so many bytes of files are read into memory, to let go of others.
void on_room(std::function<void(uint64_t bytes)> make);
void pick_files(bool folder, TakeFiles then);
// `path` is relative to the page (or the program's data folder). `progress` gets 0 to 1; `then`
// runs on the UI thread.
void fetch(const std::string& path, std::function<void(float)> progress,
           std::function<void(Result<Bytes>)> then);
void save_file(const std::string& name, const std::string& contents);

// The part of the address after '#'. set_query adds to the browser's history only if `push`.
std::string get_query();
void set_query(const std::string& query, bool push);
void on_query(std::function<void(std::string)> then);  // the address was edited, or Back was used
std::string link();                                    // the full address, for copying
void copy(const std::string& text);
void open_link(const std::string& address);

std::string load(const std::string& key);  // small persistent settings; "" if absent
void store(const std::string& key, const std::string& value);

// A multi-line text box at this place: a DOM <textarea> over the canvas in the browser (for input
// methods, paste, mobile keyboards), ImGui's on the desktop. Call it every frame while shown.
// Returns true and sets `text` if the user changed it. While a box `over_list` is typed in, Up,
// Down, Enter and Escape still reach Dear ImGui.
bool prompt_box(const char* id, std::string& text, Vec2 min, Vec2 max, const char* label, bool dark,
                bool over_list = false);
void focus_prompt(const char* id = "prompt");  // of a box that is shown
// Keys that a one-line box leaves to the program, for a list below it or places in a text.
enum class BoxKey { none, up, down, enter, shift_enter, tab, escape };
// The one pressed in this box since the last frame. Only where `wants` does the box leave them;
// otherwise Enter, Tab and Escape end typing. Call it after prompt_box.
BoxKey box_key(const char* id, bool wants);
// Tells screen readers of the cell under the mouse or the chosen one, or of the control that the
// keyboard moved to (nodes of an aria-live region); "" clears it.
enum class Spoken { cell, control };
void announce(const std::string& text, Spoken what = Spoken::cell);
// Sets the language, title and theme of the page.
void set_page(Lang lang, bool dark);

// Two fingers, since the last frame: how the distance between them grew, and how their middle
// moved. `total` is the growth since they came down, which `begins` tells. On the desktop there is
// none.
struct Gesture {
  bool on = false, begins = false;
  Vec2 centre = {}, pan = {};
  float scale = 1, total = 1;
};
const Gesture& gesture();
// The pressed item, and no window, is moved by the finger; `at_rest`: also by one that rests, which
// else points as a mouse does (touch.cpp).
void keep_finger(bool at_rest = false);
// Whether fingers are this machine's first pointer.
bool prefers_touch();

// Answers queries of page scripts ("status", "pattern 2 3") in JSON, through attnscope.ask(what);
// for embedding pages and tests. No effect on the desktop.
void on_ask(std::function<std::string(const std::string& what)> answer);

// Bytes of memory that the program may use on this machine, or in a page.
uint64_t memory_limit();
// Whether this build has threads; shown in the About line.
bool has_threads();

}  // namespace attn::platform
