"""Writes tests/data/attributions/*.safetensors: attributions and circuits of the tiny checkpoints, by their definitions.

    python tests/golden/attributions.py        needs torch, numpy, transformers, safetensors

transformers runs the checkpoint in float64 and says what attention, values and residual stream are; everything else is
written out here from the papers' formulas, slowly, in NumPy, and shares nothing with attnscope. Per checkpoint:
hidden [layer + 1, n, d_model] (before the final norm), resid_mid [layer, n, d_model], and a tensor per measure, by its
id; of a real model also input_ids [n]. Settings: QUERY, LAYER, HEAD, TARGET and FOIL below.
"""

import pathlib

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

DATA = pathlib.Path(__file__).parent.parent / "data"
QUERY, LAYER, HEAD, TARGET, FOIL = 11, 1, 1, 50, 40
MODELS = ["gpt2", "gpt2-relu", "bert", "bert-mlm", "bert-padded", "roberta", "llama-gqa", "llama-tied-f16", "qwen2",
          "gpt-neox-parallel", "gpt-neox-sequential", "bookworm-2m"]
REAL = DATA.parent.parent / "web" / "models"  # trained weights; the others are random
N_REAL = 20  # tokens of its golden text


class Pass:
    """What transformers computes of one checkpoint, and the weights that the formulas need, as x W."""

    def __init__(self, name):
        real = (REAL / name).exists()
        folder = REAL / name if real else DATA / "models" / name
        stored = load_file(DATA / f"{name}.expected.safetensors" if real else folder / "expected.safetensors")
        self.ids = stored["input_ids"].long()[None, :N_REAL if real else None]
        self.real = real
        mask = stored.get("attention_mask", torch.ones_like(self.ids[0]))[None]
        kind = transformers.AutoConfig.from_pretrained(folder)
        kind.reorder_and_upcast_attn = False  # it insists on float32 and is otherwise the same
        self.family = kind.model_type
        self.post = self.family in ("bert", "roberta")
        cls = transformers.AutoModelForCausalLM
        if self.post:
            has_head = "logits" in stored
            cls = transformers.AutoModelForMaskedLM if has_head else transformers.AutoModel
        self.model = cls.from_pretrained(folder, config=kind, dtype=torch.float64, attn_implementation="eager").eval()
        self.base = self.model.base_model
        self.parallel = bool(getattr(kind, "use_parallel_residual", False)) and self.family == "gpt_neox"
        self.H = kind.num_attention_heads
        self.KV = getattr(kind, "num_key_value_heads", None) or self.H
        self.layers = list({"gpt2": lambda: self.base.h, "bert": lambda: self.base.encoder.layer,
                            "roberta": lambda: self.base.encoder.layer}.get(self.family, lambda: self.base.layers)())
        self.final_norm = {"gpt2": lambda: self.base.ln_f, "gpt_neox": lambda: self.base.final_layer_norm,
                           "bert": lambda: None, "roberta": lambda: None}.get(self.family, lambda: self.base.norm)()
        self.causal = not self.post

        kept = {}
        self.A_torch, hooks = [], []

        def keep(key, of_input=False):
            def hook(module, args, kwargs, out):
                x = (args[0] if args else kwargs["hidden_states"]) if of_input else out
                kept[key] = x[0] if isinstance(x, tuple) else x
            return hook

        for l, layer in enumerate(self.layers):
            attn, mlp, o = self.parts(layer)
            hooks.append(layer.register_forward_hook(keep(("pre", l), True), with_kwargs=True))
            hooks.append(layer.register_forward_hook(keep(("post", l)), with_kwargs=True))
            hooks.append(o.register_forward_hook(keep(("attn", l)), with_kwargs=True))
            hooks.append(o.register_forward_hook(keep(("z", l), True), with_kwargs=True))
            hooks.append(mlp.register_forward_hook(keep(("mlp", l)), with_kwargs=True))
        out = self.model(self.ids, attention_mask=mask, output_attentions=True)
        self.A_torch = out.attentions
        self.out = out
        for h in hooks:
            h.remove()
        get = lambda key: [kept[(key, l)].detach()[0].numpy() for l in range(len(self.layers))]
        self.pre, self.post_, self.attn, self.z, self.mlp = map(get, ("pre", "post", "attn", "z", "mlp"))
        self.A = [a[0].detach().numpy() for a in out.attentions]
        self.L, self.n = len(self.layers), self.ids.shape[1]
        self.d = self.pre[0].shape[1]
        self.dh = self.z[0].shape[1] // self.H
        if self.post:
            self.sum1 = [x + a for x, a in zip(self.pre, self.attn)]
            self.mid = [self.norm(s, self.norms(l)[0]) for l, s in enumerate(self.sum1)]
        else:
            self.sum1 = [x + a for x, a in zip(self.pre, self.attn)]
            self.mid = self.sum1
        self.sum2 = [m + p for m, p in zip(self.mid, self.mlp)]

    def parts(self, layer):
        if self.family == "gpt2":
            return layer.attn, layer.mlp, layer.attn.c_proj
        if self.post:
            return layer.attention, layer.output.dense, layer.attention.output.dense
        if self.family == "gpt_neox":
            return layer.attention, layer.mlp, layer.attention.dense
        return layer.self_attn, layer.mlp, layer.self_attn.o_proj

    def norms(self, l):
        layer = self.layers[l]
        if self.family == "gpt2":
            return layer.ln_1, layer.ln_2
        if self.post:
            return layer.attention.output.LayerNorm, layer.output.LayerNorm
        return layer.input_layernorm, layer.post_attention_layernorm

    @staticmethod
    def norm(x, module):
        return module(torch.tensor(x)).detach().numpy()

    def W(self, l):
        """W_Q, W_K, W_V [d, heads * dh] and their biases, W_O [H * dh, d]."""
        layer = self.layers[l]
        num = lambda t: None if t is None else t.detach().numpy()
        if self.family == "gpt2":
            w, b = num(layer.attn.c_attn.weight), num(layer.attn.c_attn.bias)
            q, k, v = np.split(w, 3, 1)
            bq, bk, bv = np.split(b, 3)
            return (q, k, v), (bq, bk, bv), num(layer.attn.c_proj.weight)
        if self.family == "gpt_neox":
            w, b = num(layer.attention.query_key_value.weight), num(layer.attention.query_key_value.bias)
            w, b = w.reshape(self.H, 3, self.dh, self.d), b.reshape(self.H, 3, self.dh)
            return (tuple(w[:, i].reshape(-1, self.d).T for i in range(3)),
                    tuple(b[:, i].reshape(-1) for i in range(3)), num(layer.attention.dense.weight).T)
        if self.post:
            s = layer.attention.self
            mods, o = (s.query, s.key, s.value), layer.attention.output.dense
        else:
            s = layer.self_attn
            mods, o = (s.q_proj, s.k_proj, s.v_proj), s.o_proj
        return tuple(num(m.weight).T for m in mods), tuple(num(m.bias) for m in mods), num(o.weight).T

    def head(self, w, h, heads):
        """The columns of one of `heads` heads that query head h uses."""
        g = h // (self.H // heads)
        return w[..., g * self.dh:(g + 1) * self.dh]

    def f(self, l, h):
        """f^h(x_j) [n, d]."""
        (_, _, W_V), (_, _, b_V), W_O = self.W(l)
        x = self.pre[l] if self.post else self.norm(self.pre[l], self.norms(l)[0])
        v = x @ self.head(W_V, h, self.KV)
        if b_V is not None:
            v = v + self.head(b_V, h, self.KV)
        return v @ W_O[h * self.dh:(h + 1) * self.dh]

    def rest_of_layer(self, l, attn):
        """The layer's output when its attention wrote `attn` [n, d]."""
        layer, x = self.layers[l], torch.tensor(self.pre[l])
        a = torch.tensor(attn)
        ln1, ln2 = self.norms(l)
        if self.post:
            mid = ln1(x + a)
            out = ln2(layer.output.dense(layer.intermediate(mid)) + mid)
        elif self.parallel:
            out = x + a + layer.mlp(ln2(x))
        else:
            out = x + a + layer.mlp(ln2(x + a))
        return out.detach().numpy()

    def logits_of(self, x):
        x = torch.tensor(x)
        if self.family == "bert":
            return self.model.cls(x).detach().numpy()
        if self.family == "roberta":
            return self.model.lm_head(x).detach().numpy()
        x = self.final_norm(x)
        head = self.model.get_output_embeddings()
        return head(x).detach().numpy()


