#include "trace/edit.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "trace/activations.h"
#include "trace/attention.h"

namespace attn {

namespace {

Error no(std::string message) { return Error{"Edit of a head: " + std::move(message)}; }

std::string up_to(int n) {
  return n > 0 ? ", and there are only 0 to " + std::to_string(n - 1) : ", and there are none";
}

Status check_rect(const CellRect& r, const Attention& a) {
  const auto fits = [](int from, int to, int n) { return 0 <= from && from <= to && to < n; };
  if (!fits(r.q0, r.q1, a.n_query))
    return no("queries " + std::to_string(r.q0) + " to " + std::to_string(r.q1) + up_to(a.n_query));
  if (!fits(r.k0, r.k1, a.n_key))
    return no("keys " + std::to_string(r.k0) + " to " + std::to_string(r.k1) + up_to(a.n_key));
  return {};
}

Status check_source(const Activations* from, const Attention& a) {
  if (!from) return no("replace needs the activations of another pass");
  if (from->n != a.n_query)
    return no("the other pass read " + std::to_string(from->n) + " tokens, this text has " +
              std::to_string(a.n_query) + "; both must have as many");
  if (int(from->layers.size()) != a.n_layers || from->d_q != a.n_heads * a.d_head)
    return no("the other pass is of a model with other layers or heads");
  return {};
}

}  // namespace

bool changes_cells(const Edits& edits) {
  return std::ranges::any_of(edits, [](const Edit& e) { return e.kind == Edit::Kind::cells; });
}

Status check_edits(const Edits& edits, const Attention& a) {
  for (const Edit& edit : edits) {
    const Site& at = edit.at;
    if (at.part != 0) return no("part " + std::to_string(at.part) + up_to(1));
    if (at.layer < 0 || at.layer >= a.n_layers)
      return no("layer " + std::to_string(at.layer) + up_to(a.n_layers));
    if (at.head < 0 || at.head >= a.n_heads)
      return no("head " + std::to_string(at.head) + up_to(a.n_heads));
    switch (edit.kind) {
      case Edit::Kind::off:
        break;
      case Edit::Kind::scale:
        if (!std::isfinite(edit.by)) return no("the factor must be a number");
        break;
      case Edit::Kind::replace:
        if (Status e = check_source(edit.from.get(), a)) return e;
        break;
      case Edit::Kind::cells:
        if (!(edit.by >= 0 && edit.by <= 1))
          return no("a weight must be 0 to 1, not " + std::to_string(edit.by));
        if (Status e = check_rect(edit.rect, a)) return e;
        break;
    }
  }
  return {};
}

}  // namespace attn
