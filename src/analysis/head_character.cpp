#include "analysis/head_character.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "analysis/head_facts.h"
#include "pass/forward.h"
#include "text/random_tokens.h"

namespace attn {

namespace {

constexpr int kLeastRandom = 4;  // tokens; a repetition of fewer says nothing
// In a vocabulary of fewer than this times the tokens drawn, tokens repeat by themselves: copies
// are then wherever the same token stood before, not on one diagonal.
constexpr int kDistinct = 8;

// Names that return, quotations, lists, questions and numbers.
constexpr std::array<const char*, 3> kParagraphs = {
    "On Monday morning Mrs. Alice Green took her brother Thomas to the old market in London. "
    "They bought bread, apples, cheese and a small clock. "
    "\"Is the clock for Thomas?\" asked the man at the door. ",
    "\"No,\" said Alice Green, \"it is for our father, who has lost his watch twice this year.\" "
    "The man smiled, and he wrote the name of their father on a card. "
    "After that the children walked along the river, over the bridge and past the church. ",
    "It rained a little; the streets were empty, and nobody was at the market any more. "
    "When Alice and Thomas came home, their father stood at the door with his watch in his hand! "
    "\"I found it in the garden,\" he said, \"but I like the clock better than the watch.\"",
};

bool all_equal(const std::vector<float>& values) {
  const auto [low, high] = std::ranges::minmax(values);
  return !(high - low > 1e-6f);
}

// One table of the probe, and the place of a head in it.
struct Source {
  const HeadTable* table;
  bool is_random;

  RoleShare share(Role role, Sink sink, int layer, int head) const {
    return table ? role_share(*table, role, sink, layer, head) : RoleShare{};
  }
  float lift(Role role, Sink sink, int layer, int head) const {
    return share(role, sink, layer, head).lift();
  }
  ProbeRole named(Role role, int layer, int head) const {
    const RoleShare f = share(role, Sink::with, layer, head);
    ProbeRole out{role, f.score, f.value, f.baseline, 0, is_random};
    const auto at = std::ranges::find(table->scores, f.score);
    if (role == Role::block || at == table->scores.end()) return out;
    const std::vector<float> values = table->values(size_t(at - table->scores.begin()));
    if (!all_equal(values))
      out.rank = 1 + int(std::ranges::count_if(values, [&](float v) { return v > f.value; }));
    return out;
  }
};

bool copies(Role role) { return role == Role::induction || role == Role::duplicate_token; }

struct Judge {
  Source random, text;
  const Rests& rests;
  int n_heads;

  const Source& source(Role role) const {
    return copies(role) ? random : text.table ? text : random;
  }
  // The lift of a role; 0 for positions unless both texts show it.
  float lift(Role role, Sink sink, int layer, int head) const {
    const Source& by = source(role);
    const float lift = by.lift(role, sink, layer, head);
    if (&by == &random || !random.table) return lift;
    return random.lift(role, sink, layer, head) >= kLeastShare ? lift : 0;
  }

  // The sink of a head that copies; nothing where it does not rest.
  ProbeRole rest(int layer, int head) const {
    const size_t l = size_t(layer);
    if (rests.n_rows.empty() || rests.n_rows[l] < kLeastRows) return {};
    std::vector<double> means;
    for (size_t i = 0; i < rests.sums.size(); ++i)
      means.push_back(rests.sums[i] / std::max(1, rests.n_rows[i / size_t(n_heads)]));
    const double mean = means[size_t(layer * n_heads + head)];
    ProbeRole out{Role::sink, find_head_score("first_token"), float(mean),
                  float(rests.uniform[l] / rests.n_rows[l])};
    if (out.value - out.baseline < kRoleShare * (1 - out.baseline)) return {};
    const auto [low, high] = std::ranges::minmax(means);
    if (high - low > 1e-6)
      out.rank = 1 + int(std::ranges::count_if(means, [&](double m) { return m > mean; }));
    return out;
  }

