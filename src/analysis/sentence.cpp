#include "analysis/sentence.h"

#include <algorithm>
#include <cmath>

#include "analysis/dense.h"
#include "files/safetensors.h"
#include "pass/block_math.h"

namespace attn {

namespace {

using Pool = SentenceModules::Pool;
using Reader = std::function<Result<File>(const std::string& path)>;

// In the order in which sentence-transformers puts them together.
constexpr struct {
  const char* field;
  const char* name;
  Pool pool;
} kPools[] = {
    {"pooling_mode_cls_token", "cls", Pool::cls},
    {"pooling_mode_max_tokens", "max", Pool::max},
    {"pooling_mode_mean_tokens", "mean", Pool::mean},
    {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", Pool::mean_sqrt_len},
    {"pooling_mode_weightedmean_tokens", "weightedmean", Pool::weightedmean},
    {"pooling_mode_lasttoken", "lasttoken", Pool::lasttoken},
};

Result<Json> json_of(const Reader& read, const std::string& path) {
  const Result<File> file = read(path);
  if (!file || file->bytes.size() == 0) return Json();
  return Json::parse(file->bytes.text(), path);
}

std::string beside(const std::string& folder, const char* name) {
  return folder.empty() ? name : folder + "/" + name;
}

Status read_pooling(const Json& json, const std::string& path, SentenceModules& out) {
  out.pools.clear();
  const Json mode = json.at("pooling_mode");
  bool known = mode.is_null();
  const auto asked = [&](const auto& row) {
    bool all = mode.text() == row.name;
    mode.each([&](std::string_view, const Json& name) {
      return all = all || name.text() == row.name, true;
    });
    known = known || all;
    return all || json.at(row.field).boolean().value_or(false);
  };
  for (const auto& row : kPools)
    if (asked(row)) out.pools.push_back(row.pool);
  if (!known)
    return Error{path + ": pooling_mode " + quoted_name(mode.text().value_or("")) +
                 " is not supported"};
  // By default it is the mean.
  if (mode.is_null() && json.at("pooling_mode_mean_tokens").is_null() && out.pools.empty())
    out.pools.push_back(Pool::mean);
  if (mode.is_array() && mode.size() != out.pools.size())
    return Error{path + ": pooling_mode has a kind that is not supported"};
  if (out.pools.empty()) return Error{path + ": no kind of pooling is set that is supported"};
  out.pools_prompt = json.at("include_prompt").boolean().value_or(true);
  return {};
}

Status read_dense(const Reader& read, const std::string& folder, SentenceModules& out) {
  const std::string path = beside(folder, "config.json");
  const Result<Json> json = json_of(read, path);
  if (!json) return json.error();
  SentenceModules::Step step;
  std::string activation(
      json->at("activation_function").text().value_or("torch.nn.modules.activation.Tanh"));
  activation = activation.substr(activation.rfind('.') + 1);
  step.tanh = activation == "Tanh";
  if (!step.tanh && activation != "Identity")
    return Error{path + ": activation_function " + quoted_name(activation) +
                 " is not supported; Identity and Tanh are"};
  const std::string weights = beside(folder, "model.safetensors");
  const Result<File> file = read(weights);
  if (!file || file->bytes.size() == 0)
    return Error{weights + " is missing, which " + path + " needs"};
  const Result<NamedTensors> tensors = read_safetensors(*file);
  if (!tensors) return tensors.error();
  const StoredTensor* w = tensors->find("linear.weight");
  if (!w || w->shape.size() != 2) return Error{weights + ": tensor \"linear.weight\" is missing"};
  step.d_out = int(w->shape[0]);
  step.d_in = int(w->shape[1]);
  const auto copy = [&](const StoredTensor& t, std::vector<float>& to) -> Status {
    const Result<Tensor> floats = to_floats(*tensors, t);
    if (!floats) return floats.error();
    to.assign(floats->vec().begin(), floats->vec().end());
    return {};
  };
  if (const Status e = copy(*w, step.w)) return e;
  if (const StoredTensor* b = tensors->find("linear.bias")) {
    if (const Status e = copy(*b, step.b)) return e;
    if (int(step.b.size()) != step.d_out)
      return Error{weights + ": tensor \"linear.bias\" has not the shape of \"linear.weight\""};
  }
  out.steps.push_back(std::move(step));
  return {};
}

Status read_module(const Reader& read, std::string_view type, const std::string& folder, bool first,
                   SentenceModules& out) {
  type = type.substr(type.rfind('.') + 1);
  if (first != (type == "Transformer"))
    return Error{"modules.json: module " + quoted_name(type) +
                 (first ? " in the place of a Transformer" : " behind the first") +
                 " is not supported"};
  if (first) {
    out.transformer = folder;
    const Result<Json> json = json_of(read, beside(folder, "sentence_bert_config.json"));
    if (!json) return json.error();
    out.n_most =
        int(std::clamp<int64_t>(json->at("max_seq_length").integer().value_or(0), 0, 1 << 24));
    out.lower_case = json->at("do_lower_case").boolean().value_or(false);
    return {};
  }
  if (type == "Pooling") {
    const std::string path = beside(folder, "config.json");
    const Result<Json> json = json_of(read, path);
    if (!json) return json.error();
    return read_pooling(*json, path, out);
  }
  if (type == "Normalize") {
    out.steps.push_back({.normalize = true});
    return {};
  }
  if (type == "Dense") return read_dense(read, folder, out);
  return Error{"modules.json: module " + quoted_name(type) + " is not supported"};
}

// Rows [n, d] to one of `pool`; `from` is the first that counts.
Eigen::RowVectorXd pooled(const Dense& rows, const std::vector<int>& counted, Pool pool) {
  Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(rows.cols());
  double weights = 0;
  const auto row = [&](int i) { return rows.row(i).cast<double>(); };
  switch (pool) {
    case Pool::cls:
      return row(0);
    case Pool::lasttoken:
      return row(counted.back());
    case Pool::max:
      sum = row(counted.front());
      for (const int i : counted) sum = sum.cwiseMax(row(i));
      return sum;
    case Pool::mean:
    case Pool::mean_sqrt_len:
    case Pool::weightedmean:
      break;
  }
  for (const int i : counted) {
    const double weight = pool == Pool::weightedmean ? i + 1 : 1;
    sum += weight * row(i);
    weights += weight;
  }
  return sum / (pool == Pool::mean_sqrt_len ? std::sqrt(weights) : weights);
}

}  // namespace

Result<SentenceModules> read_sentence_modules(const Reader& read) {
  SentenceModules out;
  const Result<Json> modules = json_of(read, "modules.json");
  if (!modules) return modules.error();
  if (modules->is_null()) return out;
  out.described = true;
  Status failed;
  bool first = true;
  modules->each([&](std::string_view, const Json& module) {
    const std::string folder(module.at("path").text().value_or(""));
    failed = folder.find("..") != folder.npos || folder.starts_with('/')
                 ? Status(Error{"modules.json: a module's path leaves the folder"})
                 : read_module(read, module.at("type").text().value_or(""), folder, first, out);
    first = false;
    return !failed;
  });
  if (failed) return *failed;
  if (first) return Error{"modules.json: names no modules"};
  const Result<Json> more = json_of(read, "config_sentence_transformers.json");
  if (!more) return more.error();
  more->at("prompts").each([&](std::string_view name, const Json& prompt) {
    out.prompts.emplace_back(name, prompt.text().value_or(""));
    return true;
  });
  out.prompt = more->at("default_prompt_name").text().value_or("");
  return out;
}

std::vector<float> sentence_vector(const Model& model, const SentenceModules& modules,
                                   const Trace& trace, int n_prompt) {
  const std::vector<Token>& items = trace.parts[0].query_tokens[0].items;
  const ConstMat resid = trace.resid_final.head(0);
  Dense rows(Eigen::Index(items.size()), resid.cols);
  normalize_rows(model.config, model.weights.ln_final, resid, mat(rows));
  std::vector<int> counted;
  const int from = modules.pools_prompt ? 0 : n_prompt;
  for (int i = 0; i < int(items.size()); ++i)
    if (!items[size_t(i)].padding && i >= from) counted.push_back(i);
  if (counted.empty()) counted.push_back(0);
  Eigen::RowVectorXd x(Eigen::Index(modules.pools.size()) * rows.cols());
  for (size_t i = 0; i < modules.pools.size(); ++i)
    x.segment(Eigen::Index(i) * rows.cols(), rows.cols()) = pooled(rows, counted, modules.pools[i]);
  for (const SentenceModules::Step& step : modules.steps) {
    if (step.normalize) {
      x /= std::max(x.norm(), 1e-12);
      continue;
    }
    assert(step.d_in == x.cols());
    const Eigen::Map<const Dense> w(step.w.data(), step.d_out, step.d_in);
    Eigen::RowVectorXd y = x * w.cast<double>().transpose();
    if (!step.b.empty()) y += row_of(step.b).cast<double>();
    x = step.tanh ? Eigen::RowVectorXd(y.array().tanh().matrix()) : y;
  }
  std::vector<float> out;
  for (const double value : x) out.push_back(float(value));
  return out;
}

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  const Eigen::RowVectorXd x = row_of(a).cast<double>(), y = row_of(b).cast<double>();
  const double size = x.norm() * y.norm();
  return size > 0 ? x.dot(y) / size : 0;
}

}  // namespace attn
