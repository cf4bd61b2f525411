#include "text/tokenizer_settings.h"

#include <iterator>
#include <unordered_set>

namespace attn {
namespace {

constexpr const char* kBertTokens = "unk=[UNK] sep=[SEP] pad=[PAD] cls=[CLS] mask=[MASK]";
constexpr const char* kDebertaTokens =
    "bos=[CLS] eos=[SEP] unk=[UNK] sep=[SEP] pad=[PAD] cls=[CLS] mask=[MASK]";
constexpr const char* kRobertaTokens =
    "bos=<s> eos=</s> unk=<unk> sep=</s> pad=<pad> cls=<s> mask=<mask>";

constexpr TokenizerClass kClasses[] = {
    {"BertTokenizer DistilBertTokenizer ElectraTokenizer", "bert distilbert electra nomic_bert",
     "vocab.txt", TokenizerKind::bert, kBertTokens, "cAs", "cAsB1s1"},
    {"MPNetTokenizer", "mpnet", "vocab.txt", TokenizerKind::mpnet,
     "bos=<s> eos=</s> unk=[UNK] sep=</s> pad=<pad> cls=<s> mask=<mask>", "cAs", "cAs|sBs"},
    {"GPT2Tokenizer CodeGenTokenizer", "gpt2 gptj gpt_neo opt phi starcoder2", "vocab.json",
     TokenizerKind::gpt2, "bos=<|endoftext|> eos=<|endoftext|> unk=<|endoftext|>"},
    {"GPTNeoXTokenizer", "gpt_neox mpt olmoe", "vocab.json", TokenizerKind::gpt_neox,
     "bos=<|endoftext|> eos=<|endoftext|> unk=<|endoftext|> pad=<|padding|>"},
    {"Qwen2Tokenizer", "qwen2 qwen3 qwen3_moe", "vocab.json", TokenizerKind::qwen2,
     "eos=<|endoftext|> unk=<|endoftext|> pad=<|endoftext|>"},
    {"RobertaTokenizer BartTokenizer", "roberta bart", "vocab.json", TokenizerKind::roberta,
     kRobertaTokens, "cAs", "cAs|sBs"},
    {"DebertaTokenizer", "deberta", "vocab.json", TokenizerKind::deberta, kDebertaTokens, "cAs",
     "cAssBs"},
    {"CLIPTokenizer", "clip clip_text_model", "vocab.json", TokenizerKind::clip,
     "bos=<|startoftext|> eos=<|endoftext|> unk=<|endoftext|> pad=<|endoftext|>", "bAe", "bAe|eBe"},
    {"LlamaTokenizer", "", "tokenizer.model", TokenizerKind::llama, "bos=<s> eos=</s> unk=<unk>"},
    {"GemmaTokenizer", "gemma gemma2 gemma3_text", "tokenizer.model", TokenizerKind::gemma,
     "bos=<bos> eos=<eos> unk=<unk> pad=<pad> mask=<mask>"},
    {"T5Tokenizer", "t5 mt5", "spiece.model", TokenizerKind::t5, "eos=</s> unk=<unk> pad=<pad>",
     "Ae", "AeBe"},
    {"XLMRobertaTokenizer", "xlm-roberta gte jina_embeddings_v3", "sentencepiece.bpe.model",
     TokenizerKind::xlm_roberta, kRobertaTokens, "bAe", "bAeeBe"},
    {"CamembertTokenizer", "camembert", "sentencepiece.bpe.model", TokenizerKind::camembert,
     kRobertaTokens, "bAe", "bAeeBe"},
    {"AlbertTokenizer", "albert", "spiece.model", TokenizerKind::albert,
     "bos=[CLS] eos=[SEP] unk=<unk> sep=[SEP] pad=<pad> cls=[CLS] mask=[MASK]", "cAs", "cAsB1s1"},
    {"DebertaV2Tokenizer", "deberta-v2", "spm.model", TokenizerKind::deberta_v2, kDebertaTokens,
     "cAs", "cAsB1s1"},
    {"MBartTokenizer", "mbart", "sentencepiece.bpe.model", TokenizerKind::mbart, kRobertaTokens,
     "Ael", "ABel"},
    {"TokenizersBackend PreTrainedTokenizerFast PreTrainedTokenizer", "", "tokenizer.model",
     TokenizerKind::any_pieces, ""},
};

// Whose tokenizer.model is read as it is, whatever class is named.
constexpr const char* kReadAsIs =
    "mistral mixtral phi3 granite olmo2 stablelm umt5 gpt_bigcode modernbert glm glm4";

constexpr const char* kOlderFiles[] = {"vocab.txt",       "vocab.json",   "merges.txt",
                                       "tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
                                       "spm.model"};

// Fields of tokenizer_config.json that are used, or that change no id.
constexpr const char* kKnownFields =
    "add_bos_token add_eos_token add_prefix_space added_tokens_decoder additional_special_tokens "
    "backend chat_template clean_up_tokenization_spaces do_basic_tokenize do_lower_case errors "
    "extra_ids extra_special_tokens from_slow is_local keep_accents legacy local_files_only "
    "max_len max_length model_input_names model_max_length name_or_path pad_to_multiple_of "
    "pad_token_type_id padding padding_side processor_class remove_space return_attention_mask "
    "return_token_type_ids spaces_between_special_tokens special_tokens_map_file split_by_punct "
    "split_special_tokens src_lang stride strip_accents tgt_lang tokenize_chinese_chars "
    "tokenizer_class tokenizer_file trim_offsets truncation truncation_side truncation_strategy "
    "unk_id use_default_system_prompt use_fast verbose vocab_type";

// {"content": "<mask>", "lstrip": true, …}, or the content alone.
std::optional<AddedToken> token_of(const Json& json) {
  if (const auto text = json.text())
    return AddedToken{.content = std::string(*text), .special = true};
  const auto content = json.at("content").text();
  if (!content) return {};
  const auto flag = [&](const char* key) { return json.at(key).boolean().value_or(false); };
  AddedToken token{.content = std::string(*content),
                   .special = flag("special"),
                   .single_word = flag("single_word"),
                   .lstrip = flag("lstrip"),
                   .rstrip = flag("rstrip")};
  token.normalized = json.at("normalized").boolean().value_or(!token.special);
  return token;
}

Error cannot_use(const std::string& why) {
  return Error{"tokenizer.json is missing, and " + why + kWriteTokenizerJson};
}

}  // namespace

std::string_view older_tokenizer_file(const TokenizerFiles& files) {
  for (const char* name : kOlderFiles)
    if (files.find(name)) return name;
  return "";
}

Result<Json> TokenizerSettings::read(const char* name) const {
  const auto text = files.find(name);
  if (!text) return Json();
  Result<Json> json = Json::parse(*text, name);
  if (json && !json->is_object())
    return Error{std::string(name) + ": not a JSON object; download it again"};
  return json;
}

Status TokenizerSettings::choose() {
  const Json given = config.at("tokenizer_class");
  const bool in_config = given.text().has_value();
  std::string name(given.text().value_or(files.tokenizer_class));
  if (name.ends_with("Fast") && name != "PreTrainedTokenizerFast") name.resize(name.size() - 4);
  // The class that its published files name is another one, which transformers passes over, too.
  if (files.model_type == "qwen2") name.clear();
  const TokenizerClass* of_type = nullptr;
  for (const TokenizerClass& row : kClasses) {
    if (!name.empty() && has_word(row.names, name)) kind = &row;
    if (has_word(row.model_types, files.model_type)) of_type = &row;
  }
  const TokenizerClass& as_is = *std::rbegin(kClasses);
  const bool names_nothing = name.empty() && !of_type;
  if (files.find("tokenizer.model") && (names_nothing || has_word(kReadAsIs, files.model_type)))
    kind = &as_is;
  else if (name.empty())
    kind = of_type;
  const std::string there(older_tokenizer_file(files));
  if (!kind && !name.empty())
    return cannot_use((in_config ? "tokenizer_config.json" : "config.json") +
                      std::string(": tokenizer_class ") + json_quote(name.substr(0, 60)) +
                      " is not supported with " + there + "; ");
  if (!kind)
    return cannot_use("nothing says which tokenizer " + there +
                      " is of; name its tokenizer_class in tokenizer_config.json, or ");
  const auto missing = [&](std::string_view file) { return !files.find(file); };
  for (std::string_view file : {std::string_view(kind->file), std::string_view("merges.txt")}) {
    if (file == "merges.txt" && std::string_view(kind->file) != "vocab.json") continue;
    if (!missing(file)) continue;
    std::string_view names = kind->names;
    return cannot_use(std::string(names.substr(0, names.find(' '))) + " needs " +
                      std::string(file) + ", which is missing, too (found: " + there + "); ");
  }
  return {};
}

// Those of the class, and the fields of the file, whose order decides about new ids.
Status TokenizerSettings::read_named(const Json& from) {
  Status wrong;
  from.each([&](std::string_view key, const Json& value) {
    if (!key.ends_with("_token")) return true;
    const bool is_token = value.is_string() || value.is_object();
    NamedToken* known = find(key);
    if (!known && !is_token) return true;  // add_bos_token
    std::optional<AddedToken> token = token_of(value);
    if (!token && !value.is_null())
      wrong = Error{"tokenizer_config.json: " + std::string(key) + " must be a token; correct it"};
    constexpr size_t kMostNames = 64;
    if (named.size() == kMostNames)
      wrong = Error{"tokenizer_config.json has more than 64 names of tokens; remove some"};
    if (!known) known = &named.emplace_back(NamedToken{std::string(key), {}});
    const bool is_text = value.is_string();
    known->token = token ? std::move(*token) : AddedToken{};
    known->token.special = true;
    if (!is_text && value.at("normalized").is_null()) known->token.normalized = false;
    // Takes the blanks before it, unless the file says more of it than its text.
    const TokenizerKind k = kind->kind;
    known->token.lstrip |=
        is_text && key == "mask_token" &&
        (k == TokenizerKind::mpnet || k == TokenizerKind::camembert || k == TokenizerKind::mbart);
    return !wrong;
  });
  return wrong;
}

Status TokenizerSettings::read_extra(const Json& list, const char* file) {
  Status wrong;
  list.each([&](std::string_view, const Json& value) {
    std::optional<AddedToken> token = token_of(value);
    if (!token)
      wrong = Error{std::string(file) +
                    ": additional_special_tokens must be a list of tokens; correct it"};
    else
      extra.push_back(std::move(*token));
    return !wrong;
  });
  return wrong;
}

Status TokenizerSettings::read_added() {
  const Json decoder = config.at("added_tokens_decoder");
  Status wrong;
  if (!decoder.is_null()) {
    added_file = "tokenizer_config.json: added_tokens_decoder";
    decoder.each([&](std::string_view key, const Json& value) {
      std::optional<AddedToken> token = token_of(value);
      const Result<Json> id = Json::parse(key, added_file);
      if (!token || !id || id->integer().value_or(-1) < 0 || *id->integer() > INT32_MAX) {
        wrong =
            Error{added_file + " must map ids to tokens; correct " + json_quote(key.substr(0, 20))};
        return false;
      }
      token->id = int(*id->integer());
      added.push_back(std::move(*token));
      return true;
    });
  } else {
    added_file = "added_tokens.json";
    const Result<Json> json = read("added_tokens.json");
    if (!json) return json.error();
    std::unordered_set<std::string_view> further;
    for (const AddedToken& token : extra) further.insert(token.content);
    json->each([&](std::string_view content, const Json& id) {
      if (id.integer().value_or(-1) < 0 || *id.integer() > INT32_MAX) {
        wrong = Error{"added_tokens.json: the id of " + json_quote(content.substr(0, 80)) +
                      " must be a whole number; correct it"};
        return false;
      }
      const bool special = (has_extra && further.contains(content)) ||
                           std::ranges::any_of(named, [&](const NamedToken& n) {
                             return n.token.content == content &&
                                    !(config.at(n.name).is_null() && map.at(n.name).is_null());
                           });
      added.push_back({.id = int(*id.integer()),
                       .content = std::string(content),
                       .special = special,
                       .normalized = !special});
      return true;
    });
  }
  std::ranges::stable_sort(added, {}, &AddedToken::id);
  return wrong;
}

Status TokenizerSettings::read_all() {
  Result<Json> json = read("tokenizer_config.json");
  if (!json) return json.error();
  config = std::move(*json);
  // Newer files have everything in one.
  if (config.at("added_tokens_decoder").is_null()) {
    json = read("special_tokens_map.json");
    if (!json) return json.error();
    map = std::move(*json);
  }
  if (Status wrong = choose()) return wrong;
  for (const char* name : {"bos", "eos", "unk", "sep", "pad", "cls", "mask"})
    named.push_back({std::string(name) + "_token", {}});
  each_word(kind->tokens, [&](std::string_view word) {
    const size_t equals = word.find('=');
    AddedToken& token = find(std::string(word.substr(0, equals)) + "_token")->token;
    token = {.content = std::string(word.substr(equals + 1)), .special = true};
    const TokenizerKind k = kind->kind;
    token.lstrip =
        word.starts_with("mask=") &&
        (k == TokenizerKind::mpnet || k == TokenizerKind::camembert || k == TokenizerKind::mbart);
    return true;
  });
  if (Status wrong = read_named(config)) return wrong;
  if (Status wrong = read_named(map)) return wrong;
  const Json given = config.at("extra_special_tokens");
  const Json list = given.size() > 0 ? given : config.at("additional_special_tokens");
  if (list.is_object()) {
    list.each([&](std::string_view name, const Json& value) {
      if (std::optional<AddedToken> token = token_of(value)) {
        token->special = true;
        named.push_back({std::string(name), std::move(*token)});
      }
      return true;
    });
  } else if (Status wrong = read_extra(list, "tokenizer_config.json")) {
    return wrong;
  }
  const Json more = map.at("extra_special_tokens");
  if (Status wrong = read_extra(more, "special_tokens_map.json")) return wrong;
  has_extra = list.is_array() || more.is_array();
  const bool of_pieces = std::string_view(kind->file).ends_with(".model");
  if (!has_extra && !of_pieces)
    if (Status wrong = read_extra(map.at("additional_special_tokens"), "special_tokens_map.json"))
      return wrong;
  return read_added();
}

void write_notes(TokenizerSettings& settings, std::vector<std::string>& notes) {
  const TokenizerClass& c = *settings.kind;
  if (!settings.files.find("tokenizer_config.json")) {
    std::string_view names = c.names;
    notes.push_back("tokenizer_config.json is missing; " + std::string(c.file) + " is read as " +
                    std::string(names.substr(0, names.find(' '))) + " does without it" +
                    (settings.lowercase ? ", in lower case"
                     : c.around         ? ""
                                        : ", with no token before the text"));
  }
  std::string unused;
  settings.config.each([&](std::string_view key, const Json& value) {
    const bool neutral = value.is_null() || value.boolean() == (key == "do_basic_tokenize") ||
                         (value.size() == 0 && (value.is_array() || value.is_object())) ||
                         value.text() == "";
    const bool known = has_word(kKnownFields, key) && key != "do_basic_tokenize";
    if (!neutral && !known && !key.ends_with("_token"))
      unused += (unused.empty() ? "" : ", ") + std::string(key.substr(0, 60));
    return unused.size() < 400;
  });
  if (!unused.empty())
    notes.push_back("tokenizer_config.json has fields that are not used: " + unused);
}

}  // namespace attn
