// gguf.h - GGUF files, versions 2 and 3, in which llama.cpp keeps a model: its weights,
// configuration and tokenizer.
#pragma once

#include <optional>

#include "files/named_tensors.h"

namespace attn {

struct TokenizerRecords;  // text/tokenizer_records.h

bool is_gguf(std::span<const uint8_t> bytes);

// The tensors under their names in the file ("blk.0.attn_q.weight"), slices of it; the entries of
// its metadata, without long lists and texts, which are null there.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
Result<NamedTensors> read_gguf(const File& file);

// A list of the metadata, of any length, in the file.
struct GgufList {
  std::vector<std::string_view> texts;  // of texts
  std::vector<double> numbers;          // of numbers and booleans
  size_t size() const { return texts.size() + numbers.size(); }
};
// Nothing if there is no list of this name; one of lists is empty.
std::optional<GgufList> gguf_list(const NamedTensors& file, std::string_view key);

// The configuration as config.json has it, and the tokenizer (gguf_config.cpp, gguf_tokenizer.cpp).
// What the program does not compute is refused; other unknown entries of the architecture stay
// under their names.
Result<Json> gguf_config(const NamedTensors& file);
Result<TokenizerRecords> gguf_tokenizer(const NamedTensors& file);

// Whether rows of q and k are in the order in which neighbouring dimensions are rotated, as Meta's
// Llama has them and as its converter therefore writes them.
bool gguf_pairs_rows(const NamedTensors& file);

// Checks that these are all parts of the model, and gives tensors their names in transformers.
Status join_gguf(std::vector<NamedTensors>& files);

}  // namespace attn
