// test_gguf.cpp - GGUF files against the Python package gguf, the models they were converted from,
// and damage of every kind.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/utf8.h"
#include "files/blocks.h"
#include "files/formats.h"
#include "files/gguf.h"
#include "gguf_maker.h"
#include "golden_model.h"
#include "pass/forward.h"
#include "tensor/kernels.h"
#include "text/tokenizer_records.h"

using namespace attn;

namespace {

const std::filesystem::path kData = ATTNSCOPE_SOURCE_DIR "/tests/data/gguf";

Bytes data(const std::string& name) { return read_bytes(kData / name); }

Json json_in(const std::filesystem::path& path) {
  const Result<Json> json = Json::parse(read_bytes(path).text(), path.filename().string());
  REQUIRE(json);
  return *json;
}

Bytes copy_of(const Bytes& bytes) {
  return std::vector<uint8_t>(bytes.data(), bytes.data() + bytes.size());
}

using Loaded = Result<std::shared_ptr<const Model>>;

Loaded load(const Bytes& gguf, const std::string& name = "m/x.gguf") {
  return load_model({{name, copy_of(gguf)}}, "x");
}

std::vector<float> logits_of(const Loaded& model) {
  REQUIRE_MESSAGE(model, (model ? "" : model.error().message));
  std::vector<int> ids;
  for (int i = 0; i < 20; ++i) ids.push_back((i * 37 + i / 7) % (*model)->config.d_vocab);
  ForwardPass pass(*model, tokens_of(ids), {.all_logits = true});
  while (pass.step()) {
  }
  return pass.take().logits;
}

std::string error_of(const Bytes& gguf) {
  const Loaded model = load(gguf);
  return model ? "" : model.error().message;
}

bool has(const std::vector<std::string>& notes, std::string_view words) {
  return std::ranges::any_of(
      notes, [&](const std::string& note) { return note.find(words) != note.npos; });
}

// A model of tests/data/models, with `from` in its configuration replaced by `to`.
std::vector<File> original(const std::string& folder, const std::string& from = "",
                           const std::string& to = "") {
  std::vector<File> files = read_model_files(test_models() / folder);
  for (File& file : files) {
    if (base_name(file.name) != "config.json" || from.empty()) continue;
    std::string text(file.bytes.text());
    REQUIRE(text.find(from) != text.npos);
    text.replace(text.find(from), from.size(), to);
    file.bytes = std::vector<uint8_t>(text.begin(), text.end());
  }
  return files;
}

// GPT-2's small vocabulary, with the words of another tokenizer.
void add_words(GgufMaker& out, const char* pre) {
  static const NamedTensors file = *read_gguf({"gpt2.gguf", data("gpt2.gguf")});
  out.text("tokenizer.ggml.model", "gpt2");
  if (pre) out.text("tokenizer.ggml.pre", pre);
  out.texts("tokenizer.ggml.tokens", gguf_list(file, "tokenizer.ggml.tokens")->texts);
  out.texts("tokenizer.ggml.merges", gguf_list(file, "tokenizer.ggml.merges")->texts);
}

constexpr std::pair<const char*, const char*> kNames[] = {
    {"model.embed_tokens.", "token_embd."},
    {"model.layers.", "blk."},
    {"model.norm.", "output_norm."},
    {"lm_head.", "output."},
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.qkv_proj", "attn_qkv"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"self_attn.o_proj", "attn_output"},
    {"pre_feedforward_layernorm", "ffn_norm"},
    {"post_feedforward_layernorm", "post_ffw_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.gate_up_proj", "ffn_up"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
};

// What convert_hf_to_gguf.py of llama.cpp makes of a model of the families of Llama.
GgufMaker converted(const std::string& folder, const std::string& architecture) {
  const Json config = json_in(test_models() / folder / "config.json");
  const std::filesystem::path weights = test_models() / folder / "model.safetensors";
  const Result<NamedTensors> file = read_tensors({"model.safetensors", read_bytes(weights)});
  REQUIRE(file);
  GgufMaker out;
  out.text("general.architecture", architecture);
  const auto number = [&](const char* entry, const char* field) {
    if (const auto value = config.at(field).integer())
      out.number(architecture + "." + entry, uint32_t(*value));
  };
  const auto real = [&](const char* entry, const Json& value) {
    if (value.number()) out.real(architecture + "." + entry, *value.number());
  };
  number("block_count", "num_hidden_layers");
  number("context_length", "max_position_embeddings");
  number("embedding_length", "hidden_size");
  number("feed_forward_length", "intermediate_size");
  number("attention.head_count", "num_attention_heads");
  number("attention.head_count_kv", "num_key_value_heads");
  number("attention.key_length", "head_dim");
  number("attention.sliding_window", "sliding_window");
  real("attention.layer_norm_rms_epsilon", config.at("rms_norm_eps"));
  real("attention.layer_norm_epsilon", config.at("layer_norm_eps"));
  real("attn_logit_softcapping", config.at("attn_logit_softcapping"));
  real("final_logit_softcapping", config.at("final_logit_softcapping"));
  const Json rope = config.at("rope_parameters");
  real("rope.freq_base", rope.at("rope_theta"));
  add_words(out, "gpt-2");
  const bool gemma = architecture.starts_with("gemma");
  for (const StoredTensor& tensor : file->tensors) {
    std::string name = tensor.name;
    for (const auto& [hf, gguf] : kNames)
      if (const size_t at = name.find(hf); at != name.npos)
        name.replace(at, std::string_view(hf).size(), gguf);
    if (const size_t at = name.find("post_attention_layernorm"); at != name.npos)
      name.replace(at, 24, architecture == "gemma" || !gemma ? "ffn_norm" : "post_attention_norm");
    const Tensor from = *to_floats(*file, tensor);
    std::vector<float> values(from.vec().begin(), from.vec().end());
    if (gemma && name.find("norm.weight") != name.npos)
      for (float& x : values) x += 1;
    const bool q = name.find("attn_q.") != name.npos, k = name.find("attn_k.") != name.npos;
    if (architecture == "llama" && (q || k)) {
      const size_t n =
          size_t(*config.at(q ? "num_attention_heads" : "num_key_value_heads").integer());
      const size_t rows = size_t(tensor.shape[0]), d = rows / n, width = values.size() / rows;
      for (size_t i = 0; i < values.size(); ++i) {
        const size_t row = i / width, in_head = row % d;
        const size_t to = row - in_head + in_head % (d / 2) * 2 + in_head / (d / 2);
        values[to * width + i % width] = from.data[i];
      }
    }
    std::vector<uint64_t> dims(tensor.shape.rbegin(), tensor.shape.rend());
    out.floats(name, dims, values);
  }
  return out;
}

// Numbers that are the same in every run.
struct Random {
  uint32_t state = 12345;
  uint32_t next() { return (state = state * 1664525u + 1013904223u) >> 8; }
  float real() { return float(next() % 20001) / 10000.f - 1; }
};

std::string random_blocks(Random& random, const BlockType& type, int64_t n) {
  std::string out;
  for (int64_t i = 0; i < n / type.n_numbers * type.n_bytes; ++i) out += char(random.next() & 255);
  const int scales[] = {type.dtype == DType::q2_k   ? 80
                        : type.dtype == DType::q3_k ? 108
                        : type.dtype == DType::q6_k ? 208
                                                    : 0,
                        type.dtype == DType::q2_k                                ? 82
                        : type.dtype == DType::q4_k || type.dtype == DType::q4_1 ? 2
                                                                                 : -1};
  for (size_t at = 0; at < out.size(); at += size_t(type.n_bytes)) {
    for (const int scale : scales) {
      const uint16_t half = float_to_half(random.real() * (type.n_numbers > 32 ? 4e-4f : 4e-3f));
      if (scale >= 0) std::memcpy(out.data() + at + size_t(scale), &half, 2);
    }
  }
  return out;
}

uint32_t type_number(DType type) {
  switch (type) {
    case DType::q4_0:
      return 2;
    case DType::q4_1:
      return 3;
    case DType::q8_0:
      return 8;
    case DType::q2_k:
      return 10;
    case DType::q3_k:
      return 11;
    case DType::q4_k:
      return 12;
    default:
      return 14;  // Q6_K
  }
}

// A Llama of one layer whose matrices have these types, and the same model in F32: of the numbers
// that are computed with.
struct Quantized {
  GgufMaker blocks, floats;
};
Quantized quantized(DType embed, DType attention, DType mlp_out) {
  Quantized out;
  for (GgufMaker* m : {&out.blocks, &out.floats}) {
    m->text("general.architecture", "llama");
    for (const auto& [name, value] :
         {std::pair("block_count", 1), std::pair("context_length", 64),
          std::pair("embedding_length", 32), std::pair("feed_forward_length", 256),
          std::pair("attention.head_count", 2), std::pair("rope.dimension_count", 16)})
      m->number(std::string("llama.") + name, uint32_t(value));
    m->real("llama.attention.layer_norm_rms_epsilon", 1e-5);
    add_words(*m, "gpt-2");
  }
  Random random;
  const auto put = [&](const std::string& name, uint64_t rows, uint64_t width, DType dtype) {
    const BlockType& type = *block_type(dtype);
    const std::string bytes = random_blocks(random, type, int64_t(rows * width));
    std::vector<float> values(rows * width);
    for (size_t i = 0; i < values.size(); i += size_t(type.n_numbers))
      type.expand(reinterpret_cast<const uint8_t*>(bytes.data()) +
                      i / size_t(type.n_numbers) * size_t(type.n_bytes),
                  values.data() + i);
    if (dtype != DType::q8_0)
      for (float& x : values) x = half_to_float(float_to_half(x));
    out.blocks.tensor(name, {width, rows}, type_number(dtype), bytes);
    out.floats.floats(name, {width, rows}, values);
  };
  const auto norm = [&](const std::string& name) {
    std::vector<float> values(32);
    for (float& x : values) x = 1 + random.real() / 4;
    out.blocks.floats(name, {32}, values);
    out.floats.floats(name, {32}, values);
  };
  put("token_embd.weight", 272, 32, embed);
  norm("blk.0.attn_norm.weight");
  for (const char* name : {"q", "k", "v", "output"})
    put(std::string("blk.0.attn_") + name + ".weight", 32, 32, attention);
  norm("blk.0.ffn_norm.weight");
  put("blk.0.ffn_gate.weight", 256, 32, attention);
  put("blk.0.ffn_up.weight", 256, 32, attention);
  put("blk.0.ffn_down.weight", 32, 256, mlp_out);
  norm("output_norm.weight");
  return out;
}

// An error names the file; what is read lies in it.
void check_read(const File& file) {
  const Result<NamedTensors> read = read_gguf(file);
  if (!read) {
    CHECK(read.error().message.starts_with("x.gguf: "));
    CHECK(is_valid_utf8(read.error().message));
    return;
  }
  const uint8_t* at = file.bytes.data();
  for (const StoredTensor& tensor : read->tensors) {
    CHECK(tensor.bytes.data() >= at);
    at = tensor.bytes.data() + tensor.bytes.size();
  }
  CHECK(at <= file.bytes.data() + file.bytes.size());
}

}  // namespace

TEST_CASE("blocks of every type become the numbers of the package gguf") {
  const Result<NamedTensors> read = read_tensors({"x.gguf", data("blocks.gguf")});
  REQUIRE_MESSAGE(read, (read ? "" : read.error().message));
  const Result<NamedTensors> expected =
      read_tensors({"blocks.safetensors", data("blocks.safetensors")});
  REQUIRE(expected);
  CHECK(read->tensors.size() == expected->tensors.size());
  int n_blocks = 0;
  for (const StoredTensor& tensor : read->tensors) {
    CAPTURE(tensor.name);
    const StoredTensor* wanted = expected->find(tensor.name);
    REQUIRE(wanted);
    CHECK(tensor.shape == wanted->shape);
    const Tensor ours = *to_floats(*read, tensor), theirs = *to_floats(*expected, *wanted);
    CHECK(most_apart(ours.vec(), theirs.vec()) <= 1e-6);
    const BlockType* type = block_type(tensor.dtype);
    if (!type) continue;
    ++n_blocks;
    CHECK(type->name == tensor.name);
    // The second row, as weights are kept.
    std::vector<uint8_t> kept(256 * 2);
    if (tensor.dtype == DType::q8_0) kept.resize(size_t(bytes_of(Format::q8_0, 256)));
    copy_numbers(tensor, 256, 512, kept.data());
    if (tensor.dtype == DType::q8_0) {
      CHECK(std::ranges::equal(kept, tensor.bytes.subspan(kept.size())));
      continue;
    }
    std::vector<float> halves(256), rounded(256);
    for (size_t i = 0; i < halves.size(); ++i) {
      uint16_t half;
      std::memcpy(&half, kept.data() + 2 * i, 2);
      halves[i] = half_to_float(half);
      rounded[i] = half_to_float(float_to_half(theirs.data[256 + i]));
    }
    CHECK(halves == rounded);
  }
  CHECK(n_blocks == 11);
}

TEST_CASE("a converted model has the logits and the tokens of the original") {
  for (const auto& [name, folder] : {std::pair<std::string, std::string>{"llama", "llama-gqa"},
                                     {"qwen2", "qwen2"},
                                     {"gpt2", "gpt2"}}) {
    CAPTURE(name);
    const Loaded ours = load(data(name + ".gguf")), theirs = load_model(original(folder), folder);
    const std::vector<float> expected = logits_of(theirs);
    REQUIRE(expected.size() == 20 * 272);
    CHECK(logits_of(ours) == expected);
    CHECK((*ours)->tied == (*theirs)->tied);
    CHECK((*ours)->config.family == (*theirs)->config.family);
    CHECK((*ours)->config.n_ctx == (*theirs)->config.n_ctx);
    CHECK((*ours)->notes.empty());
    CHECK((*ours)->warnings == (*theirs)->warnings);
    // In memory that others hold, too.
    const Bytes held = data(name + ".gguf");
    CHECK(logits_of(load_model({{"x.gguf", held}}, "x")) == expected);
    CHECK(held.text() == data(name + ".gguf").text());
    for (const char* text : {"", "a bc de <|endoftext|> don't  2017", "深度学习 e\u0301\n"}) {
      const Tokens a = (*ours)->tokenizer->encode(text), b = (*theirs)->tokenizer->encode(text);
      REQUIRE(a.size() == b.size());
      for (size_t i = 0; i < size_t(a.size()); ++i) CHECK(a.items[i].id == b.items[i].id);
    }
  }
}

TEST_CASE("llama.cpp's own files of a real model have its logits and its tokens") {
  const auto folder = shared_model("stories260K");
  if (!folder) return;
  const Loaded theirs = load_model(read_model_files(*folder), "stories260K");
  const std::vector<float> expected = logits_of(theirs);
  // F16 rounds by 2^-11, a block of Q8_0 by 1/254 of its largest weight.
  for (const auto& [name, most] : {std::pair{"f32", 1e-6}, {"f16", 0.02}, {"q8_0", 0.3}}) {
    CAPTURE(name);
    const std::string file = std::string("stories260K-") + name + ".gguf";
    const Loaded ours = load(read_bytes(*folder / file), file);
    const double apart = most_apart(logits_of(ours), expected);
    std::printf("%s: logits within %.1e of model.safetensors\n", file.c_str(), apart);
    CHECK(apart <= most);
    for (const char* text : {"Once upon a time, Lily  said: \"hi\"\n", "深度 é <s>"}) {
      const Tokens a = (*ours)->tokenizer->encode(text), b = (*theirs)->tokenizer->encode(text);
      CHECK(std::ranges::equal(a.items, b.items, {}, &Token::id, &Token::id));
    }
  }
}

TEST_CASE("the families of Llama are converted with their settings") {
  const auto same = [](const GgufMaker& made, const std::string& folder,
                       const std::string& from = "", const std::string& to = "") {
    CAPTURE(folder);
    const Loaded ours = load(made.bytes());
    const std::vector<float> a = logits_of(ours);
    const std::vector<float> b = logits_of(load_model(original(folder, from, to), folder));
    CHECK(a == b);
    CHECK(!has((*ours)->notes, "not known"));
  };
  same(converted("llama-own-head", "llama"), "llama-own-head");
  same(converted("qwen3", "qwen3"), "qwen3");
  same(converted("gemma", "gemma"), "gemma");
  same(converted("gemma2", "gemma2"), "gemma2", "\"query_pre_attn_scalar\": 3",
       "\"query_pre_attn_scalar\": 6");
  GgufMaker gemma3 = converted("gemma3", "gemma3");
  gemma3.real("gemma3.rope.freq_base", 900).real("gemma3.rope.freq_base_swa", 40);
  gemma3.text("gemma3.rope.scaling.type", "linear").real("gemma3.rope.scaling.factor", 3);
  gemma3.number("gemma3.attention.sliding_window_pattern", 2);
  same(gemma3, "gemma3", "\"query_pre_attn_scalar\": 256", "\"query_pre_attn_scalar\": 8");
  same(converted("phi3", "phi3"), "phi3");
  GgufMaker phi3 = converted("phi3-longrope", "phi3");
  phi3.number("phi3.rope.scaling.original_context_length", 18);
  phi3.floats("rope_factors_short.weight", {3}, {1.0f, 1.1f, 1.3f});
  phi3.floats("rope_factors_long.weight", {3}, {1.5f, 2.5f, 4.0f});
  same(phi3, "phi3-longrope");
  GgufMaker stablelm = converted("stablelm", "stablelm");
  stablelm.number("stablelm.rope.dimension_count", 2);
  same(stablelm, "stablelm");
  GgufMaker parallel = converted("stablelm-parallel", "stablelm");
  parallel.number("stablelm.rope.dimension_count", 4);
  parallel.flag("stablelm.use_parallel_residual", true);
  same(parallel, "stablelm-parallel");
  GgufMaker linear = converted("llama-rope-linear", "llama");
  linear.text("llama.rope.scaling.type", "linear").real("llama.rope.scaling.factor", 4);
  same(linear, "llama-rope-linear");
  GgufMaker yarn = converted("llama-yarn", "llama");
  yarn.text("llama.rope.scaling.type", "yarn").real("llama.rope.scaling.factor", 4);
  yarn.number("llama.rope.scaling.original_context_length", 24);
  same(yarn, "llama-yarn");
}

TEST_CASE("the factors of Llama 3's rotation are those of its configuration") {
  GgufMaker made = converted("llama-rope-llama3", "llama");
  std::vector<float> factors;  // as the converter computes them
  for (int i = 0; i < 4; ++i) {
    const double length = 2 * std::numbers::pi * std::pow(10000, i / 4.);
    const double smooth = (16 / length - 1) / (4 - 1);
    factors.push_back(float(length < 16 / 4.   ? 1
                            : length > 16 / 1. ? 8
                                               : 1 / ((1 - smooth) / 8 + smooth)));
  }
  made.floats("rope_freqs.weight", {4}, factors);
  const std::vector<float> expected =
      logits_of(load_model(original("llama-rope-llama3"), "llama3"));
  CHECK(most_apart(logits_of(load(made.bytes())), expected) < 1e-5);
  // That they are read at all.
  CHECK(most_apart(logits_of(load(converted("llama-rope-llama3", "llama").bytes())), expected) >
        1e-4);
}

TEST_CASE("quantized weights are computed with as they are, or in half precision") {
  for (const auto& [embed, attention, mlp_out] :
       {std::tuple(DType::q8_0, DType::q8_0, DType::q8_0),
        std::tuple(DType::q4_0, DType::q4_1, DType::q6_k),
        std::tuple(DType::q8_0, DType::q4_0, DType::q4_k),
        std::tuple(DType::q4_1, DType::q8_0, DType::q2_k),
        std::tuple(DType::q4_0, DType::q4_0, DType::q3_k)}) {
    CAPTURE(block_type(mlp_out)->name);
    const Quantized made = quantized(embed, attention, mlp_out);
    const Loaded ours = load(made.blocks.bytes());
    const std::vector<float> expected = logits_of(load(made.floats.bytes()));
    const float largest = std::ranges::max(expected);
    CHECK(largest > 0.1f);
    CHECK(most_apart(logits_of(ours), expected) < 1e-5 * std::max(1.f, largest));
    const Bytes held = made.blocks.bytes();
    CHECK(logits_of(load_model({{"x.gguf", held}}, "x")) == logits_of(ours));
    CHECK(has((*ours)->notes, block_type(mlp_out)->name));
    CHECK(has((*ours)->notes, "rounded to F16") ==
          (attention != DType::q8_0 || mlp_out != attention));
    const Weights& w = (*ours)->weights;
    CHECK(w.embed.format == (embed == DType::q8_0 ? Format::q8_0 : Format::f16));
    CHECK(w.blocks[0].mlp_out.w.format() == (mlp_out == DType::q8_0 ? Format::q8_0 : Format::f16));
  }
}

TEST_CASE("SentencePiece's pieces in a GGUF file cut texts as llama.cpp does") {
  const Result<NamedTensors> file = read_gguf({"pieces.gguf", data("pieces.gguf")});
  REQUIRE(file);
  Result<TokenizerRecords> records = gguf_tokenizer(*file);
  REQUIRE_MESSAGE(records, (records ? "" : records.error().message));
  const auto tokenizer = Tokenizer::from_records(std::move(*records));
  REQUIRE(tokenizer);
  const Json cases = json_in(kData / "pieces.json");
  REQUIRE(cases.size() == 8);
  cases.each([&](std::string_view, const Json& one) {
    const std::string text(*one.at("text").text());
    CAPTURE(text);
    const Tokens tokens = (*tokenizer)->encode(text);
    REQUIRE(size_t(tokens.size()) == one.at("ids").size());
    for (size_t i = 0; i < one.at("ids").size(); ++i)
      CHECK(tokens.items[i].id == one.at("ids").at(i).integer());
    return true;
  });
}

TEST_CASE("words of byte-level tokenizers are those that tokenizer.ggml.pre names") {
  const Json all = json_in(kData / "words.json");
  CHECK(all.size() == 4);
  all.each([&](std::string_view pre, const Json& cases) {
    GgufMaker made;
    add_words(made, std::string(pre).c_str());
    made.flag("tokenizer.ggml.add_bos_token", false);
    std::vector<float> types(272, 1);
    types[0] = 3;
    made.numbers("tokenizer.ggml.token_type", types);
    const Result<NamedTensors> file = read_gguf({"x.gguf", made.bytes()});
    REQUIRE(file);
    Result<TokenizerRecords> records = gguf_tokenizer(*file);
    REQUIRE_MESSAGE(records, (records ? "" : records.error().message));
    const auto tokenizer = Tokenizer::from_records(std::move(*records));
    REQUIRE(tokenizer);
    cases.each([&](std::string_view, const Json& one) {
      const std::string text(*one.at("text").text());
      CAPTURE(pre);
      CAPTURE(text);
      const Tokens tokens = (*tokenizer)->encode(text);
      REQUIRE(size_t(tokens.size()) == one.at("ids").size());
      for (size_t i = 0; i < one.at("ids").size(); ++i)
        CHECK(tokens.items[i].id == one.at("ids").at(i).integer());
      return true;
    });
    return true;
  });
}

TEST_CASE("the parts of a split model are read together, and missing ones are named") {
  const Quantized made = quantized(DType::q8_0, DType::q8_0, DType::q8_0);
  const std::vector<float> expected = logits_of(load(made.blocks.bytes()));
  GgufMaker first = made.blocks, second;
  second.tensors.assign(first.tensors.begin() + 4, first.tensors.end());
  first.tensors.resize(4);
  uint32_t number = 0;
  for (GgufMaker* m : {&first, &second}) m->number("split.no", number++).number("split.count", 2);
  const std::string a = "m/x-00001-of-00002.gguf", b = "m/x-00002-of-00002.gguf";
  CHECK(logits_of(load_model({{b, second.bytes()}, {a, first.bytes()}}, "x")) == expected);
  const auto error = [](std::vector<File> files) {
    const Loaded model = load_model(std::move(files), "x");
    return model ? "" : model.error().message;
  };
  CHECK(error({{a, first.bytes()}}).starts_with("x-00002-of-00002.gguf is missing"));
  CHECK(error({{b, second.bytes()}}).starts_with("x-00001-of-00002.gguf is missing"));
  CHECK(error({{"x.gguf", first.bytes()}}).find("one of 2 parts of a model, but 1 is here") !=
        std::string::npos);
  CHECK(error({{"x.gguf", second.bytes()}}).find("part 2 of a model") != std::string::npos);
}

TEST_CASE("what a GGUF file asks for and is not computed is refused or noted") {
  const GgufMaker good = converted("llama-own-head", "llama");
  CHECK(error_of(good.bytes()) == "");
  const auto with = [&](auto change) {
    GgufMaker made = good;
    change(made);
    return error_of(made.bytes());
  };
  const auto refused = [&](std::string_view words, auto change) {
    const std::string error = with(change);
    CAPTURE(error);
    CHECK(error.starts_with("x.gguf: "));
    CHECK(error.find(words) != error.npos);
  };
  using M = GgufMaker;
  refused("llama.expert_count is 8", [](M& m) { m.number("llama.expert_count", 8); });
  refused("llama.logit_scale is 2", [](M& m) { m.real("llama.logit_scale", 2); });
  refused("llama.attention.causal is 0", [](M& m) { m.flag("llama.attention.causal", false); });
  refused("llama.attention.sliding_window is set",
          [](M& m) { m.number("llama.attention.sliding_window", 4096); });
  refused("llama.rope.dimension_count is 2",
          [](M& m) { m.number("llama.rope.dimension_count", 2); });
  refused("attention.value_length is not",
          [](M& m) { m.number("llama.attention.value_length", 3); });
  refused("rope.scaling.type is \"su\"", [](M& m) { m.text("llama.rope.scaling.type", "su"); });
  refused("rope.scaling.attn_factor is not 1",
          [](M& m) { m.real("llama.rope.scaling.attn_factor", 1.5); });
  refused("general.type is \"adapter\"", [](M& m) { m.text("general.type", "adapter"); });
  refused("\"model.layers.0.foo.weight\"", [](M& m) { m.floats("blk.0.foo.weight", {2}, {1, 2}); });
  refused("is in IQ2_XS, which is not supported",
          [](M& m) { m.tensor("blk.0.foo.weight", {256}, 17, std::string(74, ' ')); });
  refused("is in type 99", [](M& m) { m.tensor("a", {256}, 99, std::string(74, ' ')); });
  refused("rows that are not made of whole blocks",
          [](M& m) { m.tensor("a", {16, 2}, 2, std::string(18, ' ')); });
  refused("version 1 of GGUF", [](M& m) { m.version = 1; });
  refused("big-endian", [](M& m) { m.version = 3u << 24; });
  refused("\"general.architecture\" twice", [](M& m) { m.text("general.architecture", "llama"); });
  refused("general.alignment is not a power", [](M& m) { m.number("general.alignment", 48); });
  refused("occurs twice", [](M& m) { m.tensors.push_back(m.tensors[0]); });
  refused("a dimension of size 0", [](M& m) { m.tensor("a", {0, 2}, 0, ""); });
  refused("a shape too large", [](M& m) { m.tensor("a", {1ull << 40, 1ull << 40}, 0, ""); });
  refused("has 5 dimensions", [](M& m) { m.tensor("a", {1, 1, 1, 1, 1}, 0, "1234"); });
  refused("reaches beyond the end", [](M& m) { m.tensor("a", {64}, 0, "1234"); });

  GgufMaker other;
  other.text("general.architecture", "mamba");
  CHECK(error_of(other.bytes()).find("\"mamba\" is not supported in GGUF; use the model.safe") !=
        std::string::npos);
  CHECK(error_of(GgufMaker().bytes()).find("general.architecture is missing") != std::string::npos);

  GgufMaker aligned = good;
  aligned.number("general.alignment", 64);
  aligned.align = 64;
  CHECK(logits_of(load(aligned.bytes())) == logits_of(load(good.bytes())));
  GgufMaker unknown = good;
  unknown.number("llama.attention.novelty", 3).number("llama.expert_count", 0);
  const Loaded noted = load(unknown.bytes());
  REQUIRE(noted);
  CHECK(has((*noted)->notes, "not known and not used: llama.attention.novelty"));
}

TEST_CASE("tokenizers that are not known are refused by name") {
  const auto error = [](const auto& change) {
    GgufMaker made;
    change(made);
    const Result<NamedTensors> file = read_gguf({"x.gguf", made.bytes()});
    REQUIRE(file);
    const Result<TokenizerRecords> read = gguf_tokenizer(*file);
    return read ? "" : read.error().message;
  };
  using M = GgufMaker;
  CHECK(error([](M& m) { add_words(m, "gpt-2"); }) == "");
  for (const auto& [words, message] : {
           std::pair("pre \"command-r\" is not supported",
                     error([](M& m) { add_words(m, "command-r"); })),
           std::pair("pre is missing", error([](M& m) { add_words(m, nullptr); })),
           std::pair("model is missing", error([](M&) {})),
           std::pair("model \"bert\" is not",
                     error([](M& m) { m.text("tokenizer.ggml.model", "bert"); })),
           std::pair("tokens is missing",
                     error([](M& m) { m.text("tokenizer.ggml.model", "llama"); })),
           std::pair("bos_token_id is not the number",
                     error([](M& m) { add_words(m, "llama-bpe"); })),
           std::pair("token_type has not as many", error([](M& m) {
                       add_words(m, "gpt-2");
                       m.numbers("tokenizer.ggml.token_type", {1, 2});
                     })),
           std::pair("scores has not as many", error([](M& m) {
                       m.text("tokenizer.ggml.model", "llama");
                       m.texts("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b"});
                     })),
       }) {
    CAPTURE(message);
    CHECK(message.starts_with("x.gguf: tokenizer.ggml."));
    CHECK(message.find(words) != message.npos);
    CHECK(message.ends_with("; put the model's tokenizer.json beside it"));
  }
}

