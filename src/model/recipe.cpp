#include "model/recipe.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <numeric>
#include <unordered_set>

#include "model/label_head.h"
#include "model/tensor_names.h"

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
  if (field == &Block::q || field == &Block::place_k || field == &Block::place_q)
    return {d_q, c.d_model};
  if (field == &Block::k || field == &Block::v) return {d_kv, c.d_model};
  if (field == &Block::cross_q) return {d_q, c.d_model};
  if (field == &Block::cross_k || field == &Block::cross_v) return {d_kv, c.d_model};
  if (field == &Block::o || field == &Block::cross_o) return {c.d_model, d_q};
  if (field == &Block::mlp_out) return {c.d_model, c.d_mlp};
  if (field == &Block::router) return {c.n_experts, c.d_model};
  return {c.d_mlp, c.d_model};  // mlp_in, mlp_gate
}

class Binder {
 public:
  Binder(const Recipe& recipe, const Layout& layout, std::span<const NamedTensors> files)
      : recipe_(recipe), layout_(layout), c_(layout.config), files_(files) {
    plan_.weights = std::make_unique<Weights>();
  }

  Result<WeightPlan> run() {
    plan_.weights->blocks.resize(size_t(n_stored()));
    plan_.stored_layers = layout_.stored_layers;
    Result<NamePrefixes> prefixes = find_prefixes(recipe_, files_, plan_.notes);
    if (!prefixes) return Error{all_files() + ": " + prefixes.error().message};
    prefixes_ = std::move(*prefixes);
    if (recipe_.angles && c_.position == Position::rotary) find_angles();
    out_in_ = layout_.out_in || stores_out_in();
    const LabelRow* const labels = find_labels();
    for (const Bind& bind : recipe_.binds)
      if (!labels || bind.target.table != &Weights::unembed) fill_everywhere(bind);
    if (labels) {
      fill_labels(*labels);
    } else if (has_head()) {
      in_head_ = true;
      for (const Bind& bind : recipe_.head) fill_everywhere(bind);
    }
    fill_encoder();
    if (c_.pools) fill_pooling();
    if (error_) return *error_;
    plan_.d_vocab = c_.d_vocab;
    Unused unused =
        judge_unused(recipe_, prefixes_, n_groups(),
                     layout_.encoder ? layout_.encoder->config.n_layers : 0, files_, used_);
    std::ranges::move(unused.warnings, std::back_inserter(plan_.warnings));
    std::ranges::move(unused.notes, std::back_inserter(plan_.notes));
    if (unused.refused) plan_.unused = Error{all_files() + ": " + unused.refused->message};
    return std::move(plan_);
  }

 private:
  struct Place {
    const NamedTensors* file = nullptr;
    const StoredTensor* tensor = nullptr;
  };

  // The encoder's tensors, in the same files and by the same prefixes.
  void fill_encoder() {
    if (!recipe_.encoder || error_) return;
    Binder encoder(*recipe_.encoder, *layout_.encoder, files_);
    encoder.plan_.weights->blocks.resize(size_t(encoder.n_stored()));
    encoder.prefixes_ = prefixes_;
    encoder.counted_ = std::move(counted_);
    encoder.c_.d_vocab = c_.d_vocab;
    encoder.shared_ = embed_.tensor;
    for (const Bind& bind : recipe_.encoder->binds) encoder.fill_everywhere(bind);
    error_ = encoder.error_;
    used_.merge(encoder.used_);
    plan_.shares_embed = encoder.plan_.shares_embed;
    plan_.n_parameters += encoder.plan_.n_parameters;
    std::ranges::move(encoder.plan_.wanted, std::back_inserter(plan_.wanted));
    std::ranges::move(encoder.plan_.warnings, std::back_inserter(plan_.warnings));
    plan_.weights->encoder = std::move(encoder.plan_.weights);
  }

  // A tied head may consist of its bias alone.
  bool has_head() {
    const auto row = std::ranges::find_if(recipe_.head, [&](const Bind& b) { return is_there(b); });
    if (row == recipe_.head.end()) return false;
    const std::string first = row->name;
    return find(first + ".weight").tensor || find(first + ".bias").tensor;
  }