def rownorm(m):
    s = m.sum(-1, keepdims=True)
    return np.divide(m, s, out=np.zeros_like(m), where=s > 0)


def max_flow(cap, s, t):
    """Edmonds-Karp on a dictionary of dictionaries."""
    from collections import deque
    left = {u: dict(v) for u, v in cap.items()}
    total = 0
    while True:
        parent, queue = {s: None}, deque([s])
        while queue and t not in parent:
            u = queue.popleft()
            for v, c in left.get(u, {}).items():
                if c > 1e-13 and v not in parent:
                    parent[v] = u
                    queue.append(v)
        if t not in parent:
            return total
        path, v = [], t
        while parent[v] is not None:
            path.append((parent[v], v))
            v = parent[v]
        f = min(left[u][v] for u, v in path)
        for u, v in path:
            left[u][v] -= f
            left.setdefault(v, {})
            left[v][u] = left[v].get(u, 0) + f
        total += f


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def lens(p, out):
    rows = [p.logits_of(x) for x in p.post_]
    prob = [softmax(r) for r in rows]
    out["lens_probability"] = np.stack([q[:, TARGET] for q in prob])
    out["lens_logit"] = np.stack([r[:, TARGET] - r[:, FOIL] for r in rows])
    out["lens_rank"] = np.stack([(r > r[:, TARGET:TARGET + 1]).sum(1) for r in rows]).astype(float)
    out["lens_entropy"] = np.stack([-(q * np.log2(q)).sum(1) for q in prob])


