// test_unpack.cpp - models in archives that Python's zipfile and tarfile wrote.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "golden_model.h"
#include "model/unpack.h"
#include "pass/forward.h"

using namespace attn;

namespace {

std::filesystem::path archive_named(const std::string& name) {
  return ATTNSCOPE_SOURCE_DIR "/tests/data/archives/" + name;
}

File archive(const std::string& name) { return {name, read_bytes(archive_named(name))}; }

Result<std::vector<File>> unpacked(File file, uint64_t room = 1'000'000'000) {
  Unpacking unpacking(std::move(file), room);
  while (unpacking.step()) {
  }
  return unpacking.take();
}

std::string error_of(File file, uint64_t room = 1'000'000'000) {
  const Result<std::vector<File>> files = unpacked(std::move(file), room);
  return files ? "" : files.error().message;
}

File cut(const File& whole, size_t n) {
  return {whole.name, std::vector<uint8_t>(whole.bytes.data(), whole.bytes.data() + n)};
}

}  // namespace

TEST_CASE("archives have the files of a model as they were, and nothing else") {
  const std::vector<File> expected = read_model_files(test_models() / "gpt2");
  for (const char* name : {"deflated.zip", "stored.zip", "ustar.tar", "gnu.tar", "pax.tar.gz"}) {
    CAPTURE(name);
    const File file = archive(name);
    CHECK(is_archive(file));
    const Result<std::vector<File>> files = unpacked(file);
    REQUIRE_MESSAGE(files, (files ? "" : files.error().message));
    std::vector<File> found = *files;
    std::ranges::sort(found, {}, &File::name);
    REQUIRE(found.size() == expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      CHECK(base_name(found[i].name) == base_name(expected[i].name));
      CHECK(found[i].name.starts_with(std::string(name).substr(0, std::string(name).find('.'))));
      CHECK(found[i].bytes.text() == expected[i].bytes.text());
    }
    const Result<std::shared_ptr<const Model>> model = load_model(*files, "gpt2");
    CHECK_MESSAGE(model, (model ? "" : model.error().message));
  }
}

TEST_CASE("archives that are cut short, damaged or too large get one sentence") {
  for (const char* name : {"deflated.zip", "stored.zip", "ustar.tar", "pax.tar.gz"}) {
    CAPTURE(name);
    const File whole = archive(name);
    const size_t n = whole.bytes.size();
    for (size_t at = 4; at < n; at += 1 + n / 97) {
      CAPTURE(at);
      const Result<std::vector<File>> files = unpacked(cut(whole, at));
      if (!files) {
        CHECK(files.error().message.starts_with(name));
        CHECK(files.error().message.size() < 300);
      } else {
        CHECK(std::string(name) == "ustar.tar");  // cut in the blocks of zeros behind the last file
        CHECK(files->size() == 3);
      }
    }
  }
  // One wrong byte in what is deflated.
  const File whole = archive("deflated.zip");
  std::vector<uint8_t> wrong(whole.bytes.data(), whole.bytes.data() + whole.bytes.size());
  wrong[wrong.size() / 2] ^= 0x10;
  CHECK(error_of({"deflated.zip", wrong})
            .ends_with("inside is damaged or cut short; download or pack it again"));

  CHECK(error_of(archive("deflated.zip"), 1000).find("more than the 1.0 KB") != std::string::npos);
  CHECK(error_of(archive("pax.tar.gz"), 1000).find("more than the 1.0 KB") != std::string::npos);
  CHECK(error_of(archive("pictures.zip")) ==
        "pictures.zip: has no model among its 2 files; a model has config.json, its weights and "
        "tokenizer.json");
  CHECK(error_of(archive("bomb.zip"), 10'000'000)
            .starts_with("bomb.zip: unpacked, it has 30.0 MB, more than the 10.0 MB"));
  CHECK(error_of(archive("single.gz")) ==
        "single.gz: a single file in gzip, no archive of a folder; unpack it with gunzip, and open "
        "what is inside");
  CHECK(error_of(archive("twice.zip")) ==
        "twice.zip: has \"m/config.json\" twice; pack the folder again");
  CHECK(error_of(archive("locked.zip")) ==
        "locked.zip: \"m/config.json\" inside is encrypted; unpack it with its password and open "
        "the folder");
  CHECK(error_of(archive("links.tar")) ==
        "links.tar: \"m/model.safetensors\" inside is a link or of a kind that is not read; pack "
        "the folder with tar --dereference, or unpack it and open the folder");
  CHECK(!is_archive(
      {"pytorch_model.bin", read_bytes(ATTNSCOPE_SOURCE_DIR "/tests/data/torch/checkpoint.pt")}));
}
