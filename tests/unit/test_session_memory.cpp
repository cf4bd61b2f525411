// test_session_memory.cpp - a session in which the memory runs out goes on, and comes to the same
// bits.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "app/session.h"
#include "failing_new.h"
#include "golden_model.h"
#include "tensor/parallel.h"

using namespace attn;

namespace {

using Clock = std::chrono::steady_clock;

// Someone's choices, one after the other; the model of all but the first is opened before them.
struct Choice {
  State state;
  std::vector<int> watched = {};
};

std::vector<Choice> choices() {
  std::vector<Choice> all(1);
  State s;
  s.text = "a bc de bc f";
  all.push_back({s});
  s.layer = 1;
  s.head = 1;
  all.push_back({s, {0, 3}});
  s.panel = Panel::head;
  all.push_back({s, {3}});
  s.view = "lens";
  all.push_back({s});
  s.view = "map";
  s.show = "norm_head";
  all.push_back({s});
  s.units = Units::words;
  s.specials = Specials::hidden;
  all.push_back({s});
  s.panel = Panel::learn;
  s.learn = "structure";
  all.push_back({s});
  s.units = Units::tokens;
  s.text = "a longer text than the one before it";
  all.push_back({s});
  all.push_back({State{}});
  s.text = "a bc de bc f";
  s.lang = Lang::zh;
  s.panel = Panel::token;
  all.push_back({s, {1}});
  return all;
}

// What is on screen in the end.
struct Screen {
  std::string text;
  std::vector<std::vector<float>> values;  // of the map, the thumbnails, the sharp maps, measures
  bool operator==(const Screen&) const = default;
};

// What happened on the way.
struct Course {
  int n_said = 0;      // frames with a sentence
  int n_dropped = 0;   // times the files were dropped
  bool threw = false;  // out of a call
  bool lost = false;   // the picture on screen
  bool late = false;   // a choice was never shown
};

struct Player {
  const std::vector<File>& files;
  Course course = {};
  Session session = Session();

  template <class F>
  void call(F&& f) {
    try {
      f();
    } catch (const std::bad_alloc&) {
      course.threw = true;
    }
  }

  // A frame; afterwards the job in hand is delivered.
  void frame(const State& state) {
    const Snapshot& s = session.snapshot();
    const bool had_picture = s.trace != nullptr;
    call([&] { session.want(state); });
    bool delivered = s.busy.empty() || s.current;
    for (const auto end = Clock::now() + std::chrono::seconds(2);
         !delivered && Clock::now() < end;) {
      call([&] { delivered = session.pump(); });
      if (ATTNSCOPE_THREADS && !delivered) std::this_thread::yield();
    }
    course.lost = course.lost || (had_picture && !s.trace);
    course.n_said += s.error || s.file_error;
  }

  std::string open(const State& meanwhile) {
    for (int tries = 0; tries < 4; ++tries) {
      std::vector<File> copy;
      {
        const UncountedNew uncounted;
        copy = files;
        ++course.n_dropped;
      }
      call([&] { session.open(std::move(copy)); });
      for (int frames = 0; frames < 20 && !session.snapshot().file_error; ++frames) {
        frame(meanwhile);
        if (auto id = session.take_opened()) return std::move(*id);
      }
      session.dismiss_error();
    }
    course.late = true;
    return "";
  }

  bool show(const State& state) {
    for (int frames = 0; frames < 100; ++frames) {
      frame(state);
      const Snapshot& s = session.snapshot();
      if (s.current) return true;
      if (s.error && s.error->message.find("again") != std::string::npos) return false;
    }
    course.late = true;
    return true;
  }

  void play(std::vector<Choice> all) {
    std::string id;
    for (Choice& now : all) {
      const bool of_model = !now.state.text.empty();
      if (of_model && id.empty()) id = open(all[0].state);
      session.watch(std::move(now.watched), 8);
      for (int tries = 0; tries < 3; ++tries) {
        {
          const UncountedNew uncounted;
          if (of_model) now.state.model = id;
        }
        if (show(now.state)) break;
        id = open(now.state);  // it was let go
      }
    }
  }

