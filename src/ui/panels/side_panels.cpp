// side_panels.cpp - the token's row, the comparison of heads, and facts about the model
// or the demonstration.
#include <algorithm>
#include <cmath>

#include "base/bytes.h"
#include "figure/caption.h"
#include "figure/figure_text.h"
#include "figure/views.h"
#include "platform/platform.h"
#include "ui/canvas.h"
#include "ui/focus.h"
#include "ui/panels/view_parts.h"
#include "ui/widgets.h"

namespace attn {
namespace {

constexpr double kFollowWork = 1e7;  // multiplications a frame, while the mouse moves

// The part in view, with a margin to scroll before the figure is rebuilt.
ViewPart part_in_sight() {
  const float step = 2000, top = std::floor(ImGui::GetScrollY() / step) * step;
  return {top - step, top + 2 * step + ImGui::GetWindowHeight()};
}

// Whether `c` holds this figure already; else marks it as being of these inputs.
bool is_cached(const Frame& f, FigureCache& c, const State& at,
               const std::shared_ptr<const MadeMeasure>& made, float width, float line_height) {
  const ViewPart part = part_in_sight();
  if (c.drawn.lock() == f.drawn() && c.made == made && c.state == at && c.width == width &&
      c.line_height == line_height && c.touch == f.ui.touch && c.part == part)
    return true;
  c = {f.drawn(), made, at, part, width, line_height, f.ui.touch, {}};
  return false;
}

// The row in focus.
const Figure& row_figure(const Frame& f, FigureCache& cache, const State& at, const FocusRow& row) {
  const float width = std::floor(ImGui::GetContentRegionAvail().x);
  const float line_height = ImGui::GetFontSize() + 3;
  if (is_cached(f, cache, at, row.made, width, line_height)) return cache.figure;
  const Measure measure{
      {Axis::key}, {int(row.values.size())}, {row.values.begin(), row.values.end()}};
  ViewInput input{measure, f.pairs(), at, width, line_height, cache.part};
  input.metric = row.metric;
  input.hidden = row.hidden;
  input.least_row = f.ui.touch ? kTouchSide : 0;
  return cache.figure = find_view("bars")->figure(input);
}

// The row of a query in every head of its layer, [head, key].
Measure rows_of_heads(const Frame& f, const State& at) {
  if (!f.reading) return find_metric("heads_row")->compute({f.stack(), f.trace, &at});
  const Attention& a = f.attention();
  Measure rows{{Axis::head, Axis::key}, {a.n_heads, f.pairs().n_key}, {}};
  for (int head = 0; head < a.n_heads; ++head) {
    const GroupRow row = group_row(a, *f.reading, at.layer, head, at.token);
    rows.values.insert(rows.values.end(), row.values.begin(), row.values.end());
  }
  return rows;
}

// The row in focus in every head of its layer.
const Figure& heads_figure_of(const Frame& f, FigureCache& cache, const State& at) {
  const float width = std::floor(ImGui::GetContentRegionAvail().x);
  const float line_height = ImGui::GetFontSize() + 3;
  if (is_cached(f, cache, at, nullptr, width, line_height)) return cache.figure;
  const Measure measure = rows_of_heads(f, at);
  return cache.figure =
             find_view("heads")->figure({measure, f.pairs(), at, width, line_height, cache.part});
}

void draw_fact(const Frame& f, const char* name, const std::string& value) {
  if (value.empty()) return;
  ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().faint));
  ImGui::TextUnformatted(name);
  ImGui::PopStyleColor();
  ImGui::SameLine(ImGui::GetCursorStartPos().x + 96);
  wrapped(value);
}

std::string grouped(int64_t n) {  // 1234567 -> 1,234,567
  std::string digits = std::to_string(n);
  for (int at = int(digits.size()) - 3; at > 0; at -= 3) digits.insert(size_t(at), ",");
  return digits;
}