def direct(p, out):
    W_U = p.model.get_output_embeddings().weight.detach().numpy()
    b = p.model.get_output_embeddings().bias
    b = 0 if b is None else (b[TARGET] - b[FOIL]).item()
    u = W_U[TARGET] - W_U[FOIL]
    gamma = p.final_norm.weight.detach().numpy()
    beta = getattr(p.final_norm, "bias", None)
    eps = getattr(p.final_norm, "eps", None) or getattr(p.final_norm, "variance_epsilon", None)
    centred = isinstance(p.final_norm, torch.nn.LayerNorm)

    def worth(r, i):
        x = p.post_[-1][i]
        if centred:
            return ((r - r.mean(-1, keepdims=True)) / np.sqrt(x.var() + eps) * gamma) @ u
        return (r / np.sqrt((x**2).mean() + eps) * gamma) @ u

    parts = [worth(p.pre[0][QUERY], QUERY)]
    for l in range(p.L):
        parts += [worth(p.attn[l][QUERY], QUERY), worth(p.mlp[l][QUERY], QUERY)]
    parts.append((beta.detach().numpy() @ u if beta is not None else 0) + b)
    out["logit_component"] = np.array(parts)
    logits = p.out.logits[0].detach().numpy()[QUERY]
    assert abs(sum(parts) - (logits[TARGET] - logits[FOIL])) < 1e-5  # Llama's norm is float32 inside
    out["logit_head"] = np.array([[worth(p.A[l][h][QUERY] @ p.f(l, h), QUERY) for h in range(p.H)] for l in range(p.L)])
    out["logit_token"] = np.array([sum(p.A[l][h][QUERY] * worth(p.f(l, h), QUERY) for h in range(p.H))
                                   for l in range(p.L)])
    out["logit_map"] = np.stack([p.A[LAYER][HEAD][i] * worth(p.f(LAYER, HEAD), i) for i in range(p.n)])


