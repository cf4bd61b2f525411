# Target `site`: the static site in build/site, with this build's program in st/ or mt/. Programs of
# other builds are kept: for the complete site, build `site` of both web and web-mt.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(ATTNSCOPE_SITE_DIR "${PROJECT_SOURCE_DIR}/build/site"
    CACHE PATH "Output folder of target site")
if(ATTNSCOPE_THREADS)
  set(flavour mt)
else()
  set(flavour st)
endif()
add_custom_target(
  site
  COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/cmake/site.py" --out
          "${ATTNSCOPE_SITE_DIR}" --app ${flavour} "${CMAKE_BINARY_DIR}"
  DEPENDS attnscope-gui
  COMMENT "Assembling ${ATTNSCOPE_SITE_DIR}"
  VERBATIM USES_TERMINAL)
