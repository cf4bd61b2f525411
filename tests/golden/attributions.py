"""Writes tests/data/attributions/*.safetensors: attributions and circuits of the tiny checkpoints,
by their definitions.

    python tests/golden/attributions.py [model …]  needs torch, numpy, transformers, safetensors

transformers runs the checkpoint in float64 and says what attention, values and residual stream are;
everything else is written out here from the papers' formulas, slowly, in NumPy, and shares nothing
with attnscope. Per checkpoint: hidden [layer + 1, n, d_model] (before the final norm), resid_mid
[layer, n, d_model], and a tensor per measure, by its id; of a real or padded text also input_ids
and attention_mask [n]. Settings: QUERY, LAYER, HEAD, TARGET and FOIL below.

"+padded": the last tokens are padding. "+cross": the checkpoint's attention layers look at KEYS
states of another text, through transformers' cross-attention; the file has what the program is
given then: q, k, v [layer, head, n, d_head] and z.
"""

import functools
import os
import pathlib
import sys

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

DATA = pathlib.Path(__file__).parent.parent / "data"
QUERY, LAYER, HEAD, TARGET, FOIL = 11, 1, 1, 50, 40
LABELS = dict(
    SequenceClassification="text", TokenClassification="tokens", QuestionAnswering="answers"
)
LABEL, OTHER_LABEL = 1, 0  # in place of TARGET and FOIL where the head is one of labels
MODELS = [
    "gpt2",
    "gpt2-relu",
    "bert",
    "bert-mlm",
    "bert-padded",
    "roberta",
    "electra-generator",
    "modernbert",
    "llama-gqa",
    "llama-tied-f16",
    "qwen2",
    "qwen3",
    "smollm3",
    "gpt-neox-parallel",
    "gpt-neox-sequential",
    "granite",
    "gemma2",
    "gptj",
    "phi",
    "phi-norms",
    "gpt2-by-layer",
    "gpt-neo",
    "gpt2+padded",
    "llama-gqa+padded",
    "gpt2+cross",
    "bert-text-labels",
    "roberta-token-labels",
    "electra-answers",
    "modernbert-mean-labels",
    "llama-text-labels",
    "deberta",
    "deberta-v2-projected",
    "bookworm-2m",
    "stories260K",
]
ROOT = DATA.parent.parent
SHARED = pathlib.Path(os.environ.get("ATTNSCOPE_SHARED", ROOT / ".." / "shared"))
REAL = {
    name: folder
    for name, folder in (
        ("bookworm-2m", ROOT / "web" / "models"),
        ("stories260K", SHARED / "models" / "checkpoints"),
    )
}
PADDING, KEYS = 5, 13
N_REAL = 20  # tokens of its golden text


