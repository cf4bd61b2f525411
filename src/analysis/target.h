// target.h - the token or label that is asked about, "A" minus "B" where there is a foil, and its
// direction.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analysis/measure.h"
#include "text/tokenizer.h"

namespace attn {

// The token that a person means by `text`: that of number 50 by "#50"; the one token that it is cut
// into as the next word, after a blank; the piece that the vocabulary spells so; or the one token
// that it is cut into as it stands. -1: there is no such one token.
int token_named(const Tokenizer& tokenizer, std::string_view text);

// The shortest text that token_named() turns into this token.
std::string name_of_token(const Tokenizer& tokenizer, int token);
// Tokens whose words begin with `text`, blanks before them aside; the shortest first, `most` at
// most.
std::vector<int> tokens_beginning(const Tokenizer& tokenizer, std::string_view text, int most);

// The same of the outputs of a model: labels by name or number where it has a head of labels, else
// tokens.
int output_named(const Model& model, std::string_view text);
std::string name_of_output(const Model& model, int id);
std::vector<int> outputs_beginning(const Model& model, std::string_view text, int most);

// The token whose row the logits asked for at State::token are computed from, or the first of them.
int read_token(const Inputs& in);

struct Target {
  int token = -1;  // or label; -1: the likeliest at each position
  int foil = -1;   // -1: none
};
// Of State::target and State::foil; names that are no token count as empty.
Target target_of(const Inputs& in);
// In one sentence, a target or a foil that is no single token of the model.
Status bad_target(const Inputs& in);

// W_U[:, token] - W_U[:, foil], [d_model].
std::vector<float> direction(const Model& model, const Target& target);
// b_U[token] - b_U[foil].
float direction_bias(const Model& model, const Target& target);

}  // namespace attn
