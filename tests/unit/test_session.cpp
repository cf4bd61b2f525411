#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <filesystem>

#include "app/read_folder.h"
#include "app/session.h"
#include "model/forward.h"

using namespace attn;

namespace {

const std::string kData = ATTNSCOPE_SOURCE_DIR "/tests/data/";

// Frames until everything the state asks for is there, or a fault says why it will not be.
void settle(Session& session, const State& state) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  do {
    session.pump();
    session.want(state);
  } while (!session.snapshot().current && !session.snapshot().error &&
           std::chrono::steady_clock::now() < end);
}

std::vector<File> tiny_model() {
  for (const auto& entry : std::filesystem::directory_iterator(kData + "models")) {
    Result<std::vector<File>> files = read_folder(entry.path().string());
    if (files && looks_like_model(*files)) return *files;
  }
  return {};
}

}  // namespace

TEST_CASE("the first screen is the demonstration, computed at once") {
  Session session;
  settle(session, State{});
  const Snapshot& s = session.snapshot();
  REQUIRE(s.current);
  REQUIRE(s.scratch);
  CHECK(s.trace->attention().n_heads == 4);
  CHECK(s.map->n_query == 6);
  CHECK(s.map->values == s.trace->attention().pattern(0, 0, 0));
  CHECK(s.grid->side_q == 6);
  CHECK(s.grid->values.size() == 4 * 36);
}

TEST_CASE("sliders change what is shown; settings that cannot be leave the old picture") {
  Session session;
  State state;
  settle(session, state);
  const auto first = session.snapshot().trace;
  state.head = 3;
  state.sample = 1;
  settle(session, state);
  CHECK(session.snapshot().trace == first);
  CHECK(session.snapshot().map->head == 3);
  CHECK(session.snapshot().map->sample == 1);
  state.n_heads = 5;  // 64 is no multiple of it
  settle(session, state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().trace == first);
  state.n_heads = 8;
  settle(session, state);
  CHECK(!session.snapshot().error);
  CHECK(session.snapshot().trace->attention().n_heads == 8);
  state.head = 100;  // of another model: the nearest there is
  settle(session, state);
  CHECK(session.snapshot().map->head == 7);
}

TEST_CASE("the thumbnails keep every bright cell of a long pattern") {
  Session session;
  State state;
  state.n_tokens = 200;
  settle(session, state);
  const Snapshot& s = session.snapshot();
  REQUIRE(s.current);
  CHECK(s.grid->side_q == 64);
  for (int head = 0; head < s.grid->n_heads; ++head) {
    const std::vector<float> pattern = s.trace->attention().pattern(0, 0, head);
    const size_t cells = size_t(s.grid->side_q) * size_t(s.grid->side_k);
    const float* thumb = s.grid->values.data() + size_t(head) * cells;
    CHECK(*std::max_element(pattern.begin(), pattern.end()) ==
          *std::max_element(thumb, thumb + cells));
  }
}

TEST_CASE("a dropped model loads, runs and follows the text") {
  const std::vector<File> files = tiny_model();
  REQUIRE(!files.empty());
  Session session;
  State state;
  settle(session, state);
  session.open(files);
  std::optional<std::string> id;
  for (int i = 0; i < 100000 && !id; ++i) {
    session.pump();
    session.want(state);
    id = session.take_opened();
  }
  REQUIRE(id);
  state.model = *id;
  state.text = "a b";
  settle(session, state);
  REQUIRE(session.snapshot().current);
  REQUIRE(session.snapshot().model);
  CHECK(session.snapshot().text == "a b");
  const int n = session.snapshot().trace->attention().n_query;
  state.text = "a b a b a b";
  settle(session, state);
  CHECK(session.snapshot().trace->attention().n_query > n);
  CHECK(session.snapshot().map->n_query == session.snapshot().trace->attention().n_query);
}

TEST_CASE("what cannot be opened is one sentence, and the picture stays") {
  Session session;
  State state;
  settle(session, state);
  const auto before = session.snapshot().trace;
  session.open({{"holiday.jpg", Bytes(std::vector<uint8_t>{1, 2, 3})}});
  REQUIRE(session.snapshot().file_error);
  CHECK(session.snapshot().file_error->message.find("holiday.jpg") == 0);
  session.dismiss_error();
  CHECK(!session.snapshot().file_error);

  std::vector<File> broken = tiny_model();
  for (File& file : broken)
    if (file.name.ends_with(".safetensors"))
      file.bytes = Bytes(std::vector<uint8_t>(file.bytes.data(), file.bytes.data() + file.bytes.size() / 2));
  session.open(broken);
  for (int i = 0; i < 1000000 && !session.snapshot().file_error; ++i) {
    session.pump();
    session.want(state);
  }
  REQUIRE(session.snapshot().file_error);
  CHECK(session.snapshot().file_error->message.find(".safetensors") != std::string::npos);
  CHECK(!session.take_opened());
  settle(session, state);
  CHECK(session.snapshot().trace == before);
}

TEST_CASE("a model that is not in the list is an error; a listed one asks for its files once") {
  Session session;
  State state;
  state.model = "nowhere";
  for (int i = 0; i < 100; ++i) {  // the list may still be on its way
    session.pump();
    session.want(state);
    CHECK(!session.snapshot().error);
  }
  session.no_index();
  settle(session, state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().error->message.find("nowhere") != std::string::npos);

  CHECK(session.add_index("{\"models\": 3}"));
  CHECK(session.add_index("{\"models\": [{\"id\": \"\"}]}"));
  CHECK(!session.add_index(R"({"models": [{"id": "m", "folder": "m", "files": ["config.json"],
      "title": {"en": "M", "zh": "模"}, "default_text": "x"}]})"));
  REQUIRE(session.models().size() == 2);
  CHECK(session.models()[1].title_zh == "模");
  state.model = "m";
  session.want(state);
  const auto fetch = session.take_fetch();
  REQUIRE(fetch);
  CHECK(fetch->files.size() == 1);
  session.want(state);
  CHECK(!session.take_fetch());
  session.bring_error("m", Error{"m/config.json: not found"});
  session.want(state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().error->message == "m/config.json: not found");
  state.model = "scratch";
  settle(session, state);
  CHECK(session.snapshot().current);
}
