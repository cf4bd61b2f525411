// main_cli.cpp - the command line program.
#include <cstdio>

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) std::puts(argv[i]);
  return argc > 1 ? 3 : 0;
}
