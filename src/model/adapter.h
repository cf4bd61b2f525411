// adapter.h - a LoRA adapter as PEFT saves it: found among the files, and merged into the weights.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "model/model_files.h"
#include "model/recipe.h"

namespace attn {

// The files of an adapter, taken out of those of its base model.
struct AdapterFiles {
  std::string name;  // of its folder, or else of the file
  std::optional<File> config, weights, tokenizer;
};
// Nothing where there is no adapter. One whose folder has a whole model, too, leaves that there;
// all other files of a folder of its own are taken. Adapters in folders below a model, such as
// those of checkpoints, are left alone. An error for several, and for weights that are missing.
Result<std::optional<AdapterFiles>> take_adapter(std::vector<File>& files);

// Says which base model the adapter asks for, and how to give it.
Error without_base(const AdapterFiles& adapter);

class Adapter {
 public:
  // Checks all fields of adapter_config.json, and all tensors but for the base model's shapes.
  static Result<Adapter> read(const AdapterFiles& files);

  // Finds the modules in the files of the base model. Whole tensors (modules_to_save, biases) take
  // the place of those of the same name, as another file.
  Status join(const Recipe& recipe, std::vector<NamedTensors>& base);
  // Adds scale B A to the matrices of the plan; its notes say so.
  Status merge(WeightPlan& plan) const;

 private:
  struct Pair {
    std::string module;          // "model.layers.0.self_attn.q_proj"
    std::string target;          // the base's tensor
    std::optional<Tensor> a, b;  // [rank, d_in], [d_out, rank]
    bool embedding = false;
    double scale = 0;
  };

  Status read_config();
  Status read_tensor(const StoredTensor& stored);
  Status check_pair(Pair& pair);
  Status check_saved(std::span<const NamedTensors> base) const;
  bool saves(std::string_view name) const;
  bool targets(std::string_view module) const;
  bool transforms(std::string_view module) const;
  Error wrong(const std::string& what) const { return Error{file_ + ": " + what}; }
  std::string made_for() const;

  std::string name_, file_, config_file_;
  Json config_;
  std::vector<Pair> pairs_;
  NamedTensors tensors_;             // `whole` only, from join()
  std::vector<StoredTensor> whole_;  // under the names of modules
  std::vector<std::string> warnings_, notes_;
};

// Adds numbers begin .. end - 1 of the matrix to those at `at`, which is where number 0 would be.
void add_low_rank(const LowRank& more, int64_t begin, int64_t end, uint8_t* at, Format format);

}  // namespace attn
