# Toolchain file of the web presets: the Emscripten chosen by cmake/bootstrap.sh, else emcc on PATH.
set(chosen "${CMAKE_CURRENT_LIST_DIR}/../.toolchain/emscripten")
if(NOT EXISTS "${chosen}/emcc")
  find_program(ATTNSCOPE_EMCC emcc NO_CMAKE_FIND_ROOT_PATH)
  if(NOT ATTNSCOPE_EMCC)
    message(FATAL_ERROR "Emscripten was not found. Run cmake/bootstrap.sh web, "
                        "or put emcc on PATH")
  endif()
  file(REAL_PATH "${ATTNSCOPE_EMCC}" chosen)
  cmake_path(GET chosen PARENT_PATH chosen)
endif()
file(REAL_PATH "${chosen}" EMSCRIPTEN_ROOT_PATH)
include("${EMSCRIPTEN_ROOT_PATH}/cmake/Modules/Platform/Emscripten.cmake")
