// test_frame.cpp - frames of the window in which any one allocation fails.
#include <doctest/doctest.h>
#include <imgui.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "figure/views.h"
#include "platform/glyphs.h"
#include "platform/guard.h"
#include "ui/opening.h"
#include "ui/ui_state.h"
#include "unit/failing_new.h"
#include "unit/golden_model.h"

using namespace attn;

namespace {

constexpr int kPatience = 50'000;  // frames

// As a renderer does, without one.
void take_textures() {
  for (ImTextureData* texture : ImGui::GetPlatformIO().Textures) {
    if (texture->Status == ImTextureStatus_WantDestroy) {
      texture->SetTexID(ImTextureID_Invalid);
      texture->SetStatus(ImTextureStatus_Destroyed);
    } else if (texture->Status != ImTextureStatus_Destroyed) {
      texture->SetTexID(1);
      texture->SetStatus(ImTextureStatus_OK);
    }
  }
}

struct Window {
  ImGuiContext* context = nullptr;
  std::unique_ptr<Program> program = std::make_unique<Program>();
  bool open = false;

  Window() {
    platform::guard_imgui();
    context = ImGui::CreateContext();
    ImGuiIO& io = ImGui::GetIO();
    io.IniFilename = nullptr;
    io.ConfigErrorRecoveryEnableAssert = false;  // as in released programs
    io.BackendFlags |= ImGuiBackendFlags_RendererHasTextures;
    ImFontConfig font;
    font.FontLoader = platform::glyph_loader();
    font.SizePixels = 15;
    io.Fonts->AddFont(&font);
    ImGui::GetStyle().FontSizeBase = 15;
  }
  Window(const Window&) = delete;
  ~Window() {
    program.reset();
    for (ImTextureData* texture : ImGui::GetPlatformIO().Textures) {
      texture->SetTexID(ImTextureID_Invalid);
      texture->SetStatus(ImTextureStatus_Destroyed);
    }
    ImGui::DestroyContext(context);
  }

  const Snapshot& snap() const { return program->session.snapshot(); }

  // As platform/window.cpp draws them. False where the frame failed.
  bool draw() {
    return draws([&] { return frame(*program); });
  }

  // The state's frame where the thumbnails are still these, as when the worker is slow.
  bool draw_over(const std::shared_ptr<const HeadGrid>& grid) {
    return draws([&]() -> platform::FrameEnd {
      program->session.want(program->state);
      const_cast<Snapshot&>(snap()).grid = grid;
      return {draw_window(*program->ui, program->session, program->state, program->history)};
    });
  }

  bool draws(const std::function<platform::FrameEnd()>& one) {
    const bool drawn = platform::guarded([&] {
      ImGuiIO& io = ImGui::GetIO();
      io.DisplaySize = {1280, 800};
      io.DeltaTime = 1 / 60.f;
      ImGui::NewFrame();
      if (!open) {
        open_program(*program);
        open = true;
      }
      const platform::FrameEnd end = one();
      if (end.show == platform::FrameEnd::now) {
        ImGui::Render();
        take_textures();
      } else {
        ImGui::EndFrame();
      }
      platform::forget_failures();
    });
    if (!drawn) platform::abandon_frame();
    return drawn;
  }

  // All that the window wants is there; measures may come after the picture.
  bool is_there() const { return snap().current && snap().busy.empty(); }

