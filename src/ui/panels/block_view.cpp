// block_view.cpp - the blocks of a chapter: sentences, code, tables whose rows can be chosen, maps.
#include <algorithm>
#include <cmath>

#include "platform/platform.h"
#include "ui/panels/view_parts.h"
#include "ui/widgets.h"

namespace attn {
namespace {

constexpr float kGap = 10;          // between columns
constexpr float kLeastBar = 36;     // width of a column of bars
constexpr size_t kManyColumns = 6;  // from these on, a table scrolls sideways
constexpr float kSmallest = 8.5f;   // letters of a map

std::vector<float> widths_of(const TextTable& table) {
  std::vector<float> widths(table.rows().front().size(), 0);
  for (const auto& row : table.rows())
    for (size_t c = 0; c < row.size(); ++c)
      widths[c] = table.aligns()[c] == 'b' ? kLeastBar : std::max(widths[c], text_width(row[c]));
  return widths;
}

// Number of leading columns that fit in `room`; the others go below, each in a line of its own.
size_t n_fitting(const std::vector<float>& widths, float room) {
  float used = 0;
  for (size_t c = 0; c < widths.size(); ++c) {
    used += widths[c] + (c > 0 ? kGap : 0);
    if (used > room) return std::max<size_t>(c, 1);
  }
  return widths.size();
}

bool is_chosen(const Frame& f, const RowPick& pick) {
  if (pick.head >= 0) return pick.head == f.shown.head;
  if (pick.key >= 0) return pick.key == f.shown.locked_key;
  return pick.query >= 0 && pick.query == f.shown.token;
}

void choose(Frame& f, const RowPick& pick) {
  if (pick.head >= 0) return choose_head(f, f.shown.layer, pick.head);
  if (pick.key >= 0) return lock_cell(f, pick.query, pick.key);
  choose_token(f, pick.query);
}

bool is_pickable(const RowPick& pick) { return pick.head >= 0 || pick.query >= 0; }

// The cells of a row that fit beside each other, in a line that can be chosen.
void draw_line(Frame& f, const TextTable& table, size_t r, const std::vector<float>& widths,
               size_t n) {
  const auto& row = table.rows()[r];
  const RowPick& pick = table.pick(r);
  const float size = ImGui::GetFontSize(), room = ImGui::GetContentRegionAvail().x;
  const ImVec2 at = ImGui::GetCursorScreenPos();
  ImDrawList* list = ImGui::GetWindowDrawList();
  ImGui::PushID(int(r));
  if (is_pickable(pick)) {
    if (ImGui::InvisibleButton("##row", {room, size + 4}, ImGuiButtonFlags_EnableNav))
      choose(f, pick);
    f.mark("learn.row." + std::to_string(r));
    if (is_chosen(f, pick) || ImGui::IsItemHovered())
      list->AddRectFilled({at.x - 4, at.y}, {at.x + room, at.y + size + 4},
                          rgb(f.colors().accent, is_chosen(f, pick) ? .16f : .08f), 5);
  } else {
    ImGui::Dummy({room, size + 4});
  }
  ImGui::PopID();
  const bool has_bar = r > 0 && pick.bar >= 0;
  if (has_bar && n < widths.size())  // no room for its column
    list->AddRectFilled({at.x, at.y + size + 2}, {at.x + room * pick.bar, at.y + size + 4},
                        rgb(f.colors().accent, .8f), 1);
  float x = at.x;
  const ImU32 ink = rgb(r == 0 ? f.colors().faint : f.colors().text);
  for (size_t c = 0; c < n; ++c) {
    const char align = table.aligns()[c];
    if (align == 'b' && has_bar) {
      const float full = std::max(0.f, at.x + room - x - 4);
      list->AddRectFilled({x, at.y + 5}, {x + std::max(1.f, full * pick.bar), at.y + size - 1},
                          rgb(f.colors().accent, .8f), 2);
    } else if (align != 'b') {
      const float shift = align == 'r' ? widths[c] - text_width(row[c]) : 0;
      list->AddText({x + shift, at.y + 2}, ink, row[c].c_str());
    }
    x += widths[c] + kGap;
  }
}

void draw_table(Frame& f, const TextTable& table) {
  const std::vector<float> widths = widths_of(table);
  const bool sideways = widths.size() >= kManyColumns;
  const size_t n =
      sideways ? widths.size() : n_fitting(widths, ImGui::GetContentRegionAvail().x - 2);
  if (sideways) {
    float width = 0;
    for (float w : widths) width += w + kGap;
    const float high =
        (ImGui::GetFontSize() + 4 + ImGui::GetStyle().ItemSpacing.y) * float(table.rows().size()) +
        ImGui::GetStyle().ScrollbarSize;
    ImGui::SetNextWindowContentSize({width, 0});
    ImGui::BeginChild("table", {0, high}, kTabPasses, ImGuiWindowFlags_HorizontalScrollbar);
  }
  for (size_t r = 0; r < table.rows().size(); ++r) {
    draw_line(f, table, r, widths, n);
    if (r == 0) {
      ImGui::Separator();
      continue;
    }
    ImGui::Indent(10);
    ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().faint));
    for (size_t c = n; c < widths.size(); ++c)
      if (!table.rows()[r][c].empty() && table.aligns()[c] != 'b')
        wrapped(c + 1 < widths.size() || n + 1 < widths.size()
                    ? table.rows()[0][c] + f.t(": ", "：") + table.rows()[r][c]
                    : table.rows()[r][c]);
    ImGui::PopStyleColor();
    ImGui::Unindent(10);
  }
  if (sideways) ImGui::EndChild();
}

