# How our own code is compiled and linked: interface target `our_flags`, and for WebAssembly
# runs_under_node(TARGET) and runs_in_a_page(TARGET).

if(EMSCRIPTEN)
  # All objects must agree on these, including the dependencies.
  # Every browser with SIMD supports the other two, which save instructions.
  set(wasm_flags -msimd128 -mbulk-memory -mnontrapping-fptoint -fwasm-exceptions)
  if(ATTNSCOPE_RELAXED_SIMD)
    list(APPEND wasm_flags -mrelaxed-simd)
  endif()
  if(ATTNSCOPE_THREADS)
    list(APPEND wasm_flags -pthread)
  endif()
  # RTTI is not used, and its type names are long.
  add_compile_options(${wasm_flags} $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
  # With the stack first in memory, an overflow traps instead of overwriting data.
  add_link_options(
    ${wasm_flags} -Wl,--stack-first -sSTACK_SIZE=1MB -sDEFAULT_PTHREAD_STACK_SIZE=1MB
    -sALLOW_MEMORY_GROWTH=1 -sINITIAL_MEMORY=64MB -sMAXIMUM_MEMORY=4GB -Wno-pthreads-mem-growth)
  set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG")
  set(CMAKE_C_FLAGS_RELEASE "-O3 -DNDEBUG")
endif()

if(ATTNSCOPE_SANITIZE)
  add_compile_options(-fsanitize=${ATTNSCOPE_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ATTNSCOPE_SANITIZE})
  # Keeps assertions; without some optimization, attention is too slow to test.
  set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
  set(CMAKE_C_FLAGS_DEBUG "-O1 -g1")
endif()

if(ATTNSCOPE_FUZZ)
  # Counts the edges that an input takes. Comparisons are not traced: tests take longer by that.
  add_compile_options(-fsanitize-coverage=inline-8bit-counters,pc-table)
endif()

add_library(our_flags INTERFACE)
target_compile_options(
  our_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wswitch -Wimplicit-fallthrough
                      -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi -Wvla
                      # Table rows name only the fields that differ from the defaults.
                      -Wno-missing-field-initializers)
if(ATTNSCOPE_WERROR)
  target_compile_options(our_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # These depend on the optimizer and often misfire on std::string and std::vector.
  target_compile_options(
    our_flags INTERFACE -Wno-restrict -Wno-error=array-bounds -Wno-error=stringop-overflow
                        -Wno-error=stringop-overread
                        -Wno-error=maybe-uninitialized)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
    target_compile_options(our_flags INTERFACE -Wno-dangling-reference)
  endif()
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # std::stable_sort of libstdc++ 12 calls functions that it deprecates.
  target_compile_options(our_flags INTERFACE -Wno-deprecated-declarations)
endif()
if(EMSCRIPTEN)
  # EM_JS and EM_ASM are macros with `$` in names, empty arguments, and a `;` after them.
  target_compile_options(our_flags INTERFACE -Wno-dollar-in-identifier-extension
                                             -Wno-c++98-compat-extra-semi
                                             -Wno-gnu-zero-variadic-macro-arguments)
endif()

# A program for `node TARGET.js ARGUMENTS`, with real files and exit code. No effect natively.
function(runs_under_node target)
  if(NOT EMSCRIPTEN)
    return()
  endif()
  # -O1 skips wasm-opt on the whole program, which takes half a minute; files stay optimized.
  target_link_options(${target} PRIVATE -O1 -sENVIRONMENT=node,worker -sNODERAWFS=1
                      -sEXIT_RUNTIME=1
                      "SHELL:--pre-js ${PROJECT_SOURCE_DIR}/cmake/node_environment.js")
  if(ATTNSCOPE_THREADS)
    # main() runs on a thread itself, so it may wait for threads.
    target_link_options(${target} PRIVATE -sPROXY_TO_PTHREAD=1 -sPTHREAD_POOL_SIZE=4)
  endif()
endfunction()

# Sorts the functions of a page's program by name. emcc ends by putting those first that are called
# most, so that what belongs together lies apart, which costs 6 kB by Brotli. The names go then.
function(sorted_by_name target)
  if(NOT BINARYEN_ROOT)
    execute_process(COMMAND "${EMSCRIPTEN_ROOT_PATH}/em-config" BINARYEN_ROOT
                    OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE
                    COMMAND_ERROR_IS_FATAL ANY)
    set(BINARYEN_ROOT "${found}" CACHE PATH "Where bin/wasm-opt is")
  endif()
  set(features bulk-memory exception-handling multivalue mutable-globals nontrapping-float-to-int
               reference-types sign-ext simd)
  if(ATTNSCOPE_RELAXED_SIMD)
    list(APPEND features relaxed-simd)
  endif()
  if(ATTNSCOPE_THREADS)
    list(APPEND features threads)
  endif()
  list(TRANSFORM features PREPEND --enable-)
  target_link_options(${target} PRIVATE --profiling-funcs)
  add_custom_command(
    TARGET ${target} POST_BUILD VERBATIM
    COMMAND "${BINARYEN_ROOT}/bin/wasm-opt" app.wasm -o app.wasm --mvp-features ${features}
            --optimize-level=2 --shrink-level=2 --optimize-stack-ir --reorder-functions-by-name
            --strip-debug)
endfunction()

# app.js and app.wasm for a page, which calls `createAttnscope({canvas, …})`.
function(runs_in_a_page target)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME app)
  set(methods UTF8ToString stringToUTF8 lengthBytesUTF8 HEAPU8 HEAPF32 wasmMemory ccall)
  list(JOIN methods "," methods)
  set(page_passes
      --low-memory-unused --optimize-added-constants-propagate --skip-pass=memory-packing
      --one-caller-inline-max-function-size=30 --skip-pass=local-cse --skip-pass=code-folding -Oz)
  list(JOIN page_passes "," page_passes)
  target_link_options(
    ${target} PRIVATE -sENVIRONMENT=web,worker -sMODULARIZE=1 -sEXPORT_NAME=createAttnscope
    -sMIN_WEBGL_VERSION=2 -sMAX_WEBGL_VERSION=2 -sFILESYSTEM=0
    # Keeps wasm-opt from inlining small functions into large ones; hot loops are already
    # optimized.
    -Oz
    # A second round, which may fold constants into addresses: data begins above the stack, so
    # nothing lies below 1024 but the last of the stack. Both rounds inline only short functions,
    # and leave the data in one piece: packed by Brotli, more functions and zeros are smaller.
    -sBINARYEN_EXTRA_PASSES=${page_passes}
    # The table for looking up GL functions by name would add 50 KB to app.js; see src/platform.
    -sGL_ENABLE_GET_PROC_ADDRESS=0
    -sEXPORTED_FUNCTIONS=_main,_malloc,_free
    -sEXPORTED_RUNTIME_METHODS=${methods})
  if(ATTNSCOPE_THREADS)
    # Workers start only while the page's main thread is idle, so the whole pool is started first;
    # main() does not wait for it.
    target_link_options(${target} PRIVATE -sPTHREAD_POOL_DELAY_LOAD=1
                        "-sPTHREAD_POOL_SIZE=Math.min(8,navigator.hardwareConcurrency)")
  endif()
  sorted_by_name(${target})
endfunction()
