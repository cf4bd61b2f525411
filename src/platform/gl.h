// gl.h - what OpenGL ES 3 (browser) and OpenGL 3.3 core (desktop) have in common.
#pragma once

#ifdef __EMSCRIPTEN__
#include <GLES3/gl3.h>
#else
#define GL_GLEXT_PROTOTYPES
#include <SDL_opengl.h>
#endif

namespace attn::platform {

// The first line of every shader, for Dear ImGui's renderer.
#ifdef __EMSCRIPTEN__
inline constexpr const char* kGlslVersion = "#version 300 es";
#else
inline constexpr const char* kGlslVersion = "#version 330 core";
#endif

// Links a program from two shaders without their #version line. 0 on failure; the driver's log goes
// to stderr, since users cannot fix the program's own shaders.
GLuint link_program(const char* vertex, const char* fragment);

}  // namespace attn::platform
