// tokenizer_text.cpp - rewrites and splits text while keeping positions.
#include "text/tokenizer_text.h"

#include <algorithm>

#include "base/utf8.h"

namespace attn {

AlignedText AlignedText::of(std::string_view original) {
  AlignedText out;
  out.text = original;
  out.places.reserve(original.size());
  for (size_t at = 0; at < original.size();) {
    const uint32_t begin = uint32_t(at);
    decode_utf8(original, at);
    out.places.resize(at, {begin, uint32_t(at)});
  }
  out.all = {0, uint32_t(original.size())};
  return out;
}

Place AlignedText::place_of(size_t begin, size_t end) const {
  end = std::min(end, places.size());
  if (begin >= end) return {all.begin, all.begin};
  return {places[begin].begin, std::max(places[begin].begin, places[end - 1].end)};
}

AlignedText AlignedText::slice(size_t begin, size_t end) const {
  AlignedText out;
  out.text = text.substr(begin, end - begin);
  out.places.assign(places.begin() + std::ptrdiff_t(begin), places.begin() + std::ptrdiff_t(end));
  out.all = place_of(begin, end);
  return out;
}

void AlignedText::transform(std::span<const Change> changes, size_t n_dropped) {
  if (!may_grow_to(changes.size())) return;
  std::string new_text;
  std::vector<Place> new_places;
  new_text.reserve(text.size());
  new_places.reserve(text.size());
  size_t at = 0;
  const auto skip = [&](size_t n) {
    for (; n > 0 && at < text.size(); --n) decode_utf8(text, at);
  };
  skip(n_dropped);
  for (const Change& change : changes) {
    Place place{all.begin, all.begin};
    if (change.delta > 0 || at >= text.size()) {
      if (at > 0) place = places[at - 1];
    } else {
      place = places[at];
      skip(1 + size_t(-change.delta));
    }
    append_utf8(new_text, change.c);
    new_places.resize(new_text.size(), place);
  }
  text = std::move(new_text);
  places = std::move(new_places);
}

void AlignedText::keep_if(const std::function<bool(char32_t)>& keep) {
  size_t kept = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    if (!keep(decode_utf8(text, at))) continue;
    for (size_t i = begin; i < at; ++i, ++kept) {
      text[kept] = text[i];
      places[kept] = places[i];
    }
  }
  text.resize(kept);
  places.resize(kept);
}

void AlignedText::map(const std::function<char32_t(char32_t)>& f) {
  std::vector<Change> changes;
  bool changed = false;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_utf8(text, at);
    changes.push_back({f(c), 0});
    changed |= changes.back().c != c;
  }
  if (changed) transform(changes);
}

void AlignedText::keep_range(size_t begin, size_t end) {
  text = text.substr(begin, end - begin);
  places.erase(places.begin() + std::ptrdiff_t(end), places.end());
  places.erase(places.begin(), places.begin() + std::ptrdiff_t(begin));
}

void AlignedText::prepend(std::string_view prefix) {
  if (empty() || !may_grow_to(text.size() + prefix.size())) return;
  text.insert(0, prefix);
  places.insert(places.begin(), prefix.size(), places.front());
}

bool AlignedText::may_grow_to(uint64_t size) const {
  constexpr uint64_t kMostTimes = 32, kAlways = 256;
  return size <= kMostTimes * (all.end - all.begin) + kAlways;
}

void cut_pieces(Pieces& pieces, const std::function<void(AlignedText&&, Pieces&)>& cut) {
  Pieces out;
  for (Piece& piece : pieces) {
    if (piece.token >= 0) {
      out.push_back(std::move(piece));
    } else if (!piece.text.empty()) {
      cut(std::move(piece.text), out);
    }
  }
  std::erase_if(out, [](const Piece& piece) { return piece.token < 0 && piece.text.empty(); });
  pieces = std::move(out);
}

namespace {

// A single delimiter between two parts joins the part before it; a second one in a row stands
// alone.
std::vector<Match> merge_with_previous(const std::vector<Match>& matches) {
  std::vector<Match> out;
  bool previous = false;
  for (const Match& match : matches) {
    if (match.is_match && !previous && !out.empty()) {
      out.back().end = match.end;
    } else {
      out.push_back(match);
    }
    previous = match.is_match;
  }
  return out;
}

std::vector<Match> merge_with_next(const std::vector<Match>& matches) {
  std::vector<Match> out;
  bool previous = false;
  for (auto it = matches.rbegin(); it != matches.rend(); ++it) {
    if (it->is_match && !previous && !out.empty()) {
      out.back().begin = it->begin;
    } else {
      out.push_back(*it);
    }
    previous = it->is_match;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<Match> merge_contiguous(const std::vector<Match>& matches) {
  std::vector<Match> out;
  for (const Match& match : matches) {
    if (!out.empty() && out.back().is_match == match.is_match) {
      out.back().end = match.end;
    } else {
      out.push_back(match);
    }
  }
  return out;
}

}  // namespace

void cut_at(const AlignedText& text, std::vector<Match> matches, Delimiter delimiter, Pieces& out) {
  switch (delimiter) {
    case Delimiter::removed:
      std::erase_if(matches, [](const Match& match) { return match.is_match; });
      break;
    case Delimiter::isolated:
      break;
    case Delimiter::merged_with_previous:
      matches = merge_with_previous(matches);
      break;
    case Delimiter::merged_with_next:
      matches = merge_with_next(matches);
      break;
    case Delimiter::contiguous:
      matches = merge_contiguous(matches);
      break;
  }
  for (const Match& match : matches)
    if (match.begin < match.end) out.push_back({text.slice(match.begin, match.end)});
}

std::vector<Match> match_characters(std::string_view text, bool (*f)(char32_t)) {
  std::vector<Match> out;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    if (f(decode_utf8(text, at))) {
      out.push_back({begin, at, true});
    } else if (out.empty() || out.back().is_match) {
      out.push_back({begin, at, false});
    } else {
      out.back().end = at;
    }
  }
  return out;
}

}  // namespace attn
