// test_recipes.cpp - config.json of every family, and names and shapes of tensors.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <set>

#include "golden_model.h"
#include "model/recipe.h"

using namespace attn;

namespace {

Json json_of(const std::string& text) {
  const Result<Json> json = Json::parse(text, "config.json");
  if (!json) FAIL(json.error().message);
  return *json;
}

// A family's own name of a field that most call `name`.
std::string field_of(const std::string& family, const std::string& name) {
  using Names = std::map<std::string, std::string>;
  static const Names kGpt2 = {{"hidden_size", "n_embd"},
                              {"num_hidden_layers", "n_layer"},
                              {"num_attention_heads", "n_head"},
                              {"intermediate_size", "n_inner"},
                              {"max_position_embeddings", "n_positions"},
                              {"hidden_act", "activation_function"}};
  static const Names kVision = {{"max_position_embeddings", ""}, {"vocab_size", ""}};
  static const Names kDino = {
      {"max_position_embeddings", ""}, {"vocab_size", ""}, {"intermediate_size", ""}};
  static const Names kActivation = {{"hidden_act", "hidden_activation"}};
  static const Names kT5 = {{"hidden_size", "d_model"},
                            {"num_hidden_layers", "num_layers"},
                            {"num_attention_heads", "num_heads"},
                            {"intermediate_size", "d_ff"},
                            {"max_position_embeddings", "n_positions"},
                            {"hidden_act", "feed_forward_proj"}};
  static const Names kBart = {{"hidden_size", "d_model"},
                              {"num_hidden_layers", "decoder_layers"},
                              {"num_attention_heads", "decoder_attention_heads"},
                              {"intermediate_size", "decoder_ffn_dim"},
                              {"hidden_act", "activation_function"}};
  // "" where the family has no such field.
  static const std::map<std::string, Names> kNames = {
      {"gpt2", kGpt2},
      {"gptj", kGpt2},
      {"gpt_bigcode", kGpt2},
      {"gpt_neo",
       {{"num_hidden_layers", "num_layers"},
        {"num_attention_heads", "num_heads"},
        {"hidden_act", "activation_function"}}},
      {"opt", {{"intermediate_size", "ffn_dim"}, {"hidden_act", "activation_function"}}},
      {"distilbert",
       {{"hidden_size", "dim"},
        {"num_hidden_layers", "n_layers"},
        {"num_attention_heads", "n_heads"},
        {"intermediate_size", "hidden_dim"},
        {"hidden_act", "activation"}}},
      {"esm", {{"hidden_act", ""}}},
      {"t5", kT5},
      {"mt5", kT5},
      {"umt5", kT5},
      {"bart", kBart},
      {"mbart", kBart},
      {"marian", kBart},
      {"pegasus", kBart},
      {"m2m_100", kBart},
      {"vit", kVision},
      {"deit", kVision},
      {"clip_vision_model", kVision},
      {"siglip_vision_model", kVision},
      {"dinov2", kDino},
      {"dinov2_with_registers", kDino},
      {"modernbert", kActivation},
      {"gemma2", kActivation},
      {"gemma3_text", kActivation},
      {"falcon", {{"intermediate_size", "ffn_hidden_size"}, {"hidden_act", "activation"}}},
      {"bloom",
       {{"num_hidden_layers", "n_layer"},
        {"num_attention_heads", "n_head"},
        {"intermediate_size", ""},
        {"max_position_embeddings", "seq_length"},
        {"hidden_act", ""}}},
      {"mpt",
       {{"hidden_size", "d_model"},
        {"num_hidden_layers", "n_layers"},
        {"num_attention_heads", "n_heads"},
        {"intermediate_size", ""},
        {"max_position_embeddings", "max_seq_len"},
        {"hidden_act", ""}}},
  };
  const auto of_family = kNames.find(family);
  if (of_family == kNames.end() || !of_family->second.contains(name)) return name;
  return of_family->second.at(name);
}

// Fields that have a default.
bool may_be_null(const std::string& family, const std::string& field) {
  static const std::map<std::string, std::set<std::string>> kFields = {
      {"gpt_neo", {"intermediate_size"}},
      {"falcon", {"ffn_hidden_size", "max_position_embeddings"}},
      {"bloom", {"seq_length"}},
      {"gemma2", {"num_attention_heads"}},
      {"t5", {"n_positions"}},
      {"mt5", {"n_positions"}},
      {"umt5", {"n_positions"}},
      {"bart", {"max_position_embeddings"}},
      {"mbart", {"max_position_embeddings"}},
      {"marian", {"max_position_embeddings"}},
      {"pegasus", {"max_position_embeddings"}},
      {"m2m_100", {"max_position_embeddings"}},
      {"gemma3_text", {"num_attention_heads", "max_position_embeddings", "vocab_size"}},
  };
  static const std::set<std::string> kTowers = {"vit",
                                                "deit",
                                                "dinov2",
                                                "dinov2_with_registers",
                                                "clip_vision_model",
                                                "siglip_vision_model",
                                                "clip_text_model",
                                                "siglip_text_model"};
  if (kTowers.contains(family)) return true;
  const auto found = kFields.find(family);
  return field == "n_inner" || (found != kFields.end() && found->second.contains(field));
}

// What a family needs besides sizes.
std::string needed(const std::string& family) {
  if (family == "stablelm") return R"(,"num_key_value_heads":4)";
  if (family == "esm") return R"(,"pad_token_id":1)";
  if (family == "gptj") return R"(,"rotary_dim":4)";
  if (field_of(family, "intermediate_size") == "decoder_ffn_dim")
    return R"(,"encoder_layers":1,"encoder_attention_heads":2,"encoder_ffn_dim":9)"
           R"(,"decoder_start_token_id":2)";
  return family == "gpt_neo" ? R"(,"attention_types":[[["global","local"],1]])" : "";
}

// The smallest config.json of a family, with further members or replacements.
Result<Layout> layout_of(const std::string& family, const std::string& more = "") {
  std::string fields;
  for (const auto& [name, value] : {std::pair{"hidden_size", 32},
                                    {"num_hidden_layers", 2},
                                    {"num_attention_heads", 4},
                                    {"intermediate_size", 40},
                                    {"max_position_embeddings", 8192},
                                    {"vocab_size", 50}}) {
    if (const std::string field = field_of(family, name); !field.empty())
      fields += ",\"" + field + "\":" + std::to_string(value);
  }
  fields += needed(family);
  const Json json = json_of(R"({"model_type":")" + family + "\"" + fields +
                            (more.empty() ? "" : "," + more) + "}");
  const Result<const Recipe*> recipe = find_recipe(json);
  if (!recipe) return recipe.error();
  return read_layout(**recipe, json);
}

