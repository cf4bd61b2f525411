// test_agreement.cpp - what is offered agrees with what can be shown: examples with the inspector
// and the brightest cell, tabs with the views, a picture with the text it is of.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <string>

#include "analysis/head_character.h"
#include "app/read_folder.h"
#include "app/session.h"
#include "figure/figure_text.h"
#include "figure/head_words.h"
#include "figure/views.h"
#include "golden_model.h"
#include "pass/forward.h"
#include "planted_model.h"

using namespace attn;

namespace {

void settle(Session& session, const State& state) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  do {
    session.pump();
    session.want(state);
  } while (!session.snapshot().current && !session.snapshot().error &&
           std::chrono::steady_clock::now() < end);
}

std::string open(Session& session, const std::string& folder, State& state) {
  Result<std::vector<File>> files = read_folder(ATTNSCOPE_SOURCE_DIR "/" + folder);
  REQUIRE(files);
  session.open(std::move(*files));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  std::optional<std::string> id;
  while (!(id = session.take_opened()) && std::chrono::steady_clock::now() < end) {
    session.pump();
    session.want(state);
  }
  REQUIRE(id);
  return *id;
}

}  // namespace

TEST_CASE("every example names the brightest cell of its row, and the inspector says the same") {
  Session session;
  std::ifstream in(ATTNSCOPE_SOURCE_DIR "/web/models/index.json", std::ios::binary);
  REQUIRE(!session.add_index(std::string(std::istreambuf_iterator<char>(in), {})));
  int n_examples = 0;
  for (const ModelEntry& entry : session.models()) {
    if (entry.files.empty()) continue;
    const auto model = load_model(
        read_model_files(ATTNSCOPE_SOURCE_DIR "/web/models/" + entry.folder), entry.folder);
    REQUIRE(model);
    for (const Example& e : entry.examples) {
      ++n_examples;
      CAPTURE(e.title_en);
      const Trace trace = forward(*model, (*model)->tokenizer->encode(e.text));
      const Attention& a = trace.parts[0];
      REQUIRE(e.layer < a.n_layers);
      REQUIRE(e.head < a.n_heads);
      REQUIRE(e.token < a.n_query);
      std::vector<float> row(size_t(a.n_key));
      a.pattern_rows(0, e.layer, e.head, e.token, e.token + 1, {row.data(), 1, a.n_key});
      const HereInput input{a, 0, e.layer, e.head, e.token, row};
      const HeadHere here = head_here(input);
      const int brightest = int(std::ranges::max_element(row) - row.begin());
      CHECK(here.key == brightest);
      const auto& tokens = a.key_tokens[0].items;
      for (const Lang lang : {Lang::en, Lang::zh}) {
        const std::string& look = lang == Lang::zh ? e.look_zh : e.look_en;
        const std::string query = quoted_token(lang, tokens[size_t(e.token)].shown);
        const std::string key = quoted_token(lang, tokens[size_t(brightest)].shown);
        CAPTURE(look);
        CAPTURE(key);
        CHECK(look.find(query) != std::string::npos);
        CHECK(look.find(key) != std::string::npos);
        const std::string says = token_words(here, input, lang);
        CAPTURE(says);
        CHECK(says.find(key) != std::string::npos);
      }
    }
  }
  CHECK(n_examples >= 5);
}

TEST_CASE("a text too long for the model keeps the old picture, says so, and has a beginning") {
  Session session;
  State state;
  settle(session, state);
  CHECK(!session.snapshot().stale);
  state.model = open(session, "tests/data/models/gpt2", state);
  state.text = "the cat sat";
  settle(session, state);
  const Snapshot& s = session.snapshot();
  REQUIRE(s.current);
  CHECK(!s.stale);
  CHECK(s.model_id == state.model);
  const int n_ctx = s.model->config.n_ctx;
  state.text.clear();
  for (int i = 0; i < n_ctx + 9; ++i) state.text += "the cat 学习 ";
  const std::string whole = state.text;
  settle(session, state);
  REQUIRE(s.error);
  CHECK(s.stale);
  CHECK(s.text == "the cat sat");
  for (const Cut cut : {Cut::first, Cut::last}) {
    state.cut = Cut::none;
    settle(session, state);
    const int fits = cut == Cut::first ? s.cuts.first : s.cuts.last;
    CHECK(fits <= n_ctx);
    CHECK(fits >= n_ctx - 3);
    state.cut = cut;
    settle(session, state);
    CHECK(!s.error);
    CHECK(!s.stale);
    CHECK(s.cuts.first == 0);
    const Tokens& tokens = s.trace->parts[0].query_tokens[0];
    CHECK(tokens.size() == fits);
    CHECK(tokens.n_whole > n_ctx);
    CHECK((cut == Cut::first ? whole.starts_with(tokens.text) : whole.ends_with(tokens.text)));
  }
  state.cut = Cut::none;
  // Back from another model, whose name is not in the list: said, and the picture is stale.
  session.no_index();
  state.model = "absent-one";
  settle(session, state);
  REQUIRE(s.error);
  CHECK(s.error->message.find("absent-one") != std::string::npos);
  CHECK(s.stale);
}