def rollouts(p, out):
    hat = [rownorm(a.mean(0) + np.eye(p.n)) for a in p.A[:LAYER + 1]]
    r = np.linalg.multi_dot(hat[::-1]) if len(hat) > 1 else hat[0]
    out["rollout"] = r
    seen = (p.A[0].max(0) > 0) if not p.causal else np.tril(np.ones((p.n, p.n)))
    even = rownorm(rownorm(seen.astype(float)) + np.eye(p.n))
    e = np.linalg.matrix_power(even, LAYER + 1)
    out["rollout_relative"] = rownorm(np.divide(r, e, out=np.zeros_like(r), where=e > 0))
    cap = {}
    for l, m in enumerate(hat):
        for i in range(p.n):
            cap[(l + 1, i)] = {(l, j): m[i, j] for j in range(p.n) if m[i, j] > 0}
    flows = np.array([[max_flow(cap, (LAYER + 1, i), (0, j)) for j in range(p.n)] for i in range(p.n)])
    out["flow"] = rownorm(flows)


def frozen(p, module, y):
    """A norm's linear part with the scale of y [d]."""
    gamma = module.weight.detach().numpy()
    if isinstance(module, torch.nn.LayerNorm):
        s = np.sqrt(y.var() + module.eps)
        return lambda r: (r - r.mean(-1, keepdims=True)) / s * gamma
    s = np.sqrt((y**2).mean() + module.variance_epsilon)
    return lambda r: r / s * gamma


def norms(p, out):
    length = lambda x: np.sqrt((x**2).sum(-1))
    n, f = p.n, [p.f(LAYER, h) for h in range(p.H)]
    A = p.A[LAYER]
    out["norm_head"] = A[HEAD] * length(f[HEAD])[None]
    F = sum(A[h][:, :, None] * f[h][None] for h in range(p.H))
    out["norm_layer"] = length(F)
    R = F.copy()
    R[np.arange(n), np.arange(n)] += p.pre[LAYER]
    out["norm_residual"] = length(R)
    which = 0 if p.post else 1
    out["norm_residual_ln"] = np.stack([length(frozen(p, p.norms(LAYER)[which], p.sum1[LAYER][i])(R[i])) for i in range(n)])
    mixing = np.zeros((p.L, n))
    for l in range(p.L):
        F = sum(p.A[l][h][:, :, None] * p.f(l, h)[None] for h in range(p.H))
        F[np.arange(n), np.arange(n)] += p.pre[l]
        for i in range(n):
            M = frozen(p, p.norms(l)[which], p.sum1[l][i])(F[i])
            own, others = length(M[i]), length(M.sum(0) - M[i])
            mixing[l, i] = others / (others + own)
    out["mixing"] = mixing


def value_zeroing(p, out):
    last = LAYER + 1 == p.L and p.final_norm is not None
    done = (lambda y: p.norm(y, p.final_norm)) if last else (lambda y: y)
    clean = done(p.post_[LAYER])
    s = np.zeros((p.n, p.n))
    for j in range(p.n):
        attn = p.attn[LAYER] - sum(np.outer(p.A[LAYER][h][:, j], p.f(LAYER, h)[j]) for h in range(p.H))
        y = done(p.rest_of_layer(LAYER, attn))
        cos = (clean * y).sum(-1) / np.sqrt((clean**2).sum(-1) * (y**2).sum(-1))
        s[:, j] = 1 - cos
    if p.causal:
        s = np.tril(s)
    s[s < 1e-5] = 0
    out["value_zeroing"] = rownorm(s)


def routes(p, out):
    size = lambda x: np.abs(x).sum(-1)
    prox = lambda z, y: np.maximum(size(y) - size(z - y), 1e-5)
    heads, residual, mlp, layer_map = [], [], [], None
    for l in range(p.L):
        y = p.sum1[l]
        parts = np.stack([prox(p.A[l][h][:, :, None] * p.f(l, h)[None], y[:, None]) for h in range(p.H)])
        seen = np.tril(np.ones((p.n, p.n))) if p.causal else (p.A[l].max(0) > 0)
        parts = parts * seen
        res = prox(p.pre[l], y)
        total = parts.sum((0, 2)) + res
        parts = parts / total[None, :, None]
        heads.append(parts[:, QUERY].sum(-1))
        residual.append(res / total)
        a, b = prox(p.mlp[l], p.sum2[l]), prox(p.mid[l], p.sum2[l])
        mlp.append(a / (a + b))
        if l == LAYER:
            out["route_head"] = parts[HEAD]
            out["route_layer"] = parts.sum(0)
    out["route_heads"], out["route_residual"], out["route_mlp"] = map(np.stack, (heads, residual, mlp))


