// session_steps.h - what the tests of a session do: open files, and draw frames until they are
// shown.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/read_folder.h"
#include "app/session.h"

namespace attn {

inline const std::string kData = ATTNSCOPE_SOURCE_DIR "/tests/data/";

// Frames until everything the state asks for is there, or a fault says why it will not be.
inline void settle(Session& session, const State& state) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  do {
    session.pump();
    session.want(state);
  } while (!session.snapshot().current && !session.snapshot().error &&
           std::chrono::steady_clock::now() < end);
}

inline std::vector<File> tiny_model() {
  for (const auto& entry : std::filesystem::directory_iterator(kData + "models")) {
    Result<std::vector<File>> files = read_folder(entry.path().string());
    if (files && looks_like_model(*files)) return *files;
  }
  return {};
}

inline std::string opened(Session& session, const State& state, std::vector<File> files) {
  session.open(std::move(files));
  for (int i = 0; i < 100000; ++i) {
    session.pump();
    session.want(state);
    if (const auto id = session.take_opened()) return *id;
  }
  return "";
}

inline std::vector<File> folder_of(const std::string& path) {
  Result<std::vector<File>> files = read_folder(kData + path);
  REQUIRE(files);
  return *files;
}

// A model dropped and on screen, with a text.
inline void open_model(Session& session, State& state, const std::string& text,
                       std::vector<File> files = tiny_model()) {
  session.open(std::move(files));
  std::optional<std::string> id;
  for (int i = 0; i < 1000000 && !id; ++i) {
    session.pump();
    session.want(state);
    id = session.take_opened();
  }
  REQUIRE(id);
  state.model = *id;
  state.text = text;
  settle(session, state);
  REQUIRE(session.snapshot().current);
}

}  // namespace attn
