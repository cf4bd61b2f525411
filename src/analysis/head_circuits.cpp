#include "analysis/head_circuits.h"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <complex>
#include <memory>

#include "analysis/dense.h"

namespace attn {

namespace {

using Wide = Eigen::MatrixXd;

// The four matrices of a layer, all heads side by side: Q, K, V [d_model, heads * d_head], O [d_model, n_heads * d_head].
struct LayerWeights {
  Dense Q, K, V, O;

  LayerWeights(const Model& model, int layer) {
    const Block& b = model.weights.blocks[size_t(layer)];
    Q = folded(model, b, b.q);
    K = folded(model, b, b.k);
    V = folded(model, b, b.v);
    O = dense(b.o.w);
  }
  static Dense folded(const Model& model, const Block& b, const Linear& linear) {
    Dense w = dense(linear.w).transpose();
    if (model.config.norm_place == NormPlace::pre && !b.ln1.gamma.empty())
      w.array().colwise() *= row_of(b.ln1.gamma.vec()).transpose().array();
    if (model.config.norm_place == NormPlace::pre && model.config.norm == Norm::layer_norm)
      w.rowwise() -= w.colwise().mean();  // LayerNorm's own mean: nothing is read along (1, …, 1)
    return w;
  }
};

// One head's columns. Of keys and values those of its group.
struct Head {
  Wide Q, K, V, O;  // [d_model, d_head]; O is W_Oᵀ

  Head(const LayerWeights& w, const Attention& a, int h) {
    const Eigen::Index d = a.d_head, g = kv_head(a, h);
    Q = w.Q.middleCols(h * d, d).cast<double>();
    K = w.K.middleCols(g * d, d).cast<double>();
    V = w.V.middleCols(g * d, d).cast<double>();
    O = w.O.middleCols(h * d, d).cast<double>();
  }
};

// R of x = Q R: products of x with anything have the lengths that R's have.
Wide triangle(const Wide& x) {
  const Eigen::HouseholderQR<Wide> qr(x);
  return qr.matrixQR().topRows(std::min(x.rows(), x.cols())).triangularView<Eigen::Upper>();
}

Head chosen_head(const Inputs& in) {
  return {LayerWeights(*in.trace->model, in.state->layer), in.trace->attention(), in.state->head};
}

Eigen::VectorXcd eigenvalues(const Head& head) {
  return Eigen::EigenSolver<Wide>(head.O.transpose() * head.V, false).eigenvalues();
}

// Of x yᵀ, `n` of them.
Measure singular(const Wide& x, const Wide& y, int n) {
  const Eigen::JacobiSVD<Wide> svd(triangle(x) * triangle(y).transpose());
  Measure m{{Axis::dim}, {n}, std::vector<float>(size_t(n))};
  for (Eigen::Index i = 0; i < std::min<Eigen::Index>(n, svd.singularValues().size()); ++i)
    m.values[size_t(i)] = float(svd.singularValues()[i]);
  return m;
}

enum class Joint { q, k, v };

struct Composition {
  std::shared_ptr<const Model> model;
  const Attention& a;
  Joint joint;
  struct Sides {
    Dense V, right;       // R of W_V; R of what X ends with
    float ov = 0, x = 0;   // ‖OV‖, ‖X‖
  };
  std::vector<Sides> heads;       // [layer * n_heads + head]
  Measure out;
  int at = 0;                     // steps taken
  int early = 0, head = 0, late = 1;
  Dense O, read;                  // W_O of `early`; the matrices that X of `late` begins with, a head after the other
  int have_early = -1, have_late = -1;

  Composition(const Inputs& in, Joint j) : model(in.trace->model), a(in.trace->attention()), joint(j) {
    const size_t n = size_t(a.n_layers) * size_t(a.n_heads);
    heads.resize(n);
    out = {{Axis::layer, Axis::head, Axis::layer, Axis::head},
           {a.n_layers, a.n_heads, a.n_layers, a.n_heads},
           std::vector<float>(n * n)};
  }

  int n_steps() const { return a.n_layers + a.n_heads * a.n_layers * (a.n_layers - 1) / 2; }

  bool step() {
    if (at < a.n_layers)
      gather(at);
    else
      compare();
    return ++at < n_steps();
  }