  Screen screen(const State& state) const {
    const Snapshot& s = session.snapshot();
    Screen out{s.text, {}};
    if (s.map) out.values.push_back(s.map->values);
    if (s.grid) out.values.push_back(s.grid->values);
    for (const auto& map : s.sharp) out.values.push_back(map->values);
    if (s.trace)
      for (const Metric* metric : wanted_metrics(clamped(state, *s.trace)))
        if (const auto made = s.measure(metric, clamped(state, *s.trace)))
          out.values.push_back(made->measure.values);
    return out;
  }
};

struct OneThread {
  OneThread() { set_n_threads(1); }
  ~OneThread() { set_n_threads(0); }
};

}  // namespace

TEST_CASE("each allocation of a session may fail, and it comes to the same bits") {
  if (!ATTNSCOPE_COUNTS_NEW) {
    std::printf("SKIPPED allocations of a session that fail: the sanitizer counts them\n");
    return;
  }
  constexpr int kRuns = 800;  // spread evenly: all would take minutes
  const OneThread one;
  const std::vector<File> files = read_model_files(test_models() / "gpt2");
  const std::vector<Choice> all = choices();
  Screen expected;
  int64_t n = 0;
  {
    Player player{files};
    std::vector<Choice> copy = all;
    const FailingNew counting(INT64_MAX);
    player.play(std::move(copy));
    n = counting.n_counted();
    const UncountedNew uncounted;
    expected = player.screen(all.back().state);
    CHECK(!player.course.late);
    CHECK(player.course.n_said == 0);
    CHECK(player.course.n_dropped == 1);
  }
  REQUIRE(expected.values.size() >= 3);
  CHECK(n > 1000);
  Course sum;
  int n_failed = 0;
  const int64_t stride = std::max<int64_t>(1, n / kRuns) | 1;
  for (int64_t at = 0; at < n; at += stride) {
    CAPTURE(at);
    Player player{files};
    std::vector<Choice> copy = all;
    bool failed = false;
    {
      const FailingNew failing(at);
      player.play(std::move(copy));
      failed = failing.has_failed();
    }
    n_failed += failed;
    const Course& c = player.course;
    CHECK(!c.threw);
    CHECK(!c.late);
    // Without threads it may be a step that fails, for which the picture, too, is let go.
    if (ATTNSCOPE_THREADS) CHECK(!c.lost);
    CHECK(player.screen(all.back().state) == expected);
    sum.n_said += c.n_said;
    sum.n_dropped += c.n_dropped;
  }
  CHECK(n_failed > kRuns / 2);
  MESSAGE(n, " allocations, of which every ", stride, "th failed: ", n_failed, "; frames with a ",
          "sentence ", sum.n_said, ", files dropped ", sum.n_dropped, " times");
}

TEST_CASE("while the memory is used up it is said, and the picture stays") {
  if (!ATTNSCOPE_COUNTS_NEW) {
    std::printf("SKIPPED a session without memory: the sanitizer counts it\n");
    return;
  }
  for (const size_t most : {0, 128, 1000}) {  // the sentence takes some 100
    CAPTURE(most);
    Session session;
    State state;
    const auto frames = [&](int n_frames) {
      for (int i = 0; i < n_frames; ++i) {
        session.want(state);
        if (session.snapshot().current) return;
        session.pump();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    };
    frames(1000);
    REQUIRE(session.snapshot().current);
    const auto trace = session.snapshot().trace;
    state.head = 2;
    state.view = "lines";
    state.units = Units::words;
    {
      const LimitedNew limited(most);
      frames(20);
      CHECK(limited.n_failed() > 0);
    }
    CHECK(!session.snapshot().current);
    CHECK(session.snapshot().trace == trace);
    // Not even the sentence has room in no bytes.
    if (most > 0) {
      REQUIRE(session.snapshot().error);
      CHECK(session.snapshot().error->message == memory_is_used_up(Lang::en));
    }
    frames(1000);
    CHECK(session.snapshot().current);
    CHECK(!session.snapshot().error);
    CHECK(session.snapshot().map->head == 2);
  }
}
