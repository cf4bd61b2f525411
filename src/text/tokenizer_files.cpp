// tokenizer_files.cpp - from older tokenizer files to the records of a tokenizer.
#include "text/tokenizer_files.h"

#include <algorithm>
#include <unordered_map>

#include "text/tokenizer_settings.h"

namespace attn {

// The program's own patterns have no errors.
static Pattern regex(std::string_view source) { return *Pattern::regex(source, "pattern"); }

Normalizer replace_all(std::string_view pattern, const char* content) {
  return normalizers::replace(regex(pattern), content);
}

namespace {

// ---- Tokens with ids, and the post-processor

struct AddedList {
  std::vector<AddedToken> tokens;
  std::unordered_map<std::string, size_t> places;  // by content

  // Adds a token as the library does: a known one keeps its id, of equal ones the last decides how
  // it is matched.
  void add(const AddedToken& token) {
    if (token.content.empty()) return;
    const auto [it, is_new] = places.try_emplace(token.content, tokens.size());
    if (is_new) {
      tokens.push_back(token);
      return;
    }
    AddedToken& known = tokens[it->second];
    const bool special = known.special || token.special;
    const int id = known.id;
    known = token;
    known.id = id;
    known.special = special;
  }
};

Result<std::vector<AddedToken>> added_tokens(TokenizerSettings& settings,
                                             const Vocabulary& vocabulary) {
  AddedList all;
  for (const AddedToken& token : settings.added) all.add(token);
  const size_t n_given = all.tokens.size();
  // How those that the files give are matched is up to them.
  const auto add = [&](const AddedToken& token) {
    const auto it = all.places.find(token.content);
    if (it == all.places.end() || it->second >= n_given) all.add(token);
  };
  std::vector<AddedToken>& list = all.tokens;
  for (const NamedToken& n : settings.named) {
    add(n.token);
    if (const auto it = all.places.find(n.token.content); it != all.places.end())
      list[it->second].special = true;
  }
  for (const AddedToken& token : settings.extra) add(token);
  int next = vocabulary.size();
  for (AddedToken& token : list) {
    const int wanted = token.id;
    token.id = vocabulary.find(token.content);
    if (token.id < 0 && vocabulary.n_entries() != size_t(vocabulary.size()))
      return Error{std::string(settings.kind->file) + " has no id for " +
                   json_quote(token.content.substr(0, 80)) +
                   ", and leaves out or repeats others, so that its next id is unclear; " +
                   kWriteTokenizerJson};
    if (token.id < 0) token.id = next++;
    if (wanted >= 0 && wanted != token.id)
      return Error{settings.added_file + " gives " + json_quote(token.content.substr(0, 80)) +
                   " the id " + std::to_string(wanted) + ", but " + settings.kind->file +
                   " makes it " + std::to_string(token.id) + "; correct one of them"};
  }
  return std::move(list);
}

Result<std::vector<Item>> items_of(TokenizerSettings& settings,
                                   const std::vector<AddedToken>& added,
                                   const Vocabulary& vocabulary, std::string_view around) {
  std::vector<Item> out;
  int sequence = 0;
  for (const char c : around) {
    if (c == '|') {
      sequence = 1;
    } else if (c == 'A' || c == 'B') {
      sequence = c == 'B';
      out.push_back(post_processors::text_item(sequence, 0));
    } else if (c == '1') {
      out.back().type = 1;
    } else {
      const char* name = c == 'b' ? "bos" : c == 'e' ? "eos" : c == 'c' ? "cls" : "sep";
      std::string text = settings.text(name);
      if (c == 'l') text = settings.config.at("src_lang").text().value_or("en_XX");
      const auto it = std::ranges::find(added, text, &AddedToken::content);
      const int id = it == added.end() ? vocabulary.find(text) : it->id;
      if (text.empty() || id < 0)
        return Error{std::string("tokenizer_config.json: ") +
                     (c == 'l' ? "src_lang" : std::string(name) + "_token") +
                     " must be a token of " + settings.kind->file + "; correct it"};
      Item item = post_processors::special_item(text, id);
      item.sequence = sequence;
      out.push_back(std::move(item));
    }
  }
  return out;
}

Result<PostProcessor> post_processor(TokenizerSettings& settings,
                                     const std::vector<AddedToken>& added,
                                     const Vocabulary& vocabulary, bool add_prefix_space) {
  const TokenizerClass& c = *settings.kind;
  std::string single, pair;
  if (c.around) {
    single = c.around;
    pair = c.around_pair;
  } else {
    const bool bos = settings.flag("add_bos_token", false) && settings.token("bos");
    const bool eos = settings.flag("add_eos_token", false) && settings.token("eos");
    single = std::string(bos ? "b" : "") + "A" + (eos ? "e" : "");
    pair = single + (bos ? "b1" : "") + "B1" + (eos ? "e1" : "");
  }
  Result<std::vector<Item>> one = items_of(settings, added, vocabulary, single);
  if (!one) return one.error();
  Result<std::vector<Item>> two = items_of(settings, added, vocabulary, pair);
  if (!two) return two.error();
  PostProcessor around = post_processors::assemble(std::move(*one), std::move(*two));
  const bool trims = c.kind == TokenizerKind::mpnet ||
                     (c.kind == TokenizerKind::roberta && settings.flag("trim_offsets", true));
  if (!trims) return around;
  return post_processors::sequence(
      {post_processors::trim_offsets(add_prefix_space), std::move(around)});
}

// ---- Steps

constexpr const char* kQwen2Words =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kClipWords =
    R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)";

// Whether a tenth of the pieces have capitals, which nothing in lower case would match.
bool has_capitals(const Vocabulary& vocabulary) {
  int n = 0;
  for (int id = 0; id < vocabulary.size(); ++id) {
    const std::string_view piece = vocabulary.piece(id);
    n += !piece.starts_with('[') && !piece.starts_with('<') &&
         std::ranges::any_of(piece, [](char c) { return c >= 'A' && c <= 'Z'; });
  }
  return n * 10 > vocabulary.size();
}

void add_word_steps(TokenizerSettings& s, TokenizerRecords& out, std::vector<std::string>& notes) {
  bool lower = s.flag("do_lower_case", true);
  if (s.config.at("do_lower_case").is_null() && has_capitals(out.model.vocabulary)) {
    lower = false;
    notes.emplace_back(
        "vocab.txt has words with capitals, and nothing sets do_lower_case: the text keeps its "
        "capitals, which transformers would put in lower case");
  }
  s.lowercase = lower;
  out.normalizer = normalizers::bert({.ideographs = s.flag("tokenize_chinese_chars", true),
                                      .lowercase = lower,
                                      .strip_accents = s.flag("strip_accents", lower)});
  out.pre_tokenizer = pre_tokenizers::bert();
  out.decoder = decoders::word_piece("##", true);
}

void add_byte_steps(TokenizerSettings& s, TokenizerRecords& out, bool prefix) {
  const TokenizerKind kind = s.kind->kind;
  out.decoder = decoders::byte_level();
  if (kind == TokenizerKind::qwen2 || kind == TokenizerKind::gpt_neox)
    out.normalizer = normalizers::normal_form(NormalForm::nfc);
  if (kind == TokenizerKind::qwen2) {
    out.pre_tokenizer = pre_tokenizers::sequence(
        {pre_tokenizers::split(regex(kQwen2Words), Delimiter::isolated, false),
         pre_tokenizers::byte_level(prefix, false)});
  } else if (kind == TokenizerKind::clip) {
    out.normalizer = normalizers::sequence({normalizers::normal_form(NormalForm::nfc),
                                            replace_all(R"(\s+)", " "), normalizers::lowercase()});
    out.pre_tokenizer = pre_tokenizers::sequence(
        {pre_tokenizers::split(regex(kClipWords), Delimiter::removed, true),
         pre_tokenizers::byte_level(false, true)});
    out.decoder = decoders::sequence({decoders::byte_level(), decoders::fuse(),
                                      decoders::replace(Pattern::literal("</w>"), " "),
                                      decoders::strip(" ", 1, 1)});
    out.model.end_of_word_suffix = "</w>";
    out.model.unknown = out.model.vocabulary.find(s.text("unk"));
  } else {
    out.pre_tokenizer = pre_tokenizers::byte_level(prefix, true);
  }
}

}  // namespace