class Pass:
    """What transformers computes of one checkpoint, and the weights that the formulas need, as x
    W."""

    def __init__(self, name):
        name, _, kind_of_case = name.partition("+")
        real = name in REAL
        folder = REAL[name] / name if real else DATA / "models" / name
        stored = load_file(
            DATA / f"{name}.expected.safetensors"
            if name == "bookworm-2m"
            else folder / "expected.safetensors"
        )
        self.ids = stored["input_ids"].long().reshape(1, -1)[:, : N_REAL if real else None]
        self.real = real
        self.cross = kind_of_case == "cross"
        mask = stored.get("attention_mask", torch.ones_like(self.ids[0]))[None].clone()
        self.padded = kind_of_case == "padded"
        if self.padded:
            mask[:, -PADDING:] = 0
        self.mask = mask[0]
        kind = transformers.AutoConfig.from_pretrained(folder)
        kind.reorder_and_upcast_attn = False  # it insists on float32 and is otherwise the same
        self.family = kind.model_type
        self.placed = self.family in ("deberta", "deberta-v2")
        self.post = self.placed or self.family in ("bert", "roberta", "electra")
        cls = transformers.AutoModelForCausalLM
        both_ways = self.post or self.family == "modernbert"
        if both_ways:
            has_head = "logits" in stored
            cls = transformers.AutoModelForMaskedLM if has_head else transformers.AutoModel
        made = (kind.architectures or [""])[0]
        head = next((end for end in LABELS if made.endswith(end)), None)
        self.labels = LABELS.get(head)
        if head:
            cls = getattr(transformers, "AutoModelFor" + head)
        self.model = cls.from_pretrained(
            folder, config=kind, dtype=torch.float64, attn_implementation="eager"
        ).eval()
        for module in self.model.modules():
            for key, child in module.named_children():
                if type(child).__name__ == "DebertaLayerNorm":
                    setattr(module, key, as_layer_norm(child))
            if hasattr(module, "variance_epsilon"):  # theirs is float32 inside
                module.forward = functools.partial(rms_norm, module)
            if type(module).__name__ == "Gemma2RMSNorm":
                module.forward = functools.partial(gemma_norm, module)
        if self.cross:
            self.model = across(self.model, cls, kind)
        self.base = self.model.base_model
        self.parallel = self.family in ("gptj", "phi") or (
            bool(getattr(kind, "use_parallel_residual", False)) and self.family == "gpt_neox"
        )
        self.by = getattr(kind, "residual_multiplier", 1.0)
        self.logit_scale = 1 / getattr(kind, "logits_scaling", 1.0)
        self.logit_cap = getattr(kind, "final_logit_softcapping", None)
        self.plain = self.family != "gemma2"  # no norms of what attention and MLP write
        self.H = kind.num_attention_heads
        self.KV = getattr(kind, "num_key_value_heads", None) or self.H
        self.layers = list(
            {
                "gpt2": lambda: self.base.h,
                "gptj": lambda: self.base.h,
                "gpt_neo": lambda: self.base.h,
                "bert": lambda: self.base.encoder.layer,
                "roberta": lambda: self.base.encoder.layer,
                "electra": lambda: self.base.encoder.layer,
                "deberta": lambda: self.base.encoder.layer,
                "deberta-v2": lambda: self.base.encoder.layer,
            }.get(self.family, lambda: self.base.layers)()
        )
        self.final_norm = {
            "gpt2": lambda: self.base.ln_f,
            "gptj": lambda: self.base.ln_f,
            "gpt_neo": lambda: self.base.ln_f,
            "phi": lambda: self.base.final_layernorm,
            "gpt_neox": lambda: self.base.final_layer_norm,
            "bert": lambda: None,
            "roberta": lambda: None,
            "electra": lambda: None,
            "deberta": lambda: None,
            "deberta-v2": lambda: None,
            "modernbert": lambda: self.base.final_norm,
        }.get(self.family, lambda: self.base.norm)()
        self.causal = not both_ways and not self.cross

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
        if self.cross:
            torch.manual_seed(5)
            self.states = torch.randn(1, KEYS, kind.hidden_size, dtype=torch.float64)
            out = self.model(self.ids, encoder_hidden_states=self.states, output_attentions=True)
            self.A_torch = out.cross_attentions
        else:
            out = self.model(self.ids, attention_mask=mask, output_attentions=True)
            self.A_torch = out.attentions
        self.out = out
        self.find_logits()
        for h in hooks:
            h.remove()
        get = lambda key: [kept[(key, l)].detach()[0].numpy() for l in range(len(self.layers))]
        self.pre, self.post_, self.attn, self.z, self.mlp = map(
            get, ("pre", "post", "attn", "z", "mlp")
        )
        # What goes into the norms of what is written, and what is added.
        self.raw, self.mlp = ([x * self.by for x in xs] for xs in (self.attn, self.mlp))
        self.attn = self.raw
        if not self.plain:
            self.attn, self.mlp = (
                [self.norm(x, getattr(layer, name)) for x, layer in zip(xs, self.layers)]
                for xs, name in (
                    (self.raw, "post_attention_layernorm"),
                    (self.mlp, "post_feedforward_layernorm"),
                )
            )
        self.A = [a[0].detach().numpy() for a in self.A_torch]
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

    def find_logits(self):
        """Logits [row, output], the rows that they are read from, and of these the one that is
        asked about."""
        n, out = self.ids.shape[1], self.out
        self.target, self.foil = (LABEL, OTHER_LABEL) if self.labels else (TARGET, FOIL)
        self.asked, self.rows = QUERY, [QUERY]
        self.logits = getattr(out, "logits", None)
        if self.labels == "answers":
            self.logits = torch.stack([out.start_logits, out.end_logits], -1)
        if self.labels == "text":
            self.asked = 0
            last = (self.ids[0] != self.model.config.pad_token_id).nonzero().max().item()
            self.rows = dict(llama=[last], modernbert=list(range(n))).get(self.family, [0])
        if self.logits is not None:
            self.logits = self.logits.reshape(-1, self.logits.shape[-1])

    def parts(self, layer):
        if self.cross:
            return layer.crossattention, layer.mlp, layer.crossattention.c_proj
        if self.family == "gpt2":
            return layer.attn, layer.mlp, layer.attn.c_proj
        if self.family == "gptj":
            return layer.attn, layer.mlp, layer.attn.out_proj
        if self.family == "gpt_neo":
            return layer.attn, layer.mlp, layer.attn.attention.out_proj
        if self.family == "phi":
            return layer.self_attn, layer.mlp, layer.self_attn.dense
        if self.post:
            return layer.attention, layer.output.dense, layer.attention.output.dense
        if self.family == "gpt_neox":
            return layer.attention, layer.mlp, layer.attention.dense
        if self.family == "modernbert":
            return layer.attn, layer.mlp, layer.attn.Wo
        return layer.self_attn, layer.mlp, layer.self_attn.o_proj

    def norms(self, l):
        layer = self.layers[l]
        if self.family in ("gpt2", "gpt_neo"):
            return layer.ln_1, layer.ln_2
        if self.family == "gptj":
            return layer.ln_1, layer.ln_1
        if self.family == "phi":
            return layer.input_layernorm, layer.input_layernorm
        if self.family == "gemma2":
            return layer.input_layernorm, layer.pre_feedforward_layernorm
        if self.post:
            return layer.attention.output.LayerNorm, layer.output.LayerNorm
        if self.family == "modernbert":
            return layer.attn_norm, layer.mlp_norm
        return layer.input_layernorm, layer.post_attention_layernorm

    def gamma(self, module):
        return module.weight.detach().numpy() + (not self.plain)

    def written(self, l, i):
        """What a part of the attention's output at row i adds to the residual stream."""
        if self.plain:
            return lambda r: r
        module = self.layers[l].post_attention_layernorm
        scale = np.sqrt((self.raw[l][i] ** 2).mean() + module.eps)
        return lambda r: r / scale * self.gamma(module)

    @staticmethod
    def norm(x, module):
        return module(torch.tensor(x)).detach().numpy()

    def W(self, l):
        """W_Q, W_K, W_V [d, heads * dh] and their biases, W_O [H * dh, d]."""
        layer = self.layers[l]
        num = lambda t: None if t is None else t.detach().numpy()
        if self.family == "gpt2":
            w, b = num(layer.attn.c_attn.weight), num(
                layer.attn.c_attn.bias
            )  # across() leaves them as they are
            q, k, v = np.split(w, 3, 1)
            bq, bk, bv = np.split(b, 3)
            return (q, k, v), (bq, bk, bv), num(self.parts(layer)[2].weight)
        if self.family == "gpt_neox":
            w, b = num(layer.attention.query_key_value.weight), num(
                layer.attention.query_key_value.bias
            )
            w, b = w.reshape(self.H, 3, self.dh, self.d), b.reshape(self.H, 3, self.dh)
            return (
                tuple(w[:, i].reshape(-1, self.d).T for i in range(3)),
                tuple(b[:, i].reshape(-1) for i in range(3)),
                num(layer.attention.dense.weight).T,
            )
        if self.family == "modernbert":
            parts = tuple(w.T for w in np.split(num(layer.attn.Wqkv.weight), 3))
            return parts, (None, None, None), num(layer.attn.Wo.weight).T
        if self.family == "deberta":
            s = layer.attention.self
            w = num(s.in_proj.weight).reshape(self.H, 3, self.dh, self.d)
            return (
                tuple(w[:, i].reshape(-1, self.d).T for i in range(3)),
                (num(s.q_bias), None, num(s.v_bias)),
                num(layer.attention.output.dense.weight).T,
            )
        if self.family == "deberta-v2":
            s = layer.attention.self
            mods, o = (s.query_proj, s.key_proj, s.value_proj), layer.attention.output.dense
        elif self.post:
            s = layer.attention.self
            mods, o = (s.query, s.key, s.value), layer.attention.output.dense
        else:
            s = layer.attn if self.family in ("gptj", "gpt_neo") else layer.self_attn
            s = s.attention if self.family == "gpt_neo" else s
            mods, o = (s.q_proj, s.k_proj, s.v_proj), self.parts(layer)[2]
        return (
            tuple(num(m.weight).T for m in mods),
            tuple(num(m.bias) for m in mods),
            num(o.weight).T * self.by,
        )

    def head(self, w, h, heads):
        """The columns of one of `heads` heads that query head h uses."""
        g = h // (self.H // heads)
        return w[..., g * self.dh : (g + 1) * self.dh]

    def read(self, l):
        """What the queries of a layer are made of; keys and values too unless they are of another
        text."""
        return self.pre[l] if self.post else self.norm(self.pre[l], self.norms(l)[0])

    def part_of(self, which, l, h):
        """q, k or v of one query head, before rotation."""
        heads = self.H if which == 0 else self.KV
        W, b, _ = self.W(l)
        x = self.states[0].numpy() if self.cross and which > 0 else self.read(l)
        y = x @ self.head(W[which], h, heads)
        return y if b[which] is None else y + self.head(b[which], h, heads)

    def f(self, l, h):
        """f^h(x_j) [n, d]."""
        return self.part_of(2, l, h) @ self.W(l)[2][h * self.dh : (h + 1) * self.dh]

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
        elif self.plain:
            out = x + a + self.by * layer.mlp(ln2(x + a))
        else:
            mid = x + layer.post_attention_layernorm(a)
            out = mid + layer.post_feedforward_layernorm(layer.mlp(ln2(mid)))
        return out.detach().numpy()

    def label_logits(self, x):
        if self.family == "llama":
            return self.model.score(self.final_norm(x))
        if self.labels == "answers":
            return self.model.qa_outputs(x)
        pooler = getattr(self.base, "pooler", None)
        return self.model.classifier(torch.tanh(pooler.dense(x)) if pooler else x)

    def logits_of(self, x):
        x = torch.tensor(x)
        if self.labels:
            return self.label_logits(x).detach().numpy()
        if self.placed and not self.model.legacy:
            embeddings = self.base.embeddings.word_embeddings
            return self.model.lm_predictions(x, embeddings).detach().numpy()
        if self.placed or self.family == "bert":
            return self.model.cls(x).detach().numpy()
        if self.family == "roberta":
            return self.model.lm_head(x).detach().numpy()
        if self.family == "electra":
            x = self.model.generator_predictions(x)
            return self.model.generator_lm_head(x).detach().numpy()
        x = self.final_norm(x)
        if self.family == "modernbert":
            x = self.model.head(x)
        head = self.model.get_output_embeddings()
        x = head(x).detach().numpy() * self.logit_scale
        return np.tanh(x / self.logit_cap) * self.logit_cap if self.logit_cap else x


