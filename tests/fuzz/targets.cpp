#include "targets.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "analysis/regroup.h"
#include "app/session.h"
#include "base/json.h"
#include "base/utf8.h"
#include "figure/filter_choices.h"
#include "figure/heads_table.h"
#include "figure/lesson.h"
#include "figure/rectangle.h"
#include "files/formats.h"
#include "files/gguf.h"
#include "files/nanogpt.h"
#include "files/read_picture.h"
#include "files/torch_file.h"
#include "model/adapter.h"
#include "model/model.h"
#include "model/recipe.h"
#include "model/unpack.h"
#include "pass/forward.h"
#include "pass/generate.h"
#include "state/query.h"
#include "tensor/simd.h"
#include "text/tokenizer.h"
#include "text/tokenizer_files.h"
#include "text/tokenizer_normal_forms.h"
#include "text/tokenizer_records.h"

namespace attn::fuzz {
namespace {

namespace fs = std::filesystem;

std::string& root() {
  static std::string folder;
  return folder;
}

std::string_view text_of(Bytes data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

attn::Bytes copy_of(Bytes data) { return std::vector<uint8_t>(data.begin(), data.end()); }

attn::Bytes bytes_in(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::vector<uint8_t>(std::istreambuf_iterator<char>(in), {});
}

// The first byte, taken off: which of `n`.
size_t choice(Bytes& data, size_t n) {
  if (data.empty()) return 0;
  const size_t first = data[0] % n;
  data = data.subspan(1);
  return first;
}

// ---- JSON: what the other reader accepts and holds, ours does too.

size_t deepest(std::string_view text) {
  size_t depth = 0, most = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (in_string) {
      if (text[i] == '\\')
        ++i;
      else if (text[i] == '"')
        in_string = false;
    } else if (text[i] == '"') {
      in_string = true;
    } else if (text[i] == '[' || text[i] == '{') {
      most = std::max(most, ++depth);
    } else if ((text[i] == ']' || text[i] == '}') && depth > 0) {
      --depth;
    }
  }
  return most;
}

bool same(const Json& ours, const nlohmann::json& theirs) {
  if (theirs.is_null()) return ours.is_null();
  if (theirs.is_boolean()) return ours.boolean() == theirs.get<bool>();
  if (theirs.is_string())
    return ours.text() == std::string_view(theirs.get_ref<const std::string&>());
  if (theirs.is_number()) return ours.number() == theirs.get<double>();
  if (theirs.is_array()) {
    if (!ours.is_array() || ours.size() != theirs.size()) return false;
    for (size_t i = 0; i < theirs.size(); ++i)
      if (!same(ours.at(i), theirs[i])) return false;
    return true;
  }
  if (!ours.is_object()) return false;
  for (const auto& [key, value] : theirs.items())
    if (!same(ours.at(key), value)) return false;
  return true;
}

void json(Bytes data) {
  const Result<Json> ours = Json::parse(text_of(data), "x");
  const nlohmann::json theirs = nlohmann::json::parse(text_of(data), nullptr, false);
  if (ours) {
    must(!theirs.is_discarded(), "JSON is read that nlohmann refuses");
    must(same(*ours, theirs), "JSON is read as something else than by nlohmann");
  } else {
    const bool ends_early = text_of(data).find('\0') != std::string_view::npos;  // as theirs has it
    must(theirs.is_discarded() || ends_early || deepest(text_of(data)) > 128,
         "JSON is refused that is valid");
  }
  const std::string quoted = json_quote(text_of(data));
  const Result<Json> again = Json::parse(quoted, "x");
  must(!is_valid_utf8(text_of(data)) || (again && again->text() == text_of(data)),
       "quoted text is read as another");
}

// ---- Files of tensors

void tensors(Bytes data) {
  const Result<NamedTensors> read = read_tensors({"x.safetensors", copy_of(data)});
  if (!read) return;
  for (const StoredTensor& tensor : read->tensors) (void)to_floats(*read, tensor);
}

// Their numbers lie in the file, or in new memory that the file's size bounds.
void torch(Bytes data) {
  const Result<NamedTensors> read = read_torch({"x.bin", copy_of(data)});
  if (!read) return;
  const std::span<const uint8_t> all = read->bytes.span();
  must(all.size() <= 2 * data.size() + (2u << 20), "a file that takes many times its size");
  for (const StoredTensor& tensor : read->tensors) {
    const std::span<const uint8_t> bytes = tensor.bytes;
    must(bytes.empty() ||
             (bytes.data() >= all.data() && bytes.data() + bytes.size() <= all.data() + all.size()),
         "a tensor outside of its file");
    (void)to_floats(*read, tensor);
  }
}

// Their numbers lie in the file; the configuration and the tokenizer are read, or refused.
void gguf(Bytes data) {
  const Result<NamedTensors> read = read_gguf({"x.gguf", copy_of(data)});
  if (!read) return;
  const std::span<const uint8_t> all = read->bytes.span();
  const uint8_t* end = all.data();
  for (const StoredTensor& tensor : read->tensors) {
    must(tensor.bytes.data() >= end, "tensors that overlap");
    end = tensor.bytes.data() + tensor.bytes.size();
    must(end <= all.data() + all.size(), "a tensor outside of its file");
    (void)to_floats(*read, tensor);
  }
  if (const Result<Json> config = gguf_config(*read))
    if (const auto recipe = find_recipe(ConfigSource(*config, "x.gguf")))
      (void)read_layout(**recipe, ConfigSource(*config, "x.gguf"));
  if (Result<TokenizerRecords> records = gguf_tokenizer(*read))
    if (const auto made = Tokenizer::from_records(std::move(*records)))
      (void)(*made)->encode("Once upon  a time\n12 \xE5\xAD\xA6");
  std::vector<NamedTensors> files = {*read};
  (void)join_gguf(files);
}

// What is unpacked has the sizes that fit, and comes from the archive or was inflated.
void archive(Bytes data) {
  constexpr uint64_t kRoom = 1 << 20;
  const File file{"x.zip", copy_of(data)};
  (void)is_archive(file);
  Unpacking unpacking(file, kRoom);
  while (unpacking.step()) {
  }
  const Result<std::vector<File>> files = unpacking.take();
  if (!files) {
    must(!files.error().message.empty(), "an error without a sentence");
    return;
  }
  for (const File& one : *files)
    must(one.bytes.size() <= std::max<uint64_t>(kRoom, file.bytes.size()), "more than fits");
}
// nanoGPT's characters.
void characters(Bytes data) {
  const Result<Json> json = nanogpt_tokenizer(text_of(data));
  if (!json) return;
  if (const auto made = Tokenizer::from_json(*json, "meta.pkl"))
    (void)(*made)->encode("Once upon  a time\n12 \xE5\xAD\xA6");
}

// ---- Models: one file of a small model is replaced, and what loads is run.

struct TinyModel {
  std::string name;
  std::vector<File> files;
};

const std::vector<TinyModel>& tiny_models() {
  static const std::vector<TinyModel> all = [] {
    std::vector<TinyModel> found;
    std::vector<fs::path> folders;
    for (const auto& entry : fs::directory_iterator(root() + "/tests/data/models"))
      folders.push_back(entry.path());
    std::ranges::sort(folders);
    for (const fs::path& folder : folders) {
      TinyModel model{folder.filename().string(), {}};
      for (const auto& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (entry.is_regular_file() && name != "expected.safetensors")
          model.files.push_back({model.name + "/" + name, bytes_in(entry.path())});
      }
      std::ranges::sort(model.files, {}, &File::name);
      found.push_back(std::move(model));
    }
    return found;
  }();
  return all;
}

void run(std::shared_ptr<const Model> model) {
  if (!model->tokenizer) return;
  Result<Tokens> tokens = model_tokens(*model, "a girl saw", "");
  if (!tokens || ForwardPass::check(*model, *tokens)) return;
  constexpr uint64_t kMost = 100'000'000;
  if (ForwardPass::bytes_needed(model->config, tokens->size(), {}, tokens->n_source()) > kMost)
    return;
  if (model->encoder) return;
  ForwardPass pass(model, std::move(*tokens));
  while (pass.step()) {
  }
  const Trace trace = pass.take();
  for (const Attention& part : trace.parts) {
    const std::vector<float> pattern = part.pattern(0, 0, 0);
    must(pattern.size() == size_t(part.n_query) * size_t(part.n_key), "a pattern of another size");
  }
}

void load_with(Bytes data, std::string_view ending) {
  const TinyModel& base = tiny_models()[choice(data, tiny_models().size())];
  std::vector<File> files = base.files;
  bool replaced = false;
  for (File& file : files) {
    if (!file.name.ends_with(ending) || file.name.ends_with("tokenizer_config.json")) continue;
    file.bytes = copy_of(data);
    replaced = true;
  }
  if (!replaced) return;
  ModelLoad load(std::move(files), "tiny");
  load.ignore_unused(true);
  while (load.step()) {
  }
  if (Result<std::shared_ptr<const Model>> model = load.take()) run(*model);
}

void config(Bytes data) { load_with(data, "/config.json"); }
void weights(Bytes data) { load_with(data, ".safetensors"); }
void tokenizer_file(Bytes data) { load_with(data, "/tokenizer.json"); }

// ---- Tokenizers

// The ids of <0x00> to <0xFF>; another piece may have the same id.
std::set<int> byte_ids(const Tokenizer& tokenizer) {
  std::set<int> ids;
  for (int byte = 0; byte < 256; ++byte) {
    char piece[8];
    std::snprintf(piece, sizeof piece, "<0x%02X>", unsigned(byte));
    ids.insert(tokenizer.id_of(piece));
  }
  return ids;
}

void check_encoding(const Tokenizer& tokenizer, std::string_view text) {
  const Tokens tokens = tokenizer.encode(text);
  const std::set<int> bytes = byte_ids(tokenizer);
  std::vector<int> ids;
  size_t begin = 0;
  bool behind_bytes = false;
  for (const Token& token : tokens.items) {
    must(token.id >= 0 && token.id < tokenizer.size(), "an id outside the vocabulary");
    must(token.begin <= token.end && token.end <= tokens.text.size(), "a span outside the text");
    if (token.end > token.begin) {
      // As in the library, an unknown character is written behind the bytes of the one after it.
      must(token.begin >= begin || behind_bytes, "spans that go back");
      begin = std::max(begin, token.begin);
      behind_bytes = bytes.contains(token.id);
    }
    must(is_valid_utf8(token.shown), "a token that is shown as broken UTF-8");
    ids.push_back(token.id);
  }
  must(is_valid_utf8(repair_utf8(tokenizer.decode(ids))), "text that cannot be repaired");
  (void)tokenizer.encode_pair(text, "b");
}

// A tokenizer.json behind the length of a text and the text.
void tokenizer(Bytes data) {
  if (data.size() < 2) return;
  const size_t n = std::min<size_t>(data[0] | size_t(data[1]) << 8, data.size() - 2);
  const std::string_view text = text_of(data.subspan(2, n));
  const Result<Json> parsed = Json::parse(text_of(data.subspan(2 + n)), "tokenizer.json");
  if (!parsed) return;
  const auto made = Tokenizer::from_json(*parsed, "tokenizer.json");
  if (made) check_encoding(**made, text);
}

const std::vector<std::shared_ptr<const Tokenizer>>& known_tokenizers() {
  static const auto all = [] {
    std::vector<std::shared_ptr<const Tokenizer>> found;
    std::vector<fs::path> paths = {root() + "/web/models/bookworm-2m/tokenizer.json"};
    for (const auto& entry : fs::directory_iterator(root() + "/tests/data/tokenizers"))
      if (entry.path().string().ends_with(".tokenizer.json")) paths.push_back(entry.path());
    std::ranges::sort(paths);
    for (const fs::path& path : paths) {
      const attn::Bytes bytes = bytes_in(path);
      const Result<Json> parsed = Json::parse(bytes.text(), path.filename().string());
      must(bool(parsed), "a tokenizer of the tests is no JSON");
      auto made = Tokenizer::from_json(*parsed, path.filename().string());
      must(bool(made), "a tokenizer of the tests is refused");
      found.push_back(*made);
    }
    return found;
  }();
  return all;
}

void encode(Bytes data) {
  const auto& all = known_tokenizers();
  const Tokenizer& tokenizer = *all[choice(data, all.size())];
  check_encoding(tokenizer, text_of(data));
}

// Behind the number of a model's type: the length of tokenizer_config.json and that file, the
// length of the vocabulary and that, and merges.txt. SentencePiece's models have nothing behind.
void older_tokenizer(Bytes data, std::span<const std::pair<const char*, const char*>> kinds) {
  const auto [type, file] = kinds[choice(data, kinds.size())];
  const auto part = [&] {
    if (data.size() < 2) return std::string_view();
    const size_t n = std::min<size_t>(data[0] | size_t(data[1]) << 8, data.size() - 2);
    const std::string_view out = text_of(data.subspan(2, n));
    data = data.subspan(2 + n);
    return out;
  };
  const std::string_view settings = part(), vocabulary = part(), merges = text_of(data);
  const auto find = [&](std::string_view name) -> std::optional<std::string_view> {
    if (name == file) return vocabulary;
    if (name == "merges.txt") return merges;
    if (name == "tokenizer_config.json" && !settings.empty()) return settings;
    return {};
  };
  std::vector<std::string> notes;
  Result<TokenizerRecords> records = read_tokenizer_files({find, type, ""}, notes);
  if (!records) return;
  const auto made = Tokenizer::from_records(std::move(*records));
  if (made) check_encoding(**made, "The <s>dog</s> isn't [MASK] 深度 é\t12 <x>");
}

void vocabulary_files(Bytes data) {
  static constexpr std::pair<const char*, const char*> kKinds[] = {
      {"bert", "vocab.txt"},   {"mpnet", "vocab.txt"},    {"gpt2", "vocab.json"},
      {"qwen2", "vocab.json"}, {"roberta", "vocab.json"}, {"clip", "vocab.json"}};
  older_tokenizer(data, kKinds);
}

void sentencepiece(Bytes data) {
  static constexpr std::pair<const char*, const char*> kKinds[] = {
      {"llama", "tokenizer.model"},
      {"gemma", "tokenizer.model"},
      {"t5", "spiece.model"},
      {"albert", "spiece.model"},
      {"deberta-v2", "spm.model"},
      {"xlm-roberta", "sentencepiece.bpe.model"},
      {"mbart", "sentencepiece.bpe.model"}};
  older_tokenizer(data, kKinds);
}

void normal_forms(Bytes data) {
  const std::string text = repair_utf8(text_of(data));
  for (const NormalForm form :
       {NormalForm::nfc, NormalForm::nfd, NormalForm::nfkc, NormalForm::nfkd}) {
    AlignedText aligned = AlignedText::of(text);
    to_normal_form(aligned, form);
    const std::string once = aligned.text;
    to_normal_form(aligned, form);
    must(is_valid_utf8(once), "a normal form that is broken UTF-8");
    must(aligned.text == once, "a normal form that is none");
  }
  (void)display_width(text_of(data));
  must(is_valid_utf8(printable(text_of(data))), "printable text that is broken UTF-8");
}

// ---- What a link or a person writes

void link(Bytes data) {
  const Link read = read_link(text_of(data));
  const std::string written = to_query(read.state);
  const Link again = read_link(written);
  must(again.faults.empty(), "a link that we write has faults");
  must(again.state == read.state, "a link that we write is read as another state");
}

void filter(Bytes data) {
  for (const Lang lang : {Lang::en, Lang::zh}) {
    (void)parse_filter(text_of(data), lang);
    for (const FilterChoice& choice : filter_choices(text_of(data), 12, 12, lang, 20))
      must(!choice.text.empty(), "an empty choice");
  }
}

void spans(Bytes data) {
  const Result<std::vector<TokenSpan>> read = read_spans(text_of(data));
  if (!read) return;
  const std::string written = write_spans(*read);
  const auto again = read_spans(written);
  must(again && write_spans(*again) == written, "spans that we write are read as others");
}

void rectangle(Bytes data) {
  Pairs pairs;
  pairs.n_query = pairs.n_key = 9;
  const auto read = read_rectangle(text_of(data), pairs);
  if (!read) return;
  const auto again = read_rectangle(write_rectangle(*read), pairs);
  must(again && *again == *read, "a rectangle that we write is read as another");
}

void index(Bytes data) {
  Session session;
  (void)session.add_index(text_of(data));
  State state;
  session.want(state);
}

void lesson(Bytes data) { (void)read_lesson(text_of(data), "lesson.json"); }

// ---- Pictures

void picture(Bytes data) {
  const File file{"picture", copy_of(data)};
  (void)is_picture(file);
  (void)read_picture(file);
}

// ---- Loops: every instruction set computes what the plain one does.

void loops(Bytes data) {
  const size_t which = choice(data, 5);
  std::vector<float> x(data.size() / 4);
  if (x.empty()) return;
  std::memcpy(x.data(), data.data(), x.size() * 4);
  int n = 0;
  const Simd* const* all = all_simd(n);
  const auto run = [&](const Simd& simd) {
    std::vector<float> y = x;
    const ElementLoops& e = simd.elements;
    const auto size = int64_t(y.size());
    if (which == 0) e.exp(y.data(), size);
    if (which == 1) e.silu(y.data(), size);
    if (which == 2) e.relu(y.data(), size);
    if (which == 3) e.softmax(y.data(), size);
    if (which == 4) e.gelu_tanh(y.data(), size);
    return y;
  };
  const std::vector<float> plain = run(*all[n - 1]);
  for (int i = 0; i + 1 < n; ++i) {
    const std::vector<float> fast = run(*all[i]);
    for (size_t k = 0; k < fast.size(); ++k) {
      const float a = fast[k], b = plain[k];
      const bool both_nan = std::isnan(a) && std::isnan(b);
      must(both_nan || a == b || std::abs(a - b) <= 1e-6f + 1e-5f * std::abs(b),
           "an instruction set that computes something else");
    }
  }
}

constexpr Target kTargets[] = {
    {"json", json},
    {"tensors", tensors},
    {"config", config},
    {"weights", weights},
    {"tokenizer", tokenizer},
    {"tokenizer_file", tokenizer_file},
    {"encode", encode},
    {"normal_forms", normal_forms},
    {"vocabulary_files", vocabulary_files},
    {"sentencepiece", sentencepiece},
    {"link", link},
    {"filter", filter},
    {"spans", spans},
    {"rectangle", rectangle},
    {"index", index},
    {"lesson", lesson},
    {"picture", picture},
    {"loops", loops},
    {"torch", torch},
    {"gguf", gguf},
    {"archive", archive},
    {"characters", characters},
};

}  // namespace

std::span<const Target> targets() { return kTargets; }

void set_root(std::string_view folder) { root() = folder; }

void must(bool holds, const char* sentence) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %s\n", sentence);
  std::abort();
}

}  // namespace attn::fuzz
