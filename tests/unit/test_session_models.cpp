// test_session_models.cpp - how files become models, and what is said where they do not.
#include <doctest/doctest.h>

#include <algorithm>

#include "session_steps.h"

using namespace attn;

TEST_CASE("two dropped models of one name are two models, and a link opens only its own") {
  std::vector<File> files = tiny_model(), others = files;
  REQUIRE(!files.empty());
  for (std::vector<File>* loose : {&files, &others})
    for (File& file : *loose) file.name = std::string(base_name(file.name));
  for (File& file : others) {
    if (file.name != "config.json") continue;
    const std::string text = std::string(file.bytes.text()) + "\n";
    file.bytes = Bytes(std::vector<uint8_t>(text.begin(), text.end()));
  }
  Session session;
  State state;
  settle(session, state);
  // Before its files are there, a link says what it waits for, whether or not there is a list.
  state.model = "file:tiny@0123abcd";
  settle(session, state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().error->message ==
        "\"tiny\" was opened from files, which a link does not contain; drop them here again");
  state = {};
  const std::string first = opened(session, state, files), second = opened(session, state, others);
  REQUIRE(!first.empty());
  REQUIRE(!second.empty());
  CHECK(first != second);
  CHECK(opened(session, state, files) == first);
  CHECK(session.models().size() == 3);
  CHECK(session.models()[1].title_en != session.models()[2].title_en);
  for (const std::string& id : {first, second}) {
    state.model = id;
    state.text = "a b";
    settle(session, state);
    CHECK(session.snapshot().current);
    CHECK(!session.snapshot().error);
  }
  state.model = first.substr(0, first.find('@')) + "@00000000";
  settle(session, state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().error->message.starts_with("The link was made for other files named "));
  CHECK(session.snapshot().error->message.find("(00000000, not ") != std::string::npos);
}

namespace {

const ModelEntry& entry_of(const Session& session, const std::string& id) {
  const auto entry = std::ranges::find(session.models(), id, &ModelEntry::id);
  REQUIRE(entry != session.models().end());
  return *entry;
}

std::vector<File> llama_with_adapter() {
  std::vector<File> files = folder_of("models/llama-gqa");
  for (File& file : folder_of("adapters/llama-rs")) files.push_back(std::move(file));
  return files;
}

}  // namespace

TEST_CASE("an adapter and its base are two models, which are those of the files alone") {
  Session session;
  State state;
  settle(session, state);
  state.model = opened(session, state, llama_with_adapter());
  state.text = "Once upon a time";
  settle(session, state);
  REQUIRE(session.snapshot().current);
  const auto merged = session.snapshot().trace->parts[0].pattern(0, 1, 0);
  const ModelEntry first = entry_of(session, state.model);
  CHECK(first.title_en == "llama-gqa + llama-rs");
  CHECK(first.twins == Twins::adapter);
  CHECK(!first.second);
  const ModelEntry second = entry_of(session, first.twin);
  CHECK(second.title_en == "llama-gqa");
  CHECK(second.twin == first.id);
  CHECK(second.second);
  const uint64_t one = session.snapshot().memory.weights;

  state.model = first.twin;  // which is opened only now
  settle(session, state);
  REQUIRE(session.snapshot().current);
  const auto base = session.snapshot().trace->parts[0].pattern(0, 1, 0);
  CHECK(base != merged);
  CHECK(session.snapshot().memory.weights >= one / 2);
  Session other;
  State alone = state;
  CHECK(opened(other, State{}, folder_of("models/llama-gqa")) == state.model);
  settle(other, alone);
  REQUIRE(other.snapshot().current);
  CHECK(other.snapshot().trace->parts[0].pattern(0, 1, 0) == base);
  CHECK(entry_of(other, state.model).twins == Twins::none);

  state.model = first.id;
  settle(session, state);
  CHECK(session.snapshot().trace->parts[0].pattern(0, 1, 0) == merged);
  // The same files again, while the base is on screen.
  state.model = first.twin;
  settle(session, state);
  const size_t n = session.models().size();
  CHECK(opened(session, state, llama_with_adapter()) == first.twin);
  CHECK(session.models().size() == n);
  settle(session, state);
  CHECK(session.snapshot().trace->parts[0].pattern(0, 1, 0) == base);
}

