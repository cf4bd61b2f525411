// query.h - converts a State to the part of a link after '#' and back.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "state/state.h"

namespace attn {

// The start of a text from a link, for a sentence; not cut within a character.
std::string shortened(std::string_view text);

// Error text: link: view must be one of map, lines, …, not "nap".
Error none_of(const char* key, std::span<const char* const> names, std::string_view text);

// "layer=2&head=3&text=Once%20upon": the fields that differ from `defaults`, in order of
// for_each_field, percent-encoded.
std::string to_query(const State& state, const State& defaults = {});

// What a link says. A field whose value makes no sense keeps its default; `faults` has a sentence
// for each that names its key. Unknown keys are faults, too, and kept in `unknown`, so that a link
// of a newer version loses nothing: "&key=value" for each, as it came.
struct Link {
  State state;
  std::vector<std::string> faults;
  std::string unknown;
};
// Fields that are missing come from `defaults`. Accepts a leading '#'.
Link read_link(std::string_view query, const State& defaults = {});
// The same, but the first fault is an error.
Result<State> from_query(std::string_view query, const State& defaults = {});

}  // namespace attn
