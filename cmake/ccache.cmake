# Compiles through ccache where it is installed, with a cache shared by copies of the tree in other
# folders. Disable with -DATTNSCOPE_CCACHE=OFF or by setting CMAKE_CXX_COMPILER_LAUNCHER.
option(ATTNSCOPE_CCACHE "Compile through ccache where it is installed" ON)
if(ATTNSCOPE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(ATTNSCOPE_CCACHE_PROGRAM ccache NO_CMAKE_FIND_ROOT_PATH)
  mark_as_advanced(ATTNSCOPE_CCACHE_PROGRAM)
endif()
if(ATTNSCOPE_CCACHE AND ATTNSCOPE_CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(settings
      # Relative paths below this folder, so that copies of the tree share the cache; sanitizers
      # then report relative paths, too.
      "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1
      # Precompiled headers contain absolute paths and are identified by a checksum of their inputs
      # (see precompiled.cmake).
      CCACHE_PCH_EXTSUM=1 CCACHE_SLOPPINESS=pch_defines,time_macros)
  if(EMSCRIPTEN)
    # em++ is a script; the compiler behind it is identified by its version.
    execute_process(COMMAND "${CMAKE_CXX_COMPILER}" --version OUTPUT_VARIABLE version
                    OUTPUT_STRIP_TRAILING_WHITESPACE)
    string(SHA256 version "${version}")
    list(APPEND settings CCACHE_COMPILERTYPE=clang "CCACHE_COMPILERCHECK=string:${version}")
  endif()
  foreach(language C CXX)
    set(CMAKE_${language}_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env ${settings}
                                            "${ATTNSCOPE_CCACHE_PROGRAM}")
  endforeach()
endif()
