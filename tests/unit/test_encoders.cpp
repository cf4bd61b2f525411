// test_encoders.cpp - what sets BERT's relatives apart: narrow embeddings, shared layers, biases of
// the distance, layers of two kinds, and what of them is refused.
#include <doctest/doctest.h>

#include "analysis/measure.h"
#include "analysis/weight_chain.h"
#include "figure/report.h"
#include "golden_model.h"
#include "model/recipe.h"
#include "pass/forward.h"
#include "pass/position_bias.h"
#include "pass/rope.h"

using namespace attn;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::shared_ptr<const Model> load(const char* name) {
  Result<std::shared_ptr<const Model>> model =
      load_model(read_model_files(test_models() / name), "");
  if (!model) FAIL(model.error().message);
  return *model;
}

// The error of a small config.json with more fields, "" without one.
std::string error_of(const std::string& family, const std::string& more) {
  std::string fields =
      R"("hidden_size":8,"num_hidden_layers":2,"num_attention_heads":2,"intermediate_size":9,)"
      R"("max_position_embeddings":90,"vocab_size":5)";
  if (family == "distilbert") {
    fields = R"("dim":8,"n_layers":2,"n_heads":2,"hidden_dim":9,"max_position_embeddings":9,)"
             R"("vocab_size":5)";
  }
  const Result<Json> json =
      Json::parse(R"({"model_type":")" + family + "\"," + fields + more + "}", "config.json");
  REQUIRE(json);
  const Result<Layout> layout = read_layout(**find_recipe(*json), *json);
  return layout ? "" : layout.error().message;
}

Tokens some_tokens(int n) {
  std::vector<int> ids;
  for (int i = 0; i < n; ++i) ids.push_back(5 + i * 7 % 90);
  return tokens_of(ids);
}

}  // namespace

TEST_CASE("distances share the buckets that PyTorch puts them into") {
  // relative_position_bucket of MPNet in transformers 5.24, of keys this far behind the query.
  const std::pair<int, int> kBehind[] = {
      {0, 0},   {1, 1},   {7, 7},   {8, 8},   {11, 8},   {12, 9},   {15, 9},
      {16, 10}, {22, 10}, {23, 11}, {31, 11}, {32, 12},  {45, 12},  {46, 13},
      {63, 13}, {64, 14}, {90, 14}, {91, 15}, {127, 15}, {128, 15}, {511, 15}};
  for (const auto& [distance, bucket] : kBehind) {
    CAPTURE(distance);
    CHECK(relative_bucket(-distance, 32, 128) == bucket);
    if (distance > 0) CHECK(relative_bucket(distance, 32, 128) == bucket + 16);
  }
}

TEST_CASE("the bias of the distance is in scores, chains and reports, also of few queries") {
  const auto model = load("mpnet");
  const auto trace = std::make_shared<const Trace>(forward(model, some_tokens(40)));
  const Attention& a = trace->parts[0];
  REQUIRE(a.bias.size() == size_t(a.n_heads) * 79);
  State state;
  state.layer = 1;
  state.head = 1;
  for (const int query : {0, 17, 39}) {
    std::vector<float> scores(40), one(40), all(size_t(40 * 40));
    a.score_rows(0, 1, 1, query, query + 1, {scores.data(), 1, 40});
    a.pattern_rows(0, 1, 1, query, query + 1, {one.data(), 1, 40});  // by the path for one query
    a.pattern_rows(0, 1, 1, 0, 40, {all.data(), 40, 40});
    CHECK(most_apart(one, std::span(all).subspan(size_t(query * 40), 40)) < 1e-6);
    const WeightChain chain = weight_chain(a, state, query, 3);
    CHECK(chain.bias != 0);
    CHECK(std::abs(chain.score - (chain.dot * chain.scale + chain.bias)) < 1e-9);
    for (int key = 0; key < 40; ++key) {
      CHECK(std::abs(chain.scores[size_t(key)] - double(scores[size_t(key)])) < 1e-5);
      CHECK(std::abs(chain.weights[size_t(key)] - double(one[size_t(key)])) < 1e-6);
    }
  }
  const Inputs in{model.get(), trace.get(), &state};
  CHECK(has(text_of(element_report(in, 17, 3)), "+ bias of the distance "));
}

