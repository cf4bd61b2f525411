#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "app/read_folder.h"
#include "app/session.h"
#include "pass/forward.h"

using namespace attn;

namespace {

const std::string kData = ATTNSCOPE_SOURCE_DIR "/tests/data/";

// Frames until everything the state asks for is there, or a fault says why it will not be.
void settle(Session& session, const State& state) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  do {
    session.pump();
    session.want(state);
  } while (!session.snapshot().current && !session.snapshot().error &&
           std::chrono::steady_clock::now() < end);
}

std::vector<File> tiny_model() {
  for (const auto& entry : std::filesystem::directory_iterator(kData + "models")) {
    Result<std::vector<File>> files = read_folder(entry.path().string());
    if (files && looks_like_model(*files)) return *files;
  }
  return {};
}

}  // namespace

TEST_CASE("the first screen is the demonstration, computed at once") {
  Session session;
  settle(session, State{});
  const Snapshot& s = session.snapshot();
  REQUIRE(s.current);
  REQUIRE(s.scratch);
  CHECK(s.trace->parts[0].n_heads == 4);
  CHECK(s.map->n_query == 6);
  CHECK(s.map->values == s.trace->parts[0].pattern(0, 0, 0));
  CHECK(s.grid->side_q == 6);
  CHECK(s.grid->values.size() == 4 * 36);
}

TEST_CASE("sliders change what is shown; settings that cannot be leave the old picture") {
  Session session;
  State state;
  settle(session, state);
  const auto first = session.snapshot().trace;
  state.head = 3;
  state.sample = 1;
  settle(session, state);
  CHECK(session.snapshot().trace == first);
  CHECK(session.snapshot().map->head == 3);
  CHECK(session.snapshot().map->sample == 1);
  state.n_heads = 5;  // 64 is no multiple of it
  settle(session, state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().trace == first);
  state.n_heads = 8;
  settle(session, state);
  CHECK(!session.snapshot().error);
  CHECK(session.snapshot().trace->parts[0].n_heads == 8);
  state.head = 100;  // of another model: the nearest there is
  settle(session, state);
  CHECK(session.snapshot().map->head == 7);
}

TEST_CASE("the thumbnails keep every bright cell of a long pattern") {
  Session session;
  State state;
  state.n_tokens = 200;
  settle(session, state);
  const Snapshot& s = session.snapshot();
  REQUIRE(s.current);
  CHECK(s.grid->side_q == 64);
  for (int head = 0; head < s.grid->n_heads; ++head) {
    const std::vector<float> pattern = s.trace->parts[0].pattern(0, 0, head);
    const size_t cells = size_t(s.grid->side_q) * size_t(s.grid->side_k);
    const float* thumb = s.grid->values.data() + size_t(head) * cells;
    CHECK(*std::max_element(pattern.begin(), pattern.end()) ==
          *std::max_element(thumb, thumb + cells));
  }
}

TEST_CASE("a dropped model loads, runs and follows the text") {
  const std::vector<File> files = tiny_model();
  REQUIRE(!files.empty());
  Session session;
  State state;
  settle(session, state);
  session.open(files);
  std::optional<std::string> id;
  for (int i = 0; i < 100000 && !id; ++i) {
    session.pump();
    session.want(state);
    id = session.take_opened();
  }
  REQUIRE(id);
  state.model = *id;
  state.text = "a b";
  settle(session, state);
  REQUIRE(session.snapshot().current);
  REQUIRE(session.snapshot().model);
  CHECK(session.snapshot().text == "a b");
  const int n = session.snapshot().trace->parts[0].n_query;
  state.text = "a b a b a b";
  settle(session, state);
  CHECK(session.snapshot().trace->parts[0].n_query > n);
  CHECK(session.snapshot().map->n_query == session.snapshot().trace->parts[0].n_query);
}

namespace {

std::string opened(Session& session, const State& state, std::vector<File> files) {
  session.open(std::move(files));
  for (int i = 0; i < 100000; ++i) {
    session.pump();
    session.want(state);
    if (const auto id = session.take_opened()) return *id;
  }
  return "";
}

}  // namespace

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

