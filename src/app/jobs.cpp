#include "app/jobs.h"

#include <algorithm>
#include <atomic>
#include <optional>

#include "files/read_picture.h"
#include "model/picture_input.h"
#include "pass/forward.h"
#include "pass/generate.h"
#include "text/continue_text.h"
#include "text/random_tokens.h"

namespace attn {
namespace {

// `shortest`: what a text of a few tokens needs.
Error too_much(Lang lang, uint64_t bytes, const Room& room, uint64_t shortest) {
  const std::string left = human_bytes(room.with_release);
  if (shortest <= room.with_release)
    return Error{tr(lang, "The text is too long for the available memory: it needs ",
                    "文本过长，可用内存不足：需要 ") +
                 human_bytes(bytes) + tr(lang, ", but only ", "，仅剩 ") + left +
                 tr(lang, " is free; shorten the text", "；请缩短文本")};
  return Error{tr(lang, "The weights of this model take ", "该模型的权重占用 ") +
               human_bytes(room.model) + tr(lang, " of the ", "，可用内存共 ") +
               human_bytes(room.limit) +
               tr(lang, " of memory that may be used, and what is left, ", "，剩余的 ") + left +
               tr(lang,
                  ", is not enough for any text; open a smaller model, or this one in the desktop "
                  "program",
                  " 不足以处理任何文本；请打开较小的模型，或用桌面程序打开该模型")};
}

// Bytes of inputs, outputs and everything between, without the module itself.
uint64_t bytes_needed(const ScratchSettings& s) {
  const auto d = uint64_t(std::max(0, s.d_model)), n = uint64_t(s.tokens.size()),
             batch = uint64_t(std::max(0, s.n_samples));
  const uint64_t allowed = s.mask == ScratchMask::none ? 0 : batch * n * n;
  return (9 * batch * n * d + 4 * d * d) * sizeof(float) + allowed;
}

// `keep` with the layers whose q, k and v fit in memory, nearest to `layer` first; nothing where
// none does.
std::optional<Keep> keep_what_fits(const Config& c, int n_tokens, int n_source, int layer,
                                   Keep keep, uint64_t room) {
  for (int n = c.n_layers; n > 0; --n) {
    if (ForwardPass::bytes_needed(c, n_tokens, keep, n_source) <= room) return keep;
    const int first = std::clamp(layer - (n - 1) / 2, 0, c.n_layers - n + 1);
    keep.layers.assign(size_t(c.n_layers), false);
    std::fill_n(keep.layers.begin() + first, n - 1, true);
  }
  return {};
}

Cuts cuts_that_fit(const Model& model, const Tokens& tokens) {
  const int most = model.config.n_ctx;
  return {cut_to_fit(*model.tokenizer, tokens, most, false).size(),
          cut_to_fit(*model.tokenizer, tokens, most, true).size()};
}

// The trace that shares the longest beginning with the text; null when there is none.
std::shared_ptr<const Trace> most_reusable(const std::vector<std::shared_ptr<const Trace>>& earlier,
                                           const Model& model, const Tokens& tokens,
                                           const Keep& keep) {
  std::shared_ptr<const Trace> best;
  int most = 0;
  for (const auto& trace : earlier) {
    const int n = n_reusable(model, tokens, *trace, keep);
    if (n > most) best = trace;
    most = std::max(most, n);
  }
  return best;
}

}  // namespace

Job load_job(LoadWish wish, Lang lang,
             std::function<void(LoadResult, std::vector<File> refused)> done) {
  auto load = std::make_shared<ModelLoad>(std::move(wish.files), std::move(wish.name));
  load->ignore_unused(wish.ignore_unused);
  load->read_text(wish.read_text);
  return {tr(lang, "Loading the model", "正在加载模型"), load->n_steps(),
          [load] { return load->step(); },
          [load, done] {
            LoadResult result = load->take();
            done(std::move(result),
                 load->refused_unused() ? load->take_files() : std::vector<File>());
          }};
}

Job scratch_job(ScratchSettings settings, Room room, Lang lang,
                std::function<void(MadeTrace)> done) {
  auto made = std::make_shared<std::optional<MadeTrace>>();
  const auto make = [lang, room](const ScratchSettings& s) -> MadeTrace {
    const uint64_t bytes = bytes_needed(s);
    if (bytes > room.room) return {too_much(lang, bytes, room, 0), bytes <= room.with_release};
    Result<ScratchRun> run = run_scratch(s);
    if (!run) return {run.error()};
    auto kept = std::make_shared<const ScratchRun>(std::move(*run));
    return {TracePair{kept->trace, kept, nullptr}};
  };
  return {tr(lang, "Computing", "正在计算"), 1,
          [settings = std::move(settings), made, make] {
            made->emplace(make(settings));
            return false;
          },
          [made, done] { done(std::move(**made)); }};
}

Job forward_job(ForwardWish wish, Lang lang, std::function<void(MadeTrace)> done) {
  struct Work {
    ForwardWish wish;
    Lang lang;
    std::shared_ptr<std::atomic<int>> n_steps = std::make_shared<std::atomic<int>>(1000);
    std::shared_ptr<const Trace> before;
    std::optional<TextReading> reading;
    std::optional<Tokens> tokens;
    std::optional<Generation> generation;  // of an encoder–decoder without a typed target
    std::optional<ForwardPass> pass;
    std::optional<MadeTrace> made;

    Result<Tokens> patches() const {
      const Model& model = *wish.model;
      if (wish.picture.bytes.size() == 0) return picture_tokens(model, example_picture(), "");
      const Result<Picture> picture = read_picture(wish.picture);
      if (!picture) return picture.error();
      return picture_tokens(model, *picture, std::string(base_name(wish.picture.name)));
    }
    // The first steps: tokenize, then check that the pass fits in memory.
    bool tokenize() {
      const Model& model = *wish.model;
      if (wish.repeat > 0 && model.encoder) {
        made.emplace(MadeTrace{
            Error{tr(lang, "Repeated random tokens are for models without an encoder; type a text",
                     "重复的随机词元不适用于带编码器的模型；请输入文本")}});
        return false;
      }
      if (model.config.reads_pictures()) {
        Result<Tokens> read = patches();
        if (!read) {
          made.emplace(MadeTrace{read.error()});
          return false;
        }
        tokens = std::move(*read);
      } else if (wish.repeat > 0) {
        Result<Tokens> random =
            random_repeat(model.tokenizer.get(), model.config.d_vocab,
                          std::min(wish.repeat, model.config.n_ctx / 2), wish.repeat_seed);
        if (!random) {
          made.emplace(MadeTrace{random.error()});
          return false;
        }
        tokens = std::move(*random);
      } else {
        if (!reading) reading.emplace(model, wish.text, wish.pair);
        if (reading->step()) return true;
        Result<Tokens> read = reading->take();
        reading.reset();
        if (!read) {
          made.emplace(MadeTrace{read.error()});
          return false;
        }
        tokens = std::move(*read);
        if (wish.cut != Cut::none && can_be_cut() && tokens->size() > model.config.n_ctx)
          tokens = cut_to_fit(*model.tokenizer, *tokens, model.config.n_ctx, wish.cut == Cut::last);
      }
      if (Status wrong = ForwardPass::check(model, *tokens, wish.edits)) {
        made.emplace(MadeTrace{*wrong});
        if (model.tokenizer && wish.repeat == 0 && can_be_cut() &&
            tokens->size() > model.config.n_ctx)
          made->cuts = cuts_that_fit(model, *tokens);
        return false;
      }
      if (is_to_be_generated(model, wish.pair)) {
        const int most = std::min(model.config.n_ctx, model.config.writes.most + 1);
        if (!has_room(ForwardPass::bytes_needed(model.config, most, {}, tokens->n_source()), true))
          return false;
        generation.emplace(wish.model, std::move(*tokens));
        *n_steps = generation->n_steps();
      }
      return true;
    }
    bool can_be_cut() const { return wish.pair.empty() && !wish.model->encoder; }
    bool has_room(uint64_t bytes, bool fits_alone) {
      if (bytes <= wish.room.room) return true;
      made.emplace(MadeTrace{too_much(lang, bytes, wish.room, bytes_of_shortest()),
                             fits_alone && bytes <= wish.room.with_release});
      return false;
    }
    // With one layer kept.
    uint64_t bytes_of_shortest() const {
      const Config& c = wish.model->config;
      if (c.reads_pictures()) return 0;
      Keep keep{.edits = wish.edits};
      keep.layers.assign(size_t(c.n_layers), false);
      if (c.n_layers > 0) keep.layers[0] = true;
      return ForwardPass::bytes_needed(c, 2, keep, tokens->n_source() > 0 ? 2 : 0);
    }
    bool generate() {
      if (generation->step()) return true;
      tokens = generation->take();
      generation.reset();
      return true;
    }
    bool begin() {
      const Model& model = *wish.model;
      const int n = tokens->size();
      const int n_source = tokens->n_source();
      const auto keep = keep_what_fits(model.config, n, n_source, wish.layer, {.edits = wish.edits},
                                       wish.room.with_release);
      const uint64_t bytes =
          ForwardPass::bytes_needed(model.config, n, keep.value_or(Keep{}), n_source);
      if (!keep || bytes > wish.room.room) {
        made.emplace(
            MadeTrace{too_much(lang, bytes, wish.room, bytes_of_shortest()), keep.has_value()});
        return false;
      }
      before = most_reusable(wish.earlier, model, *tokens, *keep);
      wish.earlier.clear();
      pass.emplace(wish.model, std::move(*tokens), *keep, before.get());
      *n_steps = 2 + pass->n_steps();
      return true;
    }
    bool step() {
      if (generation) return generate();
      if (!tokens) return tokenize();
      if (!pass) return begin();
      if (pass->step()) return true;
      TracePair pair{std::make_shared<const Trace>(pass->take()), nullptr, wish.model};
      if (wish.repeat > 0) pair.period = pair.trace->parts[0].query_tokens[0].size() / 2;
      made.emplace(MadeTrace{std::move(pair)});
      return false;
    }
  };
  auto work = std::make_shared<Work>();
  work->wish = std::move(wish);
  work->lang = lang;
  return {tr(lang, "Running the model", "正在运行模型"), 1, [work] { return work->step(); },
          [work, done] { done(std::move(*work->made)); }, work->n_steps};
}

Job probe_job(std::shared_ptr<ModelProbe> probe, Lang lang,
              std::function<void(std::shared_ptr<const HeadCharacters>)> done) {
  return {tr(lang, "Probing what the heads do in general", "正在探测各头的一般作用"),
          probe->n_steps(), [probe] { return probe->step(); },
          [probe, done] { done(probe->take()); }};
}

}  // namespace attn
