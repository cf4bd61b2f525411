// platform_stub.cpp - a platform without a window: frames of Dear ImGui that nothing shows.
#include <imgui.h>

#include "platform/heat_map.h"
#include "platform/heat_map_textures.h"
#include "platform/platform.h"
#include "platform/tile_textures.h"

namespace attn::platform {

HeatMapTextures::~HeatMapTextures() = default;
TileTextures::~TileTextures() = default;
void TileTextures::want(const MapKey&, int, int, std::vector<std::shared_ptr<const Tile>> tiles) {
  wanted_ = std::move(tiles);
}

bool HeatMapStack::set(const float* values, int n_maps, int rows, int cols, int n_ready) {
  auto made = std::make_shared<HeatMapTextures>();
  made->n_maps = n_maps;
  made->rows = rows;
  made->cols = cols;
  made->n_ready = n_ready;
  made->values.assign(values, values + size_t(n_maps) * size_t(rows) * size_t(cols));
  textures_ = std::move(made);
  return true;
}
void HeatMapStack::more(const float*, int n_ready) { textures_->n_ready = n_ready; }
int HeatMapStack::n_maps() const { return textures_ ? textures_->n_maps : 0; }
int HeatMapStack::rows() const { return textures_ ? textures_->rows : 0; }
int HeatMapStack::cols() const { return textures_ ? textures_->cols : 0; }

void draw_heat_map(ImDrawList* list, HeatMapStack&, int, Vec2 min, Vec2 max, Vec2, Vec2,
                   const HeatMapStyle&) {
  list->AddRectFilled({min.x, min.y}, {max.x, max.y}, ~0u);
}
void draw_tile_map(ImDrawList* list, const std::shared_ptr<TileTextures>&, int, Vec2 min, Vec2 max,
                   Vec2, Vec2, const HeatMapStyle&) {
  list->AddRectFilled({min.x, min.y}, {max.x, max.y}, ~0u);
}
void draw_heat_grid(ImDrawList* list, HeatMapStack&, Vec2 min, Vec2 max, int, float,
                    const HeatMapStyle&) {
  list->AddRectFilled({min.x, min.y}, {max.x, max.y}, ~0u);
}

int run(const char*, std::function<FrameEnd()>) { return 1; }
void wake() {}
Size size() { return {1280, 800, 1}; }
bool prefers_dark() { return true; }
bool prefers_touch() { return false; }
Lang prefers_language() { return Lang::en; }
void on_drop(TakeFiles) {}
void on_room(std::function<void(uint64_t)>) {}
void pick_files(bool, TakeFiles) {}
void fetch(const std::string& path, std::function<void(float)>,
           std::function<void(Result<Bytes>)> then) {
  then(Error{path + ": there is no server"});
}
void save_file(const std::string&, const std::string&) {}
std::string get_query() { return ""; }
void set_query(const std::string&, bool) {}
void on_query(std::function<void(std::string)>) {}
std::string link() { return ""; }
void copy(const std::string&) {}
void open_link(const std::string&) {}
std::string load(const std::string&) { return ""; }
void store(const std::string&, const std::string&) {}
void announce(const std::string&, Spoken) {}
void set_page(Lang, bool) {}
void on_ask(std::function<std::string(const std::string&)>) {}
uint64_t memory_limit() { return 2'000'000'000; }
bool has_threads() { return ATTNSCOPE_THREADS; }
const Gesture& gesture() {
  static const Gesture kNone;
  return kNone;
}
void keep_finger(bool) {}

}  // namespace attn::platform
