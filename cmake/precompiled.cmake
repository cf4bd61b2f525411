# precompile(TARGET HEADERS...): parses headers used by most of the target's files only once. Every
# file still includes what it uses: with -DATTNSCOPE_PCH=OFF, and with GCC, nothing is precompiled.
# (GCC gains a fifth, Clang two fifths, and GCC then warns about the standard library.)
option(ATTNSCOPE_PCH "Precompile common headers (Clang and Emscripten only)" ON)

if(CMAKE_CXX_COMPILER_LAUNCHER MATCHES "CCACHE_PCH_EXTSUM")
  # CMake passes these paths after -Xclang, where ccache does not see them. Clang uses the
  # precompiled form that lies beside a header.
  set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -include <PCH_HEADER>)
endif()

function(precompile target)
  if(NOT ATTNSCOPE_PCH OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    return()
  endif()
  target_precompile_headers(${target} PRIVATE ${ARGN})
  # A time stamp would make it a different file for ccache each time.
  target_compile_options(
    ${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
  if(CMAKE_CXX_COMPILER_LAUNCHER MATCHES "CCACHE_PCH_EXTSUM")
    sum_of_precompiled(${target} ${ARGN})
  endif()
endfunction()

# Writes a checksum of the preprocessed text beside TARGET's precompiled header. ccache uses it
# instead of the header's bytes, which contain absolute paths.
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
