// save_menu.h - the button that saves what a view shows: a picture, or its numbers.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ui/ui_state.h"

namespace attn {

// What is saved, as `attnscope plot` and `attnscope measure` would make it.
struct SavedView {
  std::string view;  // View::id
  std::shared_ptr<const MadeMeasure> first = nullptr, second = nullptr;
  bool is_pattern = false;
  float width = 300, height = 0;  // of the figure, without the caption
};

// The menu of formats, opened by the button before it. `saved` is asked when one is chosen: an
// error is shown in place of the file.
void draw_save_menu(Frame& f, const std::function<Result<SavedView>()>& saved);
// A button at the right end of the line, with that menu.
void draw_save(Frame& f, const std::function<Result<SavedView>()>& saved);

}  // namespace attn