def rms_norm(module, x):
    return x / torch.sqrt((x**2).mean(-1, keepdim=True) + module.variance_epsilon) * module.weight


def as_layer_norm(module):
    out = torch.nn.LayerNorm(len(module.weight), module.variance_epsilon)
    out.weight, out.bias = module.weight, module.bias
    return out


def gemma_norm(module, x):
    return x / torch.sqrt((x**2).mean(-1, keepdim=True) + module.eps) * (1 + module.weight)


def across(model, cls, kind):
    """A GPT-2 whose attention layers look at another text: its own weights as cross-attention,
    self-attention zero."""
    kind.add_cross_attention = True
    other = cls.from_config(kind, dtype=torch.float64, attn_implementation="eager").eval()
    other.load_state_dict(model.state_dict(), strict=False)
    for layer in other.base_model.h:
        d = kind.hidden_size
        cross, own = layer.crossattention, layer.attn
        with torch.no_grad():
            cross.q_attn.weight.copy_(own.c_attn.weight[:, :d])
            cross.q_attn.bias.copy_(own.c_attn.bias[:d])
            cross.c_attn.weight.copy_(own.c_attn.weight[:, d:])
            cross.c_attn.bias.copy_(own.c_attn.bias[d:])
            cross.c_proj.load_state_dict(own.c_proj.state_dict())
            layer.ln_cross_attn.load_state_dict(layer.ln_1.state_dict())
            own.c_proj.weight.zero_()
            own.c_proj.bias.zero_()
    return other


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


