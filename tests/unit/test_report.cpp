// test_report.cpp - what the analyser says, in both languages, aligned in a terminal.
#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "figure/report.h"
#include "figure/report_text.h"

using namespace attn;

namespace {

// The state must live as long as the full expression, as a temporary does.
Inputs of(const Trace& trace, const State& state) { return {nullptr, &trace, &state}; }

using Report = TextBlocks (*)(const Inputs&);
const Report kReports[] = {structure_report,       token_weights_report, token_table_report,
                           head_comparison_report, heat_map_report,      head_mean_report,
                           indexing_report,        concepts_report};

ScratchRun run_of(ScratchSettings settings) {
  auto run = run_scratch(settings);
  REQUIRE(run);
  return *run;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A trace of one head over given weights: q·k are their logarithms.
Trace trace_of(const std::vector<std::string>& names, const std::vector<float>& scores) {
  const int n = int(names.size());
  Trace trace;
  Attention a;
  a.part = Part::encoder_self;
  a.n_layers = a.n_heads = a.n_kv_heads = 1;
  a.d_head = n;
  a.n_query = a.n_key = n;
  std::vector<float> identity(size_t(n * n));
  for (int i = 0; i < n; ++i) identity[size_t(i * n + i)] = 1;
  a.layers = {QK{{1, n, n, scores}, {1, n, n, identity}, {1, n, n, identity}}};
  trace.parts = {a};
  Tokens tokens;
  for (const std::string& name : names) tokens.items.push_back({-1, name, name, 0, 0, false});
  trace.parts[0].query_tokens = trace.parts[0].key_tokens = {tokens};
  return trace;
}

}  // namespace

TEST_CASE("every report ends its last line, for any choice, trace and language") {
  const ScratchRun runs[] = {run_of({}),
                             run_of({.d_model = 6, .n_heads = 6, .mask = ScratchMask::padding}),
                             run_of({.d_model = 1, .n_heads = 1, .n_samples = 1, .tokens = {"x"}})};
  for (const ScratchRun& run : runs) {
    for (Lang lang : {Lang::en, Lang::zh}) {
      for (int choice : {-5, 0, 3, 99}) {
        State s;
        s.lang = lang;
        s.sample = s.head = s.layer = s.token = s.locked_key = choice;
        for (Report report : kReports) {
          const std::string text = text_of(report(of(*run.trace, s)));
          CHECK(is_valid_utf8(text));
          CHECK(text.ends_with('\n'));
          CHECK_FALSE(has(text, "{0}"));
          CHECK_FALSE(has(text, "{1}"));
        }
        CHECK(text_of(element_report(of(*run.trace, s), choice, choice)).ends_with('\n'));
        CHECK(demo_report(run, s).ends_with('\n'));
      }
    }
  }
}

TEST_CASE("the first token's table: weights, percent, bars and the sum") {
  const ScratchRun run = run_of({});
  const std::string zh = text_of(token_table_report(of(*run.trace, {.lang = Lang::zh})));
  // 0.2571 is what PyTorch gives for seed 42: 12 whole blocks of a fiftieth.
  CHECK(has(zh, "     0  我    0.2571  25.71%  ████████████\n"));
  CHECK(has(zh, "     4  学习  0.1676  16.76%  ████████\n"));
  CHECK(has(zh, "权重之和：1.000000  ✓ 等于 1\n"));
  CHECK(has(text_of(token_table_report(of(*run.trace, {}))),
            "Sum of the weights: 1.000000  ✓ equals 1\n"));
}

TEST_CASE("columns stay in line whatever the script") {
  const ScratchRun run = run_of({.tokens = {"我", "love", "ｄｅｅｐ", "é", "학습", "EOS"}});
  const auto all = lines(text_of(token_table_report(of(*run.trace, {}))));
  int width = -1;
  for (const std::string& line : all) {
    const size_t percent_sign = line.find('%');
    if (percent_sign == std::string::npos || has(line, "bar")) continue;
    const int w = display_width(line.substr(0, percent_sign));
    if (width < 0) width = w;
    CHECK(w == width);
  }
  CHECK(width > 0);
}

TEST_CASE("the heat map's glyphs keep the thresholds") {
  CHECK(std::string(shade(0.51f)) == "██");
  CHECK(std::string(shade(0.5f)) == "▓▓");
  CHECK(std::string(shade(0.3f)) == "▒▒");
  CHECK(std::string(shade(0.1f)) == "░░");
  CHECK(std::string(shade(0.05f)) == "··");
  const float big = 20;
  const Trace trace = trace_of({"a", "b"}, {big, 0, 0, big});
  CHECK(has(text_of(heat_map_report(of(trace, {}))), "0 a          ██  ··\n"));
}

TEST_CASE("all heads compared: the most attended position and the top 3") {
  const Trace trace =
      trace_of({"a", "b", "c", "d"}, {0.1f, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  const std::string text = text_of(head_comparison_report(of(trace, {})));
  CHECK(has(text, "0  1 b            0.6418  1 b 0.6418 · 2 c 0.2361 · 3 d 0.0869\n"));
}

TEST_CASE("one element, from score to weight, and what a mask hides") {
  const ScratchRun run = run_of({.mask = ScratchMask::causal});
  const std::string hidden = text_of(element_report(of(*run.trace, {}), 1, 4));
  CHECK(has(hidden, "weights[0, 0, 1, 4] = 0.000000\n"));
  CHECK(has(hidden, "The mask hides token j"));
  const std::string itself = text_of(element_report(of(*run.trace, {.lang = Lang::zh}), 0, 0));
  CHECK(has(itself, "weights[0, 0, 0, 0] = 1.000000\n"));
  CHECK(has(itself, "词元 0“我”把 100.00% 的注意力给了词元 0“我”"));
}

TEST_CASE("names of tokens never break a line") {
  auto name = [](const char* shown, int columns = 16) {
    Token token;
    token.shown = shown;
    return token_name(token, columns);
  };
  CHECK(name(" the") == "␣the");
  CHECK(name("a\nb\tc\x01") ==
        "a↵b\xEF\xBF\xBD"
        "c\xEF\xBF\xBD");
  CHECK(name("深度学习模型", 8) == "深度学…");
  CHECK(name("深度学习", 8) == "深度学习");
  CHECK(name("\xff") == "\xEF\xBF\xBD");
}

TEST_CASE("a long text shows the part around the token, and says so") {
  std::vector<std::string> names(100, "word");
  const Trace trace = trace_of(names, std::vector<float>(10000));
  const std::string map = text_of(heat_map_report(of(trace, {.token = 50})));
  CHECK(has(map, "Shown: queries 34–65 of 100, keys 34–65 of 100"));
  const std::string table = text_of(token_table_report(of(trace, {.token = 50})));
  CHECK(has(table, "The 64 largest of 100; the others sum to 0.360000."));
  for (const std::string& line : lines(map)) CHECK(display_width(line) <= 120);
}

TEST_CASE("the demonstration has eight numbered parts") {
  const ScratchRun run = run_of({});
  for (Lang lang : {Lang::en, Lang::zh}) {
    const std::string text = demo_report(run, {.lang = lang});
    for (int i = 1; i <= 8; ++i) CHECK(has(text, "\n" + std::to_string(i) + "  "));
    CHECK_FALSE(has(text, "\n9  "));
    for (const std::string& line : lines(text)) CHECK(display_width(line) <= 104);
  }
  const std::string zh = demo_report(run, {.lang = Lang::zh});
  for (const char* kind : {"编码器自注意力", "解码器自注意力", "交叉注意力"}) CHECK(has(zh, kind));
}
