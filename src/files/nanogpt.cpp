#include "files/nanogpt.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/json_writer.h"
#include "base/utf8.h"
#include "files/pickle.h"

namespace attn {

namespace {

constexpr std::pair<std::string_view, std::string_view> kSizes[] = {
    {"n_layer", "n_layer"},        {"n_head", "n_head"},         {"n_embd", "n_embd"},
    {"block_size", "n_positions"}, {"vocab_size", "vocab_size"},
};

bool is_known(std::string_view name) {
  return name == "bias" || name == "dropout" ||
         std::ranges::any_of(kSizes, [&](const auto& row) { return row.first == name; });
}

}  // namespace

Result<Json> nanogpt_config(const NamedTensors& file) {
  const Json args = file.metadata.at("model_args");
  if (!args.is_object() || args.at("n_layer").is_null()) return Json();
  std::string other;
  args.each([&](std::string_view name, const Json&) {
    if (!is_known(name)) other = name;
    return other.empty();
  });
  if (!other.empty())
    return Error{file.file + ": model_args has " + json_quote(other) +
                 ", which nanoGPT does not have: a variant of it may compute something else. Drop "
                 "a config.json of GPT-2's fields with it if it is computed as nanoGPT is"};
  JsonBuilder out;
  out.begin_object();
  out.key("model_type");
  out.text("gpt2");
  for (const auto& [name, field] : kSizes) {
    const std::optional<int64_t> size = args.at(name).integer();
    if (!size) return Error{file.file + ": model_args has no whole number " + std::string(name)};
    out.key(field);
    out.integer(*size);
  }
  out.key("bias");
  out.boolean(args.at("bias").boolean().value_or(true));
  out.key("activation_function");
  out.text("gelu");
  out.end();
  return out.take().value_or(Json());
}

Result<Json> nanogpt_tokenizer(std::string_view meta_pkl) {
  const std::string file = "meta.pkl";
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(meta_pkl.data()),
                                       meta_pkl.size());
  const Result<Pickle> pickle = read_pickle(bytes, file, [](std::string_view) { return false; });
  if (!pickle) return pickle.error();
  const PickleValue* const ids = pickle->find(pickle->at(pickle->root), "stoi");
  if (!ids || ids->kind != PickleValue::Kind::dict || ids->items.empty())
    return Error{file +
                 ": has no \"stoi\", the ids of characters, as nanoGPT's prepare.py writes it"};
  JsonWriter json;
  json.object().key("model").object().text("type", "BPE").key("vocab").object();
  for (size_t i = 0; i + 1 < ids->items.size(); i += 2) {
    const PickleValue& key = pickle->at(ids->items[i]);
    const PickleValue& id = pickle->at(ids->items[i + 1]);
    size_t end = 0;
    if (key.kind == PickleValue::Kind::text && !key.text.empty()) decode_utf8(key.text, end);
    if (end == 0 || end != key.text.size() || id.kind != PickleValue::Kind::integer)
      return Error{file + ": \"stoi\" has something else than a character and its id"};
    json.integer(key.text, id.integer);
  }
  json.end().key("merges").array().end().end().end();
  return Json::parse(json.take(), file);
}

}  // namespace attn
