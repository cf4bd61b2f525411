// first_hint.cpp - what to try first, until it is dismissed.
#include "platform/platform.h"
#include "ui/widgets.h"

namespace attn {

void draw_first_hint(Frame& f) {
  const ImVec2 window = ImGui::GetMainViewport()->Size;
  if (!f.ui.hint_read) {
    f.ui.hint_read = true;
    f.ui.hint_open = platform::load("hint").empty();
  }
  const bool wall = f.state.view == "wall";
  if (!f.ui.hint_open || window.y < 640 || !f.trace || f.snap.error ||
      f.state.panel == Panel::learn || (!wall && f.state.view != "map"))
    return;
  const float room = ImGui::GetContentRegionAvail().x;
  const Text mouse = wall ? Text{"Try first: hover a head to preview it, then click it",
                                 "先试试：将鼠标移到一个头上预览，再单击选中它"}
                          : Text{
                                "Try first: hover a row of the map to see what that token attends "
                                "to, then click another head in the grid",
                                "先试试：将鼠标移到热力图的一行，查看该词元关注什么；再在网格中单击"
                                "另一个头"};
  const Text finger = wall
                          ? Text{"Try first: tap a head to choose it", "先试试：点按一个头来选中它"}
                          : Text{"Try first: tap a row to see what it attends to",
                                 "先试试：点按热力图的一行，查看该词元关注什么"};
  const char* says = (f.ui.touch || window.x < 660 ? finger : mouse).in(f.lang);
  ImGui::PushStyleVar(ImGuiStyleVar_FramePadding,
                      {4, f.ui.touch ? (kTouchSide - kSmallText) / 2 : 4});
  ImGui::PushFont(nullptr, kSmallText);
  const float high = ImGui::GetFrameHeight();
  const std::string text = fit_text(says, room - high - 8);
  ImGui::AlignTextToFramePadding();
  ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().accent));
  ImGui::TextUnformatted(text.c_str());
  ImGui::PopStyleColor();
  f.mark("first_hint");
  item_tooltip(says);
  ImGui::SameLine(0, 6);
  ImGui::PushStyleColor(ImGuiCol_Button, 0);
  if (icon_button(f, "close_hint", Icon::close, f.t("Got it", "知道了"))) {
    f.ui.hint_open = false;
    platform::store("hint", "closed");
  }
  ImGui::PopStyleColor();
  ImGui::PopFont();
  ImGui::PopStyleVar();
}

}  // namespace attn
