# For a page, code is compiled for size unless it runs once per token, weight or pixel, which is
# compiled for speed. All other programs are compiled for speed.

# Folders and files with hot loops; the rest of src is cold.
set(hot_places
    src/tensor src/trace src/pass src/analysis)
# Exceptions in those folders: tables, texts and settings.
set(cold_places
    src/analysis/attributions.cpp src/analysis/backward.cpp src/analysis/circuits.cpp
    src/analysis/direct_logit.cpp src/analysis/flow_routes.cpp src/analysis/gradient.cpp
    src/analysis/head_cells.cpp src/analysis/head_character.cpp src/analysis/head_circuits.cpp
    src/analysis/head_distance.cpp src/analysis/head_fact_scores.cpp src/analysis/head_facts.cpp
    src/analysis/head_pattern_scores.cpp src/analysis/head_profile.cpp src/analysis/head_role.cpp
    src/analysis/head_score_rows.cpp src/analysis/head_scores.cpp src/analysis/lens.cpp
    src/analysis/measure.cpp src/analysis/metric_words.cpp src/analysis/metrics.cpp
    src/analysis/norms.cpp src/analysis/predictions.cpp src/analysis/regroup.cpp
    src/analysis/sentence.cpp src/analysis/sentences.cpp src/analysis/target.cpp
    src/analysis/target_pass.cpp src/analysis/token_scores.cpp src/analysis/weight_chain.cpp
    src/pass/embed_picture.cpp src/pass/experts.cpp src/pass/forward.cpp src/pass/forward_sizes.cpp
    src/pass/forward_stages.cpp src/pass/generate.cpp src/pass/position_bias.cpp
    src/pass/scratch.cpp src/tensor/resample.cpp src/trace/edit.cpp)

# Of the hot files, those whose loops run once per question: they are vectorized, but not unrolled.
set(warm_places
    src/analysis/dense.cpp src/analysis/rollout.cpp src/analysis/value_zeroing.cpp
    src/pass/block_math.cpp src/tensor/kernels.cpp src/tensor/pack_panels.cpp src/tensor/packed.cpp
    src/text/tokenizer_bpe.cpp src/text/tokenizer_unigram.cpp src/text/tokenizer_wordpiece.cpp
    src/trace/attention.cpp)

# Moves the hot and warm files from the list `sources` to lists of their own. They need their own
# targets, because all files of a target must have the flags of its precompiled header.
function(split_by_heat sources hot warm)
  set(cold_found)
  set(hot_found)
  set(warm_found)
  if(EMSCRIPTEN)
    foreach(file ${${sources}})
      cmake_path(RELATIVE_PATH file BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE path)
      cmake_path(GET path PARENT_PATH folder)
      if(path IN_LIST warm_places)
        list(APPEND warm_found "${file}")
      elseif(path IN_LIST cold_places)
        list(APPEND cold_found "${file}")
      elseif(path IN_LIST hot_places OR folder IN_LIST hot_places)
        list(APPEND hot_found "${file}")
      else()
        list(APPEND cold_found "${file}")
      endif()
    endforeach()
    set(${sources} ${cold_found} PARENT_SCOPE)
  endif()
  set(${hot} ${hot_found} PARENT_SCOPE)
  set(${warm} ${warm_found} PARENT_SCOPE)
endfunction()

# for_size(TARGET LEVEL): -Os, or -Oz, which also leaves loops unchanged.
function(for_size target level)
  if(EMSCRIPTEN)
    target_compile_options(${target} PRIVATE ${level})
  endif()
endfunction()

# add_part(TARGET NAME LEVEL FILES...): files of `target`, with its settings but this level.
function(add_part target name level)
  if(NOT ARGN)
    return()
  endif()
  set(part ${target}_${name})
  add_library(${part} OBJECT ${ARGN})
  target_compile_options(${part} PRIVATE ${level})
  foreach(property INCLUDE_DIRECTORIES COMPILE_DEFINITIONS LINK_LIBRARIES)
    set_property(TARGET ${part} PROPERTY ${property} $<TARGET_PROPERTY:${target},${property}>)
  endforeach()
  precompile(${part} ${precompiled_std} <Eigen/Core>)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${part}>)
endfunction()
