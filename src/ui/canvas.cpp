#include "ui/canvas.h"

#include <imgui_internal.h>

#include <algorithm>
#include <memory>

#include "model/picture_input.h"
#include "ui/widgets.h"

namespace attn {
namespace {

ImU32 faded(ImU32 color, float alpha) {
  const auto a = ImU32(float(color >> IM_COL32_A_SHIFT) * std::clamp(alpha, 0.f, 1.f));
  return (color & ~IM_COL32_A_MASK) | a << IM_COL32_A_SHIFT;
}

constexpr int kPhotoSide = 512;  // larger pictures are shown smaller

const PhotoTexture& photo_texture(PhotoTexture& photo, const std::shared_ptr<const Patches>& of) {
  if (photo.of.lock() == of) return photo;
  if (!photo.texture) {
    std::unique_ptr<ImTextureData, void (*)(ImTextureData*)> made(IM_NEW(ImTextureData)(),
                                                                  IM_DELETE<ImTextureData>);
    made->Create(ImTextureFormat_RGBA32, kPhotoSide, kPhotoSide);
    made->UseColors = true;
    ImGui::RegisterUserTexture(made.get());
    photo.texture = made.release();
  } else {
    photo.texture->UpdateRect = {0, 0, kPhotoSide, kPhotoSide};
    photo.texture->Updates.resize(0);
    photo.texture->Updates.push_back(photo.texture->UpdateRect);
    if (photo.texture->Status == ImTextureStatus_OK)
      photo.texture->SetStatus(ImTextureStatus_WantUpdates);
  }
  const Picture& whole = of->picture;
  const float by = std::min(1.f, float(kPhotoSide) / float(std::max(whole.width, whole.height)));
  const Picture shown = resized(whole, std::max(1, int(float(whole.width) * by)),
                                std::max(1, int(float(whole.height) * by)), Resample::bilinear);
  for (int y = 0; y < shown.height; ++y) {
    const auto to = static_cast<uint8_t*>(photo.texture->GetPixelsAt(0, y));
    for (int x = 0; x < shown.width; ++x) {
      std::copy_n(shown.at(x, y), 3, to + 4 * x);
      to[4 * x + 3] = 255;
    }
  }
  photo.of = of;
  photo.wide = float(shown.width) / kPhotoSide;
  photo.tall = float(shown.height) / kPhotoSide;
  return photo;
}

struct Pen {
  const Frame& f;
  ImDrawList* list;
  ImVec2 origin;

  ImVec2 at(Vec2 v) const { return {origin.x + v.x, origin.y + v.y}; }

