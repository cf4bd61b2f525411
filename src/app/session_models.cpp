// session_models.cpp - the list of models, and files that become one.
#include <algorithm>
#include <new>
#include <tuple>
#include <utility>

#include "app/session_impl.h"
#include "base/json.h"
#include "files/known_files.h"
#include "files/read_picture.h"
#include "model/adapter.h"
#include "model/dropped_id.h"
#include "model/recipe.h"
#include "model/unpack.h"
#include "text/tokenizer_ids.h"

namespace attn {
namespace {

constexpr size_t kMostText = 1 << 20;  // bytes; as links

// Without a byte order mark and the last line break, with line breaks as they are typed.
std::string text_in(const File& file) {
  std::string text(file.bytes.text());
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  std::erase(text, '\r');
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string text_of(const Json& json, const char* lang, const std::string& otherwise) {
  if (const auto plain = json.text()) return std::string(*plain);
  if (const auto text = json.at(lang).text()) return std::string(*text);
  return otherwise;
}

// What else the files hold; of an adapter and its base, `files` become those of the base.
Twins twins_in(std::vector<File>& files) {
  std::vector<File> base = files;
  const Result<std::optional<AdapterFiles>> adapter = take_adapter(base);
  const auto config =
      std::ranges::find(base, "config.json", [](const File& file) { return base_name(file.name); });
  if (!adapter || config == base.end()) return Twins::none;
  if (*adapter) {
    files = std::move(base);
    return Twins::adapter;
  }
  const Result<Json> json = Json::parse(config->bytes.text(), config->name);
  return json && has_two_towers(*json) ? Twins::towers : Twins::none;
}

}  // namespace

void Session::no_index() { impl_->index_known = true; }

Status Session::add_index(std::string_view json) {
  impl_->index_known = true;
  const Result<Json> index = Json::parse(json, "models/index.json");
  if (!index) return index.error();
  const Json list = index->at("models");
  if (!list.is_array()) return Error{"models/index.json: \"models\" must be a list of models"};
  Status wrong;
  for (size_t i = 0; i < list.size(); ++i) {
    const Json item = list.at(i);
    ModelEntry entry;
    entry.id = text_of(item.at("id"), "", "");
    entry.folder = text_of(item.at("folder"), "", entry.id);
    for (size_t f = 0; f < item.at("files").size(); ++f)
      if (const auto name = item.at("files").at(f).text()) entry.files.emplace_back(*name);
    if (entry.id.empty() || entry.files.empty()) {
      wrong = Error{"models/index.json: model " + std::to_string(i) +
                    " needs an \"id\" and a list of \"files\""};
      continue;
    }
    if (impl_->entry(entry.id)) continue;
    entry.title_en = text_of(item.at("title"), "en", entry.id);
    entry.title_zh = text_of(item.at("title"), "zh", entry.title_en);
    entry.about_en = text_of(item.at("description"), "en", "");
    entry.about_zh = text_of(item.at("description"), "zh", entry.about_en);
    entry.card = text_of(item.at("card"), "", "");
    entry.default_text = text_of(item.at("default_text"), "", "");
    const Json examples = item.at("examples");
    for (size_t e = 0; e < examples.size(); ++e) {
      const Json from = examples.at(e);
      Example example;
      example.text = text_of(from.at("text"), "", "");
      example.title_en = text_of(from.at("title"), "en", example.text);
      example.title_zh = text_of(from.at("title"), "zh", example.title_en);
      example.look_en = text_of(from.at("look"), "en", "");
      example.look_zh = text_of(from.at("look"), "zh", example.look_en);
      auto number = [&](const char* key) {
        return int(from.at(key).integer().value_or(0) & 0xfffff);
      };
      example.layer = number("layer");
      example.head = number("head");
      example.token = number("token");
      if (!example.text.empty()) entry.examples.push_back(std::move(example));
    }
    impl_->models.push_back(std::move(entry));
  }
  return wrong;
}

std::optional<ModelEntry> Session::take_fetch() {
  if (!impl_->to_fetch) return std::nullopt;
  ModelEntry entry = *impl_->entry(*impl_->to_fetch);
  impl_->asked.push_back(entry.id);
  impl_->to_fetch.reset();
  return entry;
}

// One of the list is fetched again when it is wanted; dropped files must be dropped again.
void Session::Impl::let_go(const std::string& which) {
  // Which may be that of the model itself.
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
  const std::string id = which;
  std::erase_if(loaded, [&](const Loaded& l) { return l.id == id; });
  kept.drop_model(id);
  forget_pictures_of_lost_traces();
  std::erase(asked, id);
  // The other of two models still leads to it.
  std::erase_if(models, [&](const ModelEntry& e) {
    return e.id == id && e.twin.empty() && read_dropped_id(id);
  });
}

bool Session::Impl::let_go_of_oldest() {
  for (Waiting& w : waiting) {
    if (w.entry.id == wanted_model || w.wish.files.empty()) continue;
    w.wish.files.clear();
    return true;
  }
  const Loaded* oldest = nullptr;
  for (const Loaded& l : loaded)
    if (l.id != wanted_model && (!oldest || l.used < oldest->used)) oldest = &l;
  if (!oldest) return false;
  let_go(oldest->id);
  return true;
}

void Session::Impl::make_room(uint64_t bytes) {
  while (weight_bytes() + kPictureRoom + bytes > limit && let_go_of_oldest()) {
  }
}

void Session::make_room(uint64_t bytes) { impl_->make_room(bytes); }

std::vector<Session::Held> Session::held() const {
  std::vector<Held> all;
  for (const Impl::Loaded& l : impl_->loaded) all.push_back({l.id, l.model->weight_bytes});
  return all;
}

void Session::let_go(const std::string& id) { impl_->let_go(id); }

void Session::Impl::begin_to_open() {
  // The model it replaces is fetched again when needed.
  if (const auto* other = std::get_if<WantedModel>(&in_hand)) std::erase(asked, other->id);
  in_hand = {};
  worker.cancel();
  snapshot.can_ignore = false;
  refused.clear();
}

void Session::Impl::post_load(std::string id, LoadWish wish, std::shared_ptr<Dropped> dropped) {
  begin_to_open();
  const auto failed = [this, id, dropped](const Error& error) {
    if (dropped)
      snapshot.file_error = error;
    else
      model_errors.emplace_back(id, error);
  };
  const auto done = [this, id, dropped, failed](LoadResult result, std::vector<File> again) {
    in_hand = {};
    if (result) return take_model(id, *result, dropped.get());
    failed(result.error());
    snapshot.can_ignore = dropped && !again.empty();
    if (dropped) refused = std::move(again);
  };
  // Files that wait for another model stay beside the weights.
  const bool both = dropped && dropped->other && !dropped->other->wish.files.empty();
  make_room(size_of(wish.files) * (both ? 2 : 1));
  const std::string name = wish.name;
  Job job = load_job(std::move(wish), speaks, done);
  job.out_of_memory = [this, id, name, dropped, failed] {
    in_hand = {};
    try {
      failed(Error{name + tr(speaks,
                             ": the memory is used up while it is loaded; open a smaller model, or "
                             "this one in the desktop program",
                             "：加载时内存已用尽；请打开较小的模型，或用桌面程序打开该模型")});
    } catch (const std::bad_alloc&) {
      dropped ? fail_to_open() : fail_to_bring(id, std::nullopt);
    }
  };
  WantedModel loads{std::move(id)};
  worker.post(std::move(job));
  in_hand = std::move(loads);
}

void Session::Impl::post_unpack(File archive) {
  begin_to_open();
  WantedModel opens{archive.name};
  const uint64_t bytes = archive.bytes.size();
  make_room(2 * bytes);
  const uint64_t taken = weight_bytes() + kPictureRoom + bytes;
  const auto unpacking =
      std::make_shared<Unpacking>(std::move(archive), limit - std::min(limit, taken));
  Job job{tr(speaks, "Unpacking the archive", "正在解压"), unpacking->n_steps(),
          [unpacking] { return unpacking->step(); },
          [this, unpacking] {
            in_hand = {};
            Result<std::vector<File>> files = unpacking->take();
            if (!files)
              snapshot.file_error = files.error();
            else if (!looks_like_model(*files))
              snapshot.file_error = not_a_model(files->front());
            else
              open_files(std::move(*files), false);
          }};
  job.out_of_memory = [this] {
    in_hand = {};
    fail_to_open();
  };
  worker.post(std::move(job));
  in_hand = std::move(opens);
}

void Session::Impl::take_model(const std::string& id, std::shared_ptr<const Model> model,
                               Dropped* dropped) {
  std::erase_if(loaded, [&](const Loaded& l) { return l.id == id; });
  loaded.push_back({id, std::move(model), nullptr, nullptr, ++n_uses});
  if (!dropped) return;
  add_dropped(dropped->entry);
  if (dropped->other) {
    add_dropped(dropped->other->entry);
    std::erase_if(waiting, [&](const Waiting& w) { return w.entry.id == dropped->entry.twin; });
    waiting.push_back(std::move(*dropped->other));
  }
  const auto is_of_it = [&](const auto& key) { return key && key->model == id; };
  if (is_of_it(side_a.key)) side_a.key.reset();  // another model of the same name
  kept.drop_model(id);
  forget_pictures_of_lost_traces();
  if (is_of_it(side_a.failed)) side_a.failed.reset();
  snapshot.file_error.reset();
  opened = id;
}

void Session::Impl::add_dropped(ModelEntry added) {
  const auto same = std::ranges::find(models, added.id, &ModelEntry::id);
  if (same != models.end()) {
    if (same->twin.empty())
      std::tie(same->twins, same->twin, same->second) =
          std::tie(added.twins, added.twin, added.second);
    return;
  }
  const bool again = std::ranges::any_of(
      models, [&](const ModelEntry& other) { return other.title_en == added.title_en; });
  const auto as = read_dropped_id(added.id);
  if (again && as) {
    added.title_en += " · " + as->content;
    added.title_zh += " · " + as->content;
  }
  models.push_back(std::move(added));
}

// The files of one model or of two, of which the one that is wanted is opened, else the first.
void Session::Impl::open_files(std::vector<File> files, bool ignore_unused) {
  const auto of = [&](const DroppedId& id, std::vector<File> its) {
    Waiting one;
    one.entry.id = write_dropped_id(id);
    one.entry.title_en = one.entry.title_zh = one.wish.name = id.name;
    one.wish.files = std::move(its);
    one.wish.ignore_unused = ignore_unused;
    return one;
  };
  const DroppedId id = dropped_id(files);
  Waiting first = of(id, files);
  std::optional<Waiting> second;
  std::vector<File> base = files;
  const Twins twins = twins_in(base);
  files.clear();
  if (twins == Twins::adapter) {
    const DroppedId own = dropped_id(base);
    second = of(own, std::move(base));
    if (own.name == id.name) {
      second->entry.title_en += " · without its adapter";
      second->entry.title_zh += " · 不含适配器";
    }
  } else if (twins == Twins::towers) {
    second = of({id.name + " (text)", id.content}, std::move(base));
    second->wish.name = id.name;
    second->wish.read_text = true;
    second->entry.title_en = id.name + " · text";
    second->entry.title_zh = id.name + " · 文本";
    first.entry.title_en = id.name + " · pictures";
    first.entry.title_zh = id.name + " · 图片";
  }
  base.clear();
  if (second) {
    first.entry.twins = second->entry.twins = twins;
    first.entry.twin = second->entry.id;
    second->entry.twin = first.entry.id;
    second->entry.second = true;
    if (wanted_model == second->entry.id) std::swap(first, *second);
    const uint64_t both = 2 * size_of(second->wish.files) + kPictureRoom;
    if (model(second->entry.id) || both > limit) second->wish.files.clear();
  }
  const auto dropped = std::make_shared<Dropped>(Dropped{first.entry, std::move(second)});
  post_load(first.entry.id, std::move(first.wish), dropped);
}

void Session::Impl::open_waiting(const std::string& id) {
  const auto it = std::ranges::find(waiting, id, [](const Waiting& w) { return w.entry.id; });
  if (it == waiting.end() || it->wish.files.empty()) return;
  LoadWish wish = std::move(it->wish);
  waiting.erase(it);
  post_load(id, std::move(wish), nullptr);
}

void Session::ignore_unused() try {
  if (!std::exchange(impl_->snapshot.can_ignore, false)) return;
  impl_->snapshot.file_error.reset();
  impl_->open_files(std::exchange(impl_->refused, {}), true);
} catch (const std::bad_alloc&) {
  impl_->fail_to_open();
}

void Session::bring(const std::string& id, std::vector<File> files) try {
  impl_->post_load(id, {std::move(files), id}, nullptr);
} catch (const std::bad_alloc&) {
  impl_->release_unseen();
  impl_->fail_to_bring(id, std::nullopt);
}

void Session::bring_error(const std::string& id, Error error) {
  impl_->fail_to_bring(id, std::move(error));
}

// Where there is no memory even to note that, the model is fetched again.
void Session::Impl::fail_to_bring(const std::string& id, std::optional<Error> error) try {
  if (!error) error = Error{memory_is_used_up(speaks)};
  model_errors.emplace_back(id, std::move(*error));
} catch (const std::bad_alloc&) {
  std::erase(asked, id);
}

void Session::retry(const std::string& id) { impl_->retry(id); }

void Session::Impl::retry(const std::string& id) {
  const ModelEntry* listed = entry(id);
  if (!model_error(id) || !listed || listed->files.empty()) return;
  std::erase_if(model_errors, [&](const auto& failed) { return failed.first == id; });
  std::erase(asked, id);
}

void Session::open_read(Result<std::vector<File>> files) try {
  if (files)
    open(std::move(*files));
  else
    impl_->snapshot.file_error = files.error();
} catch (const std::bad_alloc&) {
  impl_->fail_to_open();
}

void Session::open(std::vector<File> files) try {
  std::optional<Error>& error = impl_->snapshot.file_error;
  dismiss_error();
  if (files.empty()) return;
  if (files.size() == 1 && looks_like_lesson(files.front().bytes.text())) {
    if (Status wrong = add_lesson(files.front()))
      error = *wrong;
    else
      impl_->opened_lesson = impl_->lessons.back().id;
    return;
  }
  if (files.size() == 1 && is_archive(files.front()))
    return impl_->post_unpack(std::move(files.front()));
  if (!looks_like_model(files)) {
    if (files.size() == 1 && is_picture(files.front())) return impl_->take_picture(files.front());
    if (files.size() == 1 && is_plain_text(files.front())) {
      if (files.front().bytes.size() <= kMostText)
        impl_->opened_text = text_in(files.front());
      else
        error = Error{std::string(base_name(files.front().name)) +
                      ": a text of more than 1 MB; choose a shorter one"};
      return;
    }
    const auto is_known = [](const File& file) {
      return known_file(file.name, file.bytes.span()) != nullptr;
    };
    const auto known = std::ranges::find_if(files, is_known);
    error = not_a_model(known != files.end() ? *known : files.front());
    return;
  }
  impl_->open_files(std::move(files), false);
} catch (const std::bad_alloc&) {
  impl_->fail_to_open();
}

void Session::Impl::fail_to_open() {
  release_unseen();
  say_memory_is_used_up(snapshot.file_error);
}

// It is kept where another model is on screen, and shown once one that reads it is opened.
void Session::Impl::take_picture(File file) {
  ++n_pictures;
  picture = std::move(file);
  opened_picture = true;
  const auto now = model(wanted_model);
  if (now && now->config.reads_pictures()) return;
  const std::string name(base_name(picture.name));
  snapshot.file_error = Error{
      name + tr(speaks,
                ": a picture, but this model reads text. Open a model that reads pictures (ViT, "
                "DeiT, DINOv2), and the picture is shown",
                "：这是图片，而当前模型读入的是文本。打开读入图片的模型（ViT、DeiT、DINOv2）后即显"
                "示该图片")};
}

bool Session::take_picture() { return std::exchange(impl_->opened_picture, false); }

void Session::forget_picture() { impl_->picture = {}; }

std::string Session::ids_for(const std::string& id, std::string_view text) const {
  const Model* model = impl_->model(id).get();
  if (!model || !model->reads_ids) return "";
  const bool has_ids = text.find_first_not_of(" \t\n") != text.npos;
  return has_ids && first_not_id(*model->tokenizer, text).empty() ? ""
                                                                  : example_ids(*model->tokenizer);
}

bool Session::reads_pictures(const std::string& id) const {
  const auto model = impl_->model(id);
  return model && model->config.reads_pictures();
}

const std::vector<Lesson>& Session::lessons() const { return impl_->lessons; }

Status Session::add_lesson(const File& file) {
  Result<Lesson> lesson = read_lesson(file.bytes.text(), base_name(file.name));
  if (!lesson) return lesson.error();
  std::erase_if(impl_->lessons, [&](const Lesson& other) { return other.id == lesson->id; });
  impl_->lessons.push_back(std::move(*lesson));
  return {};
}

std::optional<std::string> Session::take_lesson() {
  return std::exchange(impl_->opened_lesson, std::nullopt);
}

Error Session::Impl::absent(const std::string& id) const {
  const auto wanted = read_dropped_id(id);
  if (!wanted)
    return Error{"The model \"" + id +
                 "\" is not in the list; drop its files here or choose another"};
  if (const ModelEntry* listed = entry(id))
    return Error{"\"" + listed->title_en +
                 "\" is not in memory, for which there was too little; drop its files here again"};
  for (const ModelEntry& e : models) {
    const auto other = read_dropped_id(e.id);
    if (!other || other->name != wanted->name || wanted->content.empty()) continue;
    return Error{"The link was made for other files named \"" + wanted->name + "\" (" +
                 wanted->content + ", not " + other->content +
                 "); drop those here, or choose the model in the list"};
  }
  return Error{"\"" + wanted->name +
               "\" was opened from files, which a link does not contain; drop them here again"};
}

std::optional<std::string> Session::take_opened() {
  return std::exchange(impl_->opened, std::nullopt);
}

std::optional<std::string> Session::take_text() {
  return std::exchange(impl_->opened_text, std::nullopt);
}

}  // namespace attn
