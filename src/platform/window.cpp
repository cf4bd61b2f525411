// window.cpp - opens the window with Dear ImGui and draws its frames.
#include <SDL.h>
#include <imgui.h>
#include <imgui_impl_opengl3.h>
#include <imgui_impl_sdl2.h>
#include <imgui_internal.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <utility>

#include "platform/gl.h"
#include "platform/glyphs.h"
#include "platform/guard.h"
#include "platform/program.h"

namespace attn::platform {
namespace {

constexpr float kFontSize = 15;

bool open_context(const char* title) {
  Program& p = program();
#ifdef __EMSCRIPTEN__
  // SDL receives keys only while the canvas has focus; text boxes of the page keep theirs.
  SDL_SetHint(SDL_HINT_EMSCRIPTEN_KEYBOARD_ELEMENT, "#canvas");
  SDL_SetHint(SDL_HINT_TOUCH_MOUSE_EVENTS, "0");  // see touch.cpp
#endif
  SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
  if (SDL_Init(SDL_INIT_VIDEO) != 0) return false;
#ifdef __EMSCRIPTEN__
  SDL_GL_SetAttribute(SDL_GL_CONTEXT_PROFILE_MASK, SDL_GL_CONTEXT_PROFILE_ES);
  SDL_GL_SetAttribute(SDL_GL_CONTEXT_MAJOR_VERSION, 3);
  SDL_GL_SetAttribute(SDL_GL_CONTEXT_MINOR_VERSION, 0);
#else
  SDL_GL_SetAttribute(SDL_GL_CONTEXT_PROFILE_MASK, SDL_GL_CONTEXT_PROFILE_CORE);
  SDL_GL_SetAttribute(SDL_GL_CONTEXT_MAJOR_VERSION, 3);
  SDL_GL_SetAttribute(SDL_GL_CONTEXT_MINOR_VERSION, 3);
#endif
  SDL_GL_SetAttribute(SDL_GL_DEPTH_SIZE, 0);
  SDL_GL_SetAttribute(SDL_GL_STENCIL_SIZE, 0);
  p.window = SDL_CreateWindow(title, SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, 1280, 800,
                              SDL_WINDOW_OPENGL | SDL_WINDOW_RESIZABLE | SDL_WINDOW_ALLOW_HIGHDPI);
  if (!p.window) return false;
  p.context = SDL_GL_CreateContext(p.window);
  if (!p.context) return false;
  SDL_SetWindowMinimumSize(p.window, 320, 240);
  ++p.n_contexts;
  return true;
}

// Glyph bitmaps are sharp only if they start on a device pixel, but Dear ImGui places them at
// fractional positions.
void snap_glyphs(ImDrawData& data, float scale) {
  const ImVec2 white = ImGui::GetIO().Fonts->TexUvWhitePixel;
  // .47 rather than .5, so that rounding errors cannot separate the two sides of a glyph.
  const auto snap = [&](float v) { return std::floor(v * scale + .47f) / scale; };
  for (ImDrawList* list : data.CmdLists) {
    for (ImDrawVert& v : list->VtxBuffer) {
      if (v.uv.x == white.x && v.uv.y == white.y) continue;
      v.pos = {snap(v.pos.x), snap(v.pos.y)};
    }
  }
}

void render(float scale) {
  ImGui::Render();
  ImDrawData& data = *ImGui::GetDrawData();
  snap_glyphs(data, scale);
  glViewport(0, 0, int(data.DisplaySize.x * scale), int(data.DisplaySize.y * scale));
  glDisable(GL_SCISSOR_TEST);
  const ImVec4 back = ImGui::GetStyleColorVec4(ImGuiCol_WindowBg);
  glClearColor(back.x, back.y, back.z, 1);
  glClear(GL_COLOR_BUFFER_BIT);
  ImGui_ImplOpenGL3_RenderDrawData(&data);
}

}  // namespace

Program& program() {
  static Program the_program;
  return the_program;
}

double now_ms() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

bool open_window(const char* title) {
  if (!open_context(title)) {
    std::fprintf(stderr, "attnscope: could not open a window with OpenGL: %s\n", SDL_GetError());
    return false;
  }
  guard_imgui();
  ImGui::CreateContext();
  ImGuiIO& io = ImGui::GetIO();
  io.IniFilename = nullptr;
  io.ConfigFlags |= ImGuiConfigFlags_NavEnableKeyboard;
  io.Fonts->Flags |= ImFontAtlasFlags_NoBakedLines;  // else snap_glyphs would distort thin lines
  ImFontConfig font;
  font.FontLoader = glyph_loader();
  font.SizePixels = kFontSize;
  io.Fonts->AddFont(&font);
  ImGui::GetStyle().FontSizeBase = kFontSize;
  ImGui_ImplSDL2_InitForOpenGL(program().window, program().context);
  ImGui_ImplOpenGL3_Init(kGlslVersion);
  return true;
}

namespace {

FrameEnd draw() {
  start_frame();
  ImGui_ImplOpenGL3_NewFrame();
  ImGui_ImplSDL2_NewFrame();
  const Size view = size();
  ImGuiIO& io = ImGui::GetIO();
  io.DisplaySize = {view.width, view.height};
  io.DisplayFramebufferScale = {view.scale, view.scale};
  ImGui::NewFrame();
  begin_touch();
  const FrameEnd end = program().frame();
  end_touch();
  end_frame();
  return end;
}

void drop_frame() {
  ImGui::EndFrame();
  program().after_frame.clear();
}

void process_events() {
  Program& p = program();
  bool input = p.woken.exchange(false);
  for (SDL_Event event; SDL_PollEvent(&event);) {
    input = true;
    p.closed = p.closed || event.type == SDL_QUIT;
    guarded([&] {
      ImGui_ImplSDL2_ProcessEvent(&event);
      handle_event(event);
    });
  }
  if (input) p.schedule.input(now_ms());
}

void draw_and_show() {
  Program& p = program();
  FrameEnd end = draw();
  if (end.show == FrameEnd::again) {
    drop_frame();
    end = draw();
  }
  if (end.show == FrameEnd::later) {
    drop_frame();
    forget_failures();
    p.schedule.held(now_ms());
    return;
  }
  const ImGuiIO& io = ImGui::GetIO();
  render(size().scale);
  if (p.before_swap) p.before_swap();
  SDL_GL_SwapWindow(p.window);
  ++p.n_frames;
  for (auto& f : std::exchange(p.after_frame, {})) f();
  // Dear ImGui splits a press and its release over two frames; draw the second at once.
  if (ImGui::GetCurrentContext()->InputEventsQueue.Size > 0) end.more_ms = 0;
  p.schedule.drew(now_ms(), {end.more_ms, io.WantTextInput, ImGui::IsAnyMouseDown()});
  forget_failures();
}

}  // namespace

bool draw_frame() {
  Program& p = program();
  process_events();
  if (!guarded(draw_and_show)) {
    abandon_frame();
    p.after_frame.clear();
    p.schedule.failed(now_ms(), frames_failed());
  }
  return !p.closed;
}

bool has_threads() { return ATTNSCOPE_THREADS; }

}  // namespace attn::platform
