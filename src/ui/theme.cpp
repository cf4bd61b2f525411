#include "ui/theme.h"

namespace attn {
namespace {

constexpr ThemeColors kDark = {.page = 0x101217,
                               .panel = 0x181b22,
                               .field = 0x242934,
                               .field_hover = 0x2f3644,
                               .line = 0x303745,
                               .text = 0xe7eaf0,
                               .faint = 0x9aa4b5,
                               .accent = 0x7fb0ff,
                               .on_accent = 0x0d1524,
                               .warn = 0xffb36b,
                               .warn_panel = 0x33271a};
constexpr ThemeColors kLight = {.page = 0xf1f3f6,
                                .panel = 0xffffff,
                                .field = 0xe9edf2,
                                .field_hover = 0xdce3eb,
                                .line = 0xd5dce5,
                                .text = 0x1a212d,
                                .faint = 0x586375,
                                .accent = 0x2a5bd7,
                                .on_accent = 0xffffff,
                                .warn = 0xa04a00,
                                .warn_panel = 0xfff1df};

ImVec4 vec(uint32_t color, float alpha = 1) {
  return ImGui::ColorConvertU32ToFloat4(rgb(color, alpha));
}

}  // namespace

const ThemeColors& theme_colors(bool dark) { return dark ? kDark : kLight; }

ImU32 rgb(uint32_t color, float alpha) {
  return IM_COL32(color >> 16 & 255, color >> 8 & 255, color & 255, int(alpha * 255 + .5f));
}

ImU32 rgb(Rgb color, float alpha) { return rgb(packed(color), alpha); }

ImU32 ink_color(bool dark, Ink ink) {
  const ThemeColors& c = theme_colors(dark);
  switch (ink) {
    case Ink::text:
      return rgb(c.text);
    case Ink::faint:
      return rgb(c.faint);
    case Ink::line:
      return rgb(c.line);
    case Ink::accent:
      return rgb(c.accent);
    case Ink::warn:
      return rgb(c.warn);
    case Ink::panel:
      return rgb(c.panel);
  }
  return 0;
}

uint32_t mix(uint32_t a, uint32_t b, float t) {
  const auto channel = [&](int shift) {
    const float x = float(a >> shift & 255), y = float(b >> shift & 255);
    return uint32_t(x + (y - x) * t + .5f) << shift;
  };
  return channel(16) | channel(8) | channel(0);
}

ImU32 ink_on(uint32_t background) {
  // Rec. 709 weights on gamma-encoded channels: close enough to choose between two inks.
  const float light = .2126f * float(background >> 16 & 255) +
                      .7152f * float(background >> 8 & 255) + .0722f * float(background & 255);
  return light > 125 ? IM_COL32(16, 18, 23, 255) : IM_COL32(255, 255, 255, 255);
}

void apply_theme(bool dark, bool touch) {
  const ThemeColors& c = theme_colors(dark);
  ImGuiStyle& s = ImGui::GetStyle();
  s.WindowPadding = {12, 10};
  s.FramePadding = {10, touch ? (kTouchSide - s.FontSizeBase) / 2 : 6};
  s.ItemSpacing = {8, 8};
  s.ItemInnerSpacing = {6, 6};
  s.ScrollbarSize = 10;
  s.WindowRounding = s.PopupRounding = 10;
  s.ChildRounding = 10;
  s.FrameRounding = s.GrabRounding = 7;
  s.ScrollbarRounding = 5;
  s.WindowBorderSize = s.FrameBorderSize = s.ChildBorderSize = 0;
  s.PopupBorderSize = 1;
  s.SelectableTextAlign = {0, .5f};
  s.DisabledAlpha = .4f;
  s.HoverStationaryDelay = touch ? 0 : .1f;  // a finger has rested before it points
  s.HoverDelayNormal = touch ? 0 : .35f;

  const auto set = [&](ImGuiCol which, uint32_t color, float alpha = 1) {
    s.Colors[which] = vec(color, alpha);
  };
  set(ImGuiCol_Text, c.text);
  set(ImGuiCol_TextDisabled, c.faint);
  set(ImGuiCol_TextLink, c.accent);
  set(ImGuiCol_WindowBg, c.page);
  set(ImGuiCol_ChildBg, c.page, 0);
  set(ImGuiCol_PopupBg, c.panel);
  set(ImGuiCol_Border, c.line);
  set(ImGuiCol_FrameBg, c.field);
  set(ImGuiCol_FrameBgHovered, c.field_hover);
  set(ImGuiCol_FrameBgActive, c.field_hover);
  set(ImGuiCol_Button, c.field);
  set(ImGuiCol_ButtonHovered, c.field_hover);
  set(ImGuiCol_ButtonActive, mix(c.field_hover, c.accent, .35f));
  set(ImGuiCol_Header, c.accent, .2f);
  set(ImGuiCol_HeaderHovered, c.accent, .14f);
  set(ImGuiCol_HeaderActive, c.accent, .28f);
  set(ImGuiCol_Separator, c.line);
  set(ImGuiCol_CheckMark, c.accent);
  set(ImGuiCol_ScrollbarBg, c.page, 0);
  set(ImGuiCol_ScrollbarGrab, c.faint, .35f);
  set(ImGuiCol_ScrollbarGrabHovered, c.faint, .55f);
  set(ImGuiCol_ScrollbarGrabActive, c.faint, .7f);
  set(ImGuiCol_InputTextCursor, c.accent);
  set(ImGuiCol_TextSelectedBg, c.accent, .3f);
  set(ImGuiCol_NavCursor, c.accent);
  set(ImGuiCol_ModalWindowDimBg, dark ? 0x000000 : 0x2a3140, .45f);
  set(ImGuiCol_PlotHistogram, c.accent);
  set(ImGuiCol_TitleBg, c.panel);
  set(ImGuiCol_TitleBgActive, c.panel);
}

}  // namespace attn