def looks(p, out):
    out["pattern"] = p.A[LAYER][HEAD]
    out["row"] = p.A[LAYER][HEAD][QUERY]
    out["heads_row"] = p.A[LAYER][:, QUERY]
    z, W_O = p.z[LAYER][QUERY].reshape(p.H, p.dh), p.W(LAYER)[2].reshape(p.H, p.dh, p.d)
    out["head_writes"] = np.einsum("hi,him->hm", z, W_O)
    out["head_mean"] = p.A[LAYER].mean(0)
    A, i, j = p.A[LAYER][HEAD], *np.indices(p.A[LAYER][HEAD].shape)
    sees = p.A[LAYER].max(0) > 0
    out["layer_mean"] = np.concatenate(p.A).mean(0)
    out["column"] = A[:, QUERY]
    out["received"] = np.divide(A.sum(0), sees.sum(0), out=np.zeros(A.shape[1]), where=sees.any(0))
    out["row_entropy"] = -np.where(A > 0, A * np.log2(np.where(A > 0, A, 1)), 0).sum(1)
    out["row_largest"] = A.max(1)
    if not p.cross:
        out["row_distance"] = (A * np.abs(i - j)).sum(1)
    # Clark et al.: head_distances, over the cells that a row may see, as a mean over rows.
    A = np.concatenate(p.A)
    seen = A.max(0) > 0
    P = np.where(seen, 0.999 * A + 0.001 / seen.sum(1, keepdims=True), 1)  # 1 ln 1 = 0
    js = (
        lambda a, b: (a * np.log(2 * a / (a + b)) + b * np.log(2 * b / (a + b))).sum()
        / 2
        / seen.any(1).sum()
    )
    out["head_distance"] = np.array([[js(a, b) for b in P] for a in P]).reshape(p.L, p.H, p.L, p.H)