TEST_CASE("layers of ALBERT share the memory of their weights") {
  const auto shared = load("albert");
  const std::vector<Block>& blocks = shared->weights.blocks;
  REQUIRE(blocks.size() == 3);
  CHECK(blocks[0].q.w.data() == blocks[2].q.w.data());
  CHECK(shared->warnings.empty());
  // Two groups of two layers, of which the first is gone through twice.
  const auto groups = load("albert-groups");
  const std::vector<Block>& four = groups->weights.blocks;
  REQUIRE(groups->config.n_layers == 6);
  CHECK(four[0].o.w.data() == four[2].o.w.data());
  CHECK(four[0].o.w.data() != four[1].o.w.data());
  CHECK(four[1].o.w.data() == four[3].o.w.data());
  CHECK(four[2].o.w.data() != four[4].o.w.data());
  // Parameters count once.
  const int64_t n_layer = 4 * (16 * 16 + 16) + 2 * 16 * 28 + 28 + 16 + 4 * 16;
  const int64_t n_embed = (112 + 40 + 1) * 16 + 2 * 16 + 16 * 16 + 16;
  CHECK(groups->n_parameters == n_embed + 4 * n_layer);
}

TEST_CASE("embeddings of another width than the layers are projected, and W_U is as wide") {
  const auto generator = load("electra-generator");
  CHECK(generator->config.embed_width() == 12);
  CHECK(generator->weights.unembed.cols == 12);
  CHECK(generator->weights.embed_project.w.d_out() == 16);
  CHECK(generator->weights.head_dense.w.d_out() == 12);
  // The discriminator says of each token whether it was replaced; it has no vocabulary.
  const auto discriminator = load("electra-discriminator");
  CHECK(discriminator->config.labels.names == std::vector<std::string>{"replaced"});
  CHECK(discriminator->config.labels.scale == LabelScale::sigmoid);
  CHECK(discriminator->warnings.empty());
  CHECK(load("electra-same-width")->weights.embed_project.w.empty());
}

TEST_CASE("ModernBERT has no first norm, two rotations, and no direct logits") {
  const auto model = load("modernbert");
  const Config& c = model->config;
  CHECK(model->weights.blocks[0].ln1.gamma.empty());
  CHECK(!model->weights.blocks[1].ln1.gamma.empty());
  CHECK(c.local_layers == std::vector<bool>{false, true, true});
  CHECK(rope_radians(c, 0, 9)[1] == doctest::Approx(std::pow(900, -.25)));
  CHECK(rope_radians(c, 1, 9)[1] == doctest::Approx(std::pow(40, -.25)));
  CHECK(model->warnings.empty());
  const auto trace =
      std::make_shared<const Trace>(forward(model, some_tokens(9), {.activations = true}));
  const State state;
  const Inputs in{model.get(), trace.get(), &state};
  CHECK(has(missing(*find_metric("logit_head"), in).value_or(Error{}).message, "a dense layer"));
  CHECK(!missing(*find_metric("lens_logit"), in));
}

TEST_CASE("a class of another family is named, though the fields are BERT's") {
  const auto warnings = [](const std::string& architecture) {
    const Json json = *Json::parse(
        R"({"model_type":"albert","hidden_size":8,"num_hidden_layers":2,"num_attention_heads":2,)"
        R"("intermediate_size":9,"max_position_embeddings":90,"vocab_size":5,"architectures":[")" +
            architecture + "\"]}",
        "config.json");
    return read_layout(**find_recipe(json), json)->warnings;
  };
  CHECK(warnings("AlbertForMaskedLM").empty());
  REQUIRE(warnings("BertForMaskedLM").size() == 1);
  CHECK(has(warnings("BertForMaskedLM")[0], "which is no class of type albert"));
}

