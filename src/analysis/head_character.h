// head_character.h - what a head does in general: its role on fixed texts, the probe of a model.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "analysis/head_role.h"
#include "model/model.h"

namespace attn {

// A role, and the score on the probe that decided it. Role::nothing: none.
struct ProbeRole {
  Role role = Role::nothing;
  const HeadScore* score = nullptr;
  float value = 0, baseline = 0;  // over all keys, the first one too; `baseline` of uniform weights
  int rank = 0;  // 1: no head has a higher score; 0: all heads have the same, so there is no place
  bool on_random = false;  // decided on random tokens, repeated, rather than on natural text
};

// Induction and duplicates are decided on random tokens, repeated; the rest on natural text, and
// positions only where they hold on the random tokens as well.
struct HeadCharacter {
  ProbeRole main;
  // What else it does. For a head that copies, a sink is decided on the rows with nothing to copy,
  // by the same lift as other roles (kRoleShare).
  ProbeRole other;
  float evenness =
      -1;  // entropy of the natural text, as a share of the highest possible; < 0: unknown

  bool has_role() const { return main.role != Role::nothing; }
  // No role, because it attends almost evenly to everything.
  bool is_even() const { return !has_role() && evenness >= kBroadShare; }
};

// A role that was decided without the first token needs at least this lift with it.
constexpr float kLeastShare = .2f;

struct HeadCharacters {
  int n_layers = 0, n_heads = 0;
  int n_random = 0, n_text = 0;  // tokens of the probe: r + r, and natural text; 0: not possible
  std::vector<HeadCharacter> heads;  // [layer, head]

  int size() const { return n_layers * n_heads; }
  const HeadCharacter& at(int layer, int head) const {
    return heads[size_t(layer * n_heads + head)];
  }
  // Null where these are of a model that has no such head.
  const HeadCharacter* find(int layer, int head) const {
    return layer < n_layers && head < n_heads ? &at(layer, head) : nullptr;
  }
};

// The head to begin with: that with the highest score of the most telling role there is, induction
// before the previous token before duplicates before other positions and marks, sinks last; 0, 0
// where no head has a role.
Site worth_seeing(const HeadCharacters& all);

// The probe: r + r with r of min(kProbeLength, n_ctx / 2) tokens drawn from kProbeSeed, and a text
// of a dozen sentences, as many of them as fit; where tokens see what follows, as three paragraphs.
constexpr int kProbeLength = 64, kMostProbeTokens = 256;
constexpr uint32_t kProbeSeed = 1;
std::vector<std::string> probe_texts(bool causal);

// Makes the characters of all heads of a model, in steps as short as those of a pass. Not started
// before the first step; the steps may be spread over several jobs.
class ModelProbe {
 public:
  explicit ModelProbe(std::shared_ptr<const Model> model);
  ~ModelProbe();
  // Beside the weights, at most; known before anything is allocated.
  static uint64_t bytes_needed(const Config& config);

  int n_steps() const;                           // about
  bool step();                                   // false: it is finished
  std::shared_ptr<const HeadCharacters> take();  // after the last step

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// All steps at once.
std::shared_ptr<const HeadCharacters> probe(std::shared_ptr<const Model> model);

// What heads give the first token in rows that have nothing to copy: mean of A[i, 0] over rows
// whose token did not occur before.
struct Rests {
  std::vector<double> sums;     // [layer, head]
  std::vector<int> n_rows;      // [layer]
  std::vector<double> uniform;  // [layer] the sums for uniform attention

  void add(const Attention& a, int sample);  // of a pass that collected facts
};

// The characters that follow from two tables (of role_scores); either may be null.
HeadCharacters characters(const HeadTable* random, const HeadTable* text, const Rests& rests);

}  // namespace attn
