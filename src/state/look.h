// look.h - the part of the map in view, as links hold it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace attn {

// In cells, fractions allowed: from the first to the end of the last.
struct CellsInView {
  float key_min = 0, query_min = 0, key_max = 0, query_max = 0;
  bool operator==(const CellsInView&) const = default;
};

// "2.5-0-10.5-8": key_min, query_min, key_max, query_max, to a thousandth.
std::string write_look(const CellsInView& view);
// Nothing if malformed or empty of cells.
std::optional<CellsInView> read_look(std::string_view text);

}  // namespace attn
