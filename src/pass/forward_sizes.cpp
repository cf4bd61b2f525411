// forward_sizes.cpp - memory that is reckoned before it is taken, and what forbids a pass.
#include "pass/forward_sizes.h"

#include <cmath>

#include "pass/position_bias.h"
#include "pass/rope.h"
#include "tensor/parallel.h"
#include "trace/attention_block.h"

namespace attn {

int64_t room_for(const Config& c, int64_t n) {
  return std::max<int64_t>(n, std::min<int64_t>(c.n_ctx, n + std::max<int64_t>(32, n / 8)));
}

uint64_t activation_floats(const Config& c, uint64_t n_tokens) {
  const uint64_t n_wide = c.norm_place == NormPlace::post ? 4 : 2;  // rows of d_model a layer
  const uint64_t d_q = uint64_t(c.n_heads) * uint64_t(c.d_head);
  return n_tokens *
         (uint64_t(c.n_layers) * (n_wide * uint64_t(c.d_model) + d_q) + uint64_t(c.d_model));
}

Attention attention_of(const Config& c, int n) {
  Attention a;
  a.part = c.mask == Mask::causal ? Part::decoder_self : Part::encoder_self;
  a.n_layers = c.n_layers;
  a.n_heads = c.n_heads;
  a.n_kv_heads = c.n_kv_heads;
  a.d_head = c.d_head;
  a.n_query = a.n_key = n;
  a.scale = float(c.attn_scale > 0 ? c.attn_scale : 1 / std::sqrt(double(c.d_head)));
  for (int layer = 0; c.scale_by_layer && layer < c.n_layers; ++layer)
    a.scales.push_back(a.scale / float(layer + 1));
  a.cap = float(c.score_cap);
  a.place_rows = place_rows(c, n);
  a.mask = c.mask;
  for (int layer = 0; !c.local_layers.empty() && layer < c.n_layers; ++layer)
    a.reaches.push_back(c.is_local(layer) ? c.reach : INT_MAX);
  return a;
}

Attention cross_attention_of(const Config& c, int n, int n_source) {
  Attention a = attention_of(c, n);
  a.part = Part::cross;
  a.mask = Mask::none;
  a.reaches.clear();
  a.n_key = n_source;
  return a;
}

Attention pooling_of(const Config& c, int n) {
  Attention a = cross_attention_of(c, 1, n);
  a.part = Part::pooling;
  a.n_layers = 1;
  return a;
}

int n_rotations(const Config& c) {
  if (c.position != Position::rotary) return 0;
  const auto n_local = std::ranges::count(c.local_layers, true);
  return c.rope_local_theta > 0 && n_local > 0 && n_local < c.n_layers ? 2 : 1;
}

bool has_padding(const Tokens& tokens) {
  return std::ranges::any_of(tokens.items, &Token::padding);
}

bool tells_facts(const Keep& keep) { return keep.facts && !changes_cells(keep.edits); }

bool keeps(const Keep& keep, int layer) {
  return keep.layers.empty() || keep.layers[size_t(layer)];
}

Sizes::Sizes(const Config& c, uint64_t n, const Keep& keep, uint64_t n_source) {
  const uint64_t d = uint64_t(c.d_model), room = uint64_t(room_for(c, int64_t(n)));
  const uint64_t d_q = uint64_t(c.n_heads) * uint64_t(c.d_head);
  const uint64_t d_kv = uint64_t(c.n_kv_heads) * uint64_t(c.d_head);
  chunk = std::min<uint64_t>(std::max(n, n_source), kChunkRows);
  normed = chunk * (d * (c.writes_apart() ? 2 : 1) + uint64_t(c.d_embed));
  packed = chunk * std::max({d, d_q, uint64_t(c.d_mlp), uint64_t(c.d_embed)});
  flat = chunk * (d_q + 2 * d_kv);
  z = chunk * d_q;
  hidden = chunk * uint64_t(c.d_mlp);
  gate = c.gated_mlp ? hidden : 0;
  // The rows of an expert are packed beside their originals.
  experts = chunk * uint64_t(c.n_experts) +
            chunk * uint64_t(c.n_active_experts) *
                (d + std::max(d, uint64_t(c.d_expert)) + 2 * uint64_t(c.d_expert));
  angles = n * uint64_t(c.rope_dims) * uint64_t(n_rotations(c));
  const Attention a = attention_of(c, int(std::min<uint64_t>(n, INT32_MAX)));
  const uint64_t n_places = uint64_t(a.n_place_rows());
  scores = uint64_t(attend_floats(a));
  layer = room * (d_q + 2 * d_kv) + n_places * d_q * uint64_t(c.place_keys + c.place_queries);
  bias = c.n_relative_buckets > 0 || c.alibi ? 2 * n * uint64_t(c.n_heads) : 0;
  bias *= c.relative_by_layer ? uint64_t(c.n_layers) : 1;
  bias += n_places * d + a.place_rows.size();
  facts = tells_facts(keep) ? room * uint64_t(c.n_heads) * kRowFacts : 0;
  resid = room * d;
  activations = keep.activations ? activation_floats(c, n) : 0;
  logits = c.has_logits ? (keep.all_logits ? n : 1) * uint64_t(c.n_outputs()) : 0;
  pooling = c.pools ? d_q + 2 * n * d_kv + uint64_t(c.n_heads) * kRowFacts : 0;
  cross = 0;
  if (n_source == 0) return;
  cross = room * d_q + 2 * n_source * d_kv + facts;
  const int most = int(std::min<uint64_t>(n, INT32_MAX)), keys = int(n_source);
  scores = std::max(scores, uint64_t(attend_floats(cross_attention_of(c, most, keys))));
}

int n_reusable(const Model& model, const Tokens& tokens, const Trace& before, const Keep& keep) {
  if (before.made_by.lock().get() != &model || model.config.mask != Mask::causal) return 0;
  const Attention& a = before.own();
  const std::vector<Token>& old = a.query_tokens[0].items;
  if (!a.allowed.empty() || has_padding(tokens) || keep.activations || a.edits != keep.edits ||
      (tells_facts(keep) && a.facts.empty()))
    return 0;
  const auto angles = [&](int n) { return rope_radians(model.config, 0, n); };
  if (model.config.position == Position::rotary && angles(a.n_query) != angles(tokens.size()))
    return 0;  // they depend on the length of the text
  for (int l = 0; l < a.n_layers; ++l) {
    if (!a.is_kept(l) || !keeps(keep, l)) return 0;
  }
  const size_t most = std::min(old.size(), tokens.items.size());
  size_t same = 0;
  // Of unknown tokens the ids are equal and the text is not, which the facts of rows read.
  const auto equal = [](const Token& x, const Token& y) {
    return x.id == y.id && x.type == y.type && x.shown == y.shown;
  };
  if (tokens.source &&
      !std::ranges::equal(before.parts[0].query_tokens[0].items, tokens.source->items, equal))
    return 0;
  while (same < most && equal(old[same], tokens.items[same])) ++same;
  return int(same);
}

namespace {

// Whether there are tokens, and the model has room for them and knows them.
Status check_tokens(const Model& model, const Tokens& tokens) {
  const bool is_picture = tokens.patches != nullptr;
  if (is_picture != model.config.reads_pictures())
    return Error{model.name + (is_picture
                                   ? " reads text, not pictures: give a text"
                                   : " reads pictures, not text: give a PNG or JPEG picture")};
  if (is_picture && tokens.size() > model.config.n_ctx)
    return Error{"The picture has " + std::to_string(tokens.size()) + " patches, but " +
                 model.name + " reads at most " + std::to_string(model.config.n_ctx) +
                 ": take a smaller one"};
  if (tokens.items.empty()) {
    return Error{"The text is empty: type something for the model to read"};
  }
  if (tokens.size() > model.config.n_ctx) {
    return Error{"The text has " + std::to_string(tokens.size()) + " tokens, but " + model.name +
                 " reads at most " + std::to_string(model.config.n_ctx) + ": shorten it"};
  }
  for (size_t i = 0; i < tokens.items.size(); ++i) {
    if (is_picture) break;  // patches have no ids
    const Token& token = tokens.items[i];
    const int n_types = model.config.n_token_types;
    if (n_types > 0 && token.type >= n_types)
      return Error{"tokenizer.json: token " + std::to_string(i) + " of the text is of type " +
                   std::to_string(token.type) + ", but type_vocab_size of config.json is " +
                   std::to_string(n_types) + "; take the tokenizer.json of this model"};
    if (token.id >= 0 && token.id < model.config.d_vocab) continue;
    return Error{"tokenizer.json: token " + std::to_string(i) + " of the text has the number " +
                 std::to_string(token.id) + ", but the model knows only " +
                 std::to_string(model.config.d_vocab) +
                 "; take the tokenizer.json that came with the weights"};
  }
  return {};
}

}  // namespace

Status ForwardPass::check(const Model& model, const Tokens& tokens, const Edits& edits) {
  if (model.encoder) {
    if (!edits.empty()) return Error{"Heads of encoder–decoders cannot be changed yet"};
    if (!tokens.source)
      return Error{model.name + " has an encoder and a decoder, and needs a text for either"};
    if (Status wrong = check_tokens(*model.encoder, *tokens.source)) return wrong;
  }
  if (Status wrong = check_tokens(model, tokens)) return wrong;
  const uint64_t n = uint64_t(tokens.size()), masked = has_padding(tokens) ? n * n : 0;
  if (const uint64_t bytes =
          bytes_needed(model.config, tokens.size(), {}, tokens.n_source()) + masked;
      bytes > PTRDIFF_MAX) {
    return Error{"The text has " + std::to_string(tokens.size()) + " tokens, for which " +
                 model.name + " needs " + human_bytes(bytes) +
                 ", more than there can be here: shorten it"};
  }
  return check_edits(edits, attention_of(model.config, tokens.size()));
}

uint64_t ForwardPass::bytes_needed(const Config& c, int n_tokens, const Keep& keep, int n_source) {
  const Sizes s(c, uint64_t(n_tokens), keep, uint64_t(n_source));
  uint64_t n_layers = 0;  // at once; one that is not kept is there while it is at work
  for (int l = 0; l < c.n_layers; ++l) n_layers += keeps(keep, l);
  n_layers = std::min(uint64_t(c.n_layers), n_layers + 1);
  const uint64_t buffers = s.normed + s.packed + s.flat + s.z + s.hidden + s.gate + s.experts +
                           s.angles + s.bias + s.scores * uint64_t(n_threads());
  const uint64_t last = (keep.all_logits || c.labels.at == ReadAt::mean ? uint64_t(n_tokens) : 1) *
                        uint64_t(std::max(c.d_model, c.d_embed));
  const uint64_t trace = n_layers * s.layer + uint64_t(c.n_layers) * (s.facts + s.cross) +
                         s.pooling + s.resid + s.logits + s.activations;
  const uint64_t encoded = uint64_t(n_source) * uint64_t(c.d_model);
  const uint64_t source = c.encoder ? bytes_needed(*c.encoder, n_source, {.facts = keep.facts}) : 0;
  return (buffers + 2 * last + trace + encoded) * sizeof(float) + source;
}

uint64_t ForwardPass::bytes_a_layer(const Config& c, int n_tokens) {
  return Sizes(c, uint64_t(n_tokens), {}).layer * sizeof(float);
}

}  // namespace attn
