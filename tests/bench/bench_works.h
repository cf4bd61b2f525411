// bench_works.h - the works that are timed. Everything that knows the library's interface is here.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "base/result.h"
#include "model/model.h"
#include "text/tokens.h"
#include "trace/trace.h"

namespace attn {

// What the rival's answer is compared with.
struct Dump {
  std::vector<float> patterns;  // [layer, head, query, key]
  std::vector<float> logits;    // [d_vocab] of the last position; empty where there is none
};

class Bench {
 public:
  Status load(std::vector<File> files, std::string name);
  void unload();

  // One repetition of command.work at command.n, with everything it needs made ready. Works:
  //   peak, read                   no model
  //   gemm-768, gemm-3072          n rows through 12 layers 768 -> 768, or 6 times 768 -> 3072 ->
  //   768 softmax                      8 times the causal rows of 12 heads of n x n forward,
  //   patterns, decode    command.ids through the model; decode: the last of them
  Result<std::function<void()>> work(const Json& command);
  // Of the last work: multiplications and additions, or bytes; 0 where the caller knows.
  double units() const { return units_; }

  Result<Dump> dump(const Json& command);

 private:
  Result<Tokens> tokens(const Json& command) const;
  std::function<void()> peak();
  std::function<void()> read();
  Result<std::function<void()>> gemm(int64_t n, bool wide);
  std::function<void()> softmax(int64_t n);
  Result<std::function<void()>> decode(const Tokens& tokens);

  std::shared_ptr<const Model> model_;
  std::vector<float> floats_;  // memory that a work reads or writes, kept between calls
  double units_ = 0;
  std::atomic<float> sink_{0};  // sums end here, so that they are made
};

}  // namespace attn