def lens(p, out):
    logits = p.logits.detach().numpy()
    if p.labels == "answers":
        out["next"] = softmax(logits.T).T[QUERY]
    else:
        out["next"] = softmax(logits[p.asked])
    if len(p.rows) > 1:  # the head reads a mean
        return
    rows = [p.logits_of(x) for x in p.post_]
    out["lens_logit"] = np.stack([r[:, p.target] - r[:, p.foil] for r in rows])
    if p.labels == "answers":
        return
    prob = [softmax(r) for r in rows]
    out["lens_guess"] = np.stack([q.max(1) for q in prob])
    out["lens_probability"] = np.stack([q[:, p.target] for q in prob])
    of_target = [r[:, p.target : p.target + 1] for r in rows]
    out["lens_rank"] = np.stack([(r > t).sum(1) for r, t in zip(rows, of_target)]).astype(float)
    # Tokens whose logit is the target's to 1e-6 of the largest may come before it or behind it in
    # float32.
    near = [np.abs(r - t) < 1e-6 * np.abs(r).max() for r, t in zip(rows, of_target)]
    out["lens_rank_ties"] = np.stack([x.sum(1) - 1 for x in near]).astype(float)
    out["lens_entropy"] = np.stack([-(q * np.log2(q)).sum(1) for q in prob])


