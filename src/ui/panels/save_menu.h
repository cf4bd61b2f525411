// save_menu.h - the button that saves a view as a picture or as data.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ui/ui_state.h"

namespace attn {

// What to save; the file equals that of `attnscope plot` or `attnscope measure`.
struct SavedView {
  std::string view;  // View::id
  std::shared_ptr<const MadeMeasure> first = nullptr, second = nullptr;
  bool is_pattern = false;
  float width = 300, height = 0;      // of the figure, without the caption
  const HeadsTable* heads = nullptr;  // of views that filter heads
};

// The menu of formats, opened by the preceding button. Choosing one calls `saved`; its error is
// shown instead of saving.
void draw_save_menu(Frame& f, const std::function<Result<SavedView>()>& saved);
// A button with that menu at the right end of the line.
void draw_save(Frame& f, const std::function<Result<SavedView>()>& saved);

}  // namespace attn
