# Compiles the hot loops of src/tensor again for each wider instruction set of x86-64; the program
# chooses at startup. Other processors only have simd_base.cpp.
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
# Each file defines the same loops for its instruction set.
file(GLOB simd_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/tensor/simd*.cpp")
set_source_files_properties(${simd_sources} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
