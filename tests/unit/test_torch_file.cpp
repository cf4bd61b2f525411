// test_torch_file.cpp - checkpoints as PyTorch writes them, and files that only look like some.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>

#include "base/utf8.h"
#include "files/formats.h"
#include "files/torch_file.h"
#include "files/zip_read.h"
#include "golden_model.h"
#include "model/model_files.h"
#include "pass/forward.h"

using namespace attn;

namespace {

std::filesystem::path torch_data() { return ATTNSCOPE_SOURCE_DIR "/tests/data/torch"; }

File file_named(const std::string& name) { return {"m/" + name, read_bytes(torch_data() / name)}; }

std::string error_of(const File& file) {
  const Result<NamedTensors> read = read_tensors(file);
  return read ? "" : read.error().message;
}

std::vector<uint8_t> copy_of(const Bytes& bytes) {
  return {bytes.data(), bytes.data() + bytes.size()};
}

// Of a text in GPT-2's test model, its weights from `weights`.
std::vector<float> logits_with(const std::string& name, const Bytes& weights) {
  std::vector<File> files = read_model_files(test_models() / "gpt2");
  std::erase_if(files, [](const File& f) { return base_name(f.name) == "model.safetensors"; });
  files.push_back({"gpt2/" + name, weights});
  const Result<std::shared_ptr<const Model>> model = load_model(std::move(files), "gpt2");
  REQUIRE_MESSAGE(model, (model ? "" : model.error().message));
  CHECK((*model)->tied);
  ForwardPass pass(*model, (*model)->tokenizer->encode("a bc de bc f"), {.all_logits = true});
  while (pass.step()) {
  }
  const Trace trace = pass.take();
  return trace.logits;
}

}  // namespace

TEST_CASE("every type and layout of a PyTorch tensor is read as PyTorch reads it") {
  const Result<NamedTensors> expected = read_tensors(file_named("expected.safetensors"));
  REQUIRE(expected);
  int n_files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(torch_data())) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("kinds.")) continue;
    CAPTURE(name);
    ++n_files;
    const Result<NamedTensors> read = read_tensors(file_named(name));
    REQUIRE_MESSAGE(read, (read ? "" : read.error().message));
    CHECK(read->tensors.size() == expected->tensors.size() - (name == "kinds.plain.bin" ? 5 : 0));
    for (const StoredTensor& tensor : read->tensors) {
      CAPTURE(tensor.name);
      const StoredTensor* wanted = expected->find(tensor.name);
      REQUIRE(wanted);
      CHECK(tensor.dtype == wanted->dtype);
      CHECK(tensor.shape == wanted->shape);
      CHECK(std::ranges::equal(tensor.bytes, wanted->bytes));
    }
  }
  CHECK(n_files == 7);
}

TEST_CASE("tensors of a PyTorch file are slices of it, and may share its memory") {
  const File file = file_named("kinds.plain.bin");
  const Result<NamedTensors> read = read_tensors(file);
  REQUIRE(read);
  CHECK(read->bytes.data() == file.bytes.data());
  for (const StoredTensor& tensor : read->tensors) {
    if (tensor.bytes.empty()) continue;
    CHECK(tensor.bytes.data() >= file.bytes.data());
    CHECK(tensor.bytes.data() + tensor.bytes.size() <= file.bytes.data() + file.bytes.size());
  }
  const StoredTensor &whole = *read->find("shared.whole"), &part = *read->find("shared.part");
  CHECK(part.bytes.data() == whole.bytes.data() + 2 * 8 * 4);
  CHECK(read->find("shared.again")->bytes.data() == whole.bytes.data());
}

TEST_CASE("a model has the same logits from PyTorch's files as from safetensors") {
  const Bytes safe = read_bytes(test_models() / "gpt2" / "model.safetensors");
  const std::vector<float> expected = logits_with("model.safetensors", safe);
  REQUIRE(expected.size() > 1000);
  CHECK(logits_with("pytorch_model.bin", read_bytes(torch_data() / "gpt2.bin")) == expected);
  // One whose bytes others hold, too, is not packed in place.
  const Bytes held = read_bytes(torch_data() / "gpt2.bin");
  const Bytes before(copy_of(held));
  CHECK(logits_with("pytorch_model.bin", held) == expected);
  CHECK(held.text() == before.text());
  CHECK(logits_with("ckpt.pt", read_bytes(torch_data() / "checkpoint.pt")) == expected);
}

TEST_CASE("settings in a checkpoint become its metadata") {
  const Result<NamedTensors> read = read_tensors(file_named("checkpoint.pt"));
  REQUIRE(read);
  const Json args = read->metadata.at("model_args");
  CHECK(args.at("n_layer").integer() == 2);
  CHECK(args.at("dropout").number() == 0.0);
  CHECK(args.at("bias").boolean() == true);
  CHECK(args.at("name").text() == "小");
  CHECK(read->find("_orig_mod.lm_head.weight"));
  CHECK(!read->find("exp_avg"));
}

