// recipe.h - describes a model family: its configuration fields and tensor names.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "files/named_tensors.h"
#include "model/model.h"

namespace attn {

// The configuration fields of a model and their file: config.json, or the weights file whose
// metadata holds them. Errors name that file.
struct ConfigSource {
  Json json;
  std::string file = "config.json";
  bool in_weights = false;  // `file` is that of the weights

  // The model_type of a model of text and pictures whose text_config or vision_config this is; ""
  // for none.
  std::string wrapper = {};
  Json outer = {};  // its configuration
  Json twin = {};   // text_config_dict or vision_config_dict beside it, which transformers prefers

  ConfigSource(Json config) : json(std::move(config)) {}
  ConfigSource(Json metadata, std::string weights)
      : json(std::move(metadata)), file(std::move(weights)), in_weights(true) {}
};

// The configuration, translated to Config.
struct Layout {
  Config config;
  std::string source = "config.json";  // the file of the configuration, for errors
  bool tied = false;                   // the unembedding is the embedding
  bool qkv_bias = false, o_bias = false, mlp_bias = false;
  bool qk_norm = false;                       // Block::q_norm and k_norm
  bool norm_plus_one = false;                 // files have the weights of norms minus 1
  bool mlp_norm = true, shared_norm = false;  // before the MLP: its own, or the attention's
  bool one_norm = true, two_norms = false;    // Falcon's names of those before both
  bool final_norm = true;                     // behind the last layer
  bool norms_writes = false;                  // GLM-4: Block::ln_attn_out and ln_mlp_out
  bool norm_bias = true;                      // of layer norms
  bool patch_bias = true, class_token = true, extra_tokens = false;  // of pictures
  bool swiglu = false;                                               // names of DINOv2's gated MLP
  bool first_norm = true;                      // false: layer 0 has no norm before its attention
  bool head_bias = true, unembed_bias = true;  // of a masked-LM head
  bool embed_norm = false;                     // Weights::ln_embed, where families differ
  bool plain_mlp = true, gated_mlp = false;    // names of those with and without a gate
  bool relative_by_layer = false;              // Block::relative_bias
  // DeBERTa: positions in the embeddings, Weights::places, ln_places, Block::place_k and place_q,
  // and which of the names the masked-LM head has.
  bool placed_input = true, places = false, norms_places = false;
  bool own_place_k = false, own_place_q = false, newer_head = false;
  bool always_tied = false;         // without a head in the files, the unembedding is the embedding
  std::shared_ptr<Layout> encoder;  // of Recipe::encoder
  // ALBERT: which of the layers in the files each layer is, and how many a group of names has.
  std::vector<int> stored_layers;  // [n_layers]; empty: one for each
  int group_layers = 1;
  // Files as FileFormat::join leaves them: matrices that a recipe has [d_in, d_out] are [d_out,
  // d_in], and rows of each head's q and k may be in the order of pairs.
  bool out_in = false, paired_qk = false;
  Json fields;  // the configuration as it was read, for heads of labels; null: these are left out
  std::vector<std::string> warnings, notes;  // as in Model
};

// The fields that hold sizes, as most families name them.
struct SizeFields {
  const char* d_model = "hidden_size";
  const char* n_layers = "num_hidden_layers";
  const char* n_heads = "num_attention_heads";
  const char* d_mlp = "intermediate_size";
  const char* n_ctx = "max_position_embeddings";
  const char* n_kv_heads = nullptr;  // null: as many as queries have
  const char* d_head = nullptr;      // null: always d_model / n_heads
  int d_head_else = 0;               // where that field is absent; 0: d_model / n_heads
  // Where the fields are absent; 0: an error, of n_kv_heads as many as n_heads.
  int d_model_else = 0, n_layers_else = 0, d_mlp_else = 0;
  int n_heads_else = 0, n_kv_heads_else = 0, n_ctx_else = 0, d_vocab_else = 0;
  int mlp_ratio = 0;  // of d_mlp to d_model where it has no field (d_mlp null) or that is absent
};

// Where the settings of rotary positions are outside of rope_parameters, and their defaults.
struct RotaryFields {
  const char* theta_key = "rope_theta";
  const char* fraction_key = nullptr;  // null: the whole head
  double fraction = 1, theta = 10000;
  bool any_is_longrope = false;  // "su" and "yarn" mean longrope
  int original_n_ctx = 0;  // original_max_position_embeddings goes before that in rope_parameters,
                           // and is this where it is absent; 0: only where it is written
  const char* local_theta_key = nullptr;  // of layers with a window, if they have their own
  double local_theta = 0;
};

// Reads fields one by one and keeps only the first error, so that readers need no checks in
// between. Null counts as absent.
class ConfigFields {
 public:
  explicit ConfigFields(ConfigSource source) : source_(std::move(source)) {}

