// gl.cpp - compiling and linking shaders.
#include "platform/gl.h"

#include <cstdio>
#include <string>

namespace attn::platform {
namespace {

#ifdef __EMSCRIPTEN__
constexpr const char* kHeader =
    "#version 300 es\nprecision highp float;\nprecision highp int;\n"
    "precision highp sampler2DArray;\nprecision highp isampler2D;\n";
#else
constexpr const char* kHeader = "#version 330 core\n";
#endif

GLuint compile(GLenum kind, const char* source) {
  const GLuint shader = glCreateShader(kind);
  const char* parts[] = {kHeader, source};
  glShaderSource(shader, 2, parts, nullptr);
  glCompileShader(shader);
  GLint good = 0;
  glGetShaderiv(shader, GL_COMPILE_STATUS, &good);
  if (!good) {
    char log[1000] = "";
    glGetShaderInfoLog(shader, sizeof log, nullptr, log);
    std::fprintf(stderr, "shader: %s\n", log);
  }
  return shader;
}

}  // namespace

GLuint link_program(const char* vertex, const char* fragment) {
  const GLuint program = glCreateProgram();
  for (const GLuint shader :
       {compile(GL_VERTEX_SHADER, vertex), compile(GL_FRAGMENT_SHADER, fragment)}) {
    glAttachShader(program, shader);
    glDeleteShader(shader);  // takes effect with the program's deletion
  }
  glLinkProgram(program);
  GLint good = 0;
  glGetProgramiv(program, GL_LINK_STATUS, &good);
  if (good) return program;
  char log[1000] = "";
  glGetProgramInfoLog(program, sizeof log, nullptr, log);
  std::fprintf(stderr, "shader program: %s\n", log);
  glDeleteProgram(program);
  return 0;
}

}  // namespace attn::platform