  // Whether files have matrices as nn.Linear does where the recipe has their transposes, as nanoGPT
  // has GPT-2's: by the shape of q, k and v together, which are not square.
  bool stores_out_in() {
    for (const Bind& bind : recipe_.binds) {
      const size_t hole = std::string_view(bind.name).find("{}");
      if (bind.store != MatrixOrder::in_out || !bind.target.linear[2] || hole == std::string::npos)
        continue;
      const Place w = look(std::string(bind.name).replace(hole, 2, "0") + ".weight");
      int64_t d_out = 0, d_in = 0;
      for (Linear Block::* field : bind.target.linear) {
        d_out += sides_of(field, c_).out;
        d_in = sides_of(field, c_).in;
      }
      return w.tensor && std::ranges::equal(w.tensor->shape, std::vector<int64_t>{d_out, d_in});
    }
    return false;
  }

  // They may have been rounded to float16 before training; of several layers, the first has them.
  void find_angles() {
    Place found;
    for (const NamedTensors& file : files_) {
      for (const StoredTensor& tensor : file.tensors)
        if (tensor.name.ends_with(recipe_.angles) &&
            (!found.tensor || tensor.name < found.tensor->name))
          found = {&file, &tensor};
    }
    if (!found.tensor) return;
    const Result<Tensor> angles = to_floats(*found.file, *found.tensor);
    const bool whole =
        angles && std::ranges::equal(found.tensor->shape, std::vector<int64_t>{c_.rope_dims / 2}) &&
        std::ranges::all_of(angles->vec(), [](float x) { return x > 0 && x < 10; });
    if (whole)
      plan_.angles.assign(angles->vec().begin(), angles->vec().end());
    else
      error_ = Error{found.file->file + ": tensor " + quoted_name(found.tensor->name) +
                     " must have the angles of " + std::to_string(c_.rope_dims / 2) +
                     " pairs of dimensions; " + advice()};
  }

  // The head of labels that the configuration and the files have.
  const LabelRow* find_labels() {
    if (recipe_.encoder) return nullptr;  // their classes for labels read the text twice
    const bool named = !layout_.fields.at("architectures").at(size_t(0)).is_null();
    if (!named && has_head()) return nullptr;
    for (const LabelRow* row : label_rows(layout_)) {
      const auto lacks = [&](const char* name) {
        return name && !look(name + std::string(".weight")).tensor;
      };
      const Place out = look(row->out + std::string(".weight"));
      if (!out.tensor || lacks(row->dense) || lacks(row->norm)) continue;
      const Result<LabelHead> head =
          label_head(*row, layout_, int(std::min<int64_t>(out.tensor->shape[0], kMostHidden)));
      if (head) {
        plan_.labels = *head;
        return row;
      }
      plan_.notes.push_back(quoted_name(out.tensor->name) +
                            " is not used: " + head.error().message);
    }
    return nullptr;
  }

  void fill_labels(const LabelRow& row) {
    in_head_ = true;
    use_labels(c_, plan_.labels);
    bool Layout::* const bias = row.norm ? &Layout::head_bias : nullptr;
    if (row.dense) fill({row.dense, &Weights::head_dense, bias}, row.dense, nullptr);
    if (row.norm) fill({row.norm, &Weights::ln_head}, row.norm, nullptr);
    const std::string out = row.out;
    want(take(out + ".weight", {c_.n_outputs(), c_.d_model}), {.table = &plan_.weights->unembed});
    if (find(out + ".bias").tensor)
      plan_.weights->unembed_bias = take_vector(out + ".bias", c_.n_outputs());
    // An output vocabulary beside it is not what the class computes.
    for (const Bind& bind : recipe_.head)
      for (const char* end : {".weight", ".bias"}) find(bind.name + std::string(end));
  }

  bool is_there(const Bind& bind) const {
    return (!bind.when || layout_.*bind.when) && !(bind.unless && layout_.*bind.unless);
  }

