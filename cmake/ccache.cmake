# ccache, where it is installed: what was compiled once is not compiled again, not even for a copy
# of the tree in another folder. -DATTNSCOPE_CCACHE=OFF or a CMAKE_CXX_COMPILER_LAUNCHER of your own
# turns this off.
option(ATTNSCOPE_CCACHE "Compile through ccache where it is installed" ON)
if(ATTNSCOPE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(ATTNSCOPE_CCACHE_PROGRAM ccache NO_CMAKE_FIND_ROOT_PATH)
  mark_as_advanced(ATTNSCOPE_CCACHE_PROGRAM)
endif()
if(ATTNSCOPE_CCACHE AND ATTNSCOPE_CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(settings
      # Paths below this folder count from where the compiler runs, so that another copy of the tree
      # has the same; sanitizers then name files by such paths, too.
      "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1
      # Precompiled headers: their content holds absolute paths, and is known by a sum of what went
      # in (see precompiled.cmake).
      CCACHE_PCH_EXTSUM=1 CCACHE_SLOPPINESS=pch_defines,time_macros)
  if(EMSCRIPTEN)
    # em++ is a script, and says nothing of the compiler behind it, which goes by its version.
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