  void operator()(const Rect& r) const {
    ImU32 color = ink_color(f.ui.dark, r.ink);
    if (r.weight >= 0) {
      color = rgb(f.palette_color(r.weight), r.alpha);
    } else if (r.alpha < 1) {
      color = faded(color, r.alpha);
    }
    list->AddRectFilled(at(r.min), at(r.max), color, r.corner());
  }
  void operator()(const Line& l) const {
    list->AddLine(at(l.from), at(l.to), faded(ink_color(f.ui.dark, l.ink), l.alpha), l.width);
  }
  void operator()(const Cells& c) const {
    const ImVec2 min = at(c.min);
    const float width = (c.max.x - c.min.x) / float(c.cols),
                height = (c.max.y - c.min.y) / float(c.rows);
    for (int r = 0; r < c.rows; ++r)
      for (int k = 0; k < c.cols; ++k) {
        const float place = c.places[size_t(r) * size_t(c.cols) + size_t(k)];
        const ImU32 color = place == place ? rgb(f.palette_color(place)) : rgb(f.colors().field);
        list->AddRectFilled({min.x + float(k) * width, min.y + float(r) * height},
                            {min.x + float(k + 1) * width, min.y + float(r + 1) * height}, color);
      }
  }
  void operator()(const Photo& p) const {
    const PhotoTexture& photo = photo_texture(f.ui.photo, p.of);
    list->AddImage(photo.texture->GetTexRef(), at(p.min), at(p.max), {0, 0},
                   {photo.wide, photo.tall});
  }
  void operator()(const Label& l) const {
    if (l.scale != 1) ImGui::PushFont(nullptr, ImGui::GetStyle().FontSizeBase * l.scale);
    draw_label(l);
    if (l.scale != 1) ImGui::PopFont();
  }
  void draw_label(const Label& l) const {
    const std::string cut = l.max_width > 0 ? fit_text(l.text, l.max_width) : l.text;
    const float width = ImGui::CalcTextSize(cut.c_str(), cut.c_str() + cut.size()).x;
    ImVec2 p = at(l.at);
    if (l.align == Align::right) p.x -= width;
    if (l.align == Align::center) p.x -= width / 2;
    const char* end = cut.c_str() + cut.size();
    const ImU32 color = l.on >= 0 ? ink_on(f.palette_color(l.on)) : ink_color(f.ui.dark, l.ink);
    if (!l.upright) return list->AddText(p, color, cut.c_str(), end);
    // Rotated by -90° about its start. Dear ImGui clips glyphs before the rotation, hence the full
    // clip rectangle.
    const ImVec2 pivot = at(l.at);
    const int first = list->VtxBuffer.Size;
    list->PushClipRectFullScreen();
    list->AddText({p.x, pivot.y - ImGui::GetFontSize() / 2}, color, cut.c_str(), end);
    list->PopClipRect();
    for (int i = first; i < list->VtxBuffer.Size; ++i) {
      ImVec2& v = list->VtxBuffer[i].pos;
      v = {pivot.x + (v.y - pivot.y), pivot.y - (v.x - pivot.x)};
    }
  }
};

float top_of(const Rect& r) { return r.min.y; }
float top_of(const Line& l) { return std::min(l.from.y, l.to.y); }
float top_of(const Label& l) { return l.at.y; }
float top_of(const Cells&) { return -1; }
float top_of(const Photo&) { return -1; }
Vec2 place_of(const Rect& r) { return r.min; }
Vec2 place_of(const Line& l) { return l.from; }
Vec2 place_of(const Label& l) { return l.at; }
Vec2 place_of(const Cells& c) { return c.min; }
Vec2 place_of(const Photo& p) { return p.min; }

}  // namespace

void draw_pinned(const Frame& f, const Figure& figure, Vec2 origin, Vec2 names, float foot) {
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ImVec2 from = list->GetClipRectMin(), to = list->GetClipRectMax();
  const auto band = [&](ImVec2 min, ImVec2 max, ImVec2 at, auto&& belongs) {
    list->PushClipRect(min, max, true);
    list->AddRectFilled(min, max, rgb(f.colors().panel));
    const Pen pen{f, list, at};
    for (const Shape& shape : figure.shapes)
      if (std::visit([&](const auto& s) { return belongs(place_of(s)); }, shape))
        std::visit(pen, shape);
    list->PopClipRect();
  };
  const bool across = ImGui::GetScrollX() > 0, down = ImGui::GetScrollY() > 0;
  const ImVec2 corner = {from.x + names.x, from.y + names.y};
  if (across)
    band(from, {corner.x, to.y}, {from.x, origin.y},
         [&](Vec2 p) { return p.x < names.x && p.y >= names.y && p.y < foot; });
  if (down) band(from, {to.x, corner.y}, {origin.x, from.y}, [&](Vec2 p) { return p.y < names.y; });
  if (across) list->AddRectFilled(from, corner, rgb(f.colors().panel));
  if (across)
    band({from.x, origin.y + foot}, to, {from.x, origin.y}, [&](Vec2 p) { return p.y >= foot; });
}

const HitArea* draw_figure(const Frame& f, const char* id, const Figure& figure,
                           const HitArea** hovered) {
  if (hovered) *hovered = nullptr;
  const ImVec2 origin = ImGui::GetCursorScreenPos();
  const bool clicked =
      ImGui::InvisibleButton(id, {std::max(1.f, figure.size.x), std::max(1.f, figure.size.y)});
  const bool over = ImGui::IsItemHovered();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const HitArea* under = nullptr;
  if (over) {
    const ImVec2 mouse = ImGui::GetMousePos();
    const Vec2 p = {mouse.x - origin.x, mouse.y - origin.y};
    for (const HitArea& area : figure.areas)
      if (p.x >= area.min.x && p.x < area.max.x && p.y >= area.min.y && p.y < area.max.y)
        under = &area;
  }
  if (under)
    list->AddRectFilled({origin.x + under->min.x - 4, origin.y + under->min.y},
                        {origin.x + under->max.x + 4, origin.y + under->max.y},
                        rgb(f.colors().accent, .12f), 5);

  // Shapes far outside the window are skipped.
  const float from = list->GetClipRectMin().y - origin.y - 40;
  const float to = list->GetClipRectMax().y - origin.y + 40;
  const Pen pen{f, list, origin};
  for (const Shape& shape : figure.shapes) {
    const float top = std::visit([](const auto& s) { return top_of(s); }, shape);
    if (top <= to && (top >= from || std::holds_alternative<Line>(shape) || top < 0))
      std::visit(pen, shape);
  }
  if (under && under->link >= 0)  // over the cells, which would hide it
    for (const HitArea& area : figure.areas)
      if (area.link == under->link)
        list->AddRect({origin.x + area.min.x - 1, origin.y + area.min.y - 1},
                      {origin.x + area.max.x + 1, origin.y + area.max.y + 1},
                      rgb(f.colors().accent), 2, 0, 2);
  if (under) {
    if (!under->says.empty()) tooltip(under->says);
    ImGui::SetMouseCursor(ImGuiMouseCursor_Hand);
  }
  if (hovered) *hovered = under;
  return clicked ? under : nullptr;
}

}  // namespace attn