TEST_CASE("of two models of the same files, one waits only where there is room") {
  Session session;
  session.limit_memory(1);
  State state;
  const std::string id = opened(session, state, llama_with_adapter());
  state.model = entry_of(session, id).twin;
  session.limit_memory(2'000'000'000);
  settle(session, state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().error->message.find("is not in memory") != std::string::npos);
  CHECK(!session.snapshot().can_retry);
  CHECK(!session.take_fetch());
  CHECK(opened(session, state, llama_with_adapter()) == state.model);
  state.text = "Once upon a time";
  settle(session, state);
  CHECK(session.snapshot().current);
}

TEST_CASE("the parts of CLIP that read pictures and texts are two models") {
  Session session;
  State state;
  state.text = "the girl and the dog";
  state.model = opened(session, state, folder_of("towers/clip"));
  settle(session, state);
  REQUIRE(session.snapshot().current);
  CHECK(session.snapshot().model->config.reads_pictures());
  const ModelEntry first = entry_of(session, state.model);
  CHECK(first.title_en == "clip · pictures");
  state.model = first.twin;
  settle(session, state);
  REQUIRE(session.snapshot().current);
  CHECK(!session.snapshot().model->config.reads_pictures());
  CHECK(session.snapshot().model->config.family == "clip_text_model");
  CHECK(entry_of(session, first.twin).title_zh == "clip · 文本");
  // A link to the text's part opens that.
  Session other;
  other.want(state);
  CHECK(opened(other, state, folder_of("towers/clip")) == first.twin);
  settle(other, state);
  CHECK(!other.snapshot().model->config.reads_pictures());
}

// Circuits are of the weights of a stack of layers, which differ between parts of a trace.

TEST_CASE("a dropped text becomes the text") {
  Session session;
  const std::string story = "Once upon\n a time", saved = "\xef\xbb\xbfOnce upon\r\n a time\r\n";
  session.open({{"story.txt", Bytes(std::vector<uint8_t>(saved.begin(), saved.end()))}});
  CHECK(!session.snapshot().file_error);
  CHECK(session.take_text() == story);
  CHECK(!session.take_text());
  session.open({{"long.txt", Bytes(std::vector<uint8_t>((1 << 20) + 1, 'a'))}});
  CHECK(!session.take_text());
  REQUIRE(session.snapshot().file_error);
  CHECK(session.snapshot().file_error->message.starts_with("long.txt: a text of more than 1 MB"));
  const std::string png = "\x89PNG";
  const Bytes picture(std::vector<uint8_t>(png.begin(), png.end()));
  session.open({{"notes.json", Bytes(std::vector<uint8_t>{'{'})}, {"cat", picture}});
  REQUIRE(session.snapshot().file_error);
  CHECK(session.snapshot().file_error->message.starts_with("cat: a PNG picture, not a model; "));
}

TEST_CASE("what cannot be opened is one sentence, and the picture stays") {
  Session session;
  State state;
  settle(session, state);
  const auto before = session.snapshot().trace;
  session.open({{"holiday.jpg", Bytes(std::vector<uint8_t>{1, 2, 3})}});
  REQUIRE(session.snapshot().file_error);
  CHECK(session.snapshot().file_error->message.find("holiday.jpg") == 0);
  session.dismiss_error();
  CHECK(!session.snapshot().file_error);

  std::vector<File> broken = tiny_model();
  for (File& file : broken)
    if (file.name.ends_with(".safetensors"))
      file.bytes =
          Bytes(std::vector<uint8_t>(file.bytes.data(), file.bytes.data() + file.bytes.size() / 2));
  session.open(broken);
  for (int i = 0; i < 1000000 && !session.snapshot().file_error; ++i) {
    session.pump();
    session.want(state);
  }
  REQUIRE(session.snapshot().file_error);
  CHECK(session.snapshot().file_error->message.find(".safetensors") != std::string::npos);
  CHECK(!session.take_opened());
  settle(session, state);
  CHECK(session.snapshot().trace == before);
}

TEST_CASE("a model that is not in the list is an error; a listed one asks for its files once") {
  Session session;
  State state;
  state.model = "nowhere";
  for (int i = 0; i < 100; ++i) {  // the list may still be on its way
    session.pump();
    session.want(state);
    CHECK(!session.snapshot().error);
  }
  session.no_index();
  settle(session, state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().error->message.find("nowhere") != std::string::npos);

  CHECK(session.add_index("{\"models\": 3}"));
  CHECK(session.add_index("{\"models\": [{\"id\": \"\"}]}"));
  CHECK(!session.add_index(R"({"models": [{"id": "m", "folder": "m", "files": ["config.json"],
      "title": {"en": "M", "zh": "模"}, "default_text": "x"}]})"));
  REQUIRE(session.models().size() == 2);
  CHECK(session.models()[1].title_zh == "模");
  state.model = "m";
  session.want(state);
  const auto fetch = session.take_fetch();
  REQUIRE(fetch);
  CHECK(fetch->files.size() == 1);
  session.want(state);
  CHECK(!session.take_fetch());
  session.bring_error("m", Error{"m/config.json: not found"});
  session.want(state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().error->message == "m/config.json: not found");
  state.model = "scratch";
  settle(session, state);
  CHECK(session.snapshot().current);
}