std::string error_of(const Result<Layout>& layout) { return layout ? "" : layout.error().message; }

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("every row of the table is whole, and each family can be read") {
  std::set<std::string> names;
  for (const Recipe* recipe : recipes()) {
    CAPTURE(recipe->model_type);
    CHECK(names.insert(recipe->model_type).second);
    const Result<Layout> layout = layout_of(recipe->model_type);
    REQUIRE(layout);
    CHECK(layout->config.family == recipe->model_type);
    std::set<std::string> bound;
    std::vector<Bind> binds(recipe->binds.begin(), recipe->binds.end());
    binds.insert(binds.end(), recipe->head.begin(), recipe->head.end());
    for (const Bind& bind : binds) {
      const bool again = bind.target.norm == &Block::ln2;  // a norm may serve twice
      CHECK(bound.insert(bind.name + std::string(bind.target.bias ? ".bias"
                                                 : again          ? " 2"
                                                                  : ""))
                .second);
      const bool per_layer = bind.target.norm || bind.target.linear[0] || bind.target.of_layer ||
                             bind.target.expert[0];
      CHECK(per_layer == has(bind.name, "{}"));
    }
  }
  const std::string unknown = error_of(layout_of("t6"));
  CHECK(has(unknown, "config.json: model_type \"t6\" is not supported"));
  CHECK(has(unknown,
            std::to_string(names.size()) + " types of the families of BERT, T5, BART, GPT-2"));
  CHECK(unknown.size() < 300);
  for (const std::string& name : names) {  // one letter too many: the type itself is offered
    CAPTURE(name);
    const auto misspelled = find_recipe(json_of("{\"model_type\":\"x" + name + "\"}"));
    REQUIRE(!misspelled);
    CHECK(has(misspelled.error().message, "did you mean \"" + name + "\""));
  }
  CHECK(has(find_recipe(json_of("{}")).error().message, "model_type is missing"));
  CHECK(!find_recipe(json_of(R"({"model_type":7})")));
}

TEST_CASE("absent fields are what transformers makes of them") {
  const Config llama = layout_of("llama")->config;
  CHECK(llama.n_kv_heads == 4);
  CHECK(llama.d_head == 8);
  CHECK(llama.rope_dims == 8);
  CHECK(llama.rope_theta == 10000);
  CHECK(llama.norm_eps == 1e-6f);
  CHECK(llama.activation == Activation::silu);
  CHECK(!layout_of("llama")->tied);
  CHECK(!layout_of("llama")->qkv_bias);
  CHECK(layout_of("llama", R"("head_dim":null,"num_key_value_heads":null)")->config.n_kv_heads ==
        4);
  const Result<Layout> neox = layout_of("gpt_neox");
  CHECK(neox->config.rope_dims == 2);  // a quarter
  CHECK(neox->config.parallel_residual);
  CHECK(neox->config.norm_eps == 1e-5f);
  CHECK(neox->config.activation == Activation::gelu);
  CHECK(neox->qkv_bias);
  CHECK(layout_of("qwen2")->qkv_bias);
  CHECK(!layout_of("qwen2")->o_bias);
  CHECK(!layout_of("qwen2")->qk_norm);
  const Result<Layout> qwen3 = layout_of("qwen3");
  CHECK(qwen3->config.d_head == 128);
  CHECK(qwen3->qk_norm);
  CHECK(!qwen3->qkv_bias);
  CHECK(layout_of("qwen3", R"("head_dim":6)")->config.rope_dims == 6);
  CHECK(layout_of("smollm3")->config.rope_theta == 2e6);
  CHECK(layout_of("smollm3", R"("rope_theta":5000)")->config.rope_theta == 5000);
  CHECK(layout_of("smollm3")->tied);
}

