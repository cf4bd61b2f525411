#include "model/recipe.h"

#include <algorithm>
#include <numeric>
#include <unordered_set>

namespace attn {

namespace {

std::string shape_text(std::span<const int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i ? ", " : "") + std::to_string(shape[i]);
  }
  return text + "]";
}

struct Sides {
  int64_t out, in;
};

Sides sides_of(Linear Block::* field, const Config& c) {
  const int64_t d_q = int64_t(c.n_heads) * c.d_head, d_kv = int64_t(c.n_kv_heads) * c.d_head;
  if (field == &Block::q) return {d_q, c.d_model};
  if (field == &Block::k || field == &Block::v) return {d_kv, c.d_model};
  if (field == &Block::o) return {c.d_model, d_q};
  if (field == &Block::mlp_out) return {c.d_model, c.d_mlp};
  return {c.d_mlp, c.d_model};  // mlp_in, mlp_gate
}

class Binder {
 public:
  Binder(const Recipe& recipe, const Layout& layout, std::span<const SafeTensors> files)
      : recipe_(recipe), layout_(layout), c_(layout.config), files_(files) {}

  Result<Bound> run() {
    bound_.weights.blocks.resize(size_t(c_.n_layers));
    for (const Bind& bind : recipe_.binds) fill_everywhere(bind);
    if (!recipe_.head.empty() && find(recipe_.head[0].name + std::string(".weight")).tensor) {
      prefix_ = "";
      for (const Bind& bind : recipe_.head) fill_everywhere(bind);
    }
    if (error_) return *error_;
    note_unused();
    return std::move(bound_);
  }

 private:
  struct Place {
    const SafeTensors* file = nullptr;
    const StoredTensor* tensor = nullptr;
  };

  void fill_everywhere(const Bind& bind) {
    const std::string name = bind.name;
    const size_t hole = name.find("{}");
    if (hole == std::string::npos) return fill(bind, name, nullptr);
    for (int layer = 0; layer < c_.n_layers && !error_; ++layer) {
      fill(bind, std::string(name).replace(hole, 2, std::to_string(layer)),
           &bound_.weights.blocks[size_t(layer)]);
    }
  }

  // Names may have the family's prefix or lack it, as models are saved with and without their head.
  Place find(const std::string& name) {
    for (const std::string& full : {prefix_ + name, name}) {
      for (const SafeTensors& file : files_) {
        if (const StoredTensor* tensor = file.find(full)) {
          used_.insert(tensor);
          return {&file, tensor};
        }
      }
    }
    return {};
  }

  // The tensor `name` as floats of exactly this shape; empty after an error.
  Tensor take(const std::string& name, std::initializer_list<int64_t> shape) {
    if (error_) return {};
    const Place place = find(name);
    if (!place.tensor) {
      error_ =
          Error{(files_.size() == 1 ? files_[0].file : "the .safetensors files") + ": tensor " +
                quoted_name(prefix_ + name) + " is missing, which " + c_.family +
                " models have; take weights and config.json of the same model, and all shards"};
      return {};
    }
    if (!std::ranges::equal(place.tensor->shape, shape)) {
      const std::vector<int64_t> expected(shape);
      error_ = Error{place.file->file + ": tensor " + quoted_name(place.tensor->name) +
                     " has the shape " + shape_text(place.tensor->shape) +
                     ", but config.json makes it " + shape_text(expected) +
                     "; take weights and config.json of the same model"};
      return {};
    }
    Result<Tensor> tensor = to_floats(*place.file, *place.tensor);
    if (!tensor) {
      error_ = tensor.error();
      return {};
    }
    bound_.n_parameters += tensor->size();
    return std::move(*tensor);
  }

  void fill(const Bind& bind, const std::string& name, Block* block) {
    const Target& to = bind.target;
    if (to.table) {
      fill_table(to.table, name);
    } else if (to.final_norm) {
      fill_norm(bound_.weights.*to.final_norm, name);
    } else if (to.norm) {
      fill_norm(block->*to.norm, name);
    } else if (to.head) {
      (bound_.weights.*to.head).w = take(name + ".weight", {c_.d_model, c_.d_model});
      (bound_.weights.*to.head).b = take(name + ".bias", {c_.d_model});
    } else {
      fill_linear(bind, name, *block);
    }
  }

  void fill_table(Tensor Weights::* table, const std::string& name) {
    if (table == &Weights::unembed) {
      bound_.tied = layout_.tied;
      if (!layout_.tied && !find(name + ".weight").tensor) {
        bound_.tied = true;
        bound_.notes.push_back("There is no " + name + ".weight, so the embedding unembeds too");
      }
      if (bound_.tied) {
        find(name + ".weight");  // a spare copy is no surprise
        bound_.weights.unembed = bound_.weights.embed;
        return;
      }
    }
    if (table == &Weights::unembed_bias) {
      // Two names of one tensor; where they were saved apart, the decoder's counts.
      const bool decoder = find(name + ".decoder.bias").tensor && (find(name + ".bias"), true);
      bound_.weights.unembed_bias =
          take(name + (decoder ? ".decoder.bias" : ".bias"), {c_.d_vocab});
      return;
    }
    const int64_t rows = table == &Weights::positions     ? c_.first_position + c_.n_ctx
                         : table == &Weights::token_types ? c_.n_token_types
                                                          : c_.d_vocab;
    bound_.weights.*table = take(name + ".weight", {rows, c_.d_model});
  }