  void gather(int layer) {
    const LayerWeights w(*model, layer);
    for (int h = 0; h < a.n_heads; ++h) {
      const Head one(w, a, h);
      Sides& s = heads[size_t(layer * a.n_heads + h)];
      const Wide V = triangle(one.V);
      const Wide& first = joint == Joint::q ? one.Q : joint == Joint::k ? one.K : one.V;
      const Wide last = triangle(joint == Joint::q ? one.K : joint == Joint::k ? one.Q : one.O);
      s.ov = float((V * triangle(one.O).transpose()).norm());
      s.x = float((triangle(first) * last.transpose()).norm());
      s.V = V.cast<float>();
      s.right = last.cast<float>();
    }
  }

  void compare() {
    if (have_early != early) O = dense(model->weights.blocks[size_t(early)].o.w);
    if (have_late != late) {
      const LayerWeights w(*model, late);
      read = joint == Joint::q ? w.Q : joint == Joint::k ? w.K : w.V;
    }
    have_early = early;
    have_late = late;
    const Eigen::Index d = a.d_head;
    const Sides& first = heads[size_t(early * a.n_heads + head)];
    // R_V W_O of the earlier head times what every later head reads.
    const Dense met = first.V * (O.middleCols(head * d, d).transpose() * read);
    const float even = 1 / std::sqrt(float(model->config.d_model));
    for (int h = 0; h < a.n_heads; ++h) {
      const Sides& second = heads[size_t(late * a.n_heads + h)];
      const int column = joint == Joint::q ? h : kv_head(a, h);
      const float length = (met.middleCols(column * d, d) * second.right.transpose()).norm();
      const float sizes = first.ov * second.x;
      const size_t row = size_t(early * a.n_heads + head) * heads.size();
      out.values[row + size_t(late * a.n_heads + h)] = (sizes > 0 ? length / sizes : 0) - even;
    }
    if (++head < a.n_heads) return;
    head = 0;
    if (++early < late) return;
    early = 0;
    ++late;
  }
};

Study begin(const Inputs& in, Joint joint) {
  auto work = std::make_shared<Composition>(in, joint);
  return {work->n_steps(), [work] { return work->step(); }, [work] { return std::move(work->out); }};
}

}  // namespace

Trace weights_alone(std::shared_ptr<const Model> model) {
  const Config& c = model->config;
  Attention a;
  a.n_layers = c.n_layers;
  a.n_heads = c.n_heads;
  a.n_kv_heads = c.n_kv_heads;
  a.d_head = c.d_head;
  a.mask = c.mask;
  a.q.resize(size_t(c.n_layers));
  a.k = a.v = a.q;
  Trace trace;
  trace.model = std::move(model);
  trace.attentions.push_back(std::move(a));
  trace.queries = trace.keys = {Tokens{}};
  return trace;
}

Measure copying(const Inputs& in) {
  const Attention& a = in.trace->attention();
  Measure m{{Axis::layer, Axis::head}, {a.n_layers, a.n_heads}, {}};
  for (int l = 0; l < a.n_layers; ++l) {
    const LayerWeights w(*in.trace->model, l);
    for (int h = 0; h < a.n_heads; ++h) {
      const Eigen::VectorXcd lambda = eigenvalues(Head(w, a, h));
      const double sizes = lambda.cwiseAbs().sum();
      m.values.push_back(sizes > 0 ? float(lambda.sum().real() / sizes) : 0);
    }
  }
  return m;
}

Measure ov_eigenvalues(const Inputs& in) {
  const Eigen::VectorXcd lambda = eigenvalues(chosen_head(in));
  std::vector<std::complex<double>> all(lambda.begin(), lambda.end());
  std::ranges::sort(all, [](auto x, auto y) { return x.real() != y.real() ? x.real() > y.real() : x.imag() > y.imag(); });
  const Lang lang = in.state->lang;
  Measure m{{Axis::dim, Axis::component}, {int(all.size()), 2}, {},
            {tr(lang, "real", "实部"), tr(lang, "imaginary", "虚部")}};
  for (const std::complex<double> x : all) {
    m.values.push_back(float(x.real()));
    m.values.push_back(float(x.imag()));
  }
  return m;
}

Measure ov_singular(const Inputs& in) {
  const Head head = chosen_head(in);
  return singular(head.V, head.O, in.trace->attention().d_head);
}

Measure qk_singular(const Inputs& in) {
  const Head head = chosen_head(in);
  return singular(head.Q, head.K, in.trace->attention().d_head);
}

Study begin_q_composition(const Inputs& in) { return begin(in, Joint::q); }
Study begin_k_composition(const Inputs& in) { return begin(in, Joint::k); }
Study begin_v_composition(const Inputs& in) { return begin(in, Joint::v); }

}  // namespace attn