TEST_CASE("layers without positions are those that config.json names, or every fourth") {
  const auto rotates = [](const std::string& more) {
    const Config c = layout_of("smollm3", "\"num_hidden_layers\":5" + more)->config;
    std::string all;
    for (int layer = 0; layer < c.n_layers; ++layer) all += c.rotates(layer) ? '1' : '0';
    return all;
  };
  CHECK(rotates("") == "11101");
  CHECK(rotates(R"(,"no_rope_layer_interval":2)") == "10101");
  CHECK(rotates(R"(,"no_rope_layers":[0,1,1,0,1])") == "01101");
  const char* const both = R"("no_rope_layers":[1,0])";
  CHECK(layout_of("smollm3", both)->config.rotates(0));
  CHECK(has(error_of(layout_of("smollm3", R"("no_rope_layers":[1])")), "each of the 2 layers"));
  CHECK(has(error_of(layout_of("smollm3", R"("no_rope_layers":[1,2])")), "a list of 0 and 1"));
  CHECK(layout_of("llama")->config.rotates(1));
}

TEST_CASE("rotary settings are found where any version of transformers wrote them") {
  const char* const new_style = R"("rope_parameters":{"rope_type":"default","rope_theta":5e5})";
  CHECK(layout_of("llama", new_style)->config.rope_theta == 5e5);
  CHECK(layout_of("llama", R"("rope_theta":500000,"rope_scaling":null)")->config.rope_theta == 5e5);
  const Config neox = layout_of("gpt_neox", R"("rotary_pct":0.5,"rotary_emb_base":2500)")->config;
  CHECK(neox.rope_dims == 4);
  CHECK(neox.rope_theta == 2500);
  const Config newer =
      layout_of("gpt_neox", R"("rope_parameters":{"rope_theta":7,"partial_rotary_factor":1.0})")
          ->config;
  CHECK(newer.rope_dims == 8);
  CHECK(newer.rope_theta == 7);
  const Config linear =
      layout_of("llama", R"("rope_scaling":{"type":"linear","factor":4})")->config;
  CHECK(linear.rope_scaling == RopeScaling::linear);
  CHECK(linear.rope_factor == 4);
  const std::string llama3 =
      R"("rope_theta":5e5,"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":1,)"
      R"("high_freq_factor":4,"original_max_position_embeddings":64})";
  CHECK(layout_of("llama", llama3)->config.rope_scaling == RopeScaling::llama3);
  CHECK(layout_of("llama", llama3)->config.rope_original_n_ctx == 64);
  CHECK(has(error_of(layout_of("llama", R"("rope_scaling":{"type":"su","factor":4})")),
            "\"su\" is not supported; default, linear, dynamic, llama3, yarn and longrope are"));
  const Config yarn = layout_of("llama", R"("rope_scaling":{"type":"yarn","factor":4})")->config;
  CHECK(yarn.rope_original_n_ctx == 8192);
  CHECK(yarn.rope_amplitude == doctest::Approx(0.1 * std::log(4) + 1));
  const std::string longrope = R"("rope_scaling":{"type":"su","short_factor":[1,1,2,1],)"
                               R"("long_factor":[1,2,3,4]},"original_max_position_embeddings":64)";
  const Config phi3 = layout_of("phi3", longrope)->config;
  CHECK(phi3.rope_scaling == RopeScaling::longrope);
  CHECK(phi3.rope_factor == 128);
  CHECK(phi3.rope_long[3] == 4);
  CHECK(has(error_of(layout_of("phi3", R"("rope_scaling":{"type":"su","long_factor":[1]})")),
            "short_factor must have 4 numbers"));
  CHECK(has(error_of(layout_of("llama", R"("rope_scaling":{"type":"linear"})")),
            "config.json: rope_scaling: factor is missing"));
  CHECK(has(error_of(layout_of("llama", R"("rope_scaling":"linear")")), "must be an object"));
  CHECK(has(error_of(layout_of("llama", R"("partial_rotary_factor":0.5)")), "partial_rotary"));
  CHECK(has(error_of(layout_of("gpt_neox", R"("rotary_pct":2)")), "partial_rotary"));
  CHECK(has(error_of(layout_of("gpt_neox", R"("rotary_pct":0.4)")), "even number"));
}