void draw_scratch_facts(Frame& f) {
  const Attention& a = f.attention();
  const auto n = [](int i) { return std::to_string(i); };
  draw_fact(f, f.t("Shape", "形状"),
            "[" + n(a.n_samples) + ", " + n(a.n_heads) + ", " + n(a.n_query) + ", " + n(a.n_key) +
                "] = " + f.t("[batch, heads, queries, keys]", "[批, 头, 查询, 键]"));
  const std::span<const float> row = f.row();
  if (!row.empty()) {
    const int key = f.shown.locked_key >= 0 ? f.shown.locked_key : top_keys(row, 1)[0].key;
    const std::string at = "[" + n(f.shown.sample) + ", " + n(f.shown.head) + ", " +
                           n(f.shown.token) + ", " + n(key) +
                           "] = " + weight_text(row[size_t(key)]);
    draw_fact(f, f.t("One element", "一个元素"),
              at + f.t(": the share of query ", "：查询 ") + n(f.shown.token) +
                  f.t("'s attention that goes to key ", " 的注意力分配给键 ") + n(key) +
                  f.t("", " 的比例"));
  }
  const float root = std::sqrt(float(a.d_head));
  draw_fact(f, f.t("Formula", "公式"),
            "softmax(QKᵀ / √d_k), d_k = " + n(a.d_head) +
                ", √d_k = " + weight_text(root, root == std::floor(root) ? 0 : 3));
  draw_fact(f, f.t("Input", "输入"),
            f.t("random, so the heads have no meaning; this shows how attention is computed",
                "随机数，因此各头没有实际含义；这里展示注意力如何计算"));
}

// What a head of labels tells apart, and where it reads.
std::string labels_text(const Frame& f, const LabelHead& head) {
  constexpr size_t kListed = 12;
  std::string text = head.at == ReadAt::token ? f.t("of each token: ", "每个词元：")
                     : f.of_picture()         ? f.t("of the picture: ", "图片：")
                                              : f.t("of the text: ", "整段文本：");
  for (size_t i = 0; i < head.names.size(); ++i) {
    if (i == kListed) return text + "…";
    text += (i > 0 ? ", " : "") + head.names[i];
  }
  return text;
}

// "12 layers × 16 heads (8 key-value heads)"
std::string size_of(const Frame& f, const Config& c) {
  const auto n = [](int i) { return std::to_string(i); };
  std::string heads =
      n(c.n_layers) + f.t(" layers × ", " 层 × ") + n(c.n_heads) + f.t(" heads", " 头");
  if (c.n_kv_heads != c.n_heads)
    heads += f.t(" (", "（") + n(c.n_kv_heads) + f.t(" key-value heads)", " 个键值头）");
  return heads;
}

void draw_model_facts(Frame& f, const Model& model) {
  const Config& c = model.config;
  const auto n = [](int i) { return std::to_string(i); };
  draw_fact(f, f.t("Model", "模型"), model.name);
  draw_fact(f, f.t("Architecture", "结构"), c.family);
  if (model.encoder) draw_fact(f, kPartTitles[0].in(f.lang), size_of(f, model.encoder->config));
  draw_fact(f, model.encoder ? kPartTitles[1].in(f.lang) : f.t("Size", "规模"), size_of(f, c));
  draw_fact(f, "d_model",
            n(c.d_model) + ", d_head " + n(c.d_head) +
                (c.n_experts > 0 ? ", d_expert " + n(c.d_expert) : ", d_mlp " + n(c.d_mlp)));
  if (c.n_experts > 0)
    draw_fact(
        f, f.t("Experts", "专家"),
        n(c.n_experts) + f.t(", each token visits ", "，每个词元使用 ") + n(c.n_active_experts));
  draw_fact(f, f.t("Parameters", "参数量"), grouped(model.n_parameters));
  const Vision& v = c.vision;
  if (c.reads_pictures())
    draw_fact(f, f.t("Pictures", "图片"),
              n(v.width) + " × " + n(v.height) + f.t(" pixels, patches of ", " 像素，图块 ") +
                  n(v.side) + " × " + n(v.side) +
                  (v.any_size ? f.t("; other sizes, too", "；也可为其他尺寸") : ""));
  else
    draw_fact(f, f.t("Vocabulary", "词表"),
              grouped(c.d_vocab) + f.t(" tokens, ", " 个词元，") +
                  f.t("context length ", "上下文长度 ") + grouped(c.n_ctx));
  if (!c.labels.names.empty()) draw_fact(f, f.t("Labels", "标签"), labels_text(f, c.labels));
  for (const std::string& note : model.warnings) draw_fact(f, f.t("Warning", "警告"), note);
  for (const std::string& note : model.notes) draw_fact(f, f.t("Note", "说明"), note);
  for (const ModelEntry& entry : f.session.models()) {
    if (entry.id != f.state.model) continue;
    draw_fact(f, f.t("About", "简介"), f.lang == Lang::zh ? entry.about_zh : entry.about_en);
    if (!entry.card.empty() && ImGui::TextLink(f.t("Model card", "模型卡")))
      platform::open_link("models/" + entry.card);
  }
}

}  // namespace

