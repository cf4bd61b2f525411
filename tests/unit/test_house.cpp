// test_house.cpp - the architecture tests itself: includes only go down, and each platform's words
// stay on their floor. floor.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

constexpr std::array kFloors = {"base",  "tensor",   "text",   "files", "trace", "model",    "pass",
                                "state", "analysis", "figure", "app",   "cli",   "platform", "ui"};

// -1: not a folder of the house (a main file, a library's header).
int floor_of(const std::string& path) {
  const std::string folder = path.substr(0, path.find('/'));
  const auto found = std::find(kFloors.begin(), kFloors.end(), folder);
  return found == kFloors.end() ? -1 : int(found - kFloors.begin());
}

struct Source {
  std::string path;  // from src/
  std::vector<std::string> lines;
};

std::vector<Source> sources(const fs::path& root) {
  std::vector<Source> all;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string kind = entry.path().extension().string();
    if (kind != ".h" && kind != ".cpp") continue;
    Source source{fs::relative(entry.path(), root).generic_string(), {}};
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) source.lines.push_back(line);
    all.push_back(std::move(source));
  }
  return all;
}

std::string included(const std::string& line) {
  const std::string word = "#include \"";
  if (!line.starts_with(word)) return "";
  return line.substr(word.size(), line.find('"', word.size()) - word.size());
}

// What breaks the order of the house, one sentence each.
std::vector<std::string> faults(const std::vector<Source>& all) {
  std::vector<std::string> found;
  for (const Source& source : all) {
    const int floor = floor_of(source.path);
    const bool platform = source.path.starts_with("platform/");
    const bool core = floor >= 0 && floor < floor_of("platform/");
    for (const std::string& line : source.lines) {
      const std::string header = included(line);
      if (floor >= 0 && floor_of(header) > floor)
        found.push_back(source.path + " includes " + header + ", which is above it");
      const bool simd_header = source.path == "tensor/simd.h";
      if (!platform && !simd_header && line.find("__EMSCRIPTEN") != std::string::npos)
        found.push_back(source.path + " says __EMSCRIPTEN__; only platform/ may");
      if (!platform && (line.starts_with("#include <SDL") || line.starts_with("#include <GL")))
        found.push_back(source.path + " includes " + line.substr(9) + "; only platform/ may");
      if (core && line.find("imgui") != std::string::npos && line.starts_with("#include"))
        found.push_back(source.path + " includes Dear ImGui; the core has no screen");
    }
    if (source.path.ends_with(".h")) {
      const std::string name = source.path.substr(source.path.find_last_of('/') + 1);
      if (source.lines.empty() || !source.lines[0].starts_with("// " + name + " - "))
        found.push_back(source.path + " must begin with \"// " + name + " - one sentence.\"");
    }
  }
  return found;
}

}  // namespace

TEST_CASE("includes only go down, and platform words stay in platform/") {
  const fs::path root = fs::path(ATTNSCOPE_SOURCE_DIR) / "src";
  const std::vector<Source> all = sources(root);
  REQUIRE(all.size() > 20);
  for (const std::string& fault : faults(all)) FAIL_CHECK(fault);
}

TEST_CASE("the test above sees a planted fault") {
  CHECK(faults({{"base/x.cpp", {"#include \"trace/trace.h\""}}}).size() == 1);
  CHECK(faults({{"model/x.cpp", {"#include \"base/json.h\""}}}).empty());
  CHECK(faults({{"model/x.cpp", {"#ifdef __EMSCRIPTEN__"}}}).size() == 1);
  CHECK(faults({{"platform/x.cpp", {"#ifdef __EMSCRIPTEN__", "#include <SDL.h>"}}}).empty());
  CHECK(faults({{"figure/x.cpp", {"#include <imgui.h>"}}}).size() == 1);
  CHECK(faults({{"base/x.h", {"// y.h - wrong name."}}}).size() == 1);
}