TEST_CASE("distances of DeBERTa share rows as in its code") {
  Config c{.n_places = 16};  // 8 distances on either side
  for (const auto& [ahead, row] :
       {std::pair{0, 8}, {1, 7}, {-1, 9}, {7, 1}, {8, 0}, {9, 0}, {-7, 15}, {-8, 15}, {-90, 15}})
    CHECK(distance_row(c, ahead) == row);
  // make_log_bucket_position of transformers 5.24, for 256 buckets and 512 positions.
  c = {.n_places = 512, .places_furthest = 512};
  for (const auto& [distance, bucket] :
       {std::pair{1, 1}, {128, 128}, {129, 129}, {130, 130}, {200, 169}, {300, 207}, {511, 255}}) {
    CAPTURE(distance);
    CHECK(distance_row(c, -distance) == 256 + bucket);
    CHECK(distance_row(c, distance) == 256 - bucket);
  }
  CHECK(distance_row(c, -5000) == 511);
  CHECK(distance_row(c, 5000) == 0);
  const std::vector<int> rows = place_rows(c, 3);
  CHECK(rows == std::vector{4, 3, 2, 1, 0});
}

TEST_CASE("settings of DeBERTa that are not computed are refused, by name") {
  for (const char* family : {"deberta", "deberta-v2"}) {
    CHECK(error_of(family, "") == "");
    const auto with = [&](const std::string& more) {
      return error_of(family, R"(,"relative_attention":true)" + more);
    };
    CHECK(with(R"(,"pos_att_type":"p2c|c2p")") == "");
    CHECK(with(R"(,"pos_att_type":"p2c | c2p")") == "");
    CHECK(with(R"(,"pos_att_type":["c2p"])") == "");
    CHECK(has(with(R"(,"pos_att_type":"c2p|p2p")"), "pos_att_type has \"p2p\""));
    CHECK(has(with(R"(,"pos_att_type":["c2p","c2p"])"), "twice"));
    CHECK(has(with(R"(,"attention_head_size":7)"), "attention_head_size is 7"));
    CHECK(has(with(R"(,"pooler_hidden_size":7)"), "pooler_hidden_size is 7"));
    CHECK(has(with(R"(,"talking_head":true)"), "talking_head is true"));
  }
  const std::string relative = R"(,"relative_attention":true,"pos_att_type":"p2c")";
  CHECK(has(error_of("deberta-v2", R"(,"conv_kernel_size":3)"), "conv_kernel_size"));
  CHECK(error_of("deberta-v2", R"(,"conv_kernel_size":0)") == "");
  CHECK(has(error_of("deberta-v2", relative + R"(,"position_buckets":1)"), "position_buckets"));
  CHECK(
      has(error_of("deberta-v2", relative + R"(,"position_buckets":8,"max_relative_positions":5)"),
          "position_buckets"));
}

TEST_CASE("a masked-LM head of DeBERTa that config.json does not ask for is named") {
  std::vector<File> files = read_model_files(test_models() / "deberta");
  for (File& file : files) {
    std::string text(file.bytes.text());
    const size_t at = text.find("\"legacy\": false");
    if (at == std::string::npos) continue;
    text.replace(at, 15, "\"legacy\": true");
    file.bytes = std::vector<uint8_t>(text.begin(), text.end());
  }
  const auto model = load_model(std::move(files), "");
  REQUIRE(model);
  CHECK(!(*model)->config.has_logits);
  const std::vector<std::string>& notes = (*model)->notes;
  CHECK(std::ranges::any_of(notes, [](const std::string& s) { return has(s, "where legacy is"); }));
  CHECK(load("deberta")->config.has_logits);
}

TEST_CASE("reports have the terms of content and distance of DeBERTa") {
  const auto model = load("deberta-v3");
  CHECK(model->notes.empty());
  CHECK(model->warnings.empty());
  const auto trace = std::make_shared<const Trace>(forward(model, some_tokens(40)));
  State state;
  state.layer = state.head = 1;
  const Inputs in{model.get(), trace.get(), &state};
  CHECK(has(text_of(element_report(in, 17, 3)), "+ terms of the distance (q · pk, k · pq) "));
}