def direct(p, out):
    head = p.model.score if p.labels else p.model.get_output_embeddings()
    W_U = head.weight.detach().numpy()
    b = 0 if head.bias is None else (head.bias[p.target] - head.bias[p.foil]).item()
    u = (W_U[p.target] - W_U[p.foil]) * p.logit_scale
    query = p.rows[0]
    gamma = p.gamma(p.final_norm)
    beta = getattr(p.final_norm, "bias", None)
    eps = getattr(p.final_norm, "eps", None) or getattr(p.final_norm, "variance_epsilon", None)
    centred = isinstance(p.final_norm, torch.nn.LayerNorm)

    def worth(r, i):
        x = p.post_[-1][i]
        if centred:
            return ((r - r.mean(-1, keepdims=True)) / np.sqrt(x.var() + eps) * gamma) @ u
        return (r / np.sqrt((x**2).mean() + eps) * gamma) @ u

    parts = [worth(p.pre[0][query], query)]
    for l in range(p.L):
        parts += [worth(p.attn[l][query], query), worth(p.mlp[l][query], query)]
    parts.append((beta.detach().numpy() @ u if beta is not None else 0) + b)
    out["logit_component"] = np.array(parts)
    logits = p.logits.detach().numpy()[p.asked]
    if p.logit_cap:  # contributions are to logits before the cap
        logits = np.arctanh(logits / p.logit_cap) * p.logit_cap
    assert abs(sum(parts) - (logits[p.target] - logits[p.foil])) < 1e-6
    out["logit_head"] = np.array(
        [
            [worth(p.written(l, query)(p.A[l][h][query] @ p.f(l, h)), query) for h in range(p.H)]
            for l in range(p.L)
        ]
    )
    out["logit_token"] = np.array(
        [
            sum(
                p.A[l][h][query] * worth(p.written(l, query)(p.f(l, h)), query) for h in range(p.H)
            )
            for l in range(p.L)
        ]
    )
    out["logit_map"] = np.stack(
        [
            p.A[LAYER][HEAD][i] * worth(p.written(LAYER, i)(p.f(LAYER, HEAD)), i)
            for i in range(p.n)
        ]
    )


def rollouts(p, out):
    hat = [rownorm(a.mean(0) + np.eye(p.n)) for a in p.A[: LAYER + 1]]
    r = np.linalg.multi_dot(hat[::-1]) if len(hat) > 1 else hat[0]
    out["rollout"] = r
    e = np.eye(p.n)
    for a in p.A[: LAYER + 1]:
        seen = a.max(0) > 0
        e = rownorm(rownorm(seen.astype(float)) + np.eye(p.n)) @ e
    out["rollout_relative"] = rownorm(np.divide(r, e, out=np.zeros_like(r), where=e > 0))
    cap = {}
    for l, m in enumerate(hat):
        for i in range(p.n):
            cap[(l + 1, i)] = {(l, j): m[i, j] for j in range(p.n) if m[i, j] > 0}
    flows = np.array(
        [[max_flow(cap, (LAYER + 1, i), (0, j)) for j in range(p.n)] for i in range(p.n)]
    )
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
    if p.plain:
        out["norm_head"] = A[HEAD] * length(f[HEAD])[None]
    lengths = [[p.A[l][h] * length(p.f(l, h))[None] for h in range(p.H)] for l in range(p.L)]
    counted = (p.A[0].max((0, 2)) > 0).sum()
    out["value_norm"] = np.array([[x.sum() / counted for x in layer] for layer in lengths])
    out["value_first"] = np.array([[x[:, 0].sum() / x.sum() for x in layer] for layer in lengths])
    if not p.plain:
        return
    F = sum(A[h][:, :, None] * f[h][None] for h in range(p.H))
    out["norm_layer"] = length(F)
    if p.cross:  # no query is a key
        return
    R = F.copy()
    R[np.arange(n), np.arange(n)] += p.pre[LAYER]
    out["norm_residual"] = length(R)
    which = 0 if p.post else 1
    out["norm_residual_ln"] = np.stack(
        [length(frozen(p, p.norms(LAYER)[which], p.sum1[LAYER][i])(R[i])) for i in range(n)]
    )
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
    s = np.zeros((p.n, p.A[0].shape[2]))
    for j in range(s.shape[1]):
        attn = p.raw[LAYER] - sum(
            np.outer(p.A[LAYER][h][:, j], p.f(LAYER, h)[j]) for h in range(p.H)
        )
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
    heads, residual, mlp = [], [], []
    for l in range(p.L):
        y = p.sum1[l]
        parts = np.stack(
            [prox(p.A[l][h][:, :, None] * p.f(l, h)[None], y[:, None]) for h in range(p.H)]
        )
        seen = p.A[l].max(0) > 0
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
    out["route_heads"], out["route_residual"], out["route_mlp"] = map(
        np.stack, (heads, residual, mlp)
    )


