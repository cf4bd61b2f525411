// label_output.h - what a head of labels says of a text, as tables or JSON.
#pragma once

#include <span>
#include <string>

#include "model/model.h"
#include "state/language.h"
#include "trace/trace.h"

namespace attn {

// `trace` has the logits of all tokens, if the labels are of tokens; `top` labels or answers are
// listed, in JSON every label.
std::string labels_as_text(const Model& model, const Trace& trace, int top, Lang lang);
std::string labels_as_json(const Model& model, const Trace& trace, int top,
                           std::span<const std::string> notes);

}  // namespace attn
