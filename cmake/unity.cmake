# unite(TARGET SIZE): with ATTNSCOPE_UNITY, compiles up to SIZE of the target's C++ files as one, so
# that they share headers and template instantiations. cmake/unity.py chooses the groups whenever
# CMake runs. A file with its own options (COMPILE_OPTIONS, COMPILE_DEFINITIONS,
# SKIP_UNITY_BUILD_INCLUSION) is compiled separately. ATTNSCOPE_UNITY_TESTS does this for unit_tests
# only: a full build gets them sooner, and the programs stay as they are.
option(ATTNSCOPE_UNITY "Compile several files as one" OFF)
option(ATTNSCOPE_UNITY_TESTS "Compile several files of unit_tests as one" ${ATTNSCOPE_UNITY})

function(unite target size)
  if(NOT (ATTNSCOPE_UNITY OR (ATTNSCOPE_UNITY_TESTS AND target STREQUAL "unit_tests")))
    return()
  endif()
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "\\.cpp$")
  set(united)
  foreach(source ${sources})
    set(apart)
    foreach(property COMPILE_OPTIONS COMPILE_DEFINITIONS SKIP_UNITY_BUILD_INCLUSION)
      get_source_file_property(value "${source}" ${property})
      if(value)
        set(apart yes)
      endif()
    endforeach()
    if(NOT apart)
      list(APPEND united "${source}")
    endif()
  endforeach()
  execute_process(
    COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/cmake/unity.py" ${size} ${united}
    OUTPUT_VARIABLE groups OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  # Not UNITY_BUILD, whose files contain absolute paths, which ccache cannot share between copies of
  # the tree.
  string(REPLACE "\n" ";" groups "${groups}")
  set(n 0)
  foreach(line ${groups})
    string(REGEX MATCH "^([0-9]+) (.*)$" matched "${line}")
    set(group ${CMAKE_MATCH_1})
    set(source "${CMAKE_MATCH_2}")
    set_source_files_properties("${source}" PROPERTIES HEADER_FILE_ONLY ON)
    file(RELATIVE_PATH source "${CMAKE_CURRENT_BINARY_DIR}/unity" "${source}")
    string(APPEND text_${group} "#include \"${source}\"\n")
    if(group EQUAL n)
      math(EXPR n "${n} + 1")
    endif()
  endforeach()
  foreach(group RANGE 1 ${n})
    math(EXPR group "${group} - 1")
    set(united "${CMAKE_CURRENT_BINARY_DIR}/unity/${target}${group}.cpp")
    file(CONFIGURE OUTPUT "${united}" CONTENT "${text_${group}}")
    # A local variable may shadow a constant of another file.
    set_source_files_properties("${united}" PROPERTIES COMPILE_OPTIONS -Wno-shadow)
    target_sources(${target} PRIVATE "${united}")
  endforeach()
endfunction()
