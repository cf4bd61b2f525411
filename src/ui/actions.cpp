// actions.cpp - what menus, keys and clicks do, in one place each.
#include <imgui.h>

#include <algorithm>
#include <utility>

#include "figure/figure_text.h"
#include "platform/platform.h"
#include "text/continue_text.h"
#include "ui/ui_state.h"

namespace attn {

void show_example(State& state, const Example& example) {
  state.text = example.text;
  state.pair.clear();
  state.between = Between::all;
  state.repeat = 0;
  state.layer = example.layer;
  state.head = example.head;
  state.token = example.token;
  state.locked_key = -1;
}

// A listed model opens with its first example, any other with a text of more than one token.
void enter_model(UiState& ui, const Session& session, State& state, const std::string& id) {
  const bool had_text = state.model != "scratch" && !state.text.empty();
  state.model = id;
  state.pair.clear();
  state.between = Between::all;
  state.repeat = 0;
  state.sample = state.token = 0;
  state.locked_key = -1;
  ui.wants_last_token = false;
  ui.leaves_head.reset();
  if (id == "scratch") return state.text.clear();
  const auto entry = std::ranges::find(session.models(), id, &ModelEntry::id);
  const bool listed = entry != session.models().end();
  if (listed && !entry->examples.empty()) return show_example(state, entry->examples.front());
  ui.wants_last_token = true;
  state.part = state.layer = state.head = 0;
  ui.leaves_head = state.site();
  if (listed && !entry->default_text.empty())
    state.text.clear();
  else if (!had_text)
    state.text = "Once upon a time, there was a little girl.";
}

void enter_text(UiState& ui, State& state, std::string text) {
  (state.model == "scratch" ? state.tokens : state.text) = std::move(text);
  state.n_tokens = state.repeat = 0;
  state.token = 0;
  state.locked_key = -1;
  ui.wants_last_token = state.model != "scratch";
}

// What the decoder has read so far, behind its start, and one token more.
static void append_target(Frame& f, int id) {
  std::vector<int> ids;
  for (const Token& token : f.trace->own().query_tokens[0].items) ids.push_back(token.id);
  ids.erase(ids.begin());
  ids.push_back(id);
  f.state.pair = f.snap.model->tokenizer->decode(ids);
  f.state.locked_key = -1;
  f.ui.wants_last_token = true;
}

void append_token(Frame& read, int id) {
  Frame& f = read.base ? *read.base : read;
  if (!f.snap.current || !f.snap.model || !f.snap.model->tokenizer) return;
  const Tokenizer& tokenizer = *f.snap.model->tokenizer;
  if (f.snap.model->encoder) return append_target(f, id);
  const Tokens& tokens = f.attention().query_tokens[size_t(f.shown.sample)];
  const auto text = f.snap.period > 0 ? std::nullopt : text_with_token(tokenizer, tokens, id);
  if (!text)
    return toast(f, quoted_token(f.lang, tokenizer.shown(id)) +
                        f.t(" cannot be added: no text ends in this token here",
                            " 无法添加：此处没有以该词元结尾的文本"));
  f.state.text = *text;
  f.state.repeat = 0;
  f.state.locked_key = -1;
  f.ui.wants_last_token = true;
}

void choose_model(Frame& f, const std::string& id) {
  f.ui.link_error.clear();
  f.ui.failed_model.clear();
  f.ui.dismissed.clear();
  f.session.dismiss_error();
  if (id == f.state.model)
    f.session.retry(id);
  else
    enter_model(f.ui, f.session, f.state, id);
}

const ModelEntry* chosen_model(const Frame& f) {
  for (const ModelEntry& entry : f.session.models())
    if (entry.id == f.state.model) return &entry;
  return nullptr;
}

// With and without an adapter, heads are the same; the parts of a model that read pictures and
// texts have nothing in common.
void choose_twin(Frame& f, const ModelEntry& entry) {
  const std::string to = entry.twin;
  if (entry.twins == Twins::adapter) {
    f.state.model = to;
    return;
  }
  const bool text = !entry.second;
  choose_model(f, to);
  f.state.view = text ? "map" : "picture";
}

bool can_retry(const Frame& f) { return f.snap.can_retry || !f.ui.failed_model.empty(); }

void retry(Frame& f) {
  const std::string failed = f.ui.failed_model.empty() ? f.state.model : f.ui.failed_model;
  choose_model(f, failed);
}

void choose_head(Frame& f, int layer, int head) {
  f.state.layer = layer;
  f.state.head = head;
}

void choose_part(Frame& f, int part) {
  f.state.part = part;
  f.state.locked_key = -1;
  f.state.rectangle.clear();
  f.ui.wants_last_token = true;
}

void step_head(Frame& f, int by) {
  if (!f.trace) return;
  choose_head(f, f.shown.layer, std::clamp(f.shown.head + by, 0, f.attention().n_heads - 1));
}

void step_layer(Frame& f, int by) {
  if (!f.trace) return;
  choose_head(f, std::clamp(f.shown.layer + by, 0, f.attention().n_layers - 1), f.shown.head);
}

void choose_token(Frame& f, int token) {
  if (token == f.shown.token) return;
  f.state.token = f.query_token(token);
  f.state.locked_key = -1;
}

void lock_cell(Frame& f, int query, int key) {
  const bool again = f.shown.token == query && f.shown.locked_key == key;
  f.state.token = f.query_token(query);
  f.state.locked_key = again ? -1 : f.key_token(key);
}

void set_theme(Frame& f, Theme theme) {
  f.state.theme = theme;
  platform::store("theme", kThemeNames[size_t(theme)]);
}

void set_language(Frame& f, Lang lang) {
  f.state.lang = lang;
  platform::store("lang", kLangNames[size_t(lang)]);
}

void pick_model(Frame& f, bool folder) {
  Session* session = &f.session;
  platform::pick_files(folder, [session](Result<std::vector<File>> files) {
    session->open_read(std::move(files));
    platform::wake();
  });
}

void go_back(Frame& f) {
  f.history.commit(f.state);
  f.state = f.history.undo();
}

void go_forward(Frame& f) {
  if (f.history.can_redo()) f.state = f.history.redo();
}

void copy_link(Frame& f) {
  platform::set_query(link_of(f.ui, f.state), false);  // what was typed just now is not in it yet
  platform::copy(platform::link());
  toast(f, f.t("Link copied", "链接已复制"));
}

void step_chain(Frame& f, int by) {
  UiState& ui = f.ui;
  ui.chain_step = std::clamp(ui.chain_step + by, -1, ui.n_chain_steps);
  if (ui.chain_step == ui.n_chain_steps) ui.chain_step = -1;
  ui.chain_next = -1;
}

void toast(Frame& f, std::string text) {
  f.ui.toast = std::move(text);
  f.ui.toast_until = ImGui::GetTime() + 2.5;
}

void fit_map(Frame& f) {
  f.ui.fits = true;
  f.ui.wall = {};
}

void open_wall(Frame& f) {
  f.state.view = "wall";
  f.ui.wall_scale = 1e9f;  // as large as there is room for
}

void open_map(Frame& f) {
  f.state.view = "map";
  f.ui.fits = true;
}

Vec2 zoom_center(const Frame& f) {
  const View2D& v = f.ui.view;
  if (f.ui.map_mouse) return *f.ui.map_mouse;
  Vec2 at = {(v.cell_min.x + v.cell_max.x) / 2, (v.cell_min.y + v.cell_max.y) / 2};
  if (!f.trace) return at;
  if (f.shown.locked_key >= 0) at = {float(f.shown.locked_key) + .5f, float(f.shown.token) + .5f};
  return {std::clamp(at.x, v.cell_min.x, v.cell_max.x),
          std::clamp(at.y, v.cell_min.y, v.cell_max.y)};
}

void zoom_map(Frame& f, float factor, Vec2 at) {
  if (!f.trace) return;
  View2D& v = f.ui.view;
  const Vec2 all = {float(f.pairs().n_key), float(f.pairs().n_query)};
  const Vec2 span = {v.cell_max.x - v.cell_min.x, v.cell_max.y - v.cell_min.y};
  // Between two cells and the whole map.
  const float closest = std::max(std::min(2.f, all.x) / span.x, std::min(2.f, all.y) / span.y);
  const float by = std::clamp(1 / factor, std::min(1.f, closest), all.x / span.x);
  if (all.x / span.x <= by * 1.001f) {
    f.ui.fits = true;
    return;
  }
  f.ui.fits = false;
  const auto zoom = [by](float low, float high, float center, float n, float& out_low,
                         float& out_high) {
    const float length = (high - low) * by;
    out_low = std::clamp(center - (center - low) * by, 0.f, std::max(0.f, n - length));
    out_high = out_low + length;
  };
  const View2D old = v;
  zoom(old.cell_min.x, old.cell_max.x, at.x, all.x, v.cell_min.x, v.cell_max.x);
  zoom(old.cell_min.y, old.cell_max.y, at.y, all.y, v.cell_min.y, v.cell_max.y);
}

}  // namespace attn