Result<TokenizerRecords> read_tokenizer_files(const TokenizerFiles& files,
                                              std::vector<std::string>& notes) {
  TokenizerSettings s{files};
  if (const Status wrong = s.read_all()) return *wrong;
  if (s.flag("split_special_tokens", false))
    return Error{
        "tokenizer_config.json: split_special_tokens is true, which is not supported; set it to "
        "false"};
  TokenizerRecords out{.file = s.kind->file};
  const std::string_view text = *files.find(out.file);
  bool prefix = false;
  if (out.file == "vocab.txt") {
    Result<SubwordRecords> words = read_word_list(text, notes);
    if (!words) return words.error();
    out.model = std::move(*words);
    const std::string unknown = s.text("unk");
    out.model.unknown = out.model.vocabulary.find(unknown);
    if (out.model.unknown < 0)
      return Error{"vocab.txt has no line " + json_quote(unknown) +
                   ", the unknown token; set unk_token in tokenizer_config.json to the one it has"};
    add_word_steps(s, out, notes);
  } else if (out.file == "vocab.json") {
    Result<SubwordRecords> merges = read_merges_file(text, *files.find("merges.txt"));
    if (!merges) return merges.error();
    out.model = std::move(*merges);
    prefix = s.kind->kind != TokenizerKind::clip && s.flag("add_prefix_space", false);
    add_byte_steps(s, out, prefix);
  } else if (Status wrong = read_pieces(s, text, out)) {
    return *wrong;
  }
  Result<std::vector<AddedToken>> added = added_tokens(s, out.model.vocabulary);
  if (!added) return added.error();
  Result<PostProcessor> around = post_processor(s, *added, out.model.vocabulary, prefix);
  if (!around) return around.error();
  if (s.error) return *s.error;
  out.added = std::move(*added);
  out.post_processor = std::move(*around);
  write_notes(s, notes);
  return out;
}

}  // namespace attn
