// targets.h - the parsers that are fed with random bytes, and what must hold for whatever they
// read.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace attn::fuzz {

using Bytes = std::span<const uint8_t>;

struct Target {
  const char* name;
  void (*run)(Bytes data);
};

std::span<const Target> targets();

// The folder with the project's sources, which some targets read models from.
void set_root(std::string_view folder);

// Ends the program with the sentence where it does not hold.
void must(bool holds, const char* sentence);

}  // namespace attn::fuzz