  void fill_everywhere(const Bind& bind) {
    if (!is_there(bind)) return;
    const std::string name = bind.name;
    const size_t hole = name.find("{}");
    if (hole == std::string::npos) return fill(bind, name, nullptr);
    const size_t second = name.find("{}", hole + 2);
    for (int layer = 0; layer < n_stored() && !error_; ++layer) {
      if (layer == 0 && !layout_.first_norm && bind.target.norm == &Block::ln1) continue;
      if (is_of_other_mlp(bind.target, c_.has_experts(layer))) continue;
      std::string full = name;
      if (c_.qk_norm_own && is_qk_norm(bind.target.norm)) {
        if (layout_.*bind.bias)
          fill_own_norms(bind, full.replace(hole, 2, std::to_string(layer)),
                         plan_.weights->blocks[size_t(layer)]);
        continue;
      }
      if (bind.target.expert[0]) {
        fill_experts(bind, full.replace(hole, 2, std::to_string(layer)),
                     plan_.weights->blocks[size_t(layer)]);
        continue;
      }
      if (second != std::string::npos)
        full.replace(second, 2, std::to_string(layer % layout_.group_layers));
      full.replace(hole, 2, std::to_string(layer / layout_.group_layers));
      fill(bind, full, &plan_.weights->blocks[size_t(layer)]);
    }
  }

  // A layer has an MLP, or experts and their router.
  static bool is_of_other_mlp(const Slot& to, bool has_experts) {
    const auto linear = to.linear[0];
    if (to.expert[0] || linear == &Block::router) return !has_experts;
    const bool mlp =
        linear == &Block::mlp_in || linear == &Block::mlp_gate || linear == &Block::mlp_out;
    return mlp && has_experts;
  }

  // Layers in the files, and numbers that their names have.
  int n_stored() const {
    const std::vector<int>& stored = layout_.stored_layers;
    return stored.empty() ? c_.n_layers : *std::ranges::max_element(stored) + 1;
  }
  int n_groups() const { return n_stored() / layout_.group_layers; }

  Place look(const std::string& name) const {
    for (const std::string& full : names_to_try(prefixes_, recipe_, name)) {
      for (const NamedTensors& file : files_)
        if (const StoredTensor* tensor = file.find(full)) return {&file, tensor};
    }
    return {};
  }
  Place find(const std::string& name) {
    const Place place = look(name);
    if (place.tensor) used_.insert(place.tensor);
    return place;
  }

  // "model.safetensors", or "the .safetensors files" if there are several.
  std::string all_files() const {
    if (files_.size() == 1) return files_[0].file;
    const std::string name = files_.empty() ? "" : files_[0].file;
    const size_t dot = std::min(name.find_last_of('.'), name.size());
    return "the " + name.substr(dot) + " files";
  }

  // Advice if tensors and configuration do not match.
  std::string advice(const char* more = "") const {
    const auto describes = [&](const NamedTensors& f) { return f.file == layout_.source; };
    if (std::ranges::any_of(files_, describes)) return "the file is damaged: download it again";
    return "use weights and a " + layout_.source + " from the same model" + more;
  }

  // What the files have in place of the tensor.
  Error missing(const std::string& name) const {
    const std::string full = (in_head_ ? prefixes_.outer : prefixes_.body) + name;
    const int n_layers = n_layers_in(recipe_, prefixes_, files_);
    std::string why = all_files() + ": tensor " + quoted_name(full) + " is missing, which " +
                      c_.family + " models have; ";
    if (n_layers > 0 && n_layers < n_groups() && files_.size() == 1)
      return Error{why + "the file has " + std::to_string(n_layers) + " layers, but " +
                   layout_.source + " asks for " + std::to_string(n_groups())};
    const std::string nearest = nearest_tensor(full, files_);
    if (!nearest.empty()) why += "the nearest name is " + quoted_name(nearest) + "; ";
    return Error{why + advice(files_.size() > 1 ? ", and all shards" : "")};
  }