def gradients(p, out):
    """By autograd: A of each layer is a leaf of the chosen logit's graph, as transformers made
    it."""
    y = p.logits[p.asked, p.target] - p.logits[p.asked, p.foil]
    grads = torch.autograd.grad(y, p.A_torch)
    prod = [(g[0] * a[0]).detach().numpy() for g, a in zip(grads, p.A_torch)]
    out["gradient_attention"] = prod[LAYER][HEAD]
    out["gradient_heads"] = np.stack([x.sum((1, 2)) for x in prod])
    R = np.eye(p.n)
    for x in prod:
        R = R + np.maximum(x, 0).mean(0) @ R
    out["chefer"], out["chefer_row"] = R, R[p.rows].mean(0)


def circuits(p, out):
    def folded(l):
        (q, k, v), _, W_O = p.W(l)
        if not p.post and not isinstance(p.norms(l)[0], torch.nn.Identity):
            g = p.gamma(p.norms(l)[0])[:, None]
            q, k, v = q * g, k * g, v * g
            if isinstance(p.norms(l)[0], torch.nn.LayerNorm):  # it reads x less its mean
                q, k, v = (w - w.mean(0) for w in (q, k, v))
        if p.family == "qwen3":  # the norms of every head's q and k
            attn = p.layers[l].self_attn
            q = q * np.tile(attn.q_norm.weight.detach().numpy(), p.H)
            k = k * np.tile(attn.k_norm.weight.detach().numpy(), p.KV)
        if getattr(p.base.config, "qk_layernorm", False):  # layer norms of every head's q and k
            attn = p.layers[l].self_attn
            norms = ((q, attn.q_layernorm), (k, attn.k_layernorm))
            q, k = (
                ((x := w.reshape(p.d, -1, p.dh)) - x.mean(-1, keepdims=True)).reshape(w.shape)
                * np.tile(norm.weight.detach().numpy(), w.shape[1] // p.dh)
                for w, norm in norms
            )
        if not p.plain:
            W_O = W_O * p.gamma(p.layers[l].post_attention_layernorm)
        return (
            [p.head(q, h, p.H) for h in range(p.H)],
            [p.head(k, h, p.KV) for h in range(p.H)],
            [p.head(v, h, p.KV) for h in range(p.H)],
            [W_O[h * p.dh : (h + 1) * p.dh] for h in range(p.H)],
        )

    W = [folded(l) for l in range(p.L)]
    OV = [[W[l][2][h] @ W[l][3][h] for h in range(p.H)] for l in range(p.L)]
    QK = [[W[l][0][h] @ W[l][1][h].T for h in range(p.H)] for l in range(p.L)]
    fro = np.linalg.norm
    top = lambda m: np.linalg.svd(m, compute_uv=False)[: p.dh]
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
    for name, right in (
        ("q_composition", lambda l, h: QK[l][h]),
        ("k_composition", lambda l, h: QK[l][h].T),
        ("v_composition", lambda l, h: OV[l][h]),
    ):
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
    for name in sys.argv[1:] or MODELS:
        if name in REAL and not (REAL[name] / name).exists():
            print(f"SKIPPED {name}: no {REAL[name] / name}")
            continue
        p = Pass(name)
        out = {"hidden": np.stack(p.pre + [p.post_[-1]]), "resid_mid": np.stack(p.mid)}
        looks(p, out)
        has_logits = p.logits is not None
        if has_logits:
            lens(p, out)
        if has_logits and not p.post and p.family != "modernbert":  # its head is not linear
            direct(p, out)
        if not p.cross:
            rollouts(p, out)
        norms(p, out)
        value_zeroing(p, out)
        if p.plain:
            routes(p, out)
        if has_logits and not p.cross and p.plain:
            gradients(p, out)
        if p.cross:
            for which, id in enumerate("qkv"):
                out[id] = np.stack(
                    [[p.part_of(which, l, h) for h in range(p.H)] for l in range(p.L)]
                )
            out["z"] = np.stack(p.z)
        circuits(p, out)
        tensors = {
            k: torch.tensor(np.ascontiguousarray(v)).to(torch.float32).contiguous()
            for k, v in out.items()
        }
        if p.real or p.padded or p.cross:
            tensors["input_ids"] = p.ids[0].to(torch.int32).contiguous()
        if p.padded:
            tensors["attention_mask"] = p.mask.to(torch.int32).contiguous()
        path = DATA / "attributions" / f"{name}.safetensors"
        save_file(tensors, path)
        print(f"{name}: {path.stat().st_size} bytes, {len(tensors)} tensors")


if __name__ == "__main__":
    main()