TEST_CASE("which layers see only a window, and how far it reaches") {
  // The reach of each layer; − where it sees the whole text.
  const auto reaches = [](const char* family, const std::string& more) {
    const Result<Layout> layout = layout_of(family, more);
    REQUIRE(layout);
    CHECK(layout->notes.empty());
    const Config& c = layout->config;
    CHECK(c.n_ctx == 8192);
    std::string all;
    for (int layer = 0; layer < c.n_layers; ++layer)
      all += (c.is_local(layer) ? std::to_string(c.reach) : "-") + " ";
    return all;
  };
  CHECK(reaches("mistral", R"("sliding_window":null)") == "- - ");
  CHECK(reaches("mistral", R"("sliding_window":100)") == "99 99 ");
  CHECK(reaches("mistral", "") == "4095 4095 ");  // the default
  CHECK(layout_of("mistral", R"("sliding_window":100,"is_causal":false)")->config.reach == 100);
  const std::string window = R"("use_sliding_window":true,"sliding_window":100)";
  for (const char* family : {"qwen2", "qwen3"}) {
    CHECK(reaches(family, R"("sliding_window":100)") == "- - ");
    CHECK(reaches(family, window) == "- - ");  // from layer 28 on
    CHECK(reaches(family, window + R"(,"max_window_layers":1)") == "- 99 ");
    CHECK(reaches(family, window + R"(,"layer_types":["sliding_attention","full_attention"])") ==
          "99 - ");
  }
  // Without layer_types, the layers without positions slide, if use_sliding_window says so.
  CHECK(reaches("smollm3", window + R"(,"no_rope_layers":[1,0])") == "- 99 ");
  CHECK(reaches("smollm3", window + R"(,"no_rope_layers":[1,1])") == "- - ");
  CHECK(reaches("smollm3", R"("sliding_window":100,"no_rope_layers":[1,0])") == "- - ");
  CHECK(has(error_of(layout_of("mistral", R"("sliding_window":0)")), "sliding_window must be"));
}

TEST_CASE("a model of text and pictures is opened by its text_config") {
  const Json json = json_of(
      R"({"model_type":"gemma3","text_config":{"model_type":"gemma3_text","hidden_size":16,)"
      R"("num_hidden_layers":6,"intermediate_size":20,"rope_scaling":{"rope_type":"linear",)"
      R"("factor":8.0},"sliding_window":1024},"vision_config":{"model_type":"siglip"}})");
  const ConfigSource config = unwrapped(json);
  const Result<Layout> layout = read_layout(**find_recipe(config), config);
  REQUIRE(layout);
  CHECK(layout->config.family == "gemma3_text");
  CHECK(layout->config.n_heads == 8);
  CHECK(layout->config.d_vocab == 262208);
  CHECK(layout->config.is_local(4));
  CHECK(!layout->config.is_local(5));
  CHECK(layout->config.rope_local_theta == 10000);
  REQUIRE(layout->notes.size() == 1);
  CHECK(has(layout->notes[0], "of this gemma3 model"));
  CHECK(layout->warnings.empty());
  CHECK(unwrapped(json_of(R"({"model_type":"llama","text_config":{}})")).wrapper.empty());
}

TEST_CASE("of CLIP and SigLIP either part is opened, with the defaults of its class") {
  const auto layout_from = [](const std::string& text, bool reads_text) {
    const ConfigSource config = unwrapped(json_of(text), reads_text);
    return read_layout(**find_recipe(config), config);
  };
  // transformers needs no more for a model of the usual sizes.
  const std::string siglip =
      R"({"model_type":"siglip","text_config":{"model_type":"siglip_text_model"},)"
      R"("vision_config":{"model_type":"siglip_vision_model"}})";
  const Result<Layout> seen = layout_from(siglip, false), read = layout_from(siglip, true);
  REQUIRE(seen);
  REQUIRE(read);
  CHECK(seen->config.reads_pictures());
  CHECK(seen->config.d_model == 768);
  CHECK(seen->config.n_ctx == 196);
  CHECK(has(seen->notes.back(), "reads pictures is opened (vision_config); the other reads text"));
  CHECK(read->config.family == "siglip_text_model");
  CHECK(read->config.n_layers == 12);
  CHECK(read->config.d_vocab == 32000);
  CHECK(read->config.n_ctx == 64);
  CHECK(read->config.mask == Mask::none);
  CHECK(has(read->notes[0], "padded to 64 tokens"));
  const std::string clip =
      R"({"model_type":"clip","text_config":{"model_type":"clip_text_model","hidden_size":16,)"
      R"("num_attention_heads":2},"vision_config":{"model_type":"clip_vision_model"},)"
      R"("text_config_dict":{"hidden_size":)";
  const Result<Layout> text = layout_from(clip + "16}}", true);
  REQUIRE(text);
  CHECK(text->config.mask == Mask::causal);
  CHECK(text->config.activation == Activation::quick_gelu);
  CHECK(text->config.d_mlp == 2048);
  const std::string differs = error_of(layout_from(clip + "32}}", true));
  CHECK(has(differs, "hidden_size is 16 in one place and 32 in text_config_dict"));
  CHECK(layout_from(clip + "32}}", false));
}

