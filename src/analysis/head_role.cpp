#include "analysis/head_role.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace attn {

namespace {

struct RoleRow {
  Role role;
  Text name, sentence;
  std::vector<const char*> scores = {};  // the first one that the table has counts
};

const std::vector<RoleRow>& role_rows() {
  static const std::vector<RoleRow> kRows = {
      {
          .role = Role::previous_token,
          .name = {"Previous token", "前一个词元"},
          .sentence = {"Each token attends to the one just before it",
                       "每个词元关注紧邻的前一个词元"},
          .scores = {"previous_token"},
      },
      {
          .role = Role::next_token,
          .name = {"Next token", "后一个词元"},
          .sentence = {"Each token attends to the one just after it",
                       "每个词元关注紧邻的后一个词元"},
          .scores = {"next_token"},
      },
      {
          .role = Role::self,
          .name = {"Itself", "自身"},
          .sentence = {"Each token attends to itself", "每个词元关注自身"},
          .scores = {"self"},
      },
      {
          .role = Role::induction,
          .name = {"Induction", "归纳"},
          .sentence =
              {"A token that stood earlier in the text attends to what followed it there, so "
               "the model can repeat it",
               "先前出现过的词元会关注当时紧随其后的词元，使模型得以重复它"},
          .scores = {"induction_stripe", "induction_mass"},
      },
      {
          .role = Role::duplicate_token,
          .name = {"Duplicate token", "重复词元"},
          .sentence = {"A token that stood earlier in the text attends to its earlier copies",
                       "先前出现过的词元会关注它先前的副本"},
          .scores = {"duplicate_stripe", "duplicate_mass"},
      },
      {
          .role = Role::sink,
          .name = {"First-token sink", "首词元汇聚"},
          .sentence = {"Most attention rests on the first token, which usually means that the head "
                       "has nothing to do here",
                       "大部分注意力停放在首个词元上，通常说明这个头在这里无事可做"},
          .scores = {"first_token"},
      },
      {
          .role = Role::special,
          .name = {"Special tokens", "特殊词元"},
          .sentence = {"Most attention goes to tokens that stand for no text",
                       "大部分注意力落在不代表文本的词元上"},
          .scores = {"special"},
      },
      {
          .role = Role::punctuation,
          .name = {"Punctuation", "标点"},
          .sentence = {"Most attention goes to punctuation marks", "大部分注意力落在标点上"},
          .scores = {"punctuation"},
      },
      {
          .role = Role::broad,
          .name = {"Broad", "分散"},
          .sentence = {"Attention is spread almost evenly over everything that may be seen",
                       "注意力几乎均匀地分布在所有可见的词元上"},
          .scores = {"entropy_share"},
      },
      {
          .role = Role::block,
          .name = {"Own sentence", "本句"},
          .sentence = {"Each token attends to its own sentence", "每个词元关注自己所在的句子"},
          .scores = {"pattern_class"},
      },
      {
          .role = Role::nothing,
          .name = {"Nothing found", "未发现"},
          .sentence = {"It does none of the things that are looked for, at least in this text",
                       "至少在这段文本中，没有做任何被检测的事"},
      },
  };
  return kRows;
}

}  // namespace

Text role_name(Role role) {
  for (const RoleRow& row : role_rows())
    if (row.role == role) return row.name;
  return {};
}

std::vector<const HeadScore*> role_scores(bool with_period, bool cross) {
  std::vector<const HeadScore*> out;
  for (const RoleRow& row : role_rows()) {
    for (const char* id : row.scores) {
      const HeadScore* score = find_head_score(id);
      if (score && (with_period || !score->by_period) && (!cross || score->across))
        out.push_back(score);
    }
  }
  return out;
}

RoleShare role_share(const HeadTable& table, Role role, Sink sink, int layer, int head) {
  for (const char* id : role_rows()[size_t(role)].scores) {
    for (size_t s = 0; s < table.scores.size(); ++s) {
      if (std::string_view(id) != table.scores[s]->metric.id) continue;
      const Mean& mean = table.means[table.at(s, sink, layer, head)];
      if (mean.n < kLeastRows) continue;
      return {table.scores[s], table.scores[s]->value(mean), table.baseline(s, sink, layer),
              mean.squares / double(mean.n)};
    }
  }
  return {};
}

bool is_block(const HeadTable& table, int layer, int head) {
  const RoleShare block = role_share(table, Role::block, Sink::without, layer, head);
  // In all samples: the mean of other classes may be the same.
  constexpr double kBlock = double(PatternClass::block);
  return block.score && block.value == float(kBlock) && block.squares == kBlock * kBlock;
}

HeadRole head_role(const HeadTable& table, int layer, int head) {
  const auto& rows = role_rows();
  const auto row_of = [&](Role role) -> const RoleRow& { return rows[size_t(role)]; };
  const auto found = [&](Role role, Sink sink) {
    return role_share(table, role, sink, layer, head);
  };
  const auto named = [&](Role role, const RoleShare& f, float confidence) {
    const RoleRow& row = row_of(role);
    return HeadRole{role,    row.name, row.sentence, std::clamp(confidence, 0.f, 1.f),
                    f.score, f.value,  f.baseline};
  };
  const RoleShare sink = found(Role::sink, Sink::with);
  if (std::isnan(sink.value)) {
    HeadRole broken = named(Role::nothing, {}, 0);
    broken.sentence = {"Its weights are not numbers (NaN)", "它的权重不是数（NaN）"};
    return broken;
  }
  if (sink.lift() >= kSinkShare) return named(Role::sink, sink, sink.lift());

  float nearest = sink.lift() / kSinkShare;
  Role best = Role::nothing;
  RoleShare by;
  for (const Role role : {Role::induction, Role::duplicate_token, Role::previous_token,
                          Role::next_token, Role::self}) {
    const RoleShare f = found(role, Sink::without);
    nearest = std::max(nearest, f.lift() / kRoleShare);
    if (f.lift() < kRoleShare || f.lift() <= by.lift()) continue;
    best = role;
    by = f;
  }
  if (best != Role::nothing) return named(best, by, by.lift());
  for (const Role role : {Role::special, Role::punctuation}) {
    const RoleShare f = found(role, Sink::without);
    nearest = std::max(nearest, f.lift() / kMarksShare);
    if (f.lift() >= kMarksShare) return named(role, f, f.lift());
  }
  const RoleShare broad = found(Role::broad, Sink::with);
  if (broad.value >= kBroadShare) return named(Role::broad, broad, broad.value);
  if (is_block(table, layer, head))
    return named(Role::block, found(Role::block, Sink::without), .5f);
  return named(Role::nothing, {}, 1 - std::min(1.f, nearest));
}

}  // namespace attn