TEST_CASE("the first head of another model does something") {
  const auto model =
      load_model(read_model_files(ATTNSCOPE_SOURCE_DIR "/web/models/bookworm-2m"), "bookworm-2m");
  REQUIRE(model);
  const auto all = probe(*model);
  REQUIRE(all);
  const Site site = worth_seeing(*all);
  CHECK(all->at(site.layer, site.head).main.role == Role::induction);
  for (const HeadCharacter& head : all->heads)
    if (head.main.role == Role::induction)
      CHECK(head.main.value <= all->at(site.layer, site.head).main.value);
  HeadCharacters none{2, 2, 0, 0, std::vector<HeadCharacter>(4)};
  CHECK(worth_seeing(none) == Site{});
  none.heads[3].main.role = Role::sink;
  CHECK(worth_seeing(none) == Site{0, 1, 1});
  none.heads[2].main.role = Role::previous_token;
  CHECK(worth_seeing(none) == Site{0, 1, 0});
}

TEST_CASE("the attention from scratch has no tab that could only ask for a model") {
  const ScratchRun run = *run_scratch({});
  State state;
  const Inputs in{nullptr, run.trace.get(), &state, nullptr, 0, &run.module};
  const auto tabs = tabs_for(state, false);
  for (const View* view : middle_views()) {
    bool works = view->of_pattern;
    for (const Metric& m : metrics()) works = works || (view->offers(m) && !missing(m, in));
    CAPTURE(view->id);
    CHECK((std::ranges::find(tabs, view) != tabs.end()) == (works && !view->of_pictures));
  }
  CHECK(tabs.size() < middle_views().size());
  CHECK(tabs_for(state, true, true).size() == middle_views().size());
  CHECK(tabs_for(state, true).size() == middle_views().size() - 1);
  // The chosen one stays, and says why.
  state.view = "lens";
  CHECK(tabs_for(state, false).size() == tabs.size() + 1);
}

TEST_CASE("the neuron view's equation holds, its signs have a legend, and its Chinese is Chinese") {
  const auto model =
      load_model(read_model_files(ATTNSCOPE_SOURCE_DIR "/web/models/bookworm-2m"), "bookworm-2m");
  REQUIRE(model);
  const Trace trace = forward(*model, (*model)->tokenizer->encode("我 爱 学习"));
  const Attention& a = trace.parts[0];
  State state{.token = a.n_query - 1, .lang = Lang::zh};
  state.layer = 1;
  state.head = 2;
  std::vector<float> row(size_t(a.n_key));
  a.pattern_rows(0, 1, 2, state.token, state.token + 1, {row.data(), 1, a.n_key});
  const Measure measure{{Axis::key}, {a.n_key}, row};
  for (int key = 0; key < a.n_key; ++key) {
    state.locked_key = key;
    ViewInput input{measure, a, state, 600, 18};
    input.attention = &a;
    input.model = model->get();
    const Figure figure = find_view("neuron")->figure(input);
    double score = 0, sum = 0, scale = 0;
    bool reads = false, has_signs = false;
    for (const Shape& shape : figure.shapes) {
      const Label* label = std::get_if<Label>(&shape);
      if (const Cells* cells = std::get_if<Cells>(&shape))
        for (const float place : cells->places) has_signs = has_signs || place >= kDiverging;
      if (!label) continue;
      CAPTURE(label->text);
      if (const size_t at = label->text.find("：分数 "); at != std::string::npos) {
        const std::string says = label->text.substr(at + std::string("：分数 ").size());
        const size_t last = says.rfind(" = ");
        REQUIRE(last != std::string::npos);
        score = std::stod(says);
        sum = std::stod(says.substr(last + 3));
        const size_t times = says.rfind(" × ");
        REQUIRE(times > last);
        scale = std::stod(says.substr(times + std::string(" × ").size()));
        reads = true;
      }
      // No English word but the names that formulas have in any language.
      std::string word;
      for (const char c : label->text + " ") {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (letter) word += c;
        if (letter) continue;
        CHECK((word.size() < 3 || word == "softmax" || word == "RoPE" || word == "endoftext"));
        word.clear();
      }
    }
    REQUIRE(reads);
    CHECK(has_signs);
    CHECK(score == doctest::Approx(sum * scale).epsilon(2e-3));
    CHECK(score == doctest::Approx(sum * double(a.scale)).epsilon(2e-3));
  }
}
