// main_gui.cpp - the window program, for the desktop and the page. A placeholder: one line of text.
#include <SDL.h>
#include <imgui.h>
#include <imgui_impl_opengl3.h>
#include <imgui_impl_sdl2.h>

#include <cstdio>

#ifdef __EMSCRIPTEN__
#include <GLES3/gl3.h>
#include <emscripten.h>
extern "C" void* eglGetProcAddress(const char*) { return nullptr; }
#else
#include <SDL_opengl.h>
#endif

namespace {

SDL_Window* window = nullptr;

bool frame() {
  bool open = true;
  for (SDL_Event event; SDL_PollEvent(&event);) {
    ImGui_ImplSDL2_ProcessEvent(&event);
    open = open && event.type != SDL_QUIT;
  }
  ImGui_ImplOpenGL3_NewFrame();
  ImGui_ImplSDL2_NewFrame();
  ImGui::NewFrame();
  ImGui::Begin("attnscope");
  ImGui::TextUnformatted("Hello from Dear ImGui " IMGUI_VERSION);
  ImGui::End();
  ImGui::Render();
  int width = 0, height = 0;
  SDL_GL_GetDrawableSize(window, &width, &height);
  glViewport(0, 0, width, height);
  glClearColor(.06f, .06f, .08f, 1);
  glClear(GL_COLOR_BUFFER_BIT);
  ImGui_ImplOpenGL3_RenderDrawData(ImGui::GetDrawData());
  SDL_GL_SwapWindow(window);
  return open;
}

}  // namespace

int main(int argc, char** argv) {
  SDL_Init(SDL_INIT_VIDEO);
#ifdef __EMSCRIPTEN__
  const char* glsl = "#version 300 es";
  SDL_GL_SetAttribute(SDL_GL_CONTEXT_PROFILE_MASK, SDL_GL_CONTEXT_PROFILE_ES);
  SDL_GL_SetAttribute(SDL_GL_CONTEXT_MAJOR_VERSION, 3);
  SDL_GL_SetAttribute(SDL_GL_CONTEXT_MINOR_VERSION, 0);
#else
  const char* glsl = "#version 330 core";
  SDL_GL_SetAttribute(SDL_GL_CONTEXT_PROFILE_MASK, SDL_GL_CONTEXT_PROFILE_CORE);
  SDL_GL_SetAttribute(SDL_GL_CONTEXT_MAJOR_VERSION, 3);
  SDL_GL_SetAttribute(SDL_GL_CONTEXT_MINOR_VERSION, 3);
#endif
  window = SDL_CreateWindow("attnscope", SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, 1080, 720,
                            SDL_WINDOW_OPENGL | SDL_WINDOW_RESIZABLE);
  SDL_GLContext context = SDL_GL_CreateContext(window);
  if (!context) {
    std::printf("no OpenGL: %s\n", SDL_GetError());
    return 1;
  }
  ImGui::CreateContext();
  ImGui::GetIO().IniFilename = nullptr;
  ImGui_ImplSDL2_InitForOpenGL(window, context);
  ImGui_ImplOpenGL3_Init(glsl);
#ifdef __EMSCRIPTEN__
  (void)argc, (void)argv;
  emscripten_set_main_loop([] { frame(); }, 0, true);
#else
  for (int n = argc > 1 ? SDL_atoi(argv[1]) : -1; n != 0 && frame(); --n) continue;
#endif
  return 0;
}
