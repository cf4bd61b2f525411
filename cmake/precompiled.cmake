# precompile(TARGET HEADERS...): headers that most of the target's files read, parsed once. Every
# file still includes what it uses: with -DATTNSCOPE_PCH=OFF, and with GCC, nothing is precompiled.
# (GCC gains a fifth, Clang two fifths, and GCC then warns about the standard library.)
option(ATTNSCOPE_PCH "With Clang and Emscripten: precompile the headers that most files read" ON)

function(precompile target)
  if(NOT ATTNSCOPE_PCH OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    return()
  endif()
  target_precompile_headers(${target} PRIVATE ${ARGN})
  # With the time in it, it would be another file each time for ccache, which also wants
  # CCACHE_SLOPPINESS=pch_defines,time_macros.
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
endfunction()

set(precompiled_std
    <algorithm> <array> <charconv> <cmath> <cstdint> <cstdio> <cstring> <functional> <memory> <numeric>
    <optional> <span> <string> <string_view> <unordered_map> <utility> <variant> <vector>)
