// query.h - converts a State to the part of a link after '#' and back.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "state/state.h"

namespace attn {

// Error text: link: view must be one of map, lines, …, not "nap".
Error none_of(const char* key, std::span<const char* const> names, std::string_view text);

// "layer=2&head=3&text=Once%20upon": the fields that differ from `defaults`, in order of
// for_each_field, percent-encoded.
std::string to_query(const State& state, const State& defaults = {});

// Fields that are missing come from `defaults`. An unknown key, a number out of bounds or an
// unknown name is an error that names the key. Accepts a leading '#'.
Result<State> from_query(std::string_view query, const State& defaults = {});

}  // namespace attn
