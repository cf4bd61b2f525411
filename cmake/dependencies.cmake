# All dependencies. Link targets: eigen imgui sdl2 doctest json cli11 utf8proc pcre2 zlib
# minizip stb, and natively Freetype::Freetype Fontconfig::Fontconfig OpenGL::GL.
#
# locate(NAME PROBE GIT TAG [DIR...]) sets NAME_dir to the first folder that has the file PROBE:
#   -DFETCHCONTENT_SOURCE_DIR_<NAME>=/path   your own checkout
#   .deps/NAME                               put there by cmake/bootstrap.sh
#   DIR...                                   folder of a system package
#   else the pinned Git tag is downloaded, unless -DDEPS_OFFLINE=ON
include(FetchContent)
option(DEPS_OFFLINE "Never download a dependency" OFF)
set(ATTNSCOPE_DEPS_DIR "${PROJECT_SOURCE_DIR}/.deps" CACHE PATH "Sources from bootstrap.sh")

function(locate name probe git tag)
  string(TOUPPER ${name} upper)
  set(given "${FETCHCONTENT_SOURCE_DIR_${upper}}")
  if(given AND NOT EXISTS "${given}/${probe}")
    message(FATAL_ERROR "FETCHCONTENT_SOURCE_DIR_${upper} is ${given}, which lacks ${probe}")
  endif()
  foreach(dir ${given} "${ATTNSCOPE_DEPS_DIR}/${name}" ${ARGN})
    if(EXISTS "${dir}/${probe}")
      set(${name}_dir "${dir}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  if(DEPS_OFFLINE)
    message(FATAL_ERROR "${name} is missing and DEPS_OFFLINE is set. Run cmake/bootstrap.sh, "
                        "or set FETCHCONTENT_SOURCE_DIR_${upper} to a folder with ${probe}")
  endif()
  message(STATUS "${name}: downloading ${tag}")
  # Only the sources are used: they are compiled as described below, not by their own CMake files.
  # A bare commit hash cannot be cloned shallowly.
  set(shallow ON)
  if(tag MATCHES "^[0-9a-f]+$")
    set(shallow OFF)
  endif()
  FetchContent_Declare(${name} GIT_REPOSITORY ${git} GIT_TAG ${tag} GIT_SHALLOW ${shallow}
                       SOURCE_SUBDIR no_cmake_here)
  FetchContent_MakeAvailable(${name})
  set(${name}_dir "${${name}_SOURCE_DIR}" PARENT_SCOPE)
endfunction()

# header_library(TARGET DIR HEADERS): if DIR is /usr/include, exposes only its folder HEADERS;
# otherwise a cross build would read the host's C library.
function(header_library target dir headers)
  add_library(${target} INTERFACE)
  if(dir STREQUAL "/usr/include")
    file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/include/${target}")
    file(CREATE_LINK "/usr/include/${headers}" "${CMAKE_BINARY_DIR}/include/${target}/${headers}"
         SYMBOLIC)
    set(dir "${CMAKE_BINARY_DIR}/include/${target}")
  endif()
  target_include_directories(${target} SYSTEM INTERFACE "${dir}")
endfunction()

# source_library(TARGET FILES...): third-party code, compiled without warnings.
function(source_library target)
  add_library(${target} STATIC ${ARGN})
  target_compile_options(${target} PRIVATE -w)
  for_size(${target} -Oz)
  if(ATTNSCOPE_SANITIZE MATCHES "undefined")
    # utf8proc adds 0 to a null pointer when only a length is requested.
    target_compile_options(${target} PRIVATE -fno-sanitize=pointer-overflow)
  endif()
endfunction()

locate(eigen Eigen/Core https://gitlab.com/libeigen/eigen.git 3.4.0 /usr/include/eigen3)
header_library(eigen "${eigen_dir}" Eigen)

locate(json nlohmann/json.hpp https://github.com/nlohmann/json.git v3.11.3 /usr/include)
if(EXISTS "${json_dir}/single_include")
  set(json_dir "${json_dir}/single_include")
endif()
header_library(json "${json_dir}" nlohmann)

locate(cli11 CLI/CLI.hpp https://github.com/CLIUtils/CLI11.git v2.4.2 /usr/include)
if(EXISTS "${cli11_dir}/include")
  set(cli11_dir "${cli11_dir}/include")
endif()
header_library(cli11 "${cli11_dir}" CLI)

locate(utf8proc utf8proc.c https://github.com/JuliaStrings/utf8proc.git v2.9.0)
source_library(utf8proc "${utf8proc_dir}/utf8proc.c")
target_include_directories(utf8proc SYSTEM PUBLIC "${utf8proc_dir}")
target_compile_definitions(utf8proc PUBLIC UTF8PROC_STATIC)

# PCRE2, 8-bit with Unicode, no JIT. Its three generated files ship with the source as `.generic`.
locate(pcre2 src/pcre2_match.c https://github.com/PCRE2Project/pcre2.git pcre2-10.46)
set(pcre2_made "${CMAKE_BINARY_DIR}/include/pcre2")
configure_file("${pcre2_dir}/src/config.h.generic" "${pcre2_made}/config.h" COPYONLY)
configure_file("${pcre2_dir}/src/pcre2.h.generic" "${pcre2_made}/pcre2.h" COPYONLY)
configure_file("${pcre2_dir}/src/pcre2_chartables.c.dist" "${pcre2_made}/pcre2_chartables.c"
               COPYONLY)
file(GLOB pcre2_sources "${pcre2_dir}/src/pcre2_*.c")
# Programs, and files that are only included by others.
list(FILTER pcre2_sources EXCLUDE REGEX
     "pcre2_(dftables|fuzzsupport|jit_.*|printint.*|ucptables|chartables)\\.c$")
source_library(pcre2 ${pcre2_sources} "${pcre2_made}/pcre2_chartables.c")
if(EMSCRIPTEN)  # it splits every text into words
  set_source_files_properties("${pcre2_dir}/src/pcre2_match.c" PROPERTIES COMPILE_OPTIONS -Os)
endif()
target_include_directories(pcre2 SYSTEM BEFORE PUBLIC "${pcre2_made}" PRIVATE "${pcre2_dir}/src")
target_compile_definitions(pcre2 PUBLIC PCRE2_STATIC PCRE2_CODE_UNIT_WIDTH=8
                           PRIVATE HAVE_CONFIG_H SUPPORT_UNICODE SUPPORT_PCRE2_8)

if(NOT EMSCRIPTEN)
  find_package(ZLIB QUIET)
endif()
if(ZLIB_FOUND AND NOT FETCHCONTENT_SOURCE_DIR_ZLIB)
  add_library(zlib ALIAS ZLIB::ZLIB)
else()
  locate(zlib inflate.c https://github.com/madler/zlib.git v1.3.1)
  foreach(file adler32 crc32 inflate inffast inftrees deflate trees zutil compress uncompr)
    list(APPEND zlib_sources "${zlib_dir}/${file}.c")
  endforeach()
  source_library(zlib ${zlib_sources})
  target_include_directories(zlib SYSTEM PUBLIC "${zlib_dir}")
  if(EMSCRIPTEN)  # checksums a byte at a time, without 4 kB of tables that do not compress
    target_compile_definitions(zlib PRIVATE Z_TESTW=0)
  endif()
endif()

# Zip archives, by minizip, which comes with zlib's source and is a library in Debian.
if(ZLIB_FOUND AND NOT FETCHCONTENT_SOURCE_DIR_ZLIB)
  find_path(minizip_headers zip.h PATH_SUFFIXES minizip)
  find_library(minizip_library minizip)
endif()
if(minizip_headers MATCHES "minizip" AND minizip_library)
  set(minizip_include "${minizip_headers}")
  add_library(minizip INTERFACE)
  target_link_libraries(minizip INTERFACE "${minizip_library}" zlib)
else()
  locate(zlib contrib/minizip/zip.c https://github.com/madler/zlib.git v1.3.1)
  source_library(minizip "${zlib_dir}/contrib/minizip/zip.c"
                         "${zlib_dir}/contrib/minizip/unzip.c"
                         "${zlib_dir}/contrib/minizip/ioapi.c")
  set(minizip_include "${zlib_dir}/contrib/minizip")
  # No encryption; we open the files ourselves, so minizip needs no support for large ones.
  target_compile_definitions(minizip PRIVATE NOCRYPT NOUNCRYPT USE_FILE32API)
  target_link_libraries(minizip PUBLIC zlib)
endif()

# Letters of exported pictures. The project has no tags; this is the commit of 2024-05-31.
locate(stb stb_truetype.h https://github.com/nothings/stb.git
       013ac3beddff3dbffafd5177e7972067cd2b5083 /usr/include/stb)
add_library(stb INTERFACE)
target_include_directories(stb SYSTEM INTERFACE "${stb_dir}")

if(ATTNSCOPE_TESTS)
  locate(doctest doctest/doctest.h https://github.com/doctest/doctest.git v2.4.11 /usr/include)
  header_library(doctest "${doctest_dir}" doctest)
  # Sanitizers need the signals themselves, and WebAssembly has none.
  target_compile_definitions(doctest INTERFACE DOCTEST_CONFIG_NO_POSIX_SIGNALS)
endif()

if(ATTNSCOPE_GUI)
  include("${CMAKE_CURRENT_LIST_DIR}/dependencies_gui.cmake")
endif()