void draw_no_trace(Frame& f, bool why) {
  if (f.ui.emptied)
    return why ? wrapped(f.t("The text is empty. Type one above, or choose an example.",
                             "文本为空。请在上方输入文本，或选择一个示例。"))
               : heading(f, f.t("Nothing to show yet", "暂无内容"));
  if (f.snap.error && !why) return heading(f, f.t("Nothing to show yet", "暂无内容"));
  if (!f.snap.error)
    return heading(f, f.ui.fetching >= 0 ? f.t("Downloading the model…", "正在下载模型…")
                                         : f.t("Computing…", "正在计算…"));
  wrapped(f.snap.error->message);
  const bool is_here = std::ranges::find(f.session.models(), f.state.model, &ModelEntry::id) !=
                       f.session.models().end();
  if (!f.state.model.starts_with("file:") || is_here) return;
  if (ImGui::Button(f.t("Open its files…", "打开它的文件…"))) pick_model(f, false);
  item_tooltip(f.t("The link names a model of your own; choose its files again",
                   "链接中的模型来自你自己的文件，请重新选择"));
}

void draw_bars_panel(Frame& f) {
  if (!f.trace) return draw_no_trace(f);
  const State at = focused(f);
  const FocusRow row = focus_row(f, at);
  heading(f, row_title(row.metric, at, f.pairs()));
  if (row.values.empty()) {
    if (row.metric) return draw_missing(f, row.made);
    return wrapped(not_kept(f, at.layer));
  }
  ImGui::BeginChild("bars", {0, 0}, kTabPasses);
  ImGui::PushFont(nullptr, 14);
  const HitArea* hovered = nullptr;
  const Figure& figure = row_figure(f, f.ui.bars, at, row);
  const HitArea* hit = draw_figure(f, "##bars", figure, &hovered);
  f.mark("bars");
  // Of the chosen query, whichever was pointed at before.
  if (hovered) point_at(f, f.shown.token, hovered->key);
  if (hit) lock_cell(f, f.shown.token, hit->key);
  ImGui::PopFont();
  ImGui::EndChild();
}

void draw_heads_panel(Frame& f) {
  if (!f.trace) return draw_no_trace(f);
  State at = focused(f);
  const Attention& a = f.attention();
  // Where a row of every head takes too long to follow the mouse, the chosen one stays.
  const double rows = f.reading ? double(a.n_query) / f.pairs().n_query : 1;
  if (rows * a.n_heads * a.n_key * (a.d_head + 16) > kFollowWork) at = f.shown;
  if (!a.is_kept(at.layer)) return wrapped(not_kept(f, at.layer));
  heading(f, f.t("Query ", "查询 ") + position_text(f.queries(), at.token) +
                 f.t(" in every head of layer ", " 在第 ") + std::to_string(at.layer) +
                 f.t("", " 层各头的关注对象"));
  ImGui::BeginChild("heads", {0, 0}, kTabPasses);
  ImGui::PushFont(nullptr, 14);
  const HitArea* hovered = nullptr;
  const Figure& figure = heads_figure_of(f, f.ui.heads, at);
  const HitArea* hit = draw_figure(f, "##heads", figure, &hovered);
  if (hovered) {
    f.ui.next_hover_layer = hovered->site->layer;
    f.ui.next_hover_head = hovered->site->head;
  }
  if (hit) choose_head(f, hit->site->layer, hit->site->head);
  ImGui::PopFont();
  ImGui::EndChild();
}

void draw_facts_panel(Frame& f) {
  if (!f.trace) return draw_no_trace(f);
  heading(f, f.snap.model ? f.t("This model", "当前模型") : f.t("This demonstration", "当前演示"));
  const float top = ImGui::GetCursorPosY();
  ImGui::PushFont(nullptr, 13.5f);
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {8, 4});
  if (f.snap.model)
    draw_model_facts(f, *f.snap.model);
  else
    draw_scratch_facts(f);
  const MemoryUse& memory = f.snap.memory;
  draw_fact(f, f.t("Memory", "内存"),
            f.t("used ", "已用 ") + human_bytes(memory.used()) + f.t(" of ", "，上限 ") +
                human_bytes(memory.limit) + f.t(" (weights ", "（权重 ") +
                human_bytes(memory.weights) + f.t(", texts ", "，文本 ") +
                human_bytes(memory.traces) + f.t(", pictures ", "，图像 ") +
                human_bytes(memory.pictures) + f.t(")", "）"));
  ImGui::PopStyleVar();
  ImGui::PopFont();
  f.ui.facts_height = ImGui::GetCursorPosY() - top + 44;
}

}  // namespace attn