  HeadCharacter of(int layer, int head) const {
    constexpr Role kDoing[] = {Role::induction, Role::duplicate_token, Role::previous_token,
                               Role::next_token, Role::self};
    HeadCharacter out;
    if (const RoleShare broad = text.share(Role::broad, Sink::with, layer, head); broad.score)
      out.evenness = broad.value;
    const auto named = [&](Role role) { return source(role).named(role, layer, head); };
    // Roles by their lift, the highest first, of those that `fits` accepts.
    const auto ranked = [&](Sink sink, auto&& fits) {
      std::vector<std::pair<float, Role>> found;
      for (const Role role : kDoing)
        if (fits(role)) found.emplace_back(lift(role, sink, layer, head), role);
      std::ranges::stable_sort(found, [](auto& a, auto& b) { return a.first > b.first; });
      return found;
    };
    const bool sinks = source(Role::sink).lift(Role::sink, Sink::with, layer, head) >= kSinkShare;
    const auto with =
        ranked(Sink::with, [&](Role r) { return lift(r, Sink::with, layer, head) >= kRoleShare; });
    const auto without = ranked(Sink::without, [&](Role r) {
      return lift(r, Sink::with, layer, head) >= kLeastShare &&
             lift(r, Sink::without, layer, head) >= kRoleShare;
    });
    if (!with.empty()) {
      out.main = named(with[0].second);
      if (copies(out.main.role))
        out.other = rest(layer, head);
      else if (sinks)
        out.other = named(Role::sink);
      if (out.other.role == Role::nothing && with.size() > 1) out.other = named(with[1].second);
      return out;
    }
    if (sinks) {
      out.main = named(Role::sink);
      if (!without.empty()) out.other = named(without[0].second);
      return out;
    }
    if (!without.empty()) {
      out.main = named(without[0].second);
      if (copies(out.main.role)) out.other = rest(layer, head);
      return out;
    }
    for (const Role role : {Role::special, Role::punctuation}) {
      if (text.lift(role, Sink::without, layer, head) < kMarksShare ||
          text.lift(role, Sink::with, layer, head) < kLeastShare)
        continue;
      out.main = named(role);
      return out;
    }
    if (out.evenness < kBroadShare && text.table && is_block(*text.table, layer, head))
      out.main = named(Role::block);
    return out;
  }
};

}  // namespace

void Rests::add(const Attention& a, int sample) {
  if (int(a.facts.size()) != a.n_layers) return;
  sums.resize(size_t(a.n_layers * a.n_heads));
  n_rows.resize(size_t(a.n_layers));
  uniform.resize(size_t(a.n_layers));
  std::optional<HeadContext> c;
  for (int layer = 0; layer < a.n_layers; ++layer) {
    if (!c || a.reach(layer) != a.reach(c->layer)) c.emplace(a, sample, layer, 0, 0);
    for (int q = 0; q < a.n_query; ++q) {
      if (c->n_seen(q) < 2 || c->n_copies(q) > 0 || !c->sees(q, 0)) continue;
      ++n_rows[size_t(layer)];
      uniform[size_t(layer)] += 1. / c->n_seen(q);
      for (int head = 0; head < a.n_heads; ++head)
        sums[size_t(layer * a.n_heads + head)] +=
            double(a.facts[size_t(layer)].head(int64_t(sample) * a.n_heads + head)(q, kFirst));
    }
  }
}

HeadCharacters characters(const HeadTable* random, const HeadTable* text, const Rests& rests) {
  HeadCharacters out;
  const HeadTable* any = random ? random : text;
  if (!any) return out;
  out.n_layers = any->n_layers;
  out.n_heads = any->n_heads;
  const Judge judge{{random, true}, {text, false}, rests, any->n_heads};
  for (int layer = 0; layer < out.n_layers; ++layer)
    for (int head = 0; head < out.n_heads; ++head) out.heads.push_back(judge.of(layer, head));
  return out;
}

std::vector<std::string> probe_texts(bool causal) {
  if (!causal) return {kParagraphs.begin(), kParagraphs.end()};
  std::string all;
  for (const char* paragraph : kParagraphs) all += paragraph;
  return {all};
}

struct ModelProbe::Impl {
  struct Text {
    Tokens tokens;
    int period = 0;
  };

  std::shared_ptr<const Model> model;
  bool begun = false;
  std::vector<Text> texts = {};
  size_t at = 0;  // of texts
  std::optional<ForwardPass> pass = {};
  std::optional<Trace> trace = {};
  std::optional<HeadTable> random = {}, text = {};
  std::unique_ptr<HeadTableWork> work = {};
  Rests rests = {};
  int n_random = 0, n_text = 0;

