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

// What one head reads by a matrix of the layer, the weights of the norms before and after it folded
// in: [d_model, d_head], as x W.
Dense read_by(const Model& model, int layer, const Linear& linear, int head,
              const NormWeights& after = {}) {
  const Config& c = model.config;
  const Block& b = model.weights.blocks[size_t(layer)];
  Dense w = block(linear.w, int64_t(head) * c.d_head, int64_t(head + 1) * c.d_head, 0, c.d_model)
                .transpose();
  if (!after.gamma.empty() && c.norm == Norm::layer_norm && !c.qk_norm_whole)
    w.colwise() -= w.rowwise().mean().eval();
  if (!after.gamma.empty()) w.array().rowwise() *= row_of(after.gamma.vec()).array();
  if (c.norm_place != NormPlace::pre || b.ln1.gamma.empty()) return w;
  w.array().colwise() *= row_of(b.ln1.gamma.vec()).transpose().array();
  if (c.norm == Norm::layer_norm)
    w.rowwise() -= w.colwise().mean();  // its mean: nothing is read along (1, …, 1)
  return w;
}

// The matrices of query head `h`; of keys and values those of its group. O is W_Oᵀ. All [d_model,
// d_head].
struct HeadWeights {
  const Model& model;
  int layer, h;

  const Block& b() const { return model.weights.blocks[size_t(layer)]; }
  Dense Q() const {
    return read_by(model, layer, b().q, h, norm_of_head(model.config, b().q_norm, h));
  }
  Dense K() const {
    const int kv = model.config.kv_head(h);
    return read_by(model, layer, b().k, kv, norm_of_head(model.config, b().k_norm, kv));
  }
  Dense V() const { return read_by(model, layer, b().v, model.config.kv_head(h)); }
  Dense O() const {
    Dense w = head_W_O(model, layer, h);
    const Tensor& gamma = b().ln_attn_out.gamma;
    if (!gamma.empty()) w.array().rowwise() *= row_of(gamma.vec()).array();
    return w.transpose();
  }
  Wide values_of_OV() const {
    return T_times_in_double(view(O()), view(V()));
  }  // W_O W_V, [d_head, d_head]
};

HeadWeights chosen_head(const Inputs& in) { return {*in.model, in.state->layer, in.state->head}; }

// R of x = Q R: products of x with anything have the lengths that R's have.
Wide triangle(const Dense& x) {
  const Eigen::HouseholderQR<Wide> qr(x.cast<double>());
  return qr.matrixQR().topRows(std::min(x.rows(), x.cols())).triangularView<Eigen::Upper>();
}

Eigen::VectorXcd eigenvalues(const Wide& m) {
  return Eigen::EigenSolver<Wide>(m, false).eigenvalues();
}

// Of x yᵀ: a matrix a step, then what they have in common.
Study begin_singular(const Inputs& in, Dense (HeadWeights::*x)() const,
                     Dense (HeadWeights::*y)() const) {
  struct Work {
    HeadWeights head;
    Wide x, y;
    Measure m;
  };
  auto work = std::make_shared<Work>(Work{chosen_head(in), {}, {}, {}});
  return in_parts(
      3,
      [=](int part) {
        if (part == 0) work->x = triangle((work->head.*x)());
        if (part == 1) work->y = triangle((work->head.*y)());
        if (part < 2) return;
        const Wide across = work->y.transpose();
        const Eigen::JacobiSVD<Wide, Eigen::NoQRPreconditioner> svd(work->x * across);
        const int n = work->head.model.config.d_head;
        work->m = {{Axis::dim}, {n}, std::vector<float>(size_t(n))};
        for (Eigen::Index i = 0; i < std::min<Eigen::Index>(n, svd.singularValues().size()); ++i)
          work->m.values[size_t(i)] = float(svd.singularValues()[i]);
      },
      [=] { return std::move(work->m); });
}

enum class Joint { q, k, v };

// Lengths come from Gram matrices: ‖x yᵀ‖² = Σ (xᵀx) ∘ (yᵀy), and ‖x m yᵀ‖² = Σ (xᵀx m) ∘ (m yᵀy),
// all [d_head, d_head].
struct Composition {
  const Model& model;
  const Config& c;
  Joint joint;
  struct Sides {
    Wide V, right;         // VᵀV; the same of what X ends with
    double ov = 0, x = 0;  // ‖OV‖, ‖X‖
  };
  std::vector<Sides> heads;  // [layer * n_heads + head]
  std::vector<Dense> read;   // [head] what X of the layer `late` begins with
  Dense O;                   // of the head `head` of `early`
  Measure out;
  int n_gather, at = 0, late = 1, early = 0, head = 0, second = 0, n_read = 0;
  int a_step;  // later heads

  Composition(const Inputs& in, Joint j) : model(*in.model), c(model.config), joint(j) {
    const size_t n = size_t(c.n_layers) * size_t(c.n_heads);
    heads.resize(n);
    read.resize(size_t(c.n_heads));
    n_gather = c.n_layers * c.n_heads * 2;
    a_step = rows_a_step(2 * int64_t(c.d_model) * c.d_head * c.d_head,
                         c.n_heads);  // in double
    out = {{Axis::layer, Axis::head, Axis::layer, Axis::head},
           {c.n_layers, c.n_heads, c.n_layers, c.n_heads},
           std::vector<float>(n * n)};
  }

  int n_steps() const {
    const int L = c.n_layers, H = c.n_heads;
    return n_gather + (L - 1) * H + H * (L * (L - 1) / 2) * n_parts(H, a_step);
  }

