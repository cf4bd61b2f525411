// tokenizer_merges_file.cpp - vocab.json and merges.txt, the vocabulary of byte pair encoding.
#include <algorithm>

#include "base/utf8.h"
#include "text/tokenizer_files.h"
#include "text/tokenizer_section.h"

namespace attn {

Result<SubwordRecords> read_merges_file(std::string_view vocab, std::string_view merges) {
  const Result<Json> json = Json::parse(vocab, "vocab.json");
  if (!json) return json.error();
  Result<SubwordRecords> out = read_piece_ids({*json, "vocab.json"}, SubwordKind::bpe);
  if (!out) return out.error();
  if (const size_t broken = first_broken_utf8(merges); broken < merges.size())
    return Error{"merges.txt: line " +
                 std::to_string(1 + std::count(merges.begin(), merges.begin() + broken, '\n')) +
                 " is not valid UTF-8; save the file as UTF-8"};
  for (int64_t number = 1; !merges.empty(); ++number) {
    const size_t end = std::min(merges.find('\n'), merges.size());
    std::string_view line = merges.substr(0, end);
    merges.remove_prefix(std::min(end + 1, merges.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("#version")) continue;
    const auto where = [&] { return "merges.txt: line " + std::to_string(number); };
    const size_t blank = line.find(' ');
    if (blank == line.npos || line.find(' ', blank + 1) != line.npos)
      return Error{where() + " must be two pieces separated by a space; download the file again"};
    if (const auto missing = out->add_merge(line.substr(0, blank), line.substr(blank + 1)))
      return Error{where() + " needs " + json_quote(missing->substr(0, 80)) +
                   ", which is not in vocab.json; use the two files of one model"};
  }
  return out;
}

}  // namespace attn
