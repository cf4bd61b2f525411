// tokenizer_word_list.cpp - vocab.txt, the vocabulary of WordPiece.
#include <algorithm>

#include "base/utf8.h"
#include "text/tokenizer_chars.h"
#include "text/tokenizer_files.h"

namespace attn {

static std::string_view without_blanks_behind(std::string_view line) {
  while (!line.empty()) {
    size_t last = line.size() - 1;
    while (last > 0 && (uint8_t(line[last]) & 0xC0) == 0x80) --last;
    size_t end = last;
    if (!is_whitespace(decode_utf8(line, end))) break;
    line = line.substr(0, last);
  }
  return line;
}

Result<SubwordRecords> read_word_list(std::string_view text, std::vector<std::string>& notes) {
  if (const size_t broken = first_broken_utf8(text); broken < text.size())
    return Error{"vocab.txt: line " +
                 std::to_string(1 + std::count(text.begin(), text.begin() + broken, '\n')) +
                 " is not valid UTF-8; save the file as UTF-8"};
  if (text.starts_with("\xEF\xBB\xBF"))
    return Error{"vocab.txt begins with a byte order mark, which belongs to no token; remove it"};
  const auto n_lines = std::count(text.begin(), text.end(), '\n') + 1;
  constexpr std::ptrdiff_t kMostLines = 1 << 22;
  if (n_lines > kMostLines)
    return Error{"vocab.txt has more than 4 million lines; it is not a vocabulary"};
  SubwordRecords out{.kind = SubwordKind::word_piece, .continuing_prefix = "##"};
  out.vocabulary.reserve(size_t(n_lines));
  int n_repeated = 0;
  std::string repeated;
  for (int id = 0; !text.empty(); ++id) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view piece = without_blanks_behind(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (out.vocabulary.find(piece) >= 0 && ++n_repeated == 1) repeated = json_quote(piece);
    out.vocabulary.add(piece, id);
  }
  if (n_repeated > 0)
    notes.push_back("vocab.txt has " + std::to_string(n_repeated) +
                    " repeated lines, the first of them " + repeated + "; the last one counts");
  return out;
}

}  // namespace attn
