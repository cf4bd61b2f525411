# For a page, code is compiled for size unless it runs once per token, weight or pixel, which is
# compiled for speed. All other programs are compiled for speed.

# Folders and files with hot loops; the rest of src is cold.
set(hot_places
    src/tensor src/trace src/pass src/analysis
    src/app/picture_jobs.cpp src/app/tiles.cpp
    src/text/tokenizer_bpe.cpp src/text/tokenizer_unigram.cpp src/text/tokenizer_wordpiece.cpp)
# Exceptions in those folders: tables, texts and settings.
set(cold_places
    src/analysis/attributions.cpp src/analysis/head_circuits.cpp src/analysis/head_facts.cpp
    src/analysis/head_profile.cpp src/analysis/head_role.cpp src/analysis/head_scores.cpp
    src/analysis/measure.cpp src/analysis/metric_words.cpp src/analysis/metrics.cpp
    src/analysis/regroup.cpp src/analysis/target.cpp src/analysis/circuits.cpp
    src/analysis/predictions.cpp src/pass/scratch.cpp)

# Moves the hot files from the list `sources` to the list `hot`. They need their own target, because
# all files of a target must have the flags of its precompiled header.
function(split_by_heat sources hot)
  set(cold_found)
  set(hot_found)
  if(EMSCRIPTEN)
    foreach(file ${${sources}})
      cmake_path(RELATIVE_PATH file BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE path)
      cmake_path(GET path PARENT_PATH folder)
      if((path IN_LIST hot_places OR folder IN_LIST hot_places) AND NOT path IN_LIST cold_places)
        list(APPEND hot_found "${file}")
      else()
        list(APPEND cold_found "${file}")
      endif()
    endforeach()
    set(${sources} ${cold_found} PARENT_SCOPE)
  endif()
  set(${hot} ${hot_found} PARENT_SCOPE)
endfunction()

# for_size(TARGET LEVEL): -Os, or -Oz, which also leaves loops unchanged.
function(for_size target level)
  if(EMSCRIPTEN)
    target_compile_options(${target} PRIVATE ${level})
  endif()
endfunction()

# The hot files of `target`, with its settings but compiled for speed.
function(add_hot_part target)
  if(NOT ARGN)
    return()
  endif()
  add_library(${target}_hot OBJECT ${ARGN})
  foreach(property INCLUDE_DIRECTORIES COMPILE_DEFINITIONS LINK_LIBRARIES)
    set_property(TARGET ${target}_hot PROPERTY ${property} $<TARGET_PROPERTY:${target},${property}>)
  endforeach()
  precompile(${target}_hot ${precompiled_std} <Eigen/Core>)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_hot>)
endfunction()
