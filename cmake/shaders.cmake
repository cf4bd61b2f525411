# Target `shaders`: generates shaders.h with the text of every file in shaders/. Run as a script
# (cmake -P), this file writes that header; included, it declares the target.
if(CMAKE_SCRIPT_MODE_FILE)
  string(
    CONCAT text "// shaders.h - the shaders' sources. Made from shaders/ by cmake/shaders.cmake.\n"
                "#pragma once\n\nnamespace shaders {\n")
  foreach(file ${SHADERS})
    file(READ "${file}" source)
    get_filename_component(name "${file}" NAME)
    string(MAKE_C_IDENTIFIER "${name}" name)
    string(APPEND text "\ninline constexpr const char* ${name} = R\"glsl(${source})glsl\";\n")
  endforeach()
  file(WRITE "${OUTPUT}" "${text}\n}  // namespace shaders\n")
  return()
endif()

file(GLOB shader_files CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/shaders/*.vert"
     "${PROJECT_SOURCE_DIR}/shaders/*.frag")
set(shaders_header "${CMAKE_BINARY_DIR}/include/shaders/shaders.h")
add_custom_command(
  OUTPUT "${shaders_header}"
  COMMAND ${CMAKE_COMMAND} "-DSHADERS=${shader_files}" "-DOUTPUT=${shaders_header}" -P
          "${CMAKE_CURRENT_LIST_FILE}"
  DEPENDS ${shader_files} "${CMAKE_CURRENT_LIST_FILE}"
  COMMENT "Embedding shaders"
  VERBATIM)
add_custom_target(shaders_made DEPENDS "${shaders_header}")
add_library(shaders INTERFACE)
target_include_directories(shaders SYSTEM INTERFACE "${CMAKE_BINARY_DIR}/include/shaders")
add_dependencies(shaders shaders_made)
