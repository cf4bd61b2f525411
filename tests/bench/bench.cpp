// The benchmark's program: answers one JSON command with one line of JSON. Natively from standard
// input; in a page by the exported functions at the end. README.md here lists the commands.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "base/json.h"
#include "bench_loops.h"
#include "bench_works.h"
#include "tensor/parallel.h"

#if defined(__EMSCRIPTEN__)
#include <emscripten.h>
#endif

namespace attn {

namespace {

struct Program {
  std::string folder;         // of the models, natively
  std::vector<File> given;    // files of the next model, in a page
  std::vector<uint8_t> room;  // where the page is writing one
  std::string room_name;
  Bench bench;
};

double ms_of(const std::function<void()>& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

Result<std::vector<File>> read_files(const std::string& folder) {
  std::vector<File> files;
  for (const char* name : {"config.json", "tokenizer.json", "model.safetensors"}) {
    std::ifstream in(folder + "/" + name, std::ios::binary | std::ios::ate);
    if (!in) return Error{folder + "/" + name + ": cannot be read; make it by models.mjs"};
    std::vector<uint8_t> bytes(size_t(in.tellg()));
    in.seekg(0);
    in.read(reinterpret_cast<char*>(bytes.data()), std::streamsize(bytes.size()));
    files.push_back({name, Bytes(std::move(bytes))});
  }
  return files;
}

std::string numbers(const std::vector<double>& values) {
  std::string text = "[";
  for (const double value : values) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%s%.6g", text.size() > 1 ? "," : "", value);
    text += buffer;
  }
  return text + "]";
}

std::string base64(std::span<const float> floats) {
  static const char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto* bytes = reinterpret_cast<const uint8_t*>(floats.data());
  const size_t n = floats.size_bytes();
  std::string text;
  text.reserve((n + 2) / 3 * 4);
  for (size_t i = 0; i < n; i += 3) {
    const uint32_t bits = uint32_t(bytes[i]) << 16 | (i + 1 < n ? uint32_t(bytes[i + 1]) << 8 : 0) |
                          (i + 2 < n ? bytes[i + 2] : 0);
    text += kDigits[bits >> 18];
    text += kDigits[bits >> 12 & 63];
    text += i + 1 < n ? kDigits[bits >> 6 & 63] : '=';
    text += i + 2 < n ? kDigits[bits & 63] : '=';
  }
  return text;
}

Result<std::string> load(Program& p, const Json& command) {
  const std::string name(command.at("model").text().value_or(""));
  p.bench.unload();
  std::vector<File> files = std::move(p.given);
  p.given.clear();
  double read_ms = 0;
  if (files.empty()) {
    Status failed;
    read_ms = ms_of([&] {
      if (auto read = read_files(p.folder + "/" + name)) {
        files = std::move(*read);
      } else {
        failed = read.error();
      }
    });
    if (failed) return *failed;
  }
  Status failed;
  const double load_ms = ms_of([&] { failed = p.bench.load(std::move(files), name); });
  if (failed) return *failed;
  return "{\"read_ms\":" + std::to_string(read_ms) + ",\"load_ms\":" + std::to_string(load_ms) +
         "}";
}

// Samples of one work: at least min_reps of them, then until min_ms are full.
Result<std::string> bench(Program& p, const Json& command) {
  Result<std::function<void()>> work = p.bench.work(command);
  if (!work) return work.error();
  const int64_t min_reps = command.at("min_reps").integer().value_or(1);
  const double min_ms = command.at("min_ms").number().value_or(0);
  set_n_threads(int(command.at("threads").integer().value_or(0)));
  std::vector<double> samples;
  double total = 0;
  while (int64_t(samples.size()) < min_reps || (total < min_ms && samples.size() < 1000)) {
    samples.push_back(ms_of(*work));
    total += samples.back();
  }
  return "{\"ms\":" + numbers(samples) + ",\"units\":" + std::to_string(p.bench.units()) + "}";
}

Result<std::string> dump(Program& p, const Json& command) {
  Result<Dump> dump = p.bench.dump(command);
  if (!dump) return dump.error();
  return "{\"patterns\":\"" + base64(dump->patterns) + "\",\"logits\":\"" + base64(dump->logits) +
         "\"}";
}

Result<std::string> answer(Program& p, std::string_view line) {
  Result<Json> command = Json::parse(line, "command");
  if (!command) return command.error();
  const std::string_view what = command->at("cmd").text().value_or("");
  if (what == "version") {
    return "{\"loops\":" + json_quote(machine_loops().name) +
           ",\"threads\":" + std::to_string(n_threads()) + "}";
  }
  if (what == "load") return load(p, *command);
  if (what == "bench") return bench(p, *command);
  if (what == "dump") return dump(p, *command);
  if (what == "unload") {
    p.bench.unload();
    return std::string("{}");
  }
  return Error{"command: cmd must be version, load, unload, bench or dump"};
}

std::string answer_line(Program& p, std::string_view line) {
  const Result<std::string> text = answer(p, line);
  return text ? *text : "{\"error\":" + json_quote(text.error().message) + "}";
}

}  // namespace

}  // namespace attn

#if defined(__EMSCRIPTEN__)

static attn::Program& program() {
  static attn::Program instance;
  return instance;
}

extern "C" {

// Room for a file of the next model; the page fills it and calls bench_file_done.
EMSCRIPTEN_KEEPALIVE uint8_t* bench_file(const char* name, size_t size) {
  program().room = std::vector<uint8_t>(size);
  program().room_name = name;
  return program().room.data();
}

EMSCRIPTEN_KEEPALIVE void bench_file_done() {
  program().given.push_back({program().room_name, attn::Bytes(std::move(program().room))});
}

// The caller frees the answer.
EMSCRIPTEN_KEEPALIVE char* bench_command(const char* line) {
  return strdup(attn::answer_line(program(), line).c_str());
}

}  // extern "C"

#else

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: bench FOLDER_OF_MODELS < commands\n";
    return 2;
  }
  attn::Program program;
  program.folder = argv[1];
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << attn::answer_line(program, line) << '\n' << std::flush;
  }
}

#endif