  void fill_norm(NormWeights& norm, const std::string& name) {
    // BERT's first checkpoints have the names of TensorFlow.
    const bool old = find(name + ".gamma").tensor != nullptr;
    norm.gamma = take(name + (old ? ".gamma" : ".weight"), {c_.d_model});
    if (c_.norm == Norm::layer_norm)
      norm.beta = take(name + (old ? ".beta" : ".bias"), {c_.d_model});
  }

  void fill_linear(const Bind& bind, const std::string& name, Block& block) {
    int64_t d_out = 0, d_in = 0;
    for (Linear Block::* field : bind.target.linear) {
      if (!field) continue;
      const Sides sides = sides_of(field, c_);
      d_out += sides.out;
      d_in = sides.in;
    }
    Tensor w = bind.store == Store::in_out ? transposed(take(name + ".weight", {d_in, d_out}))
                                           : take(name + ".weight", {d_out, d_in});
    Tensor b;
    if (bind.bias && layout_.*bind.bias) b = take(name + ".bias", {d_out});
    if (error_) return;
    int64_t first_row = 0;
    for (int i = 0; i < 3 && bind.target.linear[i]; ++i) {
      Linear& linear = block.*bind.target.linear[i];
      const int64_t n_rows = sides_of(bind.target.linear[i], c_).out;
      if (bind.fused == Fused::per_head) {
        linear = {rows_per_head(w, i), rows_per_head(b, i)};
      } else {
        linear = {rows_of(w, first_row, n_rows), rows_of(b, first_row, n_rows)};
      }
      first_row += n_rows;
    }
  }

  static Tensor transposed(const Tensor& t) {
    if (t.empty()) return {};
    const int64_t rows = t.shape[0], cols = t.shape[1];
    const auto copy = std::make_shared<std::vector<float>>(size_t(t.size()));
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < cols; ++c) (*copy)[size_t(c * rows + r)] = t.data[r * cols + c];
    }
    return {copy, copy->data(), {cols, rows}};
  }

  // Rows of a matrix or elements of a vector, in the same memory.
  static Tensor rows_of(const Tensor& t, int64_t first, int64_t n) {
    if (t.empty()) return {};
    Tensor part = t;
    part.shape[0] = n;
    part.data += first * (t.shape.size() == 2 ? t.shape[1] : 1);
    return part;
  }

  // Of [n_heads, 3, d_head] rows, those of the i-th of three; a copy.
  Tensor rows_per_head(const Tensor& t, int64_t i) const {
    if (t.empty()) return {};
    const int64_t width = t.shape.size() == 2 ? t.shape[1] : 1, size = c_.d_head * width;
    const auto copy = std::make_shared<std::vector<float>>(size_t(c_.n_heads * size));
    for (int64_t head = 0; head < c_.n_heads; ++head) {
      std::copy_n(t.data + (head * 3 + i) * size, size, copy->data() + head * size);
    }
    Tensor part{copy, copy->data(), t.shape};
    part.shape[0] = int64_t(c_.n_heads) * c_.d_head;
    return part;
  }

  void note_unused() {
    constexpr size_t kNamed = 3;
    size_t n_unused = 0;
    std::string names;
    for (const SafeTensors& file : files_) {
      for (const StoredTensor& tensor : file.tensors) {
        const bool ignored = std::ranges::any_of(
            recipe_.ignored, [&](std::string_view end) { return tensor.name.ends_with(end); });
        if (ignored || used_.contains(&tensor)) continue;
        if (++n_unused <= kNamed) names += (names.empty() ? "" : ", ") + quoted_name(tensor.name);
      }
    }
    if (n_unused == 0) return;
    bound_.notes.push_back(std::to_string(n_unused) +
                           (n_unused == 1 ? " tensor is" : " tensors are") + " not used: " + names +
                           (n_unused > kNamed ? ", …" : ""));
  }

  const Recipe& recipe_;
  std::string prefix_ = recipe_.prefix;
  const Layout& layout_;
  const Config& c_;
  std::span<const SafeTensors> files_;
  std::unordered_set<const StoredTensor*> used_;
  Bound bound_;
  Status error_;
};

}  // namespace

Result<Bound> bind_weights(const Recipe& recipe, const Layout& layout,
                           std::span<const SafeTensors> files) {
  return Binder(recipe, layout, files).run();
}

}  // namespace attn