  // Until everything is there and its frames have settled.
  bool settle() {
    for (int left = 6, frames = 0; frames < kPatience; ++frames) {
      left = draw() && is_there() ? left - 1 : 6;
      if (left == 0) return true;
      if (!is_there()) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return false;
  }
};

// What can be clicked where, and the numbers on screen.
using Layout = std::vector<std::tuple<std::string, float, float, float, float>>;
struct Drawn {
  Layout areas;
  std::vector<float> map;
};

Drawn drawn(const Window& window) {
  Drawn out;
  for (const Area& a : window.program->ui->areas)
    out.areas.emplace_back(a.name, a.min.x, a.min.y, a.max.x, a.max.y);
  if (window.snap().map) out.map = window.snap().map->values;
  return out;
}

// The first difference; "" where there is none.
std::string differs(const Drawn& a, const Drawn& b) {
  if (a.map != b.map) return "the map";
  const auto [x, y] = std::ranges::mismatch(a.areas, b.areas);
  if (x == a.areas.end() && y == b.areas.end()) return "";
  const auto words = [](const Layout& layout, Layout::const_iterator it) {
    if (it == layout.end()) return std::string("none");
    const auto& [name, x0, y0, x1, y1] = *it;
    return name + " " + std::to_string(x0) + " " + std::to_string(y0) + " " + std::to_string(x1) +
           " " + std::to_string(y1);
  };
  return words(a.areas, x) + " for " + words(b.areas, y);
}

bool open_model(Window& window, const std::filesystem::path& folder, std::string text) {
  window.settle();
  const auto before = window.snap().model;
  window.program->session.open(read_model_files(folder));
  const auto is_there = [&] {
    return window.snap().model && window.snap().model != before && window.snap().current;
  };
  for (int frames = 0; frames < kPatience && !is_there(); ++frames) {
    window.draw();
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  if (!text.empty()) window.program->state.text = std::move(text);
  return is_there() && window.settle();
}

// With a panel each.
std::vector<State> all_screens(const State& first) {
  std::vector<State> screens;
  for (const View& view : views()) {
    screens.push_back(first);
    screens.back().view = view.id;
    screens.back().panel = Panel(screens.size() % 4);
  }
  screens.push_back(first);
  screens.back().units = Units::words;
  return screens;
}

}  // namespace

TEST_CASE("each allocation of a frame may fail: it is said, and the next frame is the same") {
  constexpr int kRuns = 150;  // of each screen, spread evenly
  Window window;
  REQUIRE(open_model(window, test_models() / "gpt2", "a bc de bc f"));
  Program& program = *window.program;
  const State first = program.state;
  int n_screens = 0, n_failed = 0, n_abandoned = 0;
  int64_t n_all = 0;
  for (const State& screen : all_screens(first)) {
    CAPTURE(screen.view);
    // A frame that has everything to draw anew, and one that has nothing.
    const auto change = [&] {
      program.state = first;
      program.state.head = 1 - first.head;
      REQUIRE(window.settle());
      show_error(*program.ui, "");
      program.state = screen;
    };
    change();
    REQUIRE(window.settle());
    const Drawn expected = drawn(window);
    change();
    int64_t n = 0;
    {
      const FailingNew counting(INT64_MAX);
      REQUIRE(window.draw());
      n = counting.n_counted();
    }
    n_all += n;
    const int64_t stride = std::max<int64_t>(1, n / kRuns) | 1;
    for (int64_t at = 0; at < n; at += stride) {
      CAPTURE(at);
      change();
      bool failed = false, complete = false;
      {
        const FailingNew failing(at);
        complete = window.draw();
        failed = failing.has_failed();
      }
      n_failed += failed;
      CHECK(window.snap().trace);
      if (!complete) {
        ++n_abandoned;
        CHECK(platform::frames_failed() == 1);
        CHECK(window.draw());  // the next frame works
        CHECK(platform::frames_failed() == 0);
        CHECK(program.ui->link_error == memory_is_used_up(Lang::en));
        show_error(*program.ui, "");
      }
      REQUIRE(window.settle());
      CHECK(differs(drawn(window), expected) == "");
    }
    ++n_screens;
  }
  CHECK(n_failed > 10 * n_screens);
  CHECK(n_abandoned > 10 * n_screens);
  MESSAGE(n_screens, " screens of ", n_all, " allocations together, of which ", n_failed,
          " failed");
}

TEST_CASE("each allocation of the first frames may fail, and the window opens") {
  constexpr int kRuns = 300;
  Drawn expected;
  int64_t n = 0;
  {
    Window window;
    const FailingNew counting(INT64_MAX);
    REQUIRE(window.settle());
    n = counting.n_counted();
    const UncountedNew uncounted;
    expected = drawn(window);
  }
  CHECK(n > 1000);
  int n_failed = 0;
  const int64_t stride = std::max<int64_t>(1, n / kRuns) | 1;
  for (int64_t at = 0; at < n; at += stride) {
    CAPTURE(at);
    Window window;
    bool settled = false;
    {
      const FailingNew failing(at);
      settled = window.settle();
      n_failed += failing.has_failed();
    }
    CHECK(settled);
    show_error(*window.program->ui, "");
    CHECK(window.settle());
    CHECK(differs(drawn(window), expected) == "");
  }
  MESSAGE(n, " allocations, of which ", n_failed, " failed");
}

TEST_CASE("while there is no memory for a frame a sentence is drawn, and then the window") {
  Window window;
  REQUIRE(window.settle());
  State& state = window.program->state;
  state.n_tokens = 200;
  state.n_samples = 1;
  REQUIRE(window.settle());
  const Drawn expected = drawn(window);
  const auto trace = window.snap().trace;
  forget_caches(*window.program->ui);  // 160 kB have to be copied again
  int n_sentences = 0;
  {
    const LimitedNew limited(20'000);
    for (int frames = 0; frames < 9; ++frames) {
      if (!window.draw()) continue;
      ++n_sentences;
      const UncountedNew uncounted;
      CHECK(ImGui::GetDrawData()->CmdListsCount == 1);
      CHECK(ImGui::GetDrawData()->TotalVtxCount > 4 * 60);
    }
    CHECK(limited.n_failed() == 6);
  }
  CHECK(n_sentences == 3);
  CHECK(window.snap().trace == trace);
  REQUIRE(window.settle());
  CHECK(window.program->ui->link_error == memory_is_used_up(Lang::en));
  show_error(*window.program->ui, "");
  REQUIRE(window.settle());
  CHECK(differs(drawn(window), expected) == "");
}

// The first frames of a part, which has other layers, heads and tokens, are drawn with thumbnails,
// measures and caches of the part before. AddressSanitizer sees what is read past an end.
TEST_CASE("every screen goes from any part of a model to any other, frame by frame") {
  const std::filesystem::path data = test_models().parent_path();
  for (const auto& [folder, text] :
       {std::pair{data / "vision" / "siglip", ""}, {data / "seq2seq" / "bart", "a bc de bc f"}}) {
    CAPTURE(folder.string());
    Window window;
    REQUIRE(open_model(window, folder, text));
    const int n_parts = int(window.snap().trace->parts.size());
    CHECK(n_parts > 1);
    int n_changes = 0;
    for (const State& screen : all_screens(window.program->state)) {
      CAPTURE(screen.view);
      for (int from = 0; from < n_parts; ++from)
        for (int to = 0; to < n_parts; ++to) {
          if (from == to) continue;
          State& state = window.program->state;
          state = screen;
          state.part = from;
          state.layer = 99;
          REQUIRE(window.settle());
          const Attention& before = window.snap().trace->at(clamped(state, *window.snap().trace));
          window.program->ui->next_hover_layer = before.n_layers - 1;
          window.program->ui->next_hover_head = before.n_heads - 1;
          const auto grid = window.snap().grid;
          state.part = to;
          for (int frames = 0; frames < 3; ++frames) CHECK(window.draw_over(grid));
          REQUIRE(window.settle());
          ++n_changes;
        }
    }
    MESSAGE(n_changes, " changes");
  }
}
