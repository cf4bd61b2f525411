// test_session_limits.cpp - what a session keeps in memory, and what it lets go of.
#include <doctest/doctest.h>

#include <algorithm>

#include "pass/forward.h"
#include "session_steps.h"

using namespace attn;

TEST_CASE("only a few traces are kept, and what was dropped is computed again") {
  Session session;
  State state;
  for (int seed = 1; seed <= 12; ++seed) {
    state.seed = seed;
    settle(session, state);
  }
  CHECK(session.snapshot().n_traces == 12);
  state.seed = 11;
  settle(session, state);
  CHECK(session.snapshot().n_traces == 12);
  state.seed = 1;
  settle(session, state);
  CHECK(session.snapshot().n_traces == 13);
}

TEST_CASE("what does not fit into the memory is refused in a sentence, and the picture stays") {
  Session session;
  session.limit_memory(400'000'000);
  State state;
  settle(session, state);
  const auto before = session.snapshot().trace;
  CHECK(session.snapshot().memory.used() > 0);
  CHECK(session.snapshot().memory.used() < session.snapshot().memory.limit);
  state.n_tokens = 1024;
  state.n_samples = 64;
  state.d_model = 4096;
  settle(session, state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().error->message.find("memory") != std::string::npos);
  CHECK(session.snapshot().trace == before);
}

TEST_CASE(
    "where not all layers fit, the chosen one is kept, and another is computed when it is chosen") {
  Session session;
  State state;
  Result<std::vector<File>> files = read_folder(ATTNSCOPE_SOURCE_DIR "/web/models/bookworm-2m");
  REQUIRE(files);
  open_model(session, state, "the cat sat on the mat", *files);
  const auto whole = session.snapshot().trace;
  const Config& c = session.snapshot().model->config;
  REQUIRE(c.n_layers >= 4);
  const std::vector<float> right[] = {whole->parts[0].pattern(0, 0, 0),
                                      whole->parts[0].pattern(0, c.n_layers - 1, 0)};
  const int n = whole->parts[0].n_query;
  Keep half;
  half.layers = {true, true};
  half.layers.resize(size_t(c.n_layers));
  const uint64_t needed = ForwardPass::bytes_needed(c, n, half);
  const uint64_t others = kPictureRoom + session.snapshot().model->weight_bytes;
  session.limit_memory(others + needed);
  state.text = "the cat sat on the hat";
  settle(session, state);
  CAPTURE(session.snapshot().error.value_or(Error{"no error"}).message);
  REQUIRE(session.snapshot().current);
  const auto first = session.snapshot().trace;
  CHECK(first->parts[0].is_kept(0));
  CHECK(!first->parts[0].is_kept(c.n_layers - 1));
  CHECK(session.snapshot().note.find("memory") != std::string::npos);
  CHECK(session.snapshot().map->layer == 0);
  state.text = "the cat sat on the mat";
  state.layer = c.n_layers - 1;
  settle(session, state);
  REQUIRE(session.snapshot().current);
  CHECK(session.snapshot().trace->parts[0].is_kept(c.n_layers - 1));
  const auto worst = [&](const std::vector<float>& wanted) {
    float most = 0;
    for (size_t i = 0; i < wanted.size(); ++i)
      most = std::max(most, std::abs(wanted[i] - session.snapshot().map->values[i]));
    return most;
  };
  CHECK(worst(right[1]) < 1e-6f);
  state.layer = 0;
  settle(session, state);
  REQUIRE(session.snapshot().current);
  CHECK(session.snapshot().map->layer == 0);
  CHECK(worst(right[0]) < 1e-6f);
  session.limit_memory(others + 10);
  state.text = "a dog";
  settle(session, state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().error->message.find("memory") != std::string::npos);
}

TEST_CASE("models that were not used for longest make room for others") {
  Session session;
  State state;
  const std::string text = "the cat sat on the mat";
  const auto files = [](const char* name) {
    std::vector<File> all = *read_folder(ATTNSCOPE_SOURCE_DIR "/web/models/bookworm-2m");
    for (File& file : all) file.name = name + ("/" + std::string(base_name(file.name)));
    return all;
  };
  open_model(session, state, text, files("first"));
  const std::string first = state.model;
  const uint64_t weights = session.snapshot().memory.weights;
  open_model(session, state, text, files("second"));
  const std::string second = state.model;
  CHECK(session.held().size() == 2);
  CHECK(session.held()[0].bytes == weights);
  CHECK(session.snapshot().memory.weights == 2 * weights);
  state.model = first;
  settle(session, state);
  REQUIRE(session.snapshot().current);
  uint64_t of_files = 0;
  for (const File& file : files("third")) of_files += file.bytes.size();
  session.limit_memory(kPictureRoom + 2 * weights + of_files - 1);
  open_model(session, state, text, files("third"));
  const auto holds = [&](const std::string& id) {
    return std::ranges::any_of(session.held(), [&](const auto& h) { return h.id == id; });
  };
  CHECK(holds(first));  // used later than the second
  CHECK(!holds(second));
  CHECK(holds(state.model));
  REQUIRE(session.snapshot().current);
  // A text that needs more lets go of the other, and is not refused.
  const Config& c = session.snapshot().model->config;
  session.limit_memory(kPictureRoom + weights + ForwardPass::bytes_needed(c, 6, {}) + 1'000'000);
  state.text = "the cat sat on the hat";
  settle(session, state);
  CHECK(!session.snapshot().error);
  REQUIRE(session.snapshot().current);
  CHECK(session.held().size() == 1);
  state.model = second;
  settle(session, state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().error->message.find("drop them here again") != std::string::npos);
  // Where no text fits beside the weights, nobody is told to shorten it.
  state.model = session.held()[0].id;
  session.limit_memory(kPictureRoom + weights + 10);
  state.text = "a";
  settle(session, state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().error->message.find("shorten") == std::string::npos);
  CHECK(session.snapshot().error->message.find("smaller model") != std::string::npos);
}
