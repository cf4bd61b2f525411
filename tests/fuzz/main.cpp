// main.cpp - libFuzzer's entry: fuzz --target=NAME [libFuzzer's options] [corpora]
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "targets.h"

using namespace attn::fuzz;

namespace {
const Target* chosen = nullptr;
}

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  constexpr std::string_view kOption = "--target=";
  set_root(ATTNSCOPE_FUZZ_ROOT);
  int kept = 0;
  for (int i = 0; i < *argc; ++i) {
    const std::string_view word = (*argv)[i];
    if (!word.starts_with(kOption)) {
      (*argv)[kept++] = (*argv)[i];
      continue;
    }
    for (const Target& target : targets())
      if (word.substr(kOption.size()) == target.name) chosen = &target;
  }
  *argc = kept;
  if (chosen) return 0;
  std::fputs("fuzz: choose a target, --target=", stderr);
  for (const Target& target : targets()) std::fprintf(stderr, "%s ", target.name);
  std::fputs("\n", stderr);
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  chosen->run({data, size});
  return 0;
}
