// filter_names.h - how filters of heads compare names, and what roles are called in them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analysis/head_role.h"

namespace attn {

inline bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }
inline bool is_operator(char c) { return c == '<' || c == '>' || c == '='; }
inline bool is_decimal(char c) { return c >= '0' && c <= '9'; }

// ASCII lower case, without spaces and underscores.
std::string plain(std::string_view name);

struct NamedRole {
  Role role;
  Text name;
};
std::vector<NamedRole> named_roles();

}  // namespace attn
