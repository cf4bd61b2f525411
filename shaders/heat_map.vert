// heat_map.vert - one rectangle for each map of a grid; a single map is a grid of one.

uniform vec2 u_display;  // the window, in units
uniform vec2 u_origin;   // top left corner of the first map
uniform vec2 u_tile;     // size of a map
uniform vec2 u_step;     // from one map to the next
uniform int u_columns;
uniform int u_place;     // in the grid, of the first instance
uniform int u_layer;     // in the texture array, of the first instance
uniform vec2 u_cell_min;
uniform vec2 u_cell_max;

out vec2 v_cell;  // x: column, y: row
flat out int v_layer;

void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  int place = u_place + gl_InstanceID;
  vec2 at = u_origin + u_step * vec2(place % u_columns, place / u_columns) + u_tile * corner;
  v_cell = mix(u_cell_min, u_cell_max, corner);
  v_layer = u_layer + gl_InstanceID;
  gl_Position = vec4(2.0 * at.x / u_display.x - 1.0, 1.0 - 2.0 * at.y / u_display.y, 0.0, 1.0);
}