TEST_CASE("what PaliGemma does with a prompt is said") {
  ConfigSource config(json_of(
      R"({"model_type":"gemma","hidden_size":16,"num_hidden_layers":1,"num_attention_heads":2,)"
      R"("num_key_value_heads":1,"head_dim":8,"intermediate_size":20,"vocab_size":9,)"
      R"("max_position_embeddings":64})"));
  config.wrapper = "paligemma";
  const Result<Layout> layout = read_layout(**find_recipe(config), config);
  REQUIRE(layout);
  REQUIRE(layout->warnings.size() == 1);
  CHECK(has(layout->warnings[0], "reads its prompt in both directions"));
}

TEST_CASE("null scales no outputs of T5, and an absent field scales where embeddings are tied") {
  for (const std::string family : {"t5", "umt5"}) {
    CAPTURE(family);
    const auto scale = [&](const char* fields) {
      return layout_of(family, fields)->config.logit_scale;
    };
    CHECK(scale(R"("scale_decoder_outputs":null)") == 1);
    CHECK(scale(R"("scale_decoder_outputs":false)") == 1);
    CHECK(scale(R"("tie_word_embeddings":false)") == 1);
    CHECK(scale(R"("tie_word_embeddings":false,"scale_decoder_outputs":true)") < 1);
    CHECK(scale(R"("tie_word_embeddings":true)") < 1);
  }
}

TEST_CASE("Gemma 3 caps no scores, whatever config.json says, and Gemma 2 does") {
  const std::string cap = R"("attn_logit_softcapping":20)";
  CHECK(layout_of("gemma2", cap)->config.score_cap == 20);
  const Result<Layout> layout = layout_of("gemma3_text", cap);
  REQUIRE(layout);
  CHECK(layout->config.score_cap == 0);
  REQUIRE(layout->notes.size() == 1);
  CHECK(has(layout->notes[0], "attn_logit_softcapping is 20 (a cap of scores), which models of"));
}

TEST_CASE("the original length of Phi-3 is 4096 unless config.json itself has another") {
  const std::string factors = R"("short_factor":[1,1,1,1],"long_factor":[1,1,1,1],)";
  const std::string rope = R"("rope_scaling":{"type":"longrope",)" + factors +
                           R"("original_max_position_embeddings":60})";
  const Result<Layout> without = layout_of("phi3", rope);
  REQUIRE(without);
  CHECK(without->config.rope_original_n_ctx == 4096);
  REQUIRE(without->notes.size() == 1);
  CHECK(has(without->notes[0], "original_max_position_embeddings is not used; it is 4096"));
  const std::string own = R"(,"original_max_position_embeddings":60)";
  CHECK(layout_of("phi3", rope + own)->config.rope_original_n_ctx == 60);
  CHECK(layout_of("phi3", rope + own)->notes.empty());
  CHECK(layout_of("llama", rope)->config.rope_original_n_ctx == 60);
}

TEST_CASE("types without a softmax over tokens are refused with what they have in its place") {
  for (const auto& [type, what] :
       {std::pair{"mamba2", "state-space models"}, std::pair{"qwen3_5_moe", "linear attention"},
        std::pair{"deepseek_v3", "compressed latent vector"},
        std::pair{"rwkv", "recurrent network"}}) {
    CAPTURE(type);
    const std::string error = error_of(layout_of(type));
    CHECK(has(error, std::string("model_type \"") + type + "\" is not supported: "));
    CHECK(has(error, what));
  }
  for (const Recipe* recipe : recipes()) CHECK(why_not(recipe->model_type) == "");
}

TEST_CASE("two names of one field may not contradict each other") {
  for (const std::string more : {R"("num_attention_heads":2)", R"("num_hidden_layers":1)"}) {
    CAPTURE(more);
    for (const char* family : {"distilbert", "gpt2", "gpt_neo", "gpt_bigcode", "bloom", "mpt"})
      CHECK(!layout_of(family, more));
  }
  CHECK(layout_of("distilbert", R"("num_attention_heads":4,"num_hidden_layers":2)"));
}

TEST_CASE("null is false where a field is true unless it is written") {
  for (const std::string family :
       {"bloom", "opt", "gpt_neo", "gptj", "gpt_bigcode", "gemma3_text"}) {
    CAPTURE(family);
    const std::string said = error_of(layout_of(family, R"("is_causal":null)"));
    CAPTURE(said);
    CHECK(has(said, "is_causal is null"));
    CHECK(layout_of(family, R"("is_causal":true)"));
  }
}

TEST_CASE("BLOOM is refused where transformers would leave out biases") {
  CHECK(layout_of("bloom", R"("slow_but_exact":true)"));
  CHECK(layout_of("bloom", R"("pretraining_tp":4)"));
  CHECK(has(error_of(layout_of("bloom", R"("slow_but_exact":true,"pretraining_tp":2)")),
            "slow_but_exact is true and pretraining_tp above 1"));
}