TEST_CASE("a GGUF file describes itself, whatever lies beside it") {
  std::vector<File> files = {{"m/x.gguf", data("llama.gguf")}};
  const std::string config = R"({"model_type":"gpt2"})";
  files.push_back({"m/config.json", std::vector<uint8_t>(config.begin(), config.end())});
  const Loaded model = load_model(files, "x");
  CHECK(logits_of(model) == logits_of(load(data("llama.gguf"))));
  CHECK(has((*model)->notes, "config.json is not used: x.gguf describes the model"));
}

TEST_CASE("a GGUF file that is cut short or changed is refused, or its tensors lie in it") {
  const Bytes whole = data("qwen2.gguf");
  const Result<NamedTensors> read = read_gguf({"x.gguf", whole});
  REQUIRE(read);
  const size_t header = read->header.size();
  for (size_t n = 0; n < whole.size(); n += n < header ? 1 : 113) {
    const Bytes cut = std::vector<uint8_t>(whole.data(), whole.data() + n);
    const Result<NamedTensors> one = read_gguf({"m/x.gguf", cut});
    REQUIRE(!one);
    REQUIRE(one.error().message.starts_with("x.gguf: "));
  }
  for (size_t at = 0; at < header; ++at) {
    for (const uint8_t change : {0x01, 0x80, 0xFF}) {
      std::vector<uint8_t> bytes(whole.data(), whole.data() + whole.size());
      bytes[at] ^= change;
      const File file{"m/x.gguf", std::move(bytes)};
      check_read(file);
      const Result<NamedTensors> one = at % 11 == 0 ? read_gguf(file) : Error{""};
      if (!one) continue;
      if (const Result<Json> config = gguf_config(*one); !config)
        CHECK(config.error().message.starts_with("x.gguf: "));
      if (const Result<TokenizerRecords> records = gguf_tokenizer(*one); !records)
        CHECK(records.error().message.starts_with("x.gguf: "));
    }
  }
}