  // The tensor `name` if it has exactly this shape and a supported type; null after an error.
  Place take(const std::string& name, const std::vector<int64_t>& shape) {
    if (error_) return {};
    const Place place = find(name);
    if (!place.tensor) {
      error_ = missing(name);
      return {};
    }
    if (!std::ranges::equal(place.tensor->shape, shape)) {
      error_ = Error{place.file->file + ": tensor " + quoted_name(place.tensor->name) +
                     " has the shape " + shape_text(place.tensor->shape) + ", but " +
                     layout_.source + " requires " + shape_text(shape) + "; " + advice()};
      return {};
    }
    if (const Result<Format> format = format_of(*place.file, *place.tensor); !format) {
      error_ = format.error();
      return {};
    }
    if (counted_.insert(place.tensor).second)  // a norm may serve twice
      plan_.n_parameters +=
          std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies());
    return place;
  }

  Tensor take_vector(const std::string& name, int64_t size) {
    return floats_of(take(name, {size}));
  }

  Tensor floats_of(const Place& place) {
    if (!place.tensor) return {};
    Tensor floats = *to_floats(*place.file, *place.tensor);
    const auto bad = std::ranges::count_if(floats.vec(), [](float x) { return !std::isfinite(x); });
    if (bad > 0) plan_.warnings.push_back(not_finite(place.tensor->name, uint64_t(bad)));
    return floats;
  }

  void fill(const Bind& bind, const std::string& name, Block* block) {
    const Slot& to = bind.target;
    if (to.table) {
      fill_table(to.table, name);
    } else if (to.bias && to.bias != &Weights::unembed_bias) {
      (*plan_.weights).*to.bias = take_rows(name, rows_of(to.bias));
    } else if (to.bias) {
      if (!bind.bias || layout_.*bind.bias) fill_bias(to.bias, name);
    } else if (to.of_layer == &Block::relative_bias) {
      block->relative_bias = floats_of(take(name + ".weight", {c_.n_relative_buckets, c_.n_heads}));
    } else if (to.of_layer) {
      block->*to.of_layer = take_vector(name, c_.n_heads);
    } else if (to.final_norm) {
      if (bind.bias && !(layout_.*bind.bias)) return;
      if (to.final_norm == &Weights::ln_embed && !c_.embed_norm) return;
      const bool narrow = to.final_norm == &Weights::ln_embed && !c_.late_embed_norm;
      fill_norm((*plan_.weights).*to.final_norm, name,
                to.final_norm == &Weights::ln_head ? c_.output_width()
                : narrow && !c_.reads_pictures()   ? c_.embed_width()
                                                   : c_.d_model);
    } else if (to.norm) {
      if (bind.bias && !(layout_.*bind.bias)) return;
      fill_norm(block->*to.norm, name, norm_width(to.norm));
    } else if (to.head && c_.d_embed == 0 &&
               (to.head == &Weights::embed_project || c_.head_activation == Activation::none)) {
      return;
    } else if (to.head == &Weights::embed_project && c_.reads_pictures()) {
      fill_patches(bind, name);
    } else if (to.head) {
      Linear& linear = (*plan_.weights).*to.head;
      const bool inwards = to.head == &Weights::embed_project;
      const int d_out = inwards ? c_.d_model : c_.output_width();
      const Place w = take(name + ".weight", {d_out, inwards ? c_.embed_width() : c_.d_model});
      if (!bind.bias || layout_.*bind.bias) linear.b = take_vector(name + ".bias", d_out);
      want(w, {.parts = {{&linear.w, rows_from(0, d_out)}}});
    } else {
      fill_linear(bind, name, *block);
    }
  }

  void fill_table(Table Weights::* table, const std::string& name) {
    if (table == &Weights::token_types && c_.n_token_types == 0) return;
    if (table == &Weights::positions && c_.position == Position::rotary) return;
    if (table == &Weights::unembed) {
      const Place own = find(name + ".weight");  // a copy of the embedding is not unused
      const bool tied =
          layout_.tied || (layout_.always_tied && (!own.tensor || equals_embed(*own.tensor)));
      plan_.tied = tied && (!own.tensor || own.tensor->bytes.empty() || equals_embed(*own.tensor));
      if (!own.tensor || plan_.tied) return;
      if (layout_.tied)
        plan_.warnings.push_back(layout_.source + ": tie_word_embeddings is true, but " +
                                 quoted_name(own.tensor->name) +
                                 " differs from the embedding; it is used, as in transformers 5");
    } else if (table == &Weights::embed) {
      return fill_embed(name);
    } else if (table == &Weights::positions && c_.position == Position::sinusoid) {
      if (!find(name + ".weight").tensor) return;  // it is computed
    }
    const int64_t rows = table == &Weights::positions       ? c_.first_position + c_.n_ctx
                         : table == &Weights::relative_bias ? c_.n_relative_buckets
                         : table == &Weights::places        ? c_.n_places
                         : table == &Weights::token_types   ? c_.n_token_types
                                                            : c_.d_vocab;
    const bool late = table == &Weights::positions && c_.late_positions;
    const int cols = table == &Weights::relative_bias    ? c_.n_heads
                     : late || table == &Weights::places ? c_.d_model
                                                         : c_.embed_width();
    want(take(name + ".weight", {rows, cols}), {.table = &((*plan_.weights).*table)});
  }

  bool equals_embed(const StoredTensor& other) const {
    return embed_.tensor && std::ranges::equal(other.bytes, embed_.tensor->bytes);
  }

  void fill_embed(const std::string& name) {
    std::string found = name;
    for (const char* const other : recipe_.embed_names)
      if (!has(found)) found = other;
    embed_ = find(found + ".weight");
    if (embed_.tensor) resize(*embed_.tensor);
    for (const char* const other : recipe_.embed_names)  // copies of it are not unused
      if (has(other) && equals_embed(*look(std::string(other) + ".weight").tensor))
        find(std::string(other) + ".weight");
    const Place place =
        take(embed_.tensor ? found + ".weight" : name + ".weight", {c_.d_vocab, c_.embed_width()});
    plan_.shares_embed = place.tensor && shared_ && (shared_ == place.tensor || equals_shared());
    if (!plan_.shares_embed) want(place, {.table = &plan_.weights->embed});
  }
  bool has(const std::string& name) const { return look(name + ".weight").tensor; }
  bool equals_shared() const { return std::ranges::equal(shared_->bytes, embed_.tensor->bytes); }

  // The rows of an embedding that was resized after config.json was written.
  void resize(const StoredTensor& embed) {
    if (embed.shape.size() != 2 || embed.shape[1] != c_.embed_width()) return;
    const int64_t rows = embed.shape[0], off = std::abs(rows - c_.d_vocab);
    if (off == 0 || off > std::min<int64_t>(256, std::max<int64_t>(8, c_.d_vocab / 8))) return;
    plan_.warnings.push_back(quoted_name(embed.name) + " has " + std::to_string(rows) +
                             " rows, but vocab_size in " + layout_.source + " is " +
                             std::to_string(c_.d_vocab) +
                             ": the embedding was resized, and its rows are the vocabulary");
    c_.d_vocab = int(rows);
  }

  int64_t rows_of(Tensor Weights::* tensor) const {
    const Vision& v = c_.vision;
    if (tensor == &Weights::class_token) return 1;
    if (tensor == &Weights::extra_tokens) return v.n_extra;
    return v.n_placed_before() + v.rows() * v.columns();
  }

  // [n, d_model], or the same with dimensions of 1 before, or without that of a single row.
  Tensor take_rows(const std::string& name, int64_t n) {
    const StoredTensor* stored = error_ ? nullptr : find(name).tensor;
    std::vector<int64_t> shape = {n, c_.d_model};
    if (stored && stored->shape.size() == 3) shape.insert(shape.begin(), 1);
    if (stored && stored->shape.size() == 1 && n == 1) shape.erase(shape.begin());
    return floats_of(take(name, shape));
  }

  // The attention of SigLIP's pooling head, an nn.MultiheadAttention.
  void fill_pooling() {
    if (!look("head.probe").tensor) {
      plan_.notes.emplace_back(
          "The weights have no pooling head (head.probe): its attention is not shown");
      return;
    }
    plan_.weights->probe = take_rows("head.probe", 1);
    const int64_t d = c_.d_model;
    const Place w = take("head.attention.in_proj_weight", {3 * d, d});
    const Tensor b = take_vector("head.attention.in_proj_bias", 3 * d);
    WantedTensor wanted;
    for (Linear Block::* const field : {&Block::cross_q, &Block::cross_k, &Block::cross_v}) {
      Linear& linear = plan_.weights->pooling.*field;
      const Rows rows = rows_from(int64_t(wanted.parts.size()) * d, d);
      linear.b = elements(b, rows);
      wanted.parts.push_back({&linear.w, rows});
    }
    want(w, std::move(wanted));
  }

  // The convolution that turns patches into embeddings is a product, for they do not overlap.
  void fill_patches(const Bind& bind, const std::string& name) {
    Linear& linear = (*plan_.weights).embed_project;
    const int side = c_.vision.side;
    const Tensor w = floats_of(take(name + ".weight", {c_.d_model, 3, side, side}));
    if (layout_.*bind.bias) linear.b = take_vector(name + ".bias", c_.d_model);
    if (!error_) linear.w = PackedMatrix::pack(ConstMat(w.data, c_.d_model, c_.d_embed));
  }

  void fill_bias(Tensor Weights::* bias, const std::string& name) {
    if (const Place row = look(name); row.tensor) {  // a buffer, [1, d_vocab]
      if (Place whole = take(name, {1, c_.d_vocab}); whole.tensor)
        (*plan_.weights).*bias =
            elements(*to_floats(*whole.file, *whole.tensor), rows_from(0, c_.d_vocab));
      return;
    }
    if (recipe_.encoder) return;  // which may be left out
    // Two names for one tensor; if both were saved, the decoder's applies.
    const bool decoder = find(name + ".decoder.bias").tensor && (find(name + ".bias"), true);
    (*plan_.weights).*bias = take_vector(name + (decoder ? ".decoder.bias" : ".bias"), c_.d_vocab);
  }

  static bool is_qk_norm(NormWeights Block::* norm) {
    return norm == &Block::q_norm || norm == &Block::k_norm;
  }

  // The weights of every head: in a tensor of its own, or [head, d_head].
  void fill_own_norms(const Bind& bind, const std::string& name, Block& block) {
    const int n = bind.target.norm == &Block::q_norm ? c_.n_heads : c_.n_kv_heads;
    Tensor& gamma = (block.*bind.target.norm).gamma;
    const size_t hole = name.find("{}");
    if (hole == std::string::npos) {
      gamma = floats_of(take(name + ".weight", {n, c_.d_head}));
      return;
    }
    const auto all = std::make_shared<std::vector<float>>();
    for (int head = 0; head < n && !error_; ++head) {
      const std::string one = std::string(name).replace(hole, 2, std::to_string(head));
      const Tensor weights = take_vector(one + ".weight", c_.d_head);
      all->insert(all->end(), weights.vec().begin(), weights.vec().end());
    }
    gamma = {all, all->data(), {int64_t(all->size())}};
  }

  int norm_width(NormWeights Block::* norm) const {
    if (!is_qk_norm(norm)) return c_.d_model;
    const int n = norm == &Block::q_norm ? c_.n_heads : c_.n_kv_heads;
    return c_.qk_norm_whole ? n * c_.d_head : c_.d_head;
  }

  void fill_norm(NormWeights& norm, const std::string& name, int width) {
    // The first BERT checkpoints use TensorFlow's names.
    const bool old = find(name + ".gamma").tensor != nullptr;
    norm.gamma = take_vector(name + (old ? ".gamma" : ".weight"), width);
    if (layout_.norm_plus_one && !norm.gamma.empty()) {
      const auto more = std::make_shared<std::vector<float>>();
      for (const float x : norm.gamma.vec()) more->push_back(x + 1);
      norm.gamma = {more, more->data(), norm.gamma.shape};
    }
    if (c_.norm == Norm::layer_norm && layout_.norm_bias)
      norm.beta = take_vector(name + (old ? ".beta" : ".bias"), width);
  }

  void fill_linear(const Bind& bind, const std::string& name, Block& block) {
    if (bind.is_bias) {
      Linear Block::* const field = bind.target.linear[0];
      (block.*field).b = take_vector(name, sides_of(field, c_).out);
      return;
    }
    int64_t d_out = 0, d_in = 0;
    for (Linear Block::* field : bind.target.linear) {
      if (!field) continue;
      const Sides sides = sides_of(field, c_);
      d_out += sides.out;
      d_in = sides.in;
    }
    const MatrixOrder store = out_in_ ? MatrixOrder::out_in : bind.store;
    const Place w = store == MatrixOrder::in_out ? take(name + ".weight", {d_in, d_out})
                                                 : take(name + ".weight", {d_out, d_in});
    Tensor b;
    if (bind.bias && layout_.*bind.bias) b = take_vector(name + ".bias", d_out);
    const Tensor scale = bind.scale ? take_scale(bind, name, d_out) : Tensor();
    if (error_) return;
    if (!scale.empty()) {
      if (!b.empty()) b = scaled(b, scale);
      if (*format_of(*w.file, *w.tensor) != Format::f32) {  // in which the product would be rounded
        const Tensor floats = scaled(*to_floats(*w.file, *w.tensor), scale);
        block.*bind.target.linear[0] = {PackedMatrix::pack(ConstMat(floats.data, d_out, d_in)), b};
        return;
      }
    }
    WantedTensor wanted{.store = store, .row_scale = scale};
    int64_t first_row = 0;
    for (int i = 0; i < 3 && bind.target.linear[i]; ++i) {
      Linear& linear = block.*bind.target.linear[i];
      Rows rows = rows_from(first_row, sides_of(bind.target.linear[i], c_).out);
      if (bind.fused == Fused::per_group) {
        const int64_t n_q = c_.n_heads / c_.n_kv_heads, n_before = i == 0 ? 0 : n_q + i - 1;
        rows.first = n_before * c_.d_head;
        rows.run = (i == 0 ? n_q : 1) * c_.d_head;
        rows.stride = (n_q + 2) * c_.d_head;
      }
      const auto field = bind.target.linear[i];
      if (layout_.paired_qk && (field == &Block::q || field == &Block::k)) rows.d_head = c_.d_head;
      first_row += rows.n;
      linear.b = elements(b, rows);
      wanted.parts.push_back({&linear.w, rows});
    }
    want(w, std::move(wanted));
  }

  // Of all experts of a layer; `name` still has the hole of the expert if each has its own tensor.
  void fill_experts(const Bind& bind, const std::string& name, Block& block) {
    block.experts.resize(size_t(c_.n_experts));
    const size_t hole = name.find("{}");
    const size_t dot = name.find(".experts.") + 9;
    const std::string all = name.substr(0, dot) + "gate_up_proj";
    const bool has_all = find(all).tensor != nullptr;
    const bool any_single = std::ranges::any_of(recipe_.binds, [](const Bind& b) {
      const std::string_view of = b.name;
      return b.target.expert[0] && of.find("{}") != of.rfind("{}");
    });
    if (hole == std::string::npos)
      return has_all || !any_single ? fill_all_experts(bind, name, block) : void();
    for (int i = 0; !has_all && i < c_.n_experts; ++i) {
      Linear& linear = block.experts[size_t(i)].*bind.target.expert[0];
      const bool out = bind.target.expert[0] == &Expert::out;
      const int64_t d_out = out ? c_.d_model : c_.d_expert, d_in = out ? c_.d_expert : c_.d_model;
      const std::string one = std::string(name).replace(hole, 2, std::to_string(i));
      want(take(one + ".weight", {d_out, d_in}), {.parts = {{&linear.w, rows_from(0, d_out)}}});
    }
  }

  // A tensor [expert, d_out, d_in], or with d_out and d_in exchanged, is taken apart.
  void fill_all_experts(const Bind& bind, const std::string& name, Block& block) {
    if (const Place packed = find(name + "_blocks"); packed.tensor && !error_)
      error_ = Error{packed.file->file + ": tensor " + quoted_name(packed.tensor->name) +
                     " is in MXFP4, which is not supported; " + kWithoutMxfp4};
    const bool out = bind.target.expert[0] == &Expert::out;
    const int n_parts = bind.target.expert[1] ? 2 : 1;
    const int64_t rows = out ? c_.d_model : c_.d_expert, d_out = n_parts * rows;
    const int64_t d_in = out ? c_.d_expert : c_.d_model;
    const bool flipped = bind.store == MatrixOrder::in_out;
    const int64_t first = flipped ? d_in : d_out, second = flipped ? d_out : d_in;
    const Place w = take(name, {c_.n_experts, first, second});
    Tensor b;
    if (bind.bias && layout_.*bind.bias) b = floats_of(take(name + "_bias", {c_.n_experts, d_out}));
    if (error_) return;
    const size_t size = w.tensor->bytes.size() / size_t(c_.n_experts);
    for (int i = 0; i < c_.n_experts; ++i) {
      WantedTensor wanted{.store = bind.store};
      for (int part = 0; part < n_parts; ++part) {
        Linear& linear = block.experts[size_t(i)].*bind.target.expert[part];
        Rows of = rows_from(part * rows, rows);
        if (bind.fused == Fused::in_turn) of = {rows, part, 1, n_parts};
        wanted.parts.push_back({&linear.w, of});
        of.first += i * d_out;
        linear.b = elements(b, of);
      }
      plan_.slices.push_back(std::make_unique<StoredTensor>(
          StoredTensor{w.tensor->name + "[" + std::to_string(i) + "]",
                       w.tensor->dtype,
                       {first, second},
                       w.tensor->bytes.subspan(size_t(i) * size, size)}));
      want({w.file, plan_.slices.back().get()}, std::move(wanted));
    }
  }

  // DINOv2's layer scale, which stands in the same layer.
  Tensor take_scale(const Bind& bind, const std::string& name, int64_t n) {
    const std::string start = bind.name;
    const size_t hole = start.find("{}"), dot = name.find('.', hole);
    return take_vector(name.substr(0, dot + 1) + bind.scale, n);
  }

  // Rows times one number each.
  static Tensor scaled(const Tensor& t, const Tensor& by) {
    const auto copy = std::make_shared<std::vector<float>>(t.vec().begin(), t.vec().end());
    const size_t width = copy->size() / size_t(by.size());
    for (size_t i = 0; i < copy->size(); ++i) (*copy)[i] *= by.data[i / width];
    return {copy, copy->data(), t.shape};
  }

  void want(const Place& place, WantedTensor wanted) {
    if (error_) return;
    wanted.file = size_t(place.file - files_.data());
    wanted.stored = place.tensor;
    plan_.wanted.push_back(std::move(wanted));
  }

  static Rows rows_from(int64_t first, int64_t n) { return {n, first, n, n, 0}; }

  static Tensor elements(const Tensor& t, const Rows& rows) {
    if (t.empty()) return {};
    const auto copy = std::make_shared<std::vector<float>>();
    for (int64_t i = 0; i < rows.n; ++i) copy->push_back(t.data[rows[i]]);
    return {copy, copy->data(), {rows.n}};
  }

  const Recipe& recipe_;
  NamePrefixes prefixes_;
  bool out_in_ = false;   // Layout::out_in, or seen in the files
  bool in_head_ = false;  // Recipe::head is being filled, whose names stand beside the body
  const Layout& layout_;
  Config c_;
  Place embed_;
  const StoredTensor* shared_ = nullptr;  // of an encoder: the decoder's embedding
  std::span<const NamedTensors> files_;
  std::unordered_set<const StoredTensor*> used_, counted_;
  WeightPlan plan_;
  Status error_;
};

}  // namespace

Result<WeightPlan> plan_weights(const Recipe& recipe, const Layout& layout,
                                std::span<const NamedTensors> files) {
  return Binder(recipe, layout, files).run();
}

}  // namespace attn
