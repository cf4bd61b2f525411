// cli.h - the command line program: attnscope COMMAND [OPTIONS].
#pragma once

namespace attn {

// Results go to standard output, errors as one sentence to standard error. Returns the exit code: 0
// success, 1 bad input (a file, a text, a size), 2 bad usage.
int run_cli(int argc, const char* const* argv);

}  // namespace attn