  // Whole numbers from 1 to `most`. Without a default, absence is an error.
  int size(const char* key, int most, std::optional<int> otherwise = {});
  // Those of `c`; each head has d_model / n_heads dimensions unless a field says otherwise.
  void sizes(Config& c, const SizeFields& names = {});
  double positive(const char* key, std::optional<double> otherwise = {});
  bool flag(const char* key, bool otherwise);
  Activation activation(const char* key, const char* otherwise);
  // Whether the field is there, be it null.
  bool written(std::string_view key) const;
  // An error where is_causal is no truth value; false: tokens attend to later ones, too.
  void causal(Config& c);
  // Config::local_layers from layer_types; false: the field is absent.
  bool layer_types(Config& c);
  // Config::writes, where the fields are absent as in `otherwise`.
  void writing(Config& c, const Writing& otherwise);
  // Config::reach, after causal(): of `size` keys up to the query's own, or on either side.
  void window(Config& c, int size);
  // The angles of rotary positions into `c`, from all the places where transformers has kept them.
  // rope_scaling, unless it is empty, goes before rope_parameters; what neither has comes from the
  // fields. What is left unused is noted.
  void rotary(Config& c, const RotaryFields& fields = {});

  void fail(const std::string& what);  // "config.json: " + what, unless something failed before
  const Json& json() const { return source_.json; }
  const Status& error() const { return error_; }
  // The layout, or the error; takes the notes along.
  Result<Layout> take(Layout layout);
  void note(const std::string& what) { notes_.push_back(source_.file + ": " + what); }

 private:
  void scaled_rotary(Config& c, const Json& rope, const char* place, bool any_is_longrope);
  std::vector<float> factors(const char* key, int n);
  void amplitude(Config& c);

  std::vector<std::string> notes_;
  ConfigSource source_;
  Status error_;
};

// Upper limits on configurations, checked before anything is allocated.
constexpr int kMostWidth = 65536, kMostLayers = 1000, kMostHeads = 1024, kMostHeadSize = 4096;
constexpr int kMostHidden = 1 << 20, kMostPositions = 1 << 24, kMostVocabulary = 1 << 24;

// What is known of a field of config.json.
enum class FieldUse {
  read,      // by the family's reader, which checks its value
  harmless,  // changes no pattern, logit or name
  refused,   // asks for something that is not computed, unless it has its neutral value
  said,      // transformers does not read it for this class, but it claims something: noted
};

struct FieldRow {
  std::string_view name;
  FieldUse use = FieldUse::harmless;
  // The value that asks for nothing: true, false, a word, "empty" for [] and {}, "=NAME" for the
  // value of another field, "=d_head" for hidden_size / num_attention_heads, "full" for a list of
  // "full_attention" only. Null counts as absent.
  std::string_view neutral = {};
  std::string_view what = {};  // what other values ask for: "cross-attention"
};

enum class MatrixOrder { out_in, in_out };  // [d_out, d_in] as nn.Linear, or GPT-2's transpose
// All of q, then k, then v; or for each KV head the q of its heads, then k, then v; or a row of
// each in turn.
enum class Fused { one_by_one, per_group, in_turn };

// The destination of a tensor.
struct Slot {
  constexpr Slot(Table Weights::* t) : table(t) {}
  constexpr Slot(Tensor Weights::* b) : bias(b) {}
  constexpr Slot(Tensor Block::* s) : of_layer(s) {}
  constexpr Slot(NormWeights Weights::* n) : final_norm(n) {}
  constexpr Slot(NormWeights Block::* n) : norm(n) {}
  constexpr Slot(Linear Block::* a, Linear Block::* b = nullptr, Linear Block::* c = nullptr)
      : linear{a, b, c} {}
  constexpr Slot(Linear Weights::* l) : head(l) {}
  constexpr Slot(Linear Expert::* a, Linear Expert::* b = nullptr) : expert{a, b} {}

