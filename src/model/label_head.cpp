#include "model/label_head.h"

#include <algorithm>

namespace attn {

namespace {

constexpr std::string_view kText = "ForSequenceClassification", kTokens = "ForTokenClassification",
                           kAnswers = "ForQuestionAnswering", kReplaced = "ForPreTraining",
                           kPictures = "ForImageClassification";

// Read in transformers 5.24, in the modeling file of each class and in modeling_layers.py.
constexpr LabelRow kRows[] = {
    {"bert", kText, "classifier", "pooler.dense"},
    {"nomic_bert", kText, "classifier", "pooler.dense"},
    {"gte", kText, "classifier", "pooler.dense"},
    {"albert", kText, "classifier", "pooler"},
    {"deberta", kText, "classifier", "pooler.dense", Activation::gelu, &Config::pooler_activation},
    {"deberta-v2", kText, "classifier", "pooler.dense", Activation::gelu,
     &Config::pooler_activation},
    {"roberta", kText, "classifier.out_proj", "classifier.dense"},
    {"camembert", kText, "classifier.out_proj", "classifier.dense"},
    {"xlm-roberta", kText, "classifier.out_proj", "classifier.dense"},
    {"jina_embeddings_v3", kText, "classifier.out_proj", "classifier.dense"},
    {"esm", kText, "classifier.out_proj", "classifier.dense"},
    {"eurobert", kText, "classifier", "dense", Activation::gelu},
    {"mpnet", kText, "classifier.out_proj", "classifier.dense"},
    {"electra", kText, "classifier.out_proj", "classifier.dense", Activation::gelu},
    {"electra", kReplaced, "discriminator_predictions.dense_prediction",
     "discriminator_predictions.dense", Activation::gelu, &Config::activation},
    {"distilbert", kText, "classifier", "pre_classifier", Activation::relu},
    {"modernbert", kText, "classifier", "head.dense", Activation::gelu, &Config::head_activation,
     "head.norm"},
    {"modernbert", kTokens, "classifier", "head.dense", Activation::gelu, &Config::head_activation,
     "head.norm"},
    {"modernbert", kAnswers, "classifier", "head.dense", Activation::gelu, &Config::head_activation,
     "head.norm"},
    {"", kText, "score"},
    {"", kTokens, "classifier"},
    {"", kTokens, "score"},
    {"", kAnswers, "qa_outputs"},
    {"vit", kPictures, "classifier"},
    {"deit", kPictures, "classifier"},
    {"siglip_vision_model", kPictures, "classifier"},
};

// The padding token of classes that have one where their configuration names none.
struct Pad {
  std::string_view family;
  int id;
};
constexpr Pad kPads[] = {{"gemma", 0}, {"gemma2", 0},   {"gemma3_text", 0}, {"olmo2", 1},
                         {"opt", 1},   {"phi3", 32000}, {"smollm3", 128004}};

// The token that is passed over at the end of a text; -1: none is.
int pad_of(const Layout& layout) {
  bool written = false;  // null: there is none
  layout.fields.each([&](std::string_view name, const Json&) {
    written = written || name == "pad_token_id";
    return !written;
  });
  if (written) return int(layout.fields.at("pad_token_id").integer().value_or(-1));
  const auto row = std::ranges::find(kPads, layout.config.family, &Pad::family);
  return row == std::end(kPads) ? -1 : row->id;
}

// The name of the class, or "" where the configuration names none.
std::string_view class_of(const Layout& layout) {
  return layout.fields.at("architectures").at(size_t(0)).text().value_or("");
}

std::string label_of(const Json& names, int i) {
  const std::string number = std::to_string(i);
  const Json name = names.at(number);
  return std::string(name.text().value_or("LABEL_" + number));
}

LabelScale scale_of(const Layout& layout, int n) {
  const std::string_view kind = layout.fields.at("problem_type").text().value_or("");
  if (kind == "multi_label_classification") return LabelScale::sigmoid;
  return kind == "regression" || n == 1 ? LabelScale::plain : LabelScale::softmax;
}

}  // namespace

std::vector<const LabelRow*> label_rows(const Layout& layout) {
  std::vector<const LabelRow*> rows;
  if (layout.fields.is_null()) return rows;
  const std::string_view named = class_of(layout), family = layout.config.family;
  const auto own = [&](const LabelRow& row) { return row.family == family; };
  for (const LabelRow& row : kRows) {
    if (!named.empty() && !named.ends_with(row.task)) continue;
    if (layout.config.reads_pictures() != (row.task == kPictures)) continue;
    const auto better = [&](const LabelRow& other) { return own(other) && other.task == row.task; };
    if (own(row) || (row.family.empty() && std::ranges::none_of(kRows, better)))
      rows.push_back(&row);
  }
  return rows;
}

Result<LabelHead> label_head(const LabelRow& row, const Layout& layout, int n) {
  LabelHead head;
  head.activation = row.own_activation ? layout.config.*row.own_activation : row.activation;
  const Json names = layout.fields.at("id2label");
  for (int i = 0; i < n; ++i) head.names.push_back(label_of(names, i));
  if (row.task == kReplaced) {
    head.names = {"replaced"};
    head.scale = LabelScale::sigmoid;
  } else if (row.task == kAnswers) {
    if (n != 2)
      return Error{"a head for answers has 2 outputs, the start and the end, not " +
                   std::to_string(n)};
    head.names = {"start", "end"};
    head.scale = LabelScale::over_tokens;
  } else if (row.task == kPictures) {
    head.scale = scale_of(layout, n);
    head.at = layout.config.vision.has_class ? ReadAt::first : ReadAt::mean;
  } else if (row.task == kText) {
    head.scale = scale_of(layout, n);
    head.at = row.out == std::string_view("score") ? ReadAt::last : ReadAt::first;
    head.skipped_id = head.at == ReadAt::last ? pad_of(layout) : -1;
    const std::string_view family = layout.config.family;
    if (family != "modernbert" && family != "eurobert") return head;
    const std::string_view first = family == "eurobert" ? "bos" : "cls",
                           usual = family == "eurobert" ? "late" : "cls";
    const std::string_view pooling = layout.fields.at("classifier_pooling").text().value_or(usual);
    if (pooling == "mean")
      head.at = ReadAt::mean;
    else if (pooling != first)
      return Error{"classifier_pooling " + quoted_name(pooling) + " is not supported; " +
                   std::string(first) + " and mean are"};
  }
  return head;
}

void use_labels(Config& c, LabelHead labels) {
  c.head_activation = labels.activation;
  c.labels = std::move(labels);
  c.fills_masks = false;
  c.logit_scale = 1;
  c.logit_cap = 0;
}

ReadRows rows_read(const Config& c, const Tokens& tokens, int token) {
  const std::vector<Token>& items = tokens.items;
  const auto row = [](auto i) { return ReadRows{int(i), int(i) + 1}; };
  const auto seen = [](const Token& t) { return !t.padding; };
  switch (c.labels.at) {
    case ReadAt::token:
      break;
    case ReadAt::first:
      return row(0);
    case ReadAt::last: {
      const auto last = std::find_if(items.rbegin(), items.rend(), [&](const Token& t) {
        return t.id != c.labels.skipped_id && seen(t);
      });
      return row(std::max<std::ptrdiff_t>(0, items.rend() - last - 1));
    }
    case ReadAt::mean: {
      const auto first = std::ranges::find_if(items, seen);
      const auto last = std::find_if(items.rbegin(), items.rend(), seen);
      return {int(first - items.begin()), int(items.rend() - last)};
    }
  }
  return row(token);
}

std::string output_name(const Model& model, int id) {
  const std::vector<std::string>& names = model.config.labels.names;
  if (!names.empty()) return size_t(id) < names.size() ? names[size_t(id)] : "";
  return model.tokenizer ? model.tokenizer->shown(id) : "#" + std::to_string(id);
}

}  // namespace attn
