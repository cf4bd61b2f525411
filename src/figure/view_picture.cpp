// view_picture.cpp - a picture cut into patches, and one row of a head painted on them.
#include <algorithm>
#include <cmath>

#include "figure/caption.h"
#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"
#include "figure/heads_table.h"

namespace attn {
namespace {

// How much the colours cover of the picture: small weights leave it visible.
float cover_of(float place) { return .35f + .45f * place; }

struct Side {
  Vec2 at;
  float cell;
  const Patches& patches;
  Vec2 size() const { return {cell * float(patches.columns()), cell * float(patches.rows())}; }
  Vec2 corner(int patch) const {
    const int row = patch / patches.columns();
    return {at.x + cell * float(patch % patches.columns()), at.y + cell * float(row)};
  }
};

// The seen picture without what is left over beyond the last whole patches.
void add_photo(Figure& figure, const Side& side, const std::shared_ptr<const Patches>& patches) {
  const float pixel = side.cell / float(patches->side);
  figure.shapes.push_back(Photo{side.at,
                                {side.at.x + pixel * float(patches->picture.width),
                                 side.at.y + pixel * float(patches->picture.height)},
                                patches});
}

std::string name_of(const ViewInput& input, const std::vector<Tokens>& of, int token) {
  return position_text(of[size_t(input.state.sample)].items, token) + " " +
         quoted_token(input.state.lang, token_name(of, input.state.sample, token));
}

}  // namespace

Figure picture_figure(const ViewInput& input) {
  const State& s = input.state;
  const float line = input.line_height;
  const auto patches =
      input.pairs.key_tokens.empty() ? nullptr : input.pairs.key_tokens[size_t(s.sample)].patches;
  const std::vector<float>& values = input.measure.values;
  if (!patches || int(values.size()) != patches->first + patches->n())
    return {{input.width, line * 2},
            {Label{{0, 0},
                   tr(s.lang, "Only models that read pictures have this view",
                      "只有读入图片的模型才有此视图"),
                   Ink::faint}},
            {}};
  // Of a pooling head, which has one query, the patches are keys alone.
  const bool chooses = input.pairs.query_tokens[size_t(s.sample)].patches != nullptr;
  const std::string from = name_of(input, input.pairs.query_tokens, s.token);
  const float gap = line * .8f, foot = line * 1.6f;
  const float chips = patches->first > 0 ? line * 2 : 0, top = line * 1.4f + chips;
  const bool below = input.width < 420;
  const float room = below ? input.width : (input.width - gap) / 2;
  const float pixels = float(patches->picture.width) / float(patches->side);
  float cell = room / pixels;
  if (input.height > 0 && !below)
    cell = std::min(cell, std::max(line * 4, input.height - top - foot) * float(patches->side) /
                              float(patches->picture.height));
  const Side plain{{0, top}, cell, *patches};
  const float high = cell * float(patches->picture.height) / float(patches->side);
  const Side painted{below ? Vec2{0, top + high + gap} : Vec2{pixels * cell + gap, top}, cell,
                     *patches};
  ValueRange range = range_of(input.metric, values);
  if (!input.metric && s.scale == Scale::automatic)  // that of the patches, which are many
    range.high = most_of(std::span(values).subspan(size_t(patches->first)));
  if (!(range.high > 0)) range.high = 1;
  // The next number of two digits, for the bar.
  const float digit = std::pow(10.f, std::floor(std::log10(range.high)) - 1);
  range.high = std::ceil(range.high / digit - 1e-3f) * digit;
  const float most = most_of(values);
  const auto place_of = [&](int key) {
    const float value = values[size_t(key)];
    const float place = input.metric ? range.colored(s.scale, value, most)
                                     : scale_position(s.scale, value, most, range.high);
    return place == place ? std::clamp(place, 0.f, 1.f) : 0;
  };
  const auto says = [&](int key) {
    return tr(s.lang, "query ", "查询 ") + from + tr(s.lang, "\nkey ", "\n键 ") +
           name_of(input, input.pairs.key_tokens, key) + ": " +
           value_text(input.metric, values[size_t(key)]);
  };
  Figure figure{{input.width, painted.at.y + high + foot}, {}, {}};
  figure.shapes.push_back(
      Label{{0, 0},
            tr(s.lang, "From ", "自 ") + from + tr(s.lang, " to each patch", " 到各图块"),
            Ink::text,
            Align::left,
            input.width});
  // [CLS] and registers, which have no place in the picture.
  float x = 0;
  for (int k = 0; k < patches->first; ++k) {
    const std::string text(token_name(input.pairs.key_tokens, s.sample, k));
    const float wide = std::min(rough_width(text, line * .85f) + line, input.width - x);
    const Vec2 min = {x, line * 1.4f}, max = {x + wide, line * 2.9f};
    if (wide < line) break;
    figure.shapes.push_back(Rect{min, max, Ink::accent, place_of(k)});
    if (chooses && k == s.token)
      figure.shapes.push_back(Rect{{min.x, max.y + 1}, {max.x, max.y + 3}, Ink::accent});
    figure.shapes.push_back(Label{{x + wide / 2, min.y + line * .25f},
                                  text,
                                  Ink::text,
                                  Align::center,
                                  wide - 4,
                                  .85f,
                                  false,
                                  place_of(k)});
    figure.areas.push_back({min, max, says(k), {}, chooses ? k : s.token, chooses ? -1 : k});
    x += wide + 4;
  }
  for (const Side* side : {&plain, &painted}) add_photo(figure, *side, patches);
  for (int i = 0; i < patches->n(); ++i) {
    const int token = patches->first + i;
    const auto span = [&](const Side& side) {
      const Vec2 min = side.corner(i);
      return std::pair(min, Vec2{min.x + cell, min.y + cell});
    };
    const auto [left_min, left_max] = span(plain);
    if (chooses)
      figure.areas.push_back(
          {left_min,
           left_max,
           tr(s.lang, "query ", "查询 ") + name_of(input, input.pairs.key_tokens, token),
           {},
           token,
           -1});
    if (chooses && token == s.token) add_frame(figure, left_min, left_max, Ink::accent, 2);
    const auto [min, max] = span(painted);
    figure.shapes.push_back(
        Rect{min, max, Ink::accent, place_of(token), cover_of(place_of(token)), true});
    if (token == s.locked_key) add_frame(figure, min, max, Ink::accent, 2);
    figure.areas.push_back({min, max, says(token), {}, s.token, token});
  }
  add_color_bar(figure, input.metric, range, {painted.at.x, painted.at.y + high + line * .3f},
                std::min(200.f, pixels * cell), line, false, &s.scale);
  return figure;
}

}  // namespace attn