  Table Weights::* table = nullptr;
  Tensor Weights::* bias = nullptr;
  Tensor Block::* of_layer = nullptr;  // the sinks under their name alone
  NormWeights Weights::* final_norm = nullptr;
  NormWeights Block::* norm = nullptr;
  Linear Block::* linear[3] = {};  // more than one where they are fused
  Linear Weights::* head = nullptr;
  Linear Expert::* expert[2] = {};
};

struct Bind {
  // Before ".weight" and ".bias", without the recipe's prefix; {} is the layer, or two of them are
  // its group and its place there. Of experts the second is the expert; without it the tensor is
  // that of all, [expert, …], under the name alone, and goes before those of single experts.
  const char* name;
  Slot target;
  bool Layout::* bias = nullptr;  // whether there is one; null: never in a layer, else always.
                                  // Of a norm in a layer: whether there is the norm; null: yes
  MatrixOrder store = MatrixOrder::out_in;
  Fused fused = Fused::one_by_one;
  const char* scale = nullptr;  // a vector by which the outputs are multiplied
  bool Layout::*when = nullptr, Layout::*unless = nullptr;  // whether it is there at all
  bool is_bias = false;  // the name is that of the bias, whose weights another row has
};

struct Renamed {
  const char *name, *also;
};

struct Recipe {
  const char* model_type;  // as the configuration names the family
  const char* class_name;  // that the names of its classes in transformers begin with: "Bert"
  Result<Layout> (*layout)(const ConfigSource& config);  // null: of an encoder that is never alone
  std::span<const Bind> binds;
  const char* prefix;                         // optional prefix of names: "model."
  std::span<const char* const> ignored = {};  // name endings that are not weights: ".inv_freq"
  // The output head, if the family may be saved without one: bound if the files have a weight or
  // bias of its first name, else the model has no logits.
  std::span<const Bind> head = {};
  std::span<const FieldRow> fields = {}, more_fields = {};  // beside common_fields()
  // Of a decoder: the names of the encoder that its layers read.
  const Recipe* encoder = nullptr;
  // Where the embedding may stand too; the first that is there is taken.
  std::span<const char* const> embed_names = {};
  const char* renamed[2] = {};   // a part of names, and what newer files have in its place
  const char* angles = nullptr;  // how the name of a tensor ends that has the angles of rotation
  std::span<const Renamed> also_named = {};  // parts of names that may be written otherwise
};
// Gives tensors the names of the recipe where they have the others.
void rename_tensors(const Recipe& recipe, std::vector<NamedTensors>& files);

// All families. To add one, write recipe_x.cpp and add a row.
std::span<const Recipe* const> recipes();
// The text_config of a model of text and pictures, if its model_type is supported; of CLIP and
// SigLIP the vision_config, unless `reads_text`.
ConfigSource unwrapped(const ConfigSource& config, bool reads_text = false);
// Whether it is of CLIP or SigLIP, which have a part that reads pictures and one that reads text.
bool has_two_towers(const Json& config);
// By the configuration's model_type, or the class in `architectures` where that is missing; the
// error names the supported families, and the most similar type.
Result<const Recipe*> find_recipe(const ConfigSource& config);

// What a known type that is not supported has in place of attention that is computed here; "" where
// the type is not known.
std::string_view why_not(std::string_view model_type);

// The fields of every configuration of transformers, the settings of text generation among them.
std::span<const FieldRow> common_fields();

// Whether the configuration leaves the row's field out, or gives it a neutral value.
bool is_neutral(const Json& config, const FieldRow& row);

using FieldTables = std::span<const std::span<const FieldRow>>;
// Goes through all fields of a file: an error for the first that is refused, and sentences for
// those that are unknown, or that `reader` does not use. The first row of a name counts.
Status check_rows(FieldTables tables, const Json& config, const std::string& file,
                  const std::string& reader, std::vector<std::string>& notes);
// The same of a model's configuration: an error for the first that is refused, and
// sentences for those that are said or unknown.
Status check_fields(const Recipe& recipe, const ConfigSource& config,
                    std::vector<std::string>& notes);
// The recipe's layout, after check_fields(), whose sentences join its notes.
Result<Layout> read_layout(const Recipe& recipe, const ConfigSource& config);

// Rows of a tensor in runs of equal length: first, first + 1, … first + run - 1, first + stride, …
struct Rows {
  int64_t n = 0, first = 0, run = 1, stride = 1;
  // Of a head, where the file has dimensions i and i + d_head / 2 side by side; 0: it has not.
  int64_t d_head = 0;
  int64_t operator[](int64_t i) const {
    if (d_head > 0) {
      const int64_t in_head = i % d_head, half = d_head / 2;
      i += in_head % half * 2 + in_head / half - in_head;
    }
    return first + i / run * stride + i % run;
  }
};

// left right [n_rows, n_cols], which an adapter adds to a matrix as its file has it.
struct LowRank {
  std::vector<float> left, right;  // [n_rows, rank], [rank, n_cols]
  int64_t n_rows = 0, rank = 0, n_cols = 0;
  bool rounded = false;  // to the matrix's format before it is added, as PEFT does for embeddings
};

// A matrix in the files that is not packed yet: a table, or one or more linear layers.
struct WantedTensor {
  struct Part {
    PackedMatrix* to = nullptr;
    Rows rows;  // of W [d_out, d_in], which the file has transposed where MatrixOrder::in_out
  };
  size_t file = 0;  // its place among the files
  const StoredTensor* stored = nullptr;
  Table* table = nullptr;
  std::vector<Part> parts;
  MatrixOrder store = MatrixOrder::out_in;
  std::shared_ptr<const LowRank> added;  // to its numbers, before they are packed
  Tensor row_scale;                      // by which its rows are multiplied; of f32 only
};

// Finds every tensor of the recipe in the files and checks shapes and types against the
// configuration. Vectors are copied; matrices are left to pack_weights.h, which requires that
// `files` stay in place.
struct WeightPlan {
  std::unique_ptr<Weights> weights;  // with the layers that the files have
  std::vector<int> stored_layers;    // as in Layout
  std::vector<WantedTensor> wanted;
  std::vector<std::unique_ptr<const StoredTensor>> slices;  // of tensors, which `wanted` points to
  bool tied = false;                                        // unembed shares the memory of embed
  bool shares_embed = false;                                // so does the encoder's embed
  int64_t n_parameters = 0;
  int d_vocab = 0;   // rows of the embedding
  LabelHead labels;  // in place of a vocabulary, where they have names
  std::vector<float>
      angles;  // of each pair of rotated dimensions; empty: those of the configuration
  std::vector<std::string> warnings, notes;  // as in Model
  Status unused;  // the layers have tensors that are not used; the plan works without them
};
Result<WeightPlan> plan_weights(const Recipe& recipe, const Layout& layout,
                                std::span<const NamedTensors> files);

// What to do with experts of gpt-oss in 4 bits.
inline constexpr const char* kWithoutMxfp4 =
    "save the model in BF16 with transformers: AutoModelForCausalLM.from_pretrained(…, "
    "quantization_config=Mxfp4Config(dequantize=True)).save_pretrained(…)";

// Says that `n` numbers of a tensor are NaN or infinite, and what follows.
std::string not_finite(std::string_view tensor, uint64_t n);

// The same, with all matrices packed into new memory.
struct Bound {
  Weights weights;
  bool tied = false;
  int64_t n_parameters = 0;
  std::vector<std::string> warnings, notes;
};
// An error, too, where the layers have tensors that are not used.
Result<Bound> bind_weights(const Recipe& recipe, const Layout& layout,
                           std::span<const NamedTensors> files);

// What vision transformers share.
Layout read_vision_fields(ConfigFields& in, SizeFields sizes, int patch, double eps,
                          const char* activation = "gelu");
// What BERT shares with families that came from it: the configuration's fields, and what is known
// of them.
Layout read_bert_fields(ConfigFields& in, const char* activation = "gelu");
std::span<const FieldRow> bert_fields();
// The same for Llama.
struct LlamaDefaults {
  SizeFields sizes = {.n_kv_heads = "num_key_value_heads", .d_head = "head_dim"};
  RotaryFields rotary = {};
  bool tied = false;
  const char* activation_key = "hidden_act";
  const char* activation = "silu";
  double norm_eps = 1e-6;
};
Layout read_llama_fields(ConfigFields& in, const LlamaDefaults& otherwise = {});
std::span<const FieldRow> llama_fields();
// Windows of all layers where `sliding_window` is written and not null; `otherwise` where it is
// not written, 0: none.
void read_windows(ConfigFields& in, Config& c, int otherwise);

// Each in the file of its family; recipes.cpp has the list.
extern const Recipe kAlbert;                                             // recipe_albert.cpp
extern const Recipe kBert, kRoberta, kCamembert, kXlmRoberta, kElectra;  // recipe_bert.cpp
extern const Recipe kDeberta, kDebertaV2;                                // recipe_deberta.cpp
extern const Recipe kDistilBert;                                         // recipe_distilbert.cpp
extern const Recipe kGpt2;                                               // recipe_gpt2.cpp
extern const Recipe kLlama, kMistral, kQwen2, kQwen3, kSmolLm3;          // recipe_llama.cpp
extern const Recipe kGlm, kGlm4;                                         // recipe_glm.cpp
extern const Recipe kMixtral, kQwen3Moe, kOlmoe, kGptOss;                // recipe_moe.cpp
extern const Recipe kGranite, kOlmo2, kPhi3, kEuroBert;                  // recipe_llama.cpp
extern const Recipe kGemma, kGemma2, kGemma3Text;                        // recipe_gemma.cpp
extern const Recipe kBigCode, kGptJ, kGptNeo, kOpt;                      // recipe_gpt.cpp
extern const Recipe kCohere, kPhi, kStableLm, kStarCoder2;               // recipe_phi.cpp
extern const Recipe kBloom, kFalcon, kMpt;                               // recipe_alibi.cpp
extern const Recipe kModernBert;                                         // recipe_modernbert.cpp
extern const Recipe kNomicBert, kGte, kJinaV3, kEsm;                     // recipe_rotary_bert.cpp
extern const Recipe kMpnet;                                              // recipe_mpnet.cpp
extern const Recipe kDeit, kDinov2, kDinov2Registers, kVit;              // recipe_vit.cpp
extern const Recipe kClipVision, kSiglipVision;                          // recipe_clip.cpp
extern const Recipe kClipText, kSiglipText;                              // recipe_clip.cpp
extern const Recipe kGptNeoX;                                            // recipe_gpt_neox.cpp
extern const Recipe kT5, kMt5, kUmt5;                                    // recipe_t5.cpp
extern const Recipe kBart, kMbart, kMarian, kPegasus, kM2m100;           // recipe_bart.cpp

}  // namespace attn
