// platform.h - the dozen verbs that differ between the browser and the desktop.
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

// What a frame ends with: after how many milliseconds another is wanted even when nothing happens,
// and whether what it drew is shown. Drawing once more at once (what it drew of has changed since;
// not twice in a row), or a moment later, costs the graphics card nothing.
struct FrameEnd {
  double more_ms = 1e300;
  enum Show { now, again, later } show = now;
};

// Opens the window (or takes the page's canvas), sets Dear ImGui up, and calls `frame` whenever
// something may have changed: input, a resize, wake(), or as many milliseconds later as `frame`
// returned. An idle program draws nothing and uses no CPU. On the desktop returns when the window
// is closed. In the browser returns at once, since the page's own loop calls `frame` from then on:
// `frame` must own what it uses (a shared_ptr captured by value), for main()'s variables are gone.
int run(const char* title, std::function<FrameEnd()> frame);
void wake();  // asks for a frame; any thread

struct Size {
  float width, height;  // in ImGui's units (CSS pixels)
  float scale;          // device pixels per unit
};
Size size();
bool prefers_dark();
Lang prefers_language();

// Whether a folder can be opened by its path; a page is never given one.
#ifdef __EMSCRIPTEN__
inline constexpr bool kHasPaths = false;
#else
inline constexpr bool kHasPaths = true;
#endif
// Each file by its path; folders are walked. `progress` (0..1) while reading is the platform's own
// overlay. An error is why they could not be read.
using TakeFiles = std::function<void(Result<std::vector<File>>)>;
void on_drop(TakeFiles then);
void pick_files(bool folder, TakeFiles then);
// Relative to the page (or to the program's data folder). `then` on the UI thread.
void fetch(const std::string& path, std::function<void(float)> progress,
           std::function<void(Result<Bytes>)> then);
void save_file(const std::string& name, const std::string& contents);

// The part of the address after '#'. set_query does not add to the browser's own history unless
// `push`.
std::string get_query();
void set_query(const std::string& query, bool push);
void on_query(std::function<void(std::string)> then);  // the address was changed by hand or by Back
std::string link();                                    // the whole address, to be copied
void copy(const std::string& text);
void open_link(const std::string& address);

std::string load(const std::string& key);  // small settings that outlive the page; "" when absent
void store(const std::string& key, const std::string& value);

// A multi-line text box at this place: a DOM <textarea> over the canvas in the browser (input
// methods, paste, mobile keyboards), ImGui's on the desktop. Called every frame it is shown; true
// when the text was changed by the person. Sets `text`.
bool prompt_box(const char* id, std::string& text, Vec2 min, Vec2 max, const char* label,
                bool dark);
void focus_prompt();
// Mirrors what is under the mouse for screen readers (an aria-live node); "" clears it.
void announce(const std::string& text);
// Language and title of the page, and whether its own colours are dark.
void set_page(Lang lang, bool dark);

// Scripts of the page may ask the program ("status", "pattern 2 3") and get JSON:
// attnscope.ask(what). For pages that embed this one, and for tests. Nothing on the desktop.
void on_ask(std::function<std::string(const std::string& what)> answer);

// Bytes that this program may well take of the machine's memory, or of what the browser gives a
// page.
uint64_t memory_limit();
// True inside a build with threads; shown in the About line.
bool has_threads();

}  // namespace attn::platform