def gradients(p, out):
    """By autograd: A of each layer is a leaf of the chosen logit's graph, as transformers made it."""
    y = p.out.logits[0, QUERY, TARGET] - p.out.logits[0, QUERY, FOIL]
    grads = torch.autograd.grad(y, p.A_torch)
    prod = [(g[0] * a[0]).detach().numpy() for g, a in zip(grads, p.A_torch)]
    out["gradient_attention"] = prod[LAYER][HEAD]
    out["gradient_heads"] = np.stack([x.sum((1, 2)) for x in prod])
    R = np.eye(p.n)
    for x in prod:
        R = R + np.maximum(x, 0).mean(0) @ R
    out["chefer"], out["chefer_row"] = R, R[QUERY]


def circuits(p, out):
    def folded(l):
        (q, k, v), _, W_O = p.W(l)
        if not p.post:
            g = p.norms(l)[0].weight.detach().numpy()[:, None]
            q, k, v = q * g, k * g, v * g
        return ([p.head(q, h, p.H) for h in range(p.H)], [p.head(k, h, p.KV) for h in range(p.H)],
                [p.head(v, h, p.KV) for h in range(p.H)], [W_O[h * p.dh:(h + 1) * p.dh] for h in range(p.H)])

    W = [folded(l) for l in range(p.L)]
    OV = [[W[l][2][h] @ W[l][3][h] for h in range(p.H)] for l in range(p.L)]
    QK = [[W[l][0][h] @ W[l][1][h].T for h in range(p.H)] for l in range(p.L)]
    fro = np.linalg.norm
    top = lambda m: np.linalg.svd(m, compute_uv=False)[:p.dh]
    copying = np.zeros((p.L, p.H))
    for l in range(p.L):
        for h in range(p.H):
            e = np.linalg.eigvals(OV[l][h])
            copying[l, h] = e.sum().real / np.abs(e).sum()
    out["copying"] = copying
    e = np.linalg.eigvals(W[LAYER][3][HEAD] @ W[LAYER][2][HEAD])
    e = np.array(sorted(e, key=lambda x: (-x.real, -x.imag)))
    out["ov_eigenvalues"] = np.stack([e.real, e.imag], 1)
    out["ov_singular"] = top(OV[LAYER][HEAD])
    out["qk_singular"] = top(QK[LAYER][HEAD])
    base = 1 / np.sqrt(p.d)
    for name, right in (("q_composition", lambda l, h: QK[l][h]), ("k_composition", lambda l, h: QK[l][h].T),
                        ("v_composition", lambda l, h: OV[l][h])):
        c = np.zeros((p.L, p.H, p.L, p.H))
        for l2 in range(p.L):
            for h2 in range(p.H):
                R = right(l2, h2)
                for l1 in range(l2):
                    for h1 in range(p.H):
                        c[l1, h1, l2, h2] = fro(OV[l1][h1] @ R) / fro(OV[l1][h1]) / fro(R) - base
        out[name] = c


def main():
    transformers.utils.logging.disable_progress_bar()
    (DATA / "attributions").mkdir(exist_ok=True)
    for name in MODELS:
        p = Pass(name)
        out = {"hidden": np.stack(p.pre + [p.post_[-1]]), "resid_mid": np.stack(p.mid)}
        has_logits = hasattr(p.out, "logits")
        if has_logits:
            lens(p, out)
        if has_logits and not p.post:
            direct(p, out)
        rollouts(p, out)
        norms(p, out)
        value_zeroing(p, out)
        routes(p, out)
        if has_logits:
            gradients(p, out)
        circuits(p, out)
        tensors = {k: torch.tensor(np.ascontiguousarray(v)).to(torch.float32).contiguous() for k, v in out.items()}
        if p.real:
            tensors["input_ids"] = p.ids[0].to(torch.int32).contiguous()
        path = DATA / "attributions" / f"{name}.safetensors"
        save_file(tensors, path)
        print(f"{name}: {path.stat().st_size} bytes, {len(tensors)} tensors")


main()