TEST_CASE("what relatives of BERT cannot have here is refused") {
  for (const char* family : {"distilbert", "electra", "albert", "mpnet", "modernbert"})
    CHECK(error_of(family, "") == "");
  CHECK(has(error_of("distilbert", R"(,"hidden_size":16)"), "another width than dim"));
  CHECK(error_of("distilbert", R"(,"hidden_size":8)") == "");
  CHECK(has(error_of("electra", R"(,"embedding_size":0)"), "embedding_size"));
  CHECK(has(error_of("electra", R"(,"is_decoder":true)"), "is_decoder is true"));
  CHECK(has(error_of("albert", R"(,"num_hidden_groups":3)"), "num_hidden_groups"));
  CHECK(has(error_of("albert", R"(,"inner_group_num":600)"), "times inner_group_num"));
  CHECK(has(error_of("mpnet", R"(,"relative_attention_num_buckets":16)"), "must be 32"));
  CHECK(has(error_of("modernbert", R"(,"layer_types":["full_attention"])"), "layer_types"));
  CHECK(has(error_of("modernbert", R"(,"layer_types":["full_attention","conv"])"), "\"conv\""));
  CHECK(has(error_of("modernbert", R"(,"rope_scaling":{"type":"linear"})"), "rope_scaling"));
  CHECK(has(error_of("modernbert", R"(,"rope_parameters":{"full_attention":{"rope_type":"yarn"}})"),
            "\"yarn\""));
}

TEST_CASE("the vocabulary of ESM is read as EsmTokenizer of transformers reads it") {
  std::vector<File> files = read_model_files(test_models() / "esm");
  std::erase_if(files, [](const File& f) { return f.name.ends_with("tokenizer.json"); });
  const std::string vocabulary =
      "<cls>\n<pad>\n<eos>\n<unk>"
      "\nL\nA\nG\nV\nS\nE\nR\nT\nI\nD\nP\nK\nQ\nN\nF\nY\nM\nH\nW\nC\nX\nB\n"
      "U\nZ\nO\n.\n-\n<null_1>\n<mask>\n";
  const auto load_with = [&](const std::string& text) {
    std::vector<File> all = files;
    all.push_back({"esm/vocab.txt", Bytes(std::vector<uint8_t>(text.begin(), text.end()))});
    return load_model(std::move(all), "");
  };
  const auto model = load_with(vocabulary);
  REQUIRE(model);
  const auto ids = [&](const char* text) {
    std::vector<int> out;
    for (const Token& t : (*model)->tokenizer->encode(text).items) out.push_back(t.id);
    return out;
  };
  CHECK(ids("MKTAYIAKQR") == std::vector{0, 20, 15, 11, 5, 19, 12, 5, 15, 16, 10, 2});
  CHECK(ids("MK <mask>xyzV  L\nA") == std::vector{0, 20, 15, 32, 3, 7, 4, 5, 2});
  CHECK(ids("M<null_1>K.-é é") == std::vector{0, 20, 31, 15, 29, 30, 3, 3, 2});
  CHECK(ids("<cls>MK<eos>") == std::vector{0, 0, 20, 15, 2, 2});
  CHECK(ids("MKT jj kkM") == std::vector{0, 20, 15, 11, 3, 3, 20, 2});
  CHECK((*model)->tokenizer->encode_pair("MK", "TV")->items.size() == 7);
  const auto other = load_with("L\nA\n");
  REQUIRE(!other);
  CHECK(has(other.error().message, "<cls> is missing"));
}

TEST_CASE("rotary encoders refuse what they do not compute, by name") {
  CHECK(
      has(error_of("esm", R"(,"position_embedding_type":"relative_key")"), "rotary and absolute"));
  CHECK(has(error_of("esm", R"(,"position_embedding_type":"rotary","token_dropout":true)"),
            "mask_token_id"));
  CHECK(has(error_of("esm", R"(,"position_embedding_type":"rotary","is_folding_model":true)"),
            "folding proteins"));
  CHECK(error_of("esm", R"(,"position_embedding_type":"rotary")").empty());
  for (const char* family : {"nomic_bert", "gte", "jina_embeddings_v3", "eurobert"})
    CHECK(error_of(family, "").empty());
}
