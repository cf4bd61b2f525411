# Needed only by the window program: sdl2, imgui, and natively OpenGL, FreeType and Fontconfig.

# SDL's own CMake spends minutes probing emcc for what SDL_config_emscripten.h already states, so
# the files are listed here.
function(sdl2_for_the_web)
  locate(sdl2 include/SDL.h https://github.com/libsdl-org/SDL.git release-2.32.4)
  set(folders
      . atomic cpuinfo dynapi events file filesystem/emscripten libm loadso/dlopen locale
      locale/emscripten misc misc/emscripten power power/emscripten render render/opengles2
      render/software stdlib thread timer timer/unix video video/emscripten video/dummy
      video/yuv2rgb)
  foreach(folder ${folders})
    file(GLOB files "${sdl2_dir}/src/${folder}/*.c")
    list(APPEND sources ${files})
  endforeach()
  if(ATTNSCOPE_THREADS)
    foreach(part syscond sysmutex syssem systhread systls)
      list(APPEND sources "${sdl2_dir}/src/thread/pthread/SDL_${part}.c")
    endforeach()
  else()
    file(GLOB files "${sdl2_dir}/src/thread/generic/*.c")
    list(APPEND sources ${files})
  endif()
  source_library(sdl2 ${sources})
  # No audio and no game controllers.
  target_compile_definitions(sdl2 PRIVATE SDL_AUDIO_DISABLED=1 SDL_HAPTIC_DISABLED=1
                                          SDL_SENSOR_DISABLED=1 SDL_JOYSTICK_DISABLED=1
                                          SDL_LEAN_AND_MEAN=1 SDL_RENDER_DISABLED=1)
  target_include_directories(sdl2 SYSTEM PUBLIC "${sdl2_dir}/include")
endfunction()

if(EMSCRIPTEN)
  sdl2_for_the_web()
else()
  find_package(SDL2 2.0.20 REQUIRED)
  add_library(sdl2 ALIAS SDL2::SDL2)
  set(OpenGL_GL_PREFERENCE GLVND)
  find_package(OpenGL REQUIRED)
  find_package(Freetype REQUIRED)
  find_package(Fontconfig REQUIRED)
endif()

# Font loaders that rasterize glyphs on demand exist since 1.92.
locate(imgui imgui.h https://github.com/ocornut/imgui.git v1.92.2b)
file(STRINGS "${imgui_dir}/imgui.h" imgui_version REGEX "^#define IMGUI_VERSION_NUM ")
string(REGEX MATCH "[0-9]+$" imgui_version "${imgui_version}")
if(imgui_version LESS 19200)
  message(FATAL_ERROR "Dear ImGui in ${imgui_dir} is version ${imgui_version}, but 19200 (1.92) or "
                      "later is required. Set FETCHCONTENT_SOURCE_DIR_IMGUI to a newer one")
endif()
foreach(file imgui imgui_draw imgui_tables imgui_widgets misc/cpp/imgui_stdlib
             backends/imgui_impl_sdl2 backends/imgui_impl_opengl3)
  list(APPEND imgui_sources "${imgui_dir}/${file}.cpp")
endforeach()
source_library(imgui ${imgui_sources})
target_include_directories(imgui SYSTEM PUBLIC "${imgui_dir}" "${imgui_dir}/backends"
                                               "${imgui_dir}/misc/cpp")
target_compile_definitions(
  imgui PUBLIC IMGUI_USE_WCHAR32 IMGUI_DISABLE_OBSOLETE_FUNCTIONS IMGUI_DISABLE_DEMO_WINDOWS
               IMGUI_DISABLE_DEBUG_TOOLS IMGUI_DISABLE_DEFAULT_FONT
               IMGUI_ENABLE_TEST_ENGINE  # its hooks tell screen readers of controls (ui/spoken.cpp)
               # In a page the browser draws the glyphs (src/platform/glyphs.cpp), so other font
               # loaders are left out.
               $<$<BOOL:${EMSCRIPTEN}>:IMGUI_IMPL_OPENGL_ES3 IMGUI_ENABLE_FREETYPE>)
target_link_libraries(imgui PUBLIC sdl2)
if(EMSCRIPTEN)  # redrawn in every frame
  set_source_files_properties("${imgui_dir}/imgui_draw.cpp" PROPERTIES COMPILE_OPTIONS -O2)
endif()