std::vector<File> folder_of(const std::string& path) {
  Result<std::vector<File>> files = read_folder(kData + path);
  REQUIRE(files);
  return *files;
}

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
TEST_CASE("measures of one part of a trace are never those of another") {
  const Metric* const copying = find_metric("copying");
  REQUIRE((copying->needs & of_weights) != 0);
  Session session;
  State state;
  state.panel = Panel::head;
  state.text = "The cat sat.";
  state.pair = "It was a dog";
  state.model = opened(session, state, folder_of("seq2seq/t5"));
  settle(session, state);
  const auto of_part = [&](int part) {
    state.part = part;
    settle(session, state);
    const Snapshot& s = session.snapshot();
    REQUIRE(s.current);
    const auto made = s.last_measure(copying, clamped(state, *s.trace));
    REQUIRE(made);
    REQUIRE(s.roles);
    CHECK(s.roles->part == part);
    return made;
  };
  const auto encoder = of_part(0), decoder = of_part(1);
  CHECK(!encoder->error);
  CHECK(!decoder->error);
  CHECK(encoder->measure.values != decoder->measure.values);
  CHECK(of_part(2)->error);

  state.model = opened(session, state, folder_of("vision/siglip"));
  state.layer = 1;
  CHECK(!of_part(0)->error);
  CHECK(session.snapshot().map->n_query == 16);
  CHECK(of_part(1)->error);
  const Snapshot& s = session.snapshot();
  CHECK(s.map->n_query == 1);
  CHECK(s.map->n_key == 16);
  CHECK(s.roles->roles.size() == 4);
  const auto entropy = s.last_measure(find_metric("entropy"), clamped(state, *s.trace));
  REQUIRE(entropy);
  CHECK(!entropy->error);
  CHECK(entropy->measure.shape == std::vector<int>{1, 4});
}

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

namespace {

// A model dropped and on screen, with a text.
void open_model(Session& session, State& state, const std::string& text,
                std::vector<File> files = tiny_model()) {
  session.open(std::move(files));
  std::optional<std::string> id;
  for (int i = 0; i < 1000000 && !id; ++i) {
    session.pump();
    session.want(state);
    id = session.take_opened();
  }
  REQUIRE(id);
  state.model = *id;
  state.text = text;
  settle(session, state);
  REQUIRE(session.snapshot().current);
}

}  // namespace

TEST_CASE("going back to an earlier text computes nothing, and shows its own picture at once") {
  Session session;
  State state;
  settle(session, state);
  open_model(session, state, "a b");
  const int made = session.snapshot().n_traces;
  const auto trace = session.snapshot().trace;
  const auto map = session.snapshot().map;
  const auto grid = session.snapshot().grid;
  state.text = "a b a";
  settle(session, state);
  CHECK(session.snapshot().n_traces == made + 1);
  CHECK(session.snapshot().trace != trace);
  for (int i = 0; i < 3; ++i) {
    state.text = "a b";
    session.want(state);  // one frame
    CHECK(session.snapshot().trace == trace);
    CHECK(session.snapshot().map == map);
    CHECK(session.snapshot().grid == grid);
    CHECK(session.snapshot().text == "a b");
    CHECK(session.snapshot().current);
    state.text = "a b a";
    session.want(state);
    CHECK(session.snapshot().current);
  }
  state.model = "scratch";
  settle(session, state);
  CHECK(session.snapshot().scratch);
  CHECK(session.snapshot().n_traces == made + 1);  // it was the first screen
}

TEST_CASE("only a few traces are kept, and what was dropped is computed again") {
  Session session;
  State state;
  for (int seed = 1; seed <= 12; ++seed) {
    state.seed = seed;
    settle(session, state);
  }
  CHECK(session.snapshot().n_traces == 12);
  state.seed = 11;
  settle(session, state);
  CHECK(session.snapshot().n_traces == 12);
  state.seed = 1;
  settle(session, state);
  CHECK(session.snapshot().n_traces == 13);
}

