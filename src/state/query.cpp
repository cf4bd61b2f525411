#include "state/query.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "base/utf8.h"

namespace attn {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

std::string percent_encode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    if (is_plain(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Nothing when a '%' is not followed by two hexadecimal digits, or the bytes are not UTF-8.
std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {  // a space, as HTML forms encode it
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += char(high * 16 + low);
      i += 2;
    }
  }
  if (!is_valid_utf8(out)) return std::nullopt;
  return out;
}

std::string write(const std::string& value, const Field&) { return percent_encode(value); }
std::string write(int value, const Field&) { return std::to_string(value); }
template <class E>
  requires std::is_enum_v<E>
std::string write(E value, const Field& field) {
  return field.names[size_t(value)];
}

constexpr size_t kLongestText = 1 << 20;  // bytes of one value

Status read_member(std::string& value, const Field& field, std::string_view text) {
  if (text.size() > kLongestText)
    return Error{std::string("link: ") + field.key + " is longer than 1 MB; shorten it"};
  value = text;
  return {};
}

Status read_member(int& value, const Field& field, std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < field.low ||
      number > field.high)
    return Error{std::string("link: ") + field.key + " must be a whole number from " +
                 std::to_string(field.low) + " to " + std::to_string(field.high) + ", not \"" +
                 shortened(text) + "\""};
  value = number;
  return {};
}

template <class E>
  requires std::is_enum_v<E>
Status read_member(E& value, const Field& field, std::string_view text) {
  for (size_t i = 0; i < field.names.size(); ++i) {
    if (text == field.names[i]) {
      value = E(i);
      return {};
    }
  }
  return none_of(field.key, field.names, text);
}

// An unknown pair as it came. Whatever may not stand in an address is no pair of another version.
bool may_stay(std::string_view pair) {
  return is_plain(pair.front()) && std::ranges::all_of(pair, [](char c) {
           return is_plain(c) || c == '=' || c == '%' || c == '+';
         });
}

}  // namespace

std::string shortened(std::string_view text) {
  size_t end = std::min<size_t>(text.size(), 40);
  while (end > 0 && end < text.size() && (uint8_t(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end));
}

Error none_of(const char* key, std::span<const char* const> names, std::string_view text) {
  std::string all;
  for (const char* name : names) all += (all.empty() ? "" : ", ") + std::string(name);
  return Error{std::string("link: ") + key + " must be one of " + all + ", not \"" +
               shortened(text) + "\""};
}

std::string to_query(const State& state, const State& defaults) {
  // Walks both states in the same order: first the default values, then the differences.
  std::vector<std::string> usual;
  for_each_field(defaults, [&](const auto& value, const Field& field) {
    usual.push_back(write(value, field));
  });
  std::string query;
  size_t i = 0;
  for_each_field(state, [&](const auto& value, const Field& field) {
    const std::string text = write(value, field);
    if (text != usual[i++])
      query += (query.empty() ? "" : "&") + std::string(field.key) + "=" + text;
  });
  return query;
}

Link read_link(std::string_view query, const State& defaults) {
  constexpr size_t kMostUnknown = 4096;  // bytes
  Link link{.state = defaults};
  if (!query.empty() && query.front() == '#') query.remove_prefix(1);
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    const std::string key(pair.substr(0, equals));
    const std::optional<std::string> value =
        percent_decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
    if (!value) {
      link.faults.push_back("link: the value of " + shortened(key) +
                            " is not percent-encoded UTF-8");
      continue;
    }
    bool known = false;
    Status wrong;
    for_each_field(link.state, [&](auto& member, const Field& field) {
      if (known || key != field.key) return;
      known = true;
      wrong = read_member(member, field, *value);
    });
    if (wrong) link.faults.push_back(wrong->message);
    if (known) continue;
    link.faults.push_back("link: unknown key \"" + shortened(key) +
                          "\"; check the spelling, or open the link in the version that made it");
    if (may_stay(pair) && link.unknown.size() + pair.size() < kMostUnknown)
      link.unknown += "&" + std::string(pair);
  }
  return link;
}

Result<State> from_query(std::string_view query, const State& defaults) {
  Link link = read_link(query, defaults);
  if (!link.faults.empty()) return Error{link.faults.front()};
  return std::move(link.state);
}

}  // namespace attn
