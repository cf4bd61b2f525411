// head_role.h - what a head does: one short name and its confidence, by stated thresholds, with the
// sink set aside.
#pragma once

#include <vector>

#include "analysis/head_scores.h"

namespace attn {

enum class Role {
  previous_token,
  next_token,
  self,
  induction,
  duplicate_token,
  sink,
  special,
  punctuation,
  broad,
  block,
  nothing
};

struct HeadRole {
  Role role = Role::nothing;
  Text name, sentence;
  float confidence = 0;  // 0 .. 1; for `nothing`, the distance of all scores from their thresholds
  const HeadScore* score = nullptr;  // the one that decided; null for `nothing`
  float value = 0, baseline = 0;     // of that score
};

// Every score is turned into its lift, (score - uniform) / (1 - uniform), uniform attention under
// the same mask being 0. A head that puts more than kSinkShare of its lift on the first token is a
// sink, whatever else it does with the rest.
constexpr float kSinkShare = .5f;
// Of the others, by scores without the sink. A position or a copy: the highest lift of at least
constexpr float kRoleShare = .4f;
// Else special tokens or punctuation marks, as Clark et al. 2019 label them, but by lift
constexpr float kMarksShare = .6f;
// Else broad, by normalised entropy, with the sink (their 3.8 nats are .78 for 128 tokens)
constexpr float kBroadShare = .8f;
// Else block, by pattern_class(). Scores over fewer rows than this are ignored.
constexpr int kLeastRows = 4;

// "Induction", "First-token sink".
Text role_name(Role role);
// The scores that roles are decided by; those of r + r only where the period is known.
// Of cross-attention, those that are meant for two texts.
std::vector<const HeadScore*> role_scores(bool with_period, bool cross = false);
// A role's score of one head: the first of its scores that the table has counts of. None: no rows.
struct RoleShare {
  const HeadScore* score = nullptr;
  float value = 0, baseline = 0;
  double squares = 0;  // their mean, of scores that keep them
  float lift() const { return baseline < 1 ? (value - baseline) / (1 - baseline) : 0; }
};
RoleShare role_share(const HeadTable& table, Role role, Sink sink, int layer, int head);
// Whether all rows of a head, over all samples, are of sentences that keep to themselves.
bool is_block(const HeadTable& table, int layer, int head);
// From a table with at least some of those scores; roles whose scores are missing are not found.
HeadRole head_role(const HeadTable& table, int layer, int head);

}  // namespace attn