TEST_CASE("what does not fit into the memory is refused in a sentence, and the picture stays") {
  Session session;
  session.limit_memory(400'000'000);
  State state;
  settle(session, state);
  const auto before = session.snapshot().trace;
  CHECK(session.snapshot().memory.used() > 0);
  CHECK(session.snapshot().memory.used() < session.snapshot().memory.limit);
  state.n_tokens = 1024;
  state.n_samples = 64;
  state.d_model = 4096;
  settle(session, state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().error->message.find("memory") != std::string::npos);
  CHECK(session.snapshot().trace == before);
}

TEST_CASE(
    "where not all layers fit, the chosen one is kept, and another is computed when it is chosen") {
  Session session;
  State state;
  Result<std::vector<File>> files = read_folder(ATTNSCOPE_SOURCE_DIR "/web/models/bookworm-2m");
  REQUIRE(files);
  open_model(session, state, "the cat sat on the mat", *files);
  const auto whole = session.snapshot().trace;
  const Config& c = session.snapshot().model->config;
  REQUIRE(c.n_layers >= 4);
  const std::vector<float> right[] = {whole->parts[0].pattern(0, 0, 0),
                                      whole->parts[0].pattern(0, c.n_layers - 1, 0)};
  const int n = whole->parts[0].n_query;
  Keep half;
  half.layers = {true, true};
  half.layers.resize(size_t(c.n_layers));
  const uint64_t needed = ForwardPass::bytes_needed(c, n, half);
  const uint64_t others = kPictureRoom + session.snapshot().model->weight_bytes;
  session.limit_memory(others + needed);
  state.text = "the cat sat on the hat";
  settle(session, state);
  CAPTURE(session.snapshot().error.value_or(Error{"no error"}).message);
  REQUIRE(session.snapshot().current);
  const auto first = session.snapshot().trace;
  CHECK(first->parts[0].is_kept(0));
  CHECK(!first->parts[0].is_kept(c.n_layers - 1));
  CHECK(session.snapshot().note.find("memory") != std::string::npos);
  CHECK(session.snapshot().map->layer == 0);
  state.text = "the cat sat on the mat";
  state.layer = c.n_layers - 1;
  settle(session, state);
  REQUIRE(session.snapshot().current);
  CHECK(session.snapshot().trace->parts[0].is_kept(c.n_layers - 1));
  const auto worst = [&](const std::vector<float>& wanted) {
    float most = 0;
    for (size_t i = 0; i < wanted.size(); ++i)
      most = std::max(most, std::abs(wanted[i] - session.snapshot().map->values[i]));
    return most;
  };
  CHECK(worst(right[1]) < 1e-6f);
  state.layer = 0;
  settle(session, state);
  REQUIRE(session.snapshot().current);
  CHECK(session.snapshot().map->layer == 0);
  CHECK(worst(right[0]) < 1e-6f);
  session.limit_memory(others + 10);
  state.text = "a dog";
  settle(session, state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().error->message.find("memory") != std::string::npos);
}

TEST_CASE("models that were not used for longest make room for others") {
  Session session;
  State state;
  const std::string text = "the cat sat on the mat";
  const auto files = [](const char* name) {
    std::vector<File> all = *read_folder(ATTNSCOPE_SOURCE_DIR "/web/models/bookworm-2m");
    for (File& file : all) file.name = name + ("/" + std::string(base_name(file.name)));
    return all;
  };
  open_model(session, state, text, files("first"));
  const std::string first = state.model;
  const uint64_t weights = session.snapshot().memory.weights;
  open_model(session, state, text, files("second"));
  const std::string second = state.model;
  CHECK(session.held().size() == 2);
  CHECK(session.held()[0].bytes == weights);
  CHECK(session.snapshot().memory.weights == 2 * weights);
  state.model = first;
  settle(session, state);
  REQUIRE(session.snapshot().current);
  uint64_t of_files = 0;
  for (const File& file : files("third")) of_files += file.bytes.size();
  session.limit_memory(kPictureRoom + 2 * weights + of_files - 1);
  open_model(session, state, text, files("third"));
  const auto holds = [&](const std::string& id) {
    return std::ranges::any_of(session.held(), [&](const auto& h) { return h.id == id; });
  };
  CHECK(holds(first));  // used later than the second
  CHECK(!holds(second));
  CHECK(holds(state.model));
  REQUIRE(session.snapshot().current);
  // A text that needs more lets go of the other, and is not refused.
  const Config& c = session.snapshot().model->config;
  session.limit_memory(kPictureRoom + weights + ForwardPass::bytes_needed(c, 6, {}) + 1'000'000);
  state.text = "the cat sat on the hat";
  settle(session, state);
  CHECK(!session.snapshot().error);
  REQUIRE(session.snapshot().current);
  CHECK(session.held().size() == 1);
  state.model = second;
  settle(session, state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().error->message.find("drop them here again") != std::string::npos);
  // Where no text fits beside the weights, nobody is told to shorten it.
  state.model = session.held()[0].id;
  session.limit_memory(kPictureRoom + weights + 10);
  state.text = "a";
  settle(session, state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().error->message.find("shorten") == std::string::npos);
  CHECK(session.snapshot().error->message.find("smaller model") != std::string::npos);
}

