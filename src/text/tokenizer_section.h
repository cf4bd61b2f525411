// tokenizer_section.h - sections of a tokenizer.json, and lookup of the kinds in them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/tokenizer_records.h"
#include "text/tokenizer_steps.h"

namespace attn {

// The section's JSON, and its name for errors: "tokenizer.json: normalizer".
struct Section {
  Json json;
  std::string where;

  Error wrong(std::string_view field, std::string_view what) const {
    return Error{where + " " + std::string(field) + " " + std::string(what)};
  }
  bool flag(std::string_view key, bool otherwise) const {
    return json.at(key).boolean().value_or(otherwise);
  }
  std::string text(std::string_view key, std::string_view otherwise) const {
    return std::string(json.at(key).text().value_or(otherwise));
  }
};

// null is the empty function: nothing to do.
Result<Normalizer> read_normalizer(const Section& section);
Result<PreTokenizer> read_pre_tokenizer(const Section& section);
Result<PostProcessor> read_post_processor(const Section& section);
Result<Decoder> read_decoder(const Section& section);
Result<SubwordRecords> read_subword_records(const Section& section);
// {"piece": id, ...}
Result<SubwordRecords> read_piece_ids(const Section& vocab, SubwordKind kind);

// One row of a table of kinds; `read` gives the step that `section` describes.
template <class Step>
struct StepKind {
  const char* name;
  Result<Step> (*read)(const Section& section);
};

template <class Step>
Result<Step> read_step(std::span<const StepKind<Step>> kinds, const Section& section) {
  if (section.json.is_null()) return Step{};
  const std::string type = section.text("type", "");
  std::string known;
  for (const StepKind<Step>& kind : kinds) {
    if (type == kind.name) return kind.read(section);
    known += (known.empty() ? "" : ", ") + std::string(kind.name);
  }
  return Error{section.where + " kind " + json_quote(type.substr(0, 40)) +
               " is not supported; the supported kinds are " + known};
}

// The steps listed under `key`, each read by `read`.
template <class Step>
Result<std::vector<Step>> read_sequence(const Section& section, std::string_view key,
                                        Result<Step> (*read)(const Section&)) {
  const Json list = section.json.at(key);
  constexpr size_t kMostSteps = 64;
  if (!list.is_array() || list.size() > kMostSteps)
    return section.wrong(key, "must be a list of at most 64 steps; correct it");
  std::vector<Step> steps;
  for (size_t i = 0; i < list.size(); ++i) {
    if (list.at(i).is_null()) continue;
    Result<Step> step = read({list.at(i), section.where});
    if (!step) return step.error();
    steps.push_back(std::move(*step));
  }
  return steps;
}

}  // namespace attn
