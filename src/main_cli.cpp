// main_cli.cpp - the command line program.
#include "cli/cli.h"

int main(int argc, char** argv) { return attn::run_cli(argc, argv); }