TEST_CASE("a long pattern is shown in tiles: the overview first, then what is looked at") {
  Session session;
  State state;
  state.n_tokens = 1000;
  state.d_model = 16;
  state.n_samples = 1;
  state.mask = ScratchMask::causal;
  settle(session, state);
  const Snapshot& s = session.snapshot();
  REQUIRE(s.current);
  REQUIRE(!s.map->is_whole());
  CHECK(s.map->n_query == 1000);
  const std::vector<float> pattern = s.trace->parts[0].pattern(0, 0, 0);
  CHECK(overview_level(1000, 1000) == 0);
  for (const TilePlace place : {TilePlace{0, 0, 0}, {0, 2, 1}, {0, 3, 3}}) {
    const auto tile = s.tiles->peek(s.map->key(), place);
    REQUIRE(tile);
    float most = 0;
    for (int y = 0; y < tile->rows; ++y)
      for (int x = 0; x < tile->cols; ++x)
        most = std::max(most, std::abs(tile->pairs[size_t(y * tile->cols + x) * 2] -
                                       pattern[size_t(place.row * kTileSide + y) * 1000 +
                                               size_t(place.col * kTileSide + x)]));
    CHECK(most < 1e-7f);
  }
  const uint64_t made = s.tiles->version();
  state.head = 2;
  settle(session, state);
  CHECK(s.map->head == 2);
  CHECK(s.tiles->version() > made);
  const uint64_t both = s.tiles->version();
  state.head = 0;
  session.want(state);
  CHECK(s.map->head == 0);
  CHECK(s.tiles->version() == both);  // nothing was made anew
}

TEST_CASE("looking closer makes tiles of a finer level, no more than the cache holds") {
  Session session;
  State state;
  state.n_tokens = 1024;
  state.d_model = 4;
  state.n_heads = 1;
  state.n_samples = 1;
  settle(session, state);
  const Snapshot& s = session.snapshot();
  // As wide as the overview may be: every level but 0 is coarser than needed.
  CHECK(session.look({0, 100, 0, 100, .2f}));
  CHECK(!session.look({0, 100, 0, 100, .2f}));
  settle(session, state);
  CHECK(s.current);
  CHECK(s.tiles->bytes() <= s.tiles->most_bytes());
}

TEST_CASE("heads that are watched get maps of as many cells as asked for, each exact") {
  Session session;
  State state;
  state.n_tokens = 200;
  state.d_model = 8;
  state.n_heads = 4;
  state.n_samples = 1;
  settle(session, state);
  const Snapshot& s = session.snapshot();
  CHECK(s.sharp.empty());
  CHECK(session.watch({1, 3, 99}, 128));
  CHECK(!session.watch({1, 3, 99}, 128));
  settle(session, state);
  REQUIRE(s.sharp.size() == 2);  // there is no head 99
  const Attention& a = s.trace->parts[0];
  for (const auto& map : s.sharp) {
    CAPTURE(map->key.head);
    REQUIRE(map->rows == 128);
    REQUIRE(map->cols == 128);
    std::vector<float> right(128 * 128);
    a.pooled(0, 0, map->key.head, 0, 200, 0, 200, {right.data(), 128, 128});
    CHECK(map->values == right);
  }
  CHECK(s.sharp[0]->key.head == 1);
  CHECK(s.sharp[1]->key.head == 3);
  // Those that stay in sight are not made again; those of an earlier text go.
  const auto kept = s.sharp[1];
  session.watch({3}, 128);
  settle(session, state);
  REQUIRE(s.sharp.size() == 1);
  CHECK(s.sharp[0] == kept);
  state.seed = 7;
  settle(session, state);
  REQUIRE(s.sharp.size() == 1);
  CHECK(s.sharp[0] != kept);
  session.watch({}, 0);
  settle(session, state);
  CHECK(s.sharp.empty());
}

