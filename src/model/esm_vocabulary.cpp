#include "model/esm_vocabulary.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/json_writer.h"

namespace attn {

namespace {

std::string_view stripped(std::string_view line) {
  while (!line.empty() && static_cast<unsigned char>(line.front()) <= ' ') line.remove_prefix(1);
  while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ') line.remove_suffix(1);
  return line;
}

void write_piece(JsonWriter& json, const char* name) {
  json.object().key("SpecialToken").object().text("id", name).integer("type_id", 0).end().end();
}
void write_text(JsonWriter& json, const char* name) {
  json.object().key("Sequence").object().text("id", name).integer("type_id", 0).end().end();
}

}  // namespace

Result<Json> esm_tokenizer(std::string_view vocab_txt) {
  constexpr size_t kMostBytes = 1 << 16;
  if (vocab_txt.size() > kMostBytes)
    return Error{"vocab.txt: too long for a vocabulary of amino acids"};
  std::vector<std::string> tokens;
  while (!vocab_txt.empty()) {
    const size_t end = std::min(vocab_txt.find('\n'), vocab_txt.size());
    tokens.emplace_back(stripped(vocab_txt.substr(0, end)));
    vocab_txt.remove_prefix(std::min(end + 1, vocab_txt.size()));
  }
  constexpr std::string_view kSpecial[] = {"<cls>", "<pad>", "<eos>", "<unk>", "<mask>"};
  for (const std::string_view special : kSpecial) {
    if (std::ranges::find(tokens, special) == tokens.end())
      return Error{"vocab.txt: the token " + std::string(special) +
                   " is missing, which the vocabulary of ESM has"};
  }
  JsonWriter json;
  json.object().key("added_tokens").array();
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].size() < 2) continue;  // letters are found by the model
    const bool special = std::ranges::find(kSpecial, tokens[i]) != std::end(kSpecial);
    json.object().integer("id", int64_t(i)).text("content", tokens[i]);
    for (const char* flag : {"single_word", "lstrip", "rstrip", "normalized"})
      json.boolean(flag, false);
    json.boolean("special", special).end();
  }
  json.end().key("pre_tokenizer").object().text("type", "WhitespaceSplit").end();
  json.key("post_processor").object().text("type", "TemplateProcessing").key("single").array();
  write_piece(json, "<cls>");
  write_text(json, "A");
  write_piece(json, "<eos>");
  json.end().key("pair").array();
  write_piece(json, "<cls>");
  write_text(json, "A");
  write_piece(json, "<eos>");
  write_text(json, "B");
  write_piece(json, "<eos>");
  json.end().key("special_tokens").object();
  for (const char* name : {"<cls>", "<eos>"}) {
    const auto id = std::ranges::find(tokens, name) - tokens.begin();
    json.key(name).object().text("id", name).key("ids").array().integer(id).end();
    json.key("tokens").array().text(name).end().end();
  }
  json.end().end().key("model").object().text("type", "BPE").text("unk_token", "<unk>");
  json.boolean("fuse_unk", true).key("vocab").object();
  for (size_t i = 0; i < tokens.size(); ++i) json.integer(tokens[i], int64_t(i));
  json.end().key("merges").array().end().end().end();
  return Json::parse(json.take(), "vocab.txt");
}

}  // namespace attn
