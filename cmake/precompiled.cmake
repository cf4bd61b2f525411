# precompile(TARGET HEADERS...): headers that most of the target's files read, parsed once. Every
# file still includes what it uses: with -DATTNSCOPE_PCH=OFF, and with GCC, nothing is precompiled.
# (GCC gains a fifth, Clang two fifths, and GCC then warns about the standard library.)
option(ATTNSCOPE_PCH "With Clang and Emscripten: precompile the headers that most files read" ON)

if(CMAKE_CXX_COMPILER_LAUNCHER MATCHES "CCACHE_PCH_EXTSUM")
  # CMake's own flags pass these paths behind -Xclang, where ccache does not see them. Clang takes
  # a header's precompiled form where one lies beside it.
  set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -include <PCH_HEADER>)
endif()

function(precompile target)
  if(NOT ATTNSCOPE_PCH OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    return()
  endif()
  target_precompile_headers(${target} PRIVATE ${ARGN})
  # With the time in it, it would be another file each time for ccache.
  target_compile_options(
    ${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
  if(CMAKE_CXX_COMPILER_LAUNCHER MATCHES "CCACHE_PCH_EXTSUM")
    sum_of_precompiled(${target} ${ARGN})
  endif()
endfunction()

# Beside TARGET's precompiled header: a sum of the text that it is made from. ccache takes it in
# place of the header's own bytes, which hold absolute paths.
function(sum_of_precompiled target)
  set(includes)
  foreach(library eigen cli11 json doctest)
    if(TARGET ${library})
      get_target_property(folders ${library} INTERFACE_INCLUDE_DIRECTORIES)
      foreach(folder ${folders})
        list(APPEND includes -isystem "${folder}")
      endforeach()
    endif()
  endforeach()
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${target}.dir")
  list(JOIN ARGN ">\n#include <" text)
  string(REPLACE "<<" "<" text "#include <${text}>\n")
  string(REPLACE ">>" ">" text "${text}")
  file(WRITE "${folder}/summed.cpp" "${text}")
  separate_arguments(flags UNIX_COMMAND "${CMAKE_CXX_FLAGS}")
  execute_process(
    COMMAND "${CMAKE_CXX_COMPILER}" ${flags} -std=c++20 -E -P ${includes} "${folder}/summed.cpp"
    OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  string(SHA256 sum "${CMAKE_CXX_COMPILER_VERSION} ${text}")
  file(WRITE "${folder}/cmake_pch.hxx.pch.sum" "${sum}")
endfunction()

set(precompiled_std
    <algorithm> <array> <charconv> <cmath> <cstdint> <cstdio> <cstring> <functional> <memory>
    <numeric> <optional> <span> <string> <string_view> <unordered_map> <utility> <variant> <vector>)