TEST_CASE("the inspector has every measure of all heads, the same as one by one") {
  Session session;
  State state;
  state.panel = Panel::head;
  state.offset = 3;
  settle(session, state);
  const Snapshot& s = session.snapshot();
  REQUIRE(s.current);
  REQUIRE(s.roles);
  const State at = clamped(state, *s.trace);
  const Inputs inputs{s.model.get(), s.trace.get(), &at};
  int n_values = 0;
  for (const Metric& metric : metrics()) {
    if (metric.axes != std::vector{Axis::layer, Axis::head}) continue;
    CAPTURE(std::string(metric.id));
    const auto made = s.measure(&metric, at);
    REQUIRE(made);
    const Status no = cannot_compute(metric, inputs);
    CHECK(made->error.has_value() == no.has_value());
    if (no) continue;
    const Measure alone = metric.compute(inputs);
    CHECK(made->measure.axes == alone.axes);
    CHECK(made->measure.shape == alone.shape);
    REQUIRE(made->measure.values.size() == alone.values.size());
    for (size_t i = 0; i < alone.values.size(); ++i) {
      const float a = alone.values[i], b = made->measure.values[i];
      CHECK((a == b || (a != a && b != b)));
    }
    n_values += int(alone.values.size());
  }
  CHECK(n_values > 60);
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

TEST_CASE("another offset computes the measure of the offset again, and no other") {
  Session session;
  State state;
  state.panel = Panel::head;
  settle(session, state);
  const Snapshot& s = session.snapshot();
  REQUIRE(s.current);
  const int made = s.n_measures;
  const int n_reading = int(std::ranges::count_if(
      wanted_metrics(state), [](const Metric* m) { return (m->reads & reads_offset) != 0; }));
  CHECK(made > 30);
  REQUIRE(n_reading > 0);
  state.offset += 1;
  settle(session, state);
  REQUIRE(s.current);
  CHECK(s.n_measures == made + n_reading);
  CHECK(n_reading < 5);
  state.offset -= 1;
  settle(session, state);
  CHECK(s.n_measures == made + n_reading);  // it is still there
}

TEST_CASE("what heads do in general is made last, kept by model, and continued after typing") {
  Session session;
  State state;
  settle(session, state);
  CHECK_FALSE(session.snapshot().characters);  // random weights have none
  Result<std::vector<File>> files =
      read_folder(std::string(ATTNSCOPE_SOURCE_DIR) + "/web/models/bookworm-2m");
  REQUIRE(files);
  session.open(std::move(*files));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto in_time = [&] { return std::chrono::steady_clock::now() < end; };
  std::optional<std::string> opened;
  while (!opened && in_time()) {
    session.pump();
    session.want(state);
    opened = session.take_opened();
  }
  REQUIRE(opened);
  state.model = *opened;
  state.text = "One";
  settle(session, state);
  CHECK(session.snapshot().current);  // with or without them
  // Typing lays the probe aside; it is finished all the same.
  for (const char* text : {"One two", "One two three", "One two three four"}) {
    state.text = text;
    session.want(state);
    session.pump(1);
  }
  while (!session.snapshot().characters && in_time()) {
    session.pump();
    session.want(state);
  }
  const auto made = session.snapshot().characters;
  REQUIRE(made);
  CHECK(made->size() == 24);
  CHECK(made->at(3, 1).main.role == Role::induction);
  CHECK(session.snapshot().current);
  // Another text has the same, without another probe; the demonstration has none.
  state.text = "Another text";
  settle(session, state);
  CHECK(session.snapshot().characters == made);
  State scratch;
  settle(session, scratch);
  CHECK_FALSE(session.snapshot().characters);
  settle(session, state);
  CHECK(session.snapshot().characters == made);
}
