// heat_map.frag - weights as colours: exact cells, and the largest where a pixel covers several.

uniform sampler2DArray u_maps;  // level l: largest of 2^l x 2^l cells; r: weight, g: over row's max
// Of a map in tiles of 256 x 256 cells, the layers of u_maps are tiles of any level, and u_table
// says where each of them is: a number a tile, 256 in a row, level by level; below 0 where it is
// not.
uniform isampler2D u_table;
uniform int u_levels;           // 0: not in tiles
uniform ivec2 u_pages[16];      // of a level: its first place in the table, its tiles side by side
uniform sampler2D u_colors;     // [palette, 256]
uniform ivec2 u_size;           // columns, rows
uniform vec2 u_span;            // cells per pixel
uniform int u_level;
uniform int u_scale;            // 0 automatic, 1 linear, 2 log, 3 row maximum
uniform float u_top;            // of an automatic scale, the weight with the brightest colour
uniform int u_palette;
uniform bool u_reversed;
uniform bool u_diverging;       // weights are places, 0.5 in the middle: of several, the farthest
uniform bool u_mean;            // of several, their mean instead of the largest
uniform bool u_causal;
uniform int u_reach;            // of a window: zeros farther from the diagonal are masked; -1: none
uniform bool u_dark;
uniform float u_lines;          // 0..1
uniform float u_pixels;         // per unit

in vec2 v_cell;
flat in int v_layer;
out vec4 o_color;

const float kNotThere = -2.0;

// Of a cell of level u_level, from the finest level that is here.
vec2 from_tiles(ivec2 cell) {
  for (int level = u_level; level < u_levels; ++level) {
    ivec2 at = cell >> (level - u_level), tile = at >> 8;
    int page = u_pages[level].x + tile.y * u_pages[level].y + tile.x;
    int layer = texelFetch(u_table, ivec2(page & 255, page >> 8), 0).r;
    if (layer >= 0) return texelFetch(u_maps, ivec3(at & 255, layer), 0).rg;
  }
  return vec2(kNotThere);
}

vec2 farthest(vec2 a, vec2 b) {
  if (b.r < 0.0) return a;
  return a.r < 0.0 || abs(b.r - 0.5) > abs(a.r - 0.5) ? b : a;
}

vec2 largest(ivec2 first, ivec2 last) {
  first >>= u_level;
  last >>= u_level;
  vec2 value = vec2(kNotThere);
  if (u_levels > 0 && u_mean) {
    vec3 sum = vec3(0.0);
    for (int y = first.y; y <= last.y; ++y)
      for (int x = first.x; x <= last.x; ++x) {
        vec2 one = from_tiles(ivec2(x, y));
        if (one.r >= 0.0) sum += vec3(one, 1.0);
      }
    return sum.z > 0.0 ? sum.xy / sum.z : from_tiles(first);
  }
  if (u_levels > 0) {
    for (int y = first.y; y <= last.y; ++y)
      for (int x = first.x; x <= last.x; ++x) value = max(value, from_tiles(ivec2(x, y)));
    return value;
  }
  ivec2 end = max(u_size >> u_level, 1) - 1;  // the last cell takes what an odd size leaves over
  first = min(first, end);
  last = min(last, end);
  for (int y = first.y; y <= last.y; ++y)
    for (int x = first.x; x <= last.x; ++x)
    {
      vec2 one = texelFetch(u_maps, ivec3(x, y, v_layer), u_level).rg;
      value = u_diverging ? farthest(value, one) : max(value, one);
    }
  return value;
}

float position(vec2 value) {
  if (u_scale == 2) return value.r > 0.0 ? 1.0 + log2(value.r) * 0.30103 / 4.0 : 0.0;
  return u_scale == 3 ? value.g : u_scale == 0 ? value.r / u_top : value.r;
}

vec3 masked() {
  float stripe = mod(gl_FragCoord.x + gl_FragCoord.y, 7.0 * u_pixels);
  float ink = stripe < u_pixels ? 1.0 : 0.0;
  return u_dark ? mix(vec3(0.115, 0.12, 0.135), vec3(0.18, 0.185, 0.205), ink)
                : mix(vec3(0.92, 0.925, 0.935), vec3(0.82, 0.83, 0.85), ink);
}

void main() {
  if (any(lessThan(v_cell, vec2(0.0))) || any(greaterThanEqual(v_cell, vec2(u_size)))) discard;

  // A pixel stands for the cells around its middle, so that each cell belongs to at least one.
  vec2 reach = 0.5 * max(u_span - 1.0, 0.0) + 1e-4 * u_span;
  ivec2 first = max(ivec2(floor(v_cell - reach)), 0);
  ivec2 last = min(ivec2(floor(v_cell + reach)), u_size - 1);

  // Keys that came before the first query (a cache) are seen by every query.
  int before = max(u_size.x - u_size.y, 0);
  vec3 color;
  if (u_causal && first.x > last.y + before) {
    color = masked();
  } else {
    vec2 value = largest(first, last);
    float place = clamp(position(value), 0.0, 1.0);
    if (u_reversed) place = 1.0 - place;
    color = texelFetch(u_colors, ivec2(int(place * 255.0 + 0.5), u_palette), 0).rgb;
    ivec2 apart = ivec2(first.y - last.x, first.x - last.y) + ivec2(before, -before);
    if (u_reach >= 0 && value.r == 0.0 && max(apart.x, apart.y) > u_reach) color = masked();
    if (value.r < 0.0) color = vec3(0.86, 0.15, 0.27);  // not a number
    if (value.r == kNotThere) color = u_dark ? vec3(0.115, 0.12, 0.135) : vec3(0.92, 0.925, 0.935);
  }

  // A line where a cell starts, once cells are wide enough to spare a pixel.
  vec2 start = fract(v_cell) / u_span;  // pixels from the cell's first
  bool on_line = (start.x < u_pixels && v_cell.x >= 1.0) || (start.y < u_pixels && v_cell.y >= 1.0);
  float room = smoothstep(6.0, 18.0, 1.0 / (max(u_span.x, u_span.y) * u_pixels));
  if (on_line) color = mix(color, u_dark ? vec3(0.0) : vec3(1.0), 0.6 * u_lines * room);
  o_color = vec4(color, 1.0);
}