TEST_CASE("what is no file of weights says what it is, and nothing of it is called") {
  const std::map<std::string, std::string> sentences = {
      {"calls.bin", "would call \"__builtin__ print\", which weights alone do not need"},
      {"object.bin", "would call \"torch.nn.modules.linear Linear\""},
      {"nameless.bin", "holds one tensor without a name"},
      {"several.bin", "has several sets of tensors, \"one\", \"two\""},
      {"complex.bin", "tensor \"a\" has the type \"torch ComplexFloatStorage\""},
      {"script.pt", "a TorchScript program"},
  };
  for (const auto& [name, words] : sentences) {
    const std::string error = error_of(file_named(name));
    CAPTURE(error);
    CHECK(error.starts_with(name + ": "));
    CHECK(error.find(words) != error.npos);
  }
  const Bytes pickle = read_bytes(torch_data() / "plain.pkl");
  CHECK(error_of({"x.bin", pickle}).starts_with("x.bin: a pickle that torch.save did not write"));
}

TEST_CASE(
    "a PyTorch file that is cut or changed anywhere gives a sentence or tensors inside of it") {
  int n_errors = 0, n_read = 0;
  for (const char* name : {"kinds.zip-2.bin", "kinds.legacy-4.bin", "calls.bin"}) {
    const File whole = file_named(name);
    const auto check = [&](std::vector<uint8_t> bytes) {
      const Result<NamedTensors> read = read_torch({name, std::move(bytes)});
      ++(read ? n_read : n_errors);
      if (!read) {
        CHECK(read.error().message.starts_with(std::string(name) + ": "));
        CHECK(is_valid_utf8(read.error().message));
        return;
      }
      for (const StoredTensor& t : read->tensors) {
        uint64_t n = bytes_of(t.dtype);
        for (const int64_t size : t.shape) n *= uint64_t(size);
        CHECK(t.bytes.size() == n);
        if (n == 0) continue;
        CHECK(t.bytes.data() >= read->bytes.data());
        CHECK(t.bytes.data() + n <= read->bytes.data() + read->bytes.size());
      }
    };
    for (size_t n = 0; n < whole.bytes.size(); ++n) {
      std::vector<uint8_t> cut = copy_of(whole.bytes);
      cut.resize(n);
      CAPTURE(n);
      const Result<NamedTensors> read = read_torch({name, Bytes(std::move(cut))});
      // The end of an archive is written in two forms, and the first is enough.
      CHECK((!read || (is_zip(whole.bytes.span()) && n + 24 >= whole.bytes.size())));
    }
    for (size_t i = 0; i < whole.bytes.size(); ++i)
      for (const uint8_t change : {0x01, 0x80, 0xFF}) {
        CAPTURE(i);
        std::vector<uint8_t> changed = copy_of(whole.bytes);
        changed[i] ^= change;
        check(std::move(changed));
      }
  }
  CHECK(n_errors > 1000);
  CHECK(n_read > 1000);
}

TEST_CASE("states of a training run, and other formats beside weights, are not read") {
  const std::vector<std::string> paths = {
      "m/config.json",       "m/model.safetensors", "m/pytorch_model.bin", "m/optimizer.pt",
      "m/adapter_model.bin", "n/pytorch_model.bin", "n/training_args.bin", "n/rng_state_0.pth",
      "o/scheduler.pt",      "o/vocab.txt",
  };
  const std::vector<std::string> left = {"m/pytorch_model.bin", "m/optimizer.pt",
                                         "n/training_args.bin", "n/rng_state_0.pth",
                                         "o/scheduler.pt"};
  CHECK(not_needed(paths) == left);
}

TEST_CASE("of the checkpoints of a training run the newest is opened, and that is said") {
  std::vector<File> files;
  for (const char* folder : {"out/checkpoint-90/", "out/checkpoint-1000/", "out/checkpoint-500/"})
    for (const File& file : read_model_files(test_models() / "gpt2"))
      files.push_back({folder + std::string(base_name(file.name)), file.bytes});
  std::vector<std::string> paths;
  for (const File& file : files) paths.push_back(file.name);
  CHECK(not_needed(paths) == std::vector<std::string>{"out/checkpoint-90/model.safetensors",
                                                      "out/checkpoint-500/model.safetensors"});
  std::vector<std::string> notes;
  const Result<Folder> found = find_folder(files, file_formats(), notes);
  REQUIRE(found);
  CHECK(found->at("config.json")->name == "out/checkpoint-1000/config.json");
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("this is the newest, checkpoint-1000") != notes[0].npos);

  // The model that the run ended with is taken, and of unrelated models none.
  for (const File& file : read_model_files(test_models() / "gpt2"))
    files.push_back({"out/" + std::string(base_name(file.name)), file.bytes});
  notes.clear();
  const Result<Folder> last = find_folder(files, file_formats(), notes);
  REQUIRE(last);
  CHECK(last->at("config.json")->name == "out/config.json");
  paths.push_back("out/model.safetensors");
  CHECK(not_needed(paths).size() == 3);
  const std::vector<File> two = {{"a/config.json", {}}, {"b/config.json", {}}};
  const Result<Folder> neither = find_folder(two, file_formats(), notes);
  REQUIRE(!neither);
  CHECK(neither.error().message.find("a/config.json, b/config.json") != std::string::npos);
  CHECK(!checkpoint_step("out/checkpoint-"));
  CHECK(!checkpoint_step("out/checkpoint-5x"));
  CHECK(checkpoint_step("checkpoint-0005") == 5);
}
