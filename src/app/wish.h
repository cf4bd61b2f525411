// wish.h - something the state needs that is missing: its key, and the job that makes it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "app/kept.h"
#include "app/learn.h"
#include "app/measures.h"
#include "app/reading.h"
#include "app/shown.h"
#include "app/tiles.h"
#include "app/worker.h"

namespace attn {

struct WantedModel {
  std::string id;
  bool operator==(const WantedModel&) const = default;
};
struct WantedTrace {
  TraceKey key;
  int layer = 0;  // that must be kept
  bool operator==(const WantedTrace&) const = default;
};
struct WantedMap {
  MapKey key;
  bool operator==(const WantedMap&) const = default;
};
// The next strip of tiles. Without its place: a strip in progress is finished even if the view
// moves.
struct WantedTiles {
  MapKey key;
  bool operator==(const WantedTiles&) const = default;
};
struct WantedMeasures {
  SampleKey of;
  std::vector<MeasureKey> keys;
  bool roles = false;  // also of all heads, once the measures are made
  bool operator==(const WantedMeasures&) const = default;
};
struct WantedReading {
  ReadKey key;
  bool operator==(const WantedReading&) const = default;
};
struct WantedChapter {
  ChapterKey key;
  bool operator==(const WantedChapter&) const = default;
};
// The next part of the thumbnails.
struct WantedGrid {
  SampleKey key;
  bool operator==(const WantedGrid&) const = default;
};
// The next of the heads that the wall shows enlarged.
struct WantedSharp {
  SharpKey key;
  bool operator==(const WantedSharp&) const = default;
};
// What the heads of a model do in general; wanted last of all.
struct WantedCharacters {
  std::shared_ptr<const Model> model;
  bool operator==(const WantedCharacters&) const = default;
};
// Nothing, or one of these.
using Wanted =
    std::variant<std::monostate, WantedModel, WantedTrace, WantedMap, WantedTiles, WantedReading,
                 WantedMeasures, WantedChapter, WantedGrid, WantedSharp, WantedCharacters>;

struct Wish {
  Wanted wanted;
  std::function<Job()> job;
  bool at_once = false;  // takes about a millisecond: made within the frame that asks for it
};

}  // namespace attn