TEST_CASE("the README's table, the random draws and the recipes name the same types") {
  const auto text_of = [](const std::string& path) {
    std::ifstream in(ATTNSCOPE_SOURCE_DIR "/" + path);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const std::string readme = text_of("README.md"), draws = text_of("tests/golden/fuzz_draws.py") +
                                                           text_of("tests/golden/fuzz_vision.py");
  const size_t table = readme.find("| family | `model_type`"), end = readme.find("\n\n", table);
  REQUIRE(table != std::string::npos);
  std::set<std::string> named, known;
  for (size_t at = readme.find('\n', table); (at = readme.find('`', at)) < end;) {
    const size_t close = readme.find('`', ++at);
    CHECK(named.insert(readme.substr(at, close - at)).second);
    at = close + 1;
  }
  for (const Recipe* recipe : recipes()) {
    known.insert(recipe->model_type);
    CAPTURE(recipe->model_type);
    CHECK(has(draws, "\n    \"" + std::string(recipe->model_type) + "\": ("));
  }
  CHECK(named == known);
  CHECK(has(readme, "The " + std::to_string(known.size()) + " types in the table"));
}

TEST_CASE("numbers out of bounds are refused with the field's name") {
  for (const Recipe* recipe : recipes()) {
    const std::string family = recipe->model_type;
    CAPTURE(family);
    for (const char* name : {"hidden_size", "num_hidden_layers", "num_attention_heads",
                             "intermediate_size", "max_position_embeddings", "vocab_size"}) {
      const std::string field = field_of(family, name);
      if (field.empty()) continue;
      for (const char* value : {"0", "-1", "1e12", "2.5", "\"8\"", "[]", "true", "null",
                                "9223372036854775807", "123456789012345678901234567890"}) {
        CAPTURE(value);
        if (std::string(value) == "null" && may_be_null(family, field)) continue;
        const std::string message = error_of(layout_of(family, "\"" + field + "\":" + value));
        CHECK(message.starts_with("config.json: " + field));
      }
    }
    const std::string n_heads = field_of(family, "num_attention_heads");
    const std::string uneven = error_of(layout_of(family, "\"" + n_heads + "\":5"));
    const bool fixed =  // heads of a size of their own
        family == "qwen3" || family == "gemma" || family == "t5" || family == "mt5" ||
        family == "umt5" || family == "gpt_oss";
    CHECK((fixed ? uneven.empty() : has(uneven, "multiple of")));
    const std::string act = field_of(family, "hidden_act");
    if (!act.empty())
      CHECK(has(error_of(layout_of(family, "\"" + act + R"(":"mish")")), act + " \"mish\""));
    CHECK(has(error_of(layout_of(family, R"("tie_word_embeddings":1)")), "true or false"));
  }
  CHECK(has(error_of(layout_of("llama", R"("num_key_value_heads":3)")), "multiple of"));
  CHECK(has(error_of(layout_of("llama", R"("rms_norm_eps":-1)")), "rms_norm_eps"));
  CHECK(has(error_of(layout_of("llama", R"("head_dim":7)")), "even number"));
  CHECK(has(error_of(layout_of("llama", R"("rope_theta":0)")), "rope_theta"));
}

namespace {

// A file with F32 tensors of counted values.
struct Writer {
  std::string header = "{";
  std::vector<float> values;

  void add(const std::string& name, std::vector<int64_t> shape) {
    int64_t n = 1;
    std::string dims;
    for (int64_t d : shape) {
      n *= d;
      dims += (dims.empty() ? "" : ",") + std::to_string(d);
    }
    const size_t begin = values.size() * 4;
    for (int64_t i = 0; i < n; ++i) values.push_back(float(values.size()));
    header += (header.size() > 1 ? ",\"" : "\"") + name + R"(":{"dtype":"F32","shape":[)" + dims +
              R"(],"data_offsets":[)" + std::to_string(begin) + "," +
              std::to_string(values.size() * 4) + "]}";
  }
  NamedTensors read() const {
    std::string text = header + "}";
    while (text.size() % 4) text += ' ';
    const uint64_t n = text.size();
    std::vector<uint8_t> bytes(8 + n + values.size() * 4);
    std::memcpy(bytes.data(), &n, 8);
    std::memcpy(bytes.data() + 8, text.data(), n);
    std::memcpy(bytes.data() + 8 + n, values.data(), values.size() * 4);
    Result<NamedTensors> read = read_safetensors({"model.safetensors", std::move(bytes)});
    if (!read) FAIL(read.error().message);
    return *read;
  }
};

Layout small_layout() {
  Layout layout;
  Config& c = layout.config;
  c.family = "toy";
  c.d_model = 4;
  c.n_layers = 2;
  c.n_heads = c.n_kv_heads = 2;
  c.d_head = 2;
  c.d_mlp = 6;
  c.d_vocab = 5;
  c.n_ctx = 3;
  layout.qkv_bias = true;
  return layout;
}

Result<Bound> bind(std::span<const Bind> binds, const Writer& writer, const Layout& layout) {
  const Recipe recipe = {"toy", "Toy", nullptr, binds, "toy."};
  const NamedTensors file = writer.read();
  return bind_weights(recipe, layout, {&file, 1});
}

}  // namespace

TEST_CASE("fused and transposed tensors come apart into q, k and v") {
  const Layout layout = small_layout();
  const auto qkv = [&](MatrixOrder store, Fused fused) {
    Writer writer;
    const bool flipped = store == MatrixOrder::in_out;
    writer.add("toy.h.0.qkv.weight",
               flipped ? std::vector<int64_t>{4, 12} : std::vector<int64_t>{12, 4});
    writer.add("toy.h.0.qkv.bias", {12});
    writer.add("toy.h.1.qkv.weight",
               flipped ? std::vector<int64_t>{4, 12} : std::vector<int64_t>{12, 4});
    writer.add("toy.h.1.qkv.bias", {12});
    const Bind binds[] = {
        {"h.{}.qkv", {&Block::q, &Block::k, &Block::v}, &Layout::qkv_bias, store, fused}};
    const Result<Bound> bound = bind(binds, writer, layout);
    if (!bound) FAIL(bound.error().message);
    CHECK(bound->n_parameters == 2 * 60);
    return *bound;
  };
  for (const MatrixOrder store : {MatrixOrder::out_in, MatrixOrder::in_out}) {
    for (const Fused fused : {Fused::one_by_one, Fused::per_group}) {
      const Bound bound = qkv(store, fused);
      for (int layer = 0; layer < 2; ++layer) {
        const Block& b = bound.weights.blocks[size_t(layer)];
        const Linear* const parts[] = {&b.q, &b.k, &b.v};
        for (int part = 0; part < 3; ++part) {
          const Linear& l = *parts[part];
          REQUIRE(l.w.d_out() == 4);
          REQUIRE(l.w.d_in() == 4);
          REQUIRE(l.b.shape == std::vector<int64_t>{4});
          for (int row = 0; row < 4; ++row) {
            // The row of the fused matrix: part by part, or head by head.
            const int from =
                fused == Fused::one_by_one ? part * 4 + row : (row / 2 * 3 + part) * 2 + row % 2;
            CHECK(l.b.vec()[size_t(row)] == float(layer * 60 + 48 + from));
            for (int col = 0; col < 4; ++col) {
              const int at = store == MatrixOrder::out_in ? from * 4 + col : col * 12 + from;
              CHECK(l.w.at(row, col) == float(layer * 60 + at));
            }
          }
        }
      }
    }
  }
}

TEST_CASE("experts are found one by one, and all in one tensor in either order") {
  Layout made = small_layout();
  Config& c = made.config;
  c.n_layers = 1;
  c.n_experts = 3;
  c.d_expert = 2;
  made.mlp_bias = true;
  const Layout& layout = made;
  const auto check = [&](const Bound& bound, auto from) {
    for (int expert = 0; expert < 3; ++expert) {
      const Expert& e = bound.weights.blocks[0].experts[size_t(expert)];
      const Linear* const parts[] = {&e.gate, &e.in};
      for (int part = 0; part < 2; ++part)
        for (int row = 0; row < 2; ++row)
          for (int col = 0; col < 4; ++col)
            CHECK(parts[part]->w.at(row, col) == float(from(expert, part, row, col)));
    }
  };
  const auto bound_of = [&](std::span<const Bind> binds, const Writer& writer) {
    const Result<Bound> bound = bind(binds, writer, layout);
    if (!bound) FAIL(bound.error().message);
    return *bound;
  };
  const Bind either[] = {{"h.{}.experts.gate_up_proj", {&Expert::gate, &Expert::in}},
                         {"h.{}.experts.{}.w1", &Expert::gate},
                         {"h.{}.experts.{}.w3", &Expert::in}};
  Writer single, all, in_turn;
  for (int i = 0; i < 3; ++i)
    for (const char* part : {".w1.weight", ".w3.weight"})
      single.add("toy.h.0.experts." + std::to_string(i) + part, {2, 4});
  all.add("toy.h.0.experts.gate_up_proj", {3, 4, 4});
  const auto in_order = [](int expert, int part, int row, int col) {
    return ((expert * 2 + part) * 2 + row) * 4 + col;
  };
  check(bound_of(either, single), in_order);
  check(bound_of(either, all), in_order);

  const Bind flipped[] = {{"h.{}.experts.gate_up_proj",
                           {&Expert::gate, &Expert::in},
                           &Layout::mlp_bias,
                           MatrixOrder::in_out,
                           Fused::in_turn}};
  in_turn.add("toy.h.0.experts.gate_up_proj", {3, 4, 4});
  in_turn.add("toy.h.0.experts.gate_up_proj_bias", {3, 4});
  const Bound bound = bound_of(flipped, in_turn);
  check(bound, [](int expert, int part, int row, int col) {
    return (expert * 4 + col) * 4 + row * 2 + part;
  });
  CHECK(bound.weights.blocks[0].experts[2].gate.b.vec()[1] == 48 + 2 * 4 + 2);
  CHECK(bound.weights.blocks[0].experts[1].in.b.vec()[1] == 48 + 4 + 3);

  Writer packed;
  packed.add("toy.h.0.experts.gate_up_proj_blocks", {3, 4, 1, 2});
  const Result<Bound> refused = bind(flipped, packed, layout);
  REQUIRE(!refused);
  CHECK(
      has(refused.error().message, "is in MXFP4, which is not supported; save the model in BF16"));
}

TEST_CASE("which layers have experts, and how many of them a token visits") {
  const Config mixtral = layout_of("mixtral")->config;
  CHECK(mixtral.n_experts == 8);
  CHECK(mixtral.n_active_experts == 2);
  CHECK(mixtral.d_expert == 40);
  CHECK(mixtral.shares_of_chosen);
  const auto layers = [](const std::string& more) {
    const Config c = layout_of("qwen3_moe", more)->config;
    return std::vector<bool>{c.has_experts(0), c.has_experts(1)};
  };
  CHECK(layers(R"("mlp_only_layers":[])") == std::vector<bool>{true, true});
  CHECK(layers(R"("mlp_only_layers":[1,7])") == std::vector<bool>{true, false});
  CHECK(layers(R"("decoder_sparse_step":2)") == std::vector<bool>{false, true});
  CHECK(!layout_of("qwen3_moe")->config.shares_of_chosen);
  CHECK(layout_of("qwen3_moe", R"("num_local_experts":9)")->config.n_experts == 9);
  CHECK(has(error_of(layout_of("qwen3_moe", R"("num_experts":9,"num_local_experts":8)")),
            "num_experts and num_local_experts differ"));
  CHECK(has(error_of(layout_of("olmoe", R"("num_experts":4)")), "num_experts_per_tok must be at"));
  const Config oss = layout_of("gpt_oss")->config;
  CHECK(oss.sinks);
  CHECK(oss.local_layers == std::vector<bool>{true, false});
  CHECK(oss.reach == 127);
  CHECK(oss.rope_scaling == RopeScaling::yarn);
  CHECK(oss.rope_amplitude == doctest::Approx(1.3466).epsilon(1e-4));
  CHECK(!oss.rope_truncates);
}

TEST_CASE("missing, misshapen and unused tensors are named") {
  Layout layout = small_layout();
  const Bind binds[] = {{"embed", &Weights::embed},
                        {"pos", &Weights::positions},
                        {"norm", &Weights::ln_final},
                        {"head", &Weights::unembed}};
  const auto writer = [](bool prefix, std::vector<int64_t> embed) {
    const std::string p = prefix ? "toy." : "";
    Writer w;
    w.add(p + "embed.weight", std::move(embed));
    w.add(p + "pos.weight", {3, 4});
    w.add(p + "norm.weight", {4});
    w.add(p + "norm.bias", {4});
    return w;
  };
  // With the prefix and without; no head: nothing is predicted through an untied embedding. Tied,
  // it is used twice, in one memory, and counts once.
  for (const bool prefix : {true, false}) {
    const Result<Bound> bound = bind(binds, writer(prefix, {5, 4}), layout);
    REQUIRE(bound);
    CHECK(!bound->tied);
    CHECK(bound->weights.unembed.empty());
    CHECK(bound->n_parameters == 20 + 12 + 8);
    layout.tied = true;
    const Result<Bound> tied = bind(binds, writer(prefix, {5, 4}), layout);
    layout.tied = false;
    REQUIRE(tied);
    CHECK(tied->tied);
    CHECK(tied->weights.unembed.data == tied->weights.embed.data);
    CHECK(tied->n_parameters == 20 + 12 + 8);
  }
  Writer own = writer(true, {5, 4});
  own.add("head.weight", {5, 4});
  CHECK(!bind(binds, own, layout)->tied);
  CHECK(bind(binds, own, layout)->notes.empty());
  layout.tied = true;
  CHECK(!bind(binds, own, layout)->tied);  // as transformers 5: the file has another matrix
  CHECK(bind(binds, own, layout)->warnings.size() == 1);

  const Result<Bound> misshapen = bind(binds, writer(true, {4, 5}), layout);
  REQUIRE(!misshapen);
  CHECK(has(misshapen.error().message,
            "model.safetensors: tensor \"toy.embed.weight\" has the shape [4, 5], but config.json "
            "requires [5, 4]"));
  const Bind more[] = {{"embed", &Weights::embed}, {"h.{}.o", &Block::o}};
  const Result<Bound> missing = bind(more, writer(true, {5, 4}), layout);
  REQUIRE(!missing);
  CHECK(has(missing.error().message, "tensor \"toy.h.0.o.weight\" is missing"));

  const Bind few[] = {{"embed", &Weights::embed}};
  const Result<Bound> unused = bind(few, writer(true, {5, 4}), layout);
  REQUIRE(unused->warnings.size() == 1);
  CHECK(has(unused->warnings[0],
            "3 tensors are not used: \"toy.pos.weight\", \"toy.norm.weight\", \"toy.norm.bias\""));
}
