// test_transformer_lens.cpp - measures against what TransformerLens itself says of the same models
// and tokens.
#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "analysis/head_scores.h"
#include "differences.h"
#include "golden_model.h"
#include "pass/forward.h"

using namespace attn;

namespace {

// Its "abs" scores are rounded to three digits.
double rounded_by(const std::string& id) { return id.ends_with("_abs") ? .5e-3 : 0; }

struct Theirs {
  std::vector<int> ids, repeat;
  std::map<std::string, std::vector<float>> tensors;
};

Theirs read_theirs(const std::filesystem::path& path) {
  Theirs theirs;
  const Result<NamedTensors> file = read_safetensors({path.filename().string(), read_bytes(path)});
  REQUIRE(file);
  for (const StoredTensor& t : file->tensors) {
    const auto read = [&](auto& to) {
      to.resize(t.bytes.size() / sizeof to[0]);
      std::memcpy(to.data(), t.bytes.data(), t.bytes.size());
    };
    if (t.name == "ids")
      read(theirs.ids);
    else if (t.name == "repeat")
      read(theirs.repeat);
    else
      read(theirs.tensors[t.name]);
  }
  return theirs;
}

// As tests/golden/by_transformer_lens.py has it.
State settings() {
  State state{.token = 11, .target = "#50", .foil = "#40"};
  state.layer = state.head = 1;
  return state;
}

}  // namespace

TEST_CASE("TransformerLens says the same") {
  for (const std::string name : {"gpt2", "llama-gqa", "bookworm-2m"}) {
    CAPTURE(name);
    const std::filesystem::path root = ATTNSCOPE_SOURCE_DIR;
    const bool real = name == "bookworm-2m";
    const Theirs theirs =
        read_theirs(root / "tests/data/transformer_lens" / (name + ".safetensors"));
    const auto model =
        load_model(read_model_files((real ? root / "web/models" : test_models()) / name), name);
    REQUIRE(model);
    const Trace once =
        forward(*model, tokens_of(theirs.ids), {.all_logits = true, .activations = true});
    const Trace twice = forward(*model, tokens_of(theirs.repeat));
    const State state = settings();
    for (const auto& [id, values] : theirs.tensors) {
      CAPTURE(id);
      const Metric* metric = find_metric(id);
      REQUIRE(metric);
      const bool stripe = id.ends_with("_stripe") || id == "previous_token";
      const Inputs in{model->get(), stripe ? &twice : &once, &state, nullptr,
                      int(theirs.repeat.size() / 2)};
      const Status lacks = missing(*metric, in);
      CHECK(!lacks);
      if (lacks) continue;
      std::vector<float> ours = metric->compute(in).values;
      if (id == "logit_component") ours.pop_back();  // biases of the end, which it leaves out
      double largest = 1;
      for (const float x : values) largest = std::max(largest, std::abs(double(x)));
      const double apart = std::max(0., most_apart(ours, values) / largest - rounded_by(id));
      CHECK(apart < 1e-5);
      note_difference("TransformerLens", id, real, once.parts[0], apart);
    }
  }
}
