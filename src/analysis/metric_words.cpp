#include "analysis/metric_words.h"

namespace attn {

namespace {

// Null: nothing but symbols and names, the same in both languages.
struct Words {
  const char* id;
  const char* formula;
  const char* source = nullptr;
};

constexpr const char* kAbs = "1 − Σ |A[i, j] − D[i, j]| / n，此类头所看之处 D = 1，其余为 0";
constexpr const char* kOurs = "本项目";
constexpr const char* kKovaleva = "本项目，参照 Kovaleva et al. 2019";

constexpr Words kWords[] = {
    {"pattern", "A[i, j] = 对 j 取 softmax：q_i · k_j · scale"},
    {"row", "所选查询 i 的 A[i, :]"},
    {"heads_row", "每个头 h 的 A^h[i, :]"},
    {"head_mean", "A^h[i, j] 对 h 取平均"},
    {"head_distance",
     "对 i 取平均：Σ_j (P ln(P/M) + Q ln(Q/M)) / 2，P = 0.999 A[i, j] + 0.001 / n，M = (P + Q) / 2",
     "Clark et al. 2019，head_distances（将其对行求和改为平均）"},

    {"previous_token", "A[i, i-1] 对有前一个词元的 i 取平均"},
    {"next_token", "A[i, i+1] 对能看到后一个词元的 i 取平均"},
    {"self", "A[i, i] 的平均"},
    {"first_token", "A[i, 0] 的平均"},
    {"offset", "A[i, i-k] 对能看到它的 i 取平均", "TransformerLens Main_Demo 的对角线，偏移任选"},
    {"duplicate_token", "对 i 取平均：A[i, j] 对 j < i 且 t[j] = t[i] 求和"},
    {"induction", "对 i 取平均：A[i, j] 对 1 <= j <= i 且 t[j-1] = t[i] 求和"},
    {"induction_mass", "对先前出现过的 i 取平均：A[i, p+1] >= 0.01 者对 p < i 且 t[p] = t[i] 求和"},
    {"duplicate_mass", "对先前出现过的 i 取平均：A[i, j] 对 j < i 且 t[j] = t[i] 求和",
     "本项目，计数方式同 HeadVis 的归纳分数"},
    {"special", "对 i 取平均：A[i, j] 对特殊词元 j 求和",
     "Clark et al. 2019，将其 cls 与 sep 合并"},
    {"punctuation", "对 i 取平均：A[i, j] 对纯标点的 j 求和", "Clark et al. 2019，计入所有标点"},
    {"same_word", "对 i 取平均：A[i, j] 对 i 所在词中的 j != i 求和",
     "子词分数，同 Clark et al. 2019"},
    {"distance", "对 i 取平均：A[i, j] |i - j| 求和"},
    {"distance_spread", "sqrt(A[i, j] |i - j|^2 之和的平均 - distance^2)"},
    {"entropy", "对 i 取平均：-Σ A[i, j] log2 A[i, j]"},
    {"entropy_share", "对可见 n > 1 个键的 i 取平均：entropy[i] / log2 n", "按掩码逐行归一化的熵"},
    {"confidence", "A[i, j] 对 j 取最大，再对 i 取平均"},
    {"span_50", "对 i 取平均：使 A[i, j] 之和 >= 0.5 - 1e-6 的最少键数", "有效跨度，按质量"},
    {"span_90", "对 i 取平均：使 A[i, j] 之和 >= 0.9 - 1e-6 的最少键数", "有效跨度，按质量"},
    {"clark_previous", "A[i, i-1] 之和 / n"},
    {"clark_next", "A[i, i+1] 之和 / n"},
    {"previous_abs", kAbs},
    {"duplicate_abs", kAbs},
    {"induction_abs", kAbs},
    {"row_similarity", "对 i >= 1 取平均：cos(A[i, :], A[i-1, :])", kOurs},
    {"positional_share", "1 - Σ (A[i, j] - m[i-j])^2 / Σ (A[i, j] - m)^2",
     "本项目（各偏移均值的 R 平方）"},
    {"vertical", "强列 j 上 A[:, j] 之和 / A 之和", kKovaleva},
    {"diagonal", "强偏移 o 上 A[i, i-o] 之和 / A 之和", kKovaleva},
    {"block", "对 i 取平均：A[i, j] 对 i 所在句子中的 j 求和", kKovaleva},
    {"pattern_class", "vertical + diagonal >= 0.5；否则 block >= 0.5 且不低于均匀与 1 的中点",
     "参照 Kovaleva et al. 2019"},
    {"clark_entropy", "对 i 取平均：-Σ B ln B，B = 0.9999 A[i, j] + 0.0001 / n"},
    {"clark_punctuation", "对 i 取平均：A[i, j] 对 t[j] 为 “,” 或 “.” 者求和"},
    {"value_norm", "对 i 取平均：A[i, j] |v_j W_O| 求和"},
    {"value_first", "A[i, 0] |v_0 W_O| 之和 / A[i, j] |v_j W_O| 之和"},
    {"induction_stripe", "A[i, i-(p-1)] 的平均"},
    {"duplicate_stripe", "A[i, i-p] 的平均"},

    {"lens_probability", "softmax(LN_f(x^l_i) W_U + b_U)[目标]"},
    {"lens_logit", "(LN_f(x^l_i) W_U + b_U)[目标] - 对比词元的同一数值"},
    {"lens_rank", "#{t: logit^l_i[t] > logit^l_i[目标]}"},
    {"lens_entropy", "-Σ_t p log2 p，p = softmax(LN_f(x^l_i) W_U + b_U)"},
    {"logit_component",
     "((r_c - r_c 的均值) / sigma * gamma) . u，u = W_U[:, 目标] - W_U[:, 对比]"},
    {"logit_head", "((z^h_i W_O^h - 均值) / sigma * gamma) . u"},
    {"logit_token", "对 h 求和：A^h[i, j] (f^h(x_j) / sigma * gamma) . u"},
    {"rollout", "R^l = rownorm(A^l 对 h 的平均 + I) R^(l-1)"},
    {"rollout_relative", "rownorm(R[i, j] / R_均匀[i, j])", "本项目，参照 Abnar & Zuidema 2020"},
    {"flow", "在 rownorm(A 对 h 的平均 + I) 上求 (l, i) -> (0, j) 的最大流；再逐行归一"},
    {"norm_layer", "||对 h 求和：A^h[i, j] v^h_j W_O^h||"},
    {"norm_residual", "||F[i, j] + (i = j) x_i||，F = 对 h 求和的 A^h f^h"},
    {"norm_residual_ln", "||gamma * (r - r 的均值) / sigma_i||，r = F[i, j] + (i = j) x_i",
     "Kobayashi et al. 2021；归一化在前：本项目"},
    {"mixing", "||对 j != i 求和|| / (||对 j != i 求和|| + ||j = i||)，计入残差与归一化"},
    {"value_zeroing", "rownorm(1 - cos(y_i, 令 v_j = 0 时的 y_i))"},
    {"route_head", "max(||y||1 - ||z - y||1, 1e-5)，再对所有边归一为 1"},
    {"route_layer", "边 (i, j, h) 对 h 求和"},
    {"route_heads", "边 (i, j, h) 对 j 求和"},
    {"route_residual", "x_i 的边在汇入 x_i + attn_out 的所有边中的份额"},
    {"route_mlp", "mlp_out 的边在 {mlp_out, resid_mid} 中的份额"},
    {"gradient_attention", "A[i, j] dy/dA[i, j]，y = 目标的 logit - 对比词元的 logit"},
    {"gradient_heads", "A[i, j] dy/dA[i, j] 对 i, j 求和", "参照 Chefer et al. 2021"},
    {"chefer", "R = I；逐层 R <- R + (ReLU(A dy/dA) 对 h 的平均) R",
     "Chefer et al. 2021（ICCV），自注意力"},
    {"chefer_row", "所选查询 i 的 R[i, :]", "Chefer et al. 2021（ICCV），自注意力"},

    {"copying", "Re(lambda 之和) / |lambda| 之和，lambda 为 W_V W_O 的特征值"},
    {"ov_eigenvalues", "W_V W_O 的特征值，由 W_O W_V 求得"},
    {"ov_singular", "W_V W_O 的奇异值"},
    {"qk_singular", "W_Q W_K^T 的奇异值"},

    {"lens_guess", "对 t 取最大：softmax(LN_f(x^l_i) W_U + b_U)[t]"},
    {"layer_mean", "A^(l,h)[i, j] 对 l 与 h 取平均"},
    {"column", "所选键 j 的 A[:, j]"},
    {"received", "A[i, j] 对能看到 j 的 i 取平均", "Clark et al. 2019；只对能看到 j 的查询取平均"},
    {"row_entropy", "-Σ_j A[i, j] log2 A[i, j]"},
    {"row_distance", "Σ_j A[i, j] |i - j|"},
    {"row_largest", "A[i, j] 对 j 取最大", "Voita et al. 2019（置信度即其平均）"},
};

const Words* words_for(const Metric& metric, Lang lang) {
  if (lang != Lang::zh) return nullptr;
  for (const Words& w : kWords)
    if (std::string_view(w.id) == metric.id) return &w;
  return nullptr;
}

}  // namespace

std::string formula_of(const Metric& metric, Lang lang) {
  const Words* w = words_for(metric, lang);
  return w && w->formula ? w->formula : metric.formula;
}

std::string source_of(const Metric& metric, Lang lang) {
  const Words* w = words_for(metric, lang);
  return w && w->source ? w->source : metric.source;
}

}  // namespace attn