void draw_map(Frame& f, const TextTable& cells) {
  const auto& rows = cells.rows();
  float label = 0, side = text_width("██") + 1;
  const auto width_of_all = [&] { return label + 8 + side * float(rows[0].size() - 1); };
  for (const auto& row : rows) label = std::max(label, text_width(row[0]));
  for (const auto& row : rows)
    for (size_t c = 1; c < row.size(); ++c) side = std::max(side, text_width(row[c]) + 1);
  // Smaller letters for a wide one, as far as they can be read.
  const float size = ImGui::GetFontSize(), room = ImGui::GetContentRegionAvail().x;
  const float shrink = std::clamp(room / width_of_all(), kSmallest / size, 1.f);
  ImGui::PushFont(nullptr, size * shrink);
  label *= shrink;
  side *= shrink;
  const float line = size * shrink + 4, width = width_of_all();
  const float high = line * float(rows.size());
  const bool sideways = width > room + 1;
  if (sideways) {
    ImGui::SetNextWindowContentSize({width, 0});
    ImGui::BeginChild("map", {0, high + ImGui::GetStyle().ScrollbarSize}, kTabPasses,
                      ImGuiWindowFlags_HorizontalScrollbar);
  }
  const ImVec2 at = ImGui::GetCursorScreenPos();
  ImDrawList* list = ImGui::GetWindowDrawList();
  for (size_t r = 0; r < rows.size(); ++r) {
    const float y = at.y + line * float(r);
    if (is_chosen(f, cells.pick(r)))
      list->AddRectFilled({at.x - 3, y}, {at.x + label + 4, y + line - 1},
                          rgb(f.colors().accent, .16f), 4);
    list->AddText({at.x, y + 1}, rgb(f.colors().faint), rows[r][0].c_str());
    for (size_t c = 1; c < rows[r].size(); ++c) {
      const bool filled = rows[r][c].starts_with("\xe2\x96");  // ░▒▓█
      list->AddText({at.x + label + 8 + side * float(c - 1), y + 1},
                    rgb(filled ? f.colors().text : f.colors().faint), rows[r][c].c_str());
    }
  }
  ImGui::Dummy({width, high});
  f.mark("learn.map");
  if (sideways) ImGui::EndChild();
  ImGui::PopFont();
}

void draw_code(Frame& f, const std::string& text) {
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const float room = ImGui::GetContentRegionAvail().x;
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->ChannelsSplit(2);
  list->ChannelsSetCurrent(1);
  ImGui::BeginGroup();
  ImGui::Dummy({0, 2});
  ImGui::Indent(8);
  wrapped(text);
  ImGui::Unindent(8);
  ImGui::Dummy({0, 2});
  ImGui::EndGroup();
  list->ChannelsSetCurrent(0);
  list->AddRectFilled(at, {at.x + room, ImGui::GetItemRectMax().y}, rgb(f.colors().field), 6);
  list->ChannelsMerge();
}

}  // namespace

void draw_blocks(Frame& f, const TextBlocks& blocks) {
  for (size_t i = 0; i < blocks.size(); ++i) {
    const TextBlock& block = blocks[i];
    ImGui::PushID(int(i));
    if (block.copies) {
      if (ImGui::Button(f.t("Copy", "复制"))) {
        platform::copy(block.text);
        toast(f, f.t("Copied", "已复制"));
      }
      f.mark("button.copy." + std::to_string(i));
      item_tooltip(f.t("Copies this text", "复制这段文本"));
    }
    switch (block.kind) {
      case TextBlock::Kind::sentence:
        explained(f, paragraph(block, f.lang));
        break;
      case TextBlock::Kind::code:
        draw_code(f, block.text);
        break;
      case TextBlock::Kind::table:
        draw_table(f, block.table);
        break;
      case TextBlock::Kind::map:
        draw_map(f, block.table);
        break;
    }
    ImGui::PopID();
    if (i + 1 == blocks.size() || !blocks[i + 1].follows) ImGui::Dummy({1, 4});
  }
}

}  // namespace attn
