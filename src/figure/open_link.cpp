#include "figure/open_link.h"

#include <algorithm>
#include <utility>

#include "analysis/measure.h"
#include "analysis/regroup.h"
#include "figure/views.h"
#include "state/look.h"

namespace attn {

Link open_link(std::string_view query, const State& defaults) {
  Link link = read_link(query, defaults);
  State& state = link.state;
  if (const Status no = unknown_view(state)) {
    link.faults.push_back(no->message);
    state.view = defaults.view;
  }
  const auto check = [&](const char* key, std::string State::* member) {
    const std::string& id = state.*member;
    if (id.empty() || find_metric(id)) return;
    link.faults.push_back(std::string("link: ") + key + " must be the id of a measure, not \"" +
                          shortened(id) + "\"; choose one in the menu");
    state.*member = defaults.*member;
  };
  check("measure", &State::measure);
  check("versus", &State::versus);
  check("show", &State::show);
  check("strip", &State::strip);
  if (const auto spans = read_spans(state.spans); !spans) {
    link.faults.push_back("link: " + spans.error().message);
    state.spans = defaults.spans;
  }
  if (!state.look.empty() && !read_look(state.look)) {
    link.faults.push_back(
        "link: look must be the first and last key and query in view, such as "
        "2-0-10-8, not \"" +
        shortened(state.look) + "\"");
    state.look = defaults.look;
  }
  return link;
}

std::string link_notice(const Link& link) {
  constexpr size_t kMost = 3;
  const size_t n = link.faults.size();
  if (n == 0) return "";
  std::string notice;
  for (size_t i = 0; i < std::min(n, kMost); ++i) notice += link.faults[i] + "; ";
  if (n > kMost) notice += "and " + std::to_string(n - kMost) + " more; ";
  return notice + "the rest of the link is shown";
}

}  // namespace attn