  // As many whole sentences as fit, else as many tokens.
  Tokens fitting(std::string words) const {
    const int most = std::min(kMostProbeTokens, model->config.n_ctx);
    for (;;) {
      Tokens tokens = model->tokenizer->encode(words);
      if (tokens.size() <= most) return tokens;
      while (!words.empty() && words.back() == ' ') words.pop_back();
      const size_t end = words.substr(0, words.empty() ? 0 : words.size() - 1).rfind(". ");
      if (end == std::string::npos || end < 40) {
        tokens.items.resize(size_t(std::max(0, most)));
        return tokens;
      }
      words.resize(end + 1);
    }
  }
  void begin() {
    if (model->encoder) return;  // the probe's texts are for models that read one
    const Config& c = model->config;
    const int length = std::min(kProbeLength, c.n_ctx / 2);
    if (length >= kLeastRandom) {
      if (auto tokens = random_repeat(model->tokenizer.get(), c.d_vocab, length, kProbeSeed)) {
        n_random = tokens->size();
        texts.push_back({std::move(*tokens), length});
      }
    }
    if (model->tokenizer && !model->reads_ids)
      for (std::string& words : probe_texts(c.mask == Mask::causal))
        texts.push_back({fitting(std::move(words)), 0});
    std::erase_if(texts, [&](const Text& t) {
      return t.tokens.size() == 0 || ForwardPass::check(*model, t.tokens);
    });
    for (const Text& t : texts) n_text += t.period ? 0 : t.tokens.size();
  }
  bool step() {
    if (!std::exchange(begun, true)) {
      begin();
      return !texts.empty();
    }
    if (at == texts.size()) return false;
    Text& now = texts[at];
    if (!pass && !trace) {
      pass.emplace(model, now.tokens);
      return true;
    }
    if (pass) {
      if (pass->step()) return true;
      trace.emplace(pass->take());
      pass.reset();
      if (!now.period || !model->tokenizer || model->reads_ids) rests.add(trace->parts[0], 0);
      const bool copies_apart = model->config.d_vocab >= kDistinct * now.period;
      std::optional<HeadTable>& table = now.period ? random : text;
      if (!table) table.emplace(role_scores(now.period > 0 && copies_apart), trace->parts[0]);
      work = std::make_unique<HeadTableWork>(*table, model.get(), trace->parts[0],
                                             HeadQuestion{0, now.period});
      return true;
    }
    if (work->step()) return true;
    work.reset();
    trace.reset();
    return ++at < texts.size();
  }
};

ModelProbe::ModelProbe(std::shared_ptr<const Model> model)
    : impl_(new Impl{.model = std::move(model)}) {}
ModelProbe::~ModelProbe() = default;

uint64_t ModelProbe::bytes_needed(const Config& config) {
  return ForwardPass::bytes_needed(config, std::min(kMostProbeTokens, config.n_ctx), {});
}

int ModelProbe::n_steps() const { return 400 * std::max(1, impl_->model->config.n_layers) / 4; }

bool ModelProbe::step() { return impl_->step(); }

std::shared_ptr<const HeadCharacters> ModelProbe::take() {
  const auto table = [](std::optional<HeadTable>& t) { return t ? &*t : nullptr; };
  HeadCharacters made = characters(table(impl_->random), table(impl_->text), impl_->rests);
  made.n_random = impl_->n_random;
  made.n_text = impl_->n_text;
  return std::make_shared<const HeadCharacters>(std::move(made));
}

std::shared_ptr<const HeadCharacters> probe(std::shared_ptr<const Model> model) {
  ModelProbe probe(std::move(model));
  while (probe.step()) {
  }
  return probe.take();
}

Site worth_seeing(const HeadCharacters& all) {
  constexpr Role kTelling[] = {Role::induction,   Role::previous_token, Role::duplicate_token,
                               Role::next_token,  Role::self,           Role::special,
                               Role::punctuation, Role::block,          Role::sink};
  for (const Role role : kTelling) {
    int best = -1;
    for (int at = 0; at < all.size(); ++at) {
      const ProbeRole& is = all.heads[size_t(at)].main;
      if (is.role == role && (best < 0 || is.value > all.heads[size_t(best)].main.value)) best = at;
    }
    if (best >= 0) return {0, best / all.n_heads, best % all.n_heads};
  }
  return {};
}

}  // namespace attn