  bool step() {
    if (at < n_gather)
      gather(at / 2 / c.n_heads, at / 2 % c.n_heads, at % 2);
    else if (n_read < c.n_heads)
      read_late();
    else
      compare();
    return ++at < n_steps();
  }

  HeadWeights weights(int layer, int h) const { return {model, layer, h}; }
  Dense first_of_x(const HeadWeights& w) const {
    return joint == Joint::q ? w.Q() : joint == Joint::k ? w.K() : w.V();
  }
  Dense last_of_x(const HeadWeights& w) const {
    return joint == Joint::q ? w.K() : joint == Joint::k ? w.Q() : w.O();
  }
  static Wide gram(const Dense& x) { return T_times_in_double(view(x), view(x)); }
  static double length(const Wide& x, const Wide& y) {
    return std::sqrt(std::max(0., x.cwiseProduct(y).sum()));
  }

  void gather(int layer, int h, int part) {
    const HeadWeights w = weights(layer, h);
    Sides& s = heads[size_t(layer * c.n_heads + h)];
    if (part == 0) {
      s.V = gram(w.V());
      s.ov = length(s.V, gram(w.O()));
    } else {
      s.right = gram(last_of_x(w));
      s.x = length(joint == Joint::v ? s.V : gram(first_of_x(w)), s.right);
    }
  }

  void read_late() {
    read[size_t(n_read)] = first_of_x(weights(late, n_read));
    ++n_read;
  }

  void compare() {
    if (second == 0) O = weights(early, head).O();
    const Sides& first = heads[size_t(early * c.n_heads + head)];
    const double even = 1 / std::sqrt(double(c.d_model));
    for (const int end = std::min(second + a_step, c.n_heads); second < end; ++second) {
      const Sides& s = heads[size_t(late * c.n_heads + second)];
      const Wide met = T_times_in_double(view(O), view(read[size_t(second)]));
      const double size = length(first.V * met, met * s.right), sizes = first.ov * s.x;
      const size_t row = size_t(early * c.n_heads + head) * heads.size();
      out.values[row + size_t(late * c.n_heads + second)] =
          float((sizes > 0 ? size / sizes : 0) - even);
    }
    if (second < c.n_heads) return;
    second = 0;
    if (++head < c.n_heads) return;
    head = 0;
    if (++early < late) return;
    early = 0;
    ++late;
    n_read = 0;
  }
};

Study begin(const Inputs& in, Joint joint) {
  auto work = std::make_shared<Composition>(in, joint);
  return {work->n_steps(), [work] { return work->step(); },
          [work] { return std::move(work->out); }};
}

}  // namespace

Study begin_copying(const Inputs& in) {
  struct Work {
    const Model& model;
    Wide product;
    Measure m;
  };
  const Config& c = in.model->config;
  auto work = std::make_shared<Work>(
      Work{*in.model, {}, {{Axis::layer, Axis::head}, {c.n_layers, c.n_heads}, {}}});
  return in_parts(
      2 * c.n_layers * c.n_heads,
      [=](int i) {
        const int n = work->model.config.n_heads;
        if (i % 2 == 0) {
          work->product = HeadWeights{work->model, i / 2 / n, i / 2 % n}.values_of_OV();
          return;
        }
        const Eigen::VectorXcd lambda = eigenvalues(work->product);
        const double sizes = lambda.cwiseAbs().sum();
        work->m.values.push_back(sizes > 0 ? float(lambda.sum().real() / sizes) : 0);
      },
      [=] { return std::move(work->m); });
}

Study begin_ov_eigenvalues(const Inputs& in) {
  struct Work {
    HeadWeights head;
    Lang lang;
    Wide product;
    std::vector<std::complex<double>> all;
  };
  auto work = std::make_shared<Work>(Work{chosen_head(in), in.state->lang, {}, {}});
  return in_parts(
      2,
      [=](int part) {
        if (part == 0) {
          work->product = work->head.values_of_OV();
          return;
        }
        const Eigen::VectorXcd lambda = eigenvalues(work->product);
        work->all.assign(lambda.begin(), lambda.end());
        std::ranges::sort(work->all, [](auto x, auto y) {
          return x.real() != y.real() ? x.real() > y.real() : x.imag() > y.imag();
        });
      },
      [=] {
        Measure m{{Axis::dim, Axis::component},
                  {int(work->all.size()), 2},
                  {},
                  {tr(work->lang, "real", "实部"), tr(work->lang, "imaginary", "虚部")}};
        for (const std::complex<double> x : work->all) {
          m.values.push_back(float(x.real()));
          m.values.push_back(float(x.imag()));
        }
        return m;
      });
}

Study begin_ov_singular(const Inputs& in) {
  return begin_singular(in, &HeadWeights::V, &HeadWeights::O);
}
Study begin_qk_singular(const Inputs& in) {
  return begin_singular(in, &HeadWeights::Q, &HeadWeights::K);
}

Status too_large_for_pairs(const Inputs& in) {
  const Config& c = in.model->config;
  const uint64_t n = uint64_t(c.n_layers) * uint64_t(c.n_heads);
  return too_many_bytes(
      in, n * n * 12 + n * 2 * uint64_t(c.d_head) * uint64_t(c.d_head) * sizeof(double));
}

Study begin_q_composition(const Inputs& in) { return begin(in, Joint::q); }
Study begin_k_composition(const Inputs& in) { return begin(in, Joint::k); }
Study begin_v_composition(const Inputs& in) { return begin(in, Joint::v); }

}  // namespace attn