TEST_CASE("a failed download is tried again by Retry, and when the model is chosen again") {
  Session session;
  REQUIRE(!session.add_index(R"({"models": [{"id": "m", "files": ["config.json"]}]})"));
  State state;
  state.model = "m";
  const auto fails = [&] {
    session.want(state);
    const auto fetch = session.take_fetch();
    REQUIRE(fetch);
    CHECK(fetch->id == "m");
    CHECK(!session.snapshot().can_retry);
    session.bring_error("m", Error{"config.json could not be fetched"});
    session.want(state);
    REQUIRE(session.snapshot().error);
    CHECK(session.snapshot().can_retry);
    session.want(state);
    CHECK(!session.take_fetch());
  };
  fails();
  session.retry("m");
  fails();
  const State other;
  settle(session, other);
  CHECK(!session.snapshot().can_retry);
  fails();
  session.retry("m");
  session.want(state);
  REQUIRE(session.take_fetch());
  CHECK(!session.snapshot().error);
  session.bring("m", tiny_model());
  state.text = "a b";
  settle(session, state);
  CHECK(session.snapshot().current);
  CHECK(!session.snapshot().can_retry);
  session.want(State{});
  session.want(state);
  CHECK(!session.take_fetch());  // it is there
}

TEST_CASE("what is said of files is about the last ones") {
  Session session;
  State state;
  settle(session, state);
  session.open({{"holiday.jpg", Bytes(std::vector<uint8_t>{1, 2, 3})}});
  REQUIRE(session.snapshot().file_error);
  session.open_read(Error{"There is no model in this folder"});
  REQUIRE(session.snapshot().file_error);
  CHECK(session.snapshot().file_error->message == "There is no model in this folder");
  session.open(tiny_model());
  CHECK(!session.snapshot().file_error);
}

TEST_CASE("loading a model is announced in the person's language") {
  Session session;
  State state;
  state.lang = Lang::zh;
  settle(session, state);
  session.open(tiny_model());
  session.want(state);
  CHECK(session.snapshot().busy == "正在加载模型");
  std::optional<std::string> id;
  for (int i = 0; i < 1000000 && !id; ++i) {
    session.pump();
    session.want(state);
    id = session.take_opened();
  }
  REQUIRE(id);
  CHECK(session.models().back().title(Lang::en).find("拖入") == std::string::npos);
  REQUIRE(!session.add_index(R"({"models": [{"id": "m", "files": ["config.json"]}]})"));
  session.bring("m", tiny_model());
  session.want(state);
  CHECK(session.snapshot().busy == "正在加载模型");
}
