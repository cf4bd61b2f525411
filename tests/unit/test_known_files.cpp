// test_known_files.cpp - files that are no model are named for what they are.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "files/formats.h"
#include "files/known_files.h"
#include "golden_model.h"
#include "model/dropped_id.h"

using namespace attn;

namespace {

Bytes bytes_of_text(std::string_view text) {
  return std::vector<uint8_t>(text.begin(), text.end());
}

std::string zip_of(std::string_view first) {
  std::string zip = std::string("PK\3\4", 4) + std::string(22, '\0');
  zip += char(first.size());
  return zip + std::string(3, '\0') + std::string(first) + std::string(100, 'x');
}

std::string what(const std::string& name, const std::string& bytes) {
  const Bytes held = bytes_of_text(bytes);
  const KnownFile* known = known_file(name, held.span());
  return known ? known->what : "";
}

}  // namespace

TEST_CASE("files are known by their first bytes, whatever their name") {
  const std::string tar = std::string(257, '\0') + "ustar";
  for (const auto& [bytes, is] :
       {std::pair<std::string, std::string>{"\x89PNG\r\n", "a PNG picture"},
        {"\xff\xd8\xff\xe0", "a JPEG picture"},
        {"GIF89a", "a GIF picture"},
        {std::string("RIFF\1\2\3\4WEBP", 12), "a WebP picture"},
        {"%PDF-1.7", "a PDF document"},
        {zip_of("layer0.npy"), "NumPy arrays (.npz)"},
        {"\x93NUMPY\1", "a NumPy array (.npy)"},
        {"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras and TensorFlow save models"},
        {std::string("\x1c\0\0\0TFL3", 8), "a TensorFlow Lite model"},
        {"\x1f\x8b\x08", "a gzip archive"},
        {tar, "a tar archive"},
        {"version https://git-lfs.github.com/spec/v1\n", "a pointer to a file in Git LFS"},
        {"<!DOCTYPE html>", "a web page"},
        {"", "an empty file"}}) {
    CAPTURE(is);
    CHECK(what("model.safetensors", bytes) == is);
    CHECK(what("x", bytes) == is);
    CHECK(what("x.txt", bytes) == is);
  }
  CHECK(what("x", zip_of("a/b.json")) == "a ZIP archive");
  CHECK(what("x.keras", zip_of("metadata.json")) == "a Keras model");
  CHECK(what("x.docx", zip_of("word/document.xml")) == "a Word document");
  CHECK(what("x", "Once upon a time") == "");
  CHECK(what("config.json", "{}") == "");
}

TEST_CASE("files without known bytes are known by their ending") {
  std::set<std::string> named;
  for (const KnownFile& row : known_files()) {
    CAPTURE(row.what);
    CHECK(named.insert(row.what).second);
    CHECK(std::string(row.advice) != "");
    for (const std::string_view ending : row.endings)
      if (!ending.empty()) CHECK(what("A" + std::string(ending), "??") == row.what);
  }
  CHECK(what("NET.ONNX", "??") == "an ONNX model");
  CHECK(what("saved_model.pb", "??") == "a TensorFlow model");
  CHECK(what("model.safetensors", "??") == "");
  const Error error = not_a_model({"folder/cat.png", bytes_of_text("\x89PNG")});
  CHECK(error.message == "cat.png: a PNG picture, not a model; drop a model's folder, or a text");
  CHECK(not_a_model({"a.xyz", bytes_of_text("?")}).message.starts_with("a.xyz: not a model; "));
}

TEST_CASE("something else under the name of weights is named") {
  const auto refused = [](const char* name, std::string_view bytes) {
    const auto read = read_tensors({name, bytes_of_text(bytes)});
    return read ? std::string() : read.error().message;
  };
  CHECK(refused("model.safetensors", "<!DOCTYPE html><html>") ==
        "model.safetensors: a web page, not a model; download the file itself, not the page about "
        "it");
  CHECK(refused("model.safetensors", "").find("an empty file") != std::string::npos);
  CHECK(refused("x.gguf", "<html>").find("a web page, not a model") != std::string::npos);
  CHECK(refused("model.safetensors", "\1\2\3\4").starts_with("model.safetensors: "));
}

TEST_CASE("texts are told from other files") {
  CHECK(is_plain_text({"a/story.txt", bytes_of_text("Once upon a time")}));
  CHECK(is_plain_text({"NOTES.MD", bytes_of_text("学习")}));
  CHECK(!is_plain_text({"story.txt", {}}));
  CHECK(!is_plain_text({"vocab.txt", bytes_of_text("a\nb")}));
  CHECK(!is_plain_text({"merges.txt", bytes_of_text("a b")}));
  CHECK(!is_plain_text({"story.txt", bytes_of_text("\xff\xfe")}));
  CHECK(!is_plain_text({"story.txt", bytes_of_text("%PDF-1.7")}));
  CHECK(!is_plain_text({"story.json", bytes_of_text("{}")}));
}

TEST_CASE("dropped models are named, and told apart by their content") {
  const auto id_of = [](std::string config, std::string weights, const char* folder = "") {
    const std::string in = folder;
    return dropped_id(std::vector<File>{{in + "config.json", bytes_of_text(config)},
                                        {in + "w.safetensors", bytes_of_text(weights)}});
  };
  const DroppedId first = id_of("{}", "weights"), other = id_of("{}", "weighty");
  CHECK(first.name == "w");
  CHECK(first.content.size() == 8);
  CHECK(first.content != other.content);
  CHECK(id_of("{}", "weights", "gpt2/").name == "gpt2");
  CHECK(id_of("{}", "weights", "gpt2/").content == first.content);
  CHECK(id_of(R"({"_name_or_path":"org/tiny-bert"})", "x").name == "tiny-bert");
  CHECK(id_of(R"({"_name_or_path":"C:\\models\\tiny\\"})", "x").name == "tiny");
  CHECK(id_of(R"({"_name_or_path":"./"})", "x").name == "w");
  CHECK(id_of("not JSON", "x").name == "w");
  CHECK(dropped_id(std::vector<File>{{"config.json", {}}}).name == "model");
  // The order of the files is no difference; a byte far inside large weights is, if it is sampled,
  // and so is the last.
  const std::vector<File> files{{"config.json", bytes_of_text("{}")},
                                {"w.safetensors", bytes_of_text("weights")}};
  CHECK(dropped_id(std::vector<File>{files[1], files[0]}).content == first.content);
  std::string large(3 << 20, 'a');
  const std::string content = id_of("{}", large).content;
  large.back() = 'b';
  CHECK(id_of("{}", large).content != content);
  for (const char* id : {"file:gpt2@0123abcd", "file:a@b@0123abcd", "file:gpt2", "file:"}) {
    CAPTURE(id);
    const auto read = read_dropped_id(id);
    REQUIRE(read);
    CHECK(write_dropped_id(*read) == id);
  }
  CHECK(read_dropped_id("file:a@b@0123abcd")->name == "a@b");
  CHECK(read_dropped_id("file:gpt2@0123ABCD")->content.empty());
  CHECK(!read_dropped_id("stories260K"));
}
