# The hot loops of src/tensor once more for each wider instruction set of x86-64; which of them runs
# is chosen when the program starts. Elsewhere simd_base.cpp is all there is.
if(NOT EMSCRIPTEN AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(loops "${PROJECT_SOURCE_DIR}/src/tensor")
  set_source_files_properties("${loops}/simd.cpp" PROPERTIES COMPILE_DEFINITIONS ATTNSCOPE_AVX512=1
                                                               SKIP_PRECOMPILE_HEADERS ON)
  set_source_files_properties(
    "${loops}/simd_avx2.cpp"
    PROPERTIES COMPILE_DEFINITIONS ATTNSCOPE_AVX2=1
               COMPILE_OPTIONS "-march=x86-64-v3;-ffp-contract=fast"
               SKIP_PRECOMPILE_HEADERS ON)
  set_source_files_properties(
    "${loops}/simd_avx512.cpp"
    PROPERTIES COMPILE_DEFINITIONS ATTNSCOPE_AVX512=1
               COMPILE_OPTIONS "-march=x86-64-v4;-mprefer-vector-width=512;-ffp-contract=fast"
               SKIP_PRECOMPILE_HEADERS ON)
endif()
# Each defines the same loops for its own instructions.
file(GLOB simd_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/tensor/simd*.cpp")
set_source_files_properties(${simd_sources} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
