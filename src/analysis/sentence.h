// sentence.h - one vector of a text, as the modules of sentence-transformers make it.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "model/model.h"
#include "trace/trace.h"

namespace attn {

// What follows the transformer: pooling, then a norm or dense layers.
struct SentenceModules {
  enum class Pool { cls, max, mean, mean_sqrt_len, weightedmean, lasttoken };
  struct Step {
    bool normalize = false;  // else a dense layer
    int d_in = 0, d_out = 0;
    std::vector<float> w, b;  // [d_out, d_in], [d_out] or empty
    bool tanh = false;
  };
  std::string transformer;                 // its folder; "": that of modules.json
  std::vector<Pool> pools = {Pool::mean};  // one after the other in the vector
  std::vector<Step> steps;
  bool pools_prompt = true;
  int n_most = 0;           // tokens of a text; 0: as many as the model reads
  bool lower_case = false;  // before the text is tokenized
  std::vector<std::pair<std::string, std::string>> prompts;  // name, and what is put before a text
  std::string prompt;                                        // the name of the usual one, or ""
  bool described = false;                                    // modules.json is there
};

// Reads modules.json and the files that it names. `read` gives the bytes of a file by its path in
// the folder; empty: there is none. An error names what is not computed.
Result<SentenceModules> read_sentence_modules(
    const std::function<Result<File>(const std::string& path)>& read);

// The vector of a text from a pass over it; the first n_prompt tokens are the prompt's.
std::vector<float> sentence_vector(const Model& model, const SentenceModules& modules,
                                   const Trace& trace, int n_prompt);

double cosine(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace attn
