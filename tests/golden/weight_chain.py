"""Writes tests/data/weight_chain.safetensors: one attention weight, stage by stage, as PyTorch
computes it.

    python tests/golden/weight_chain.py  needs torch, numpy, transformers, safetensors

transformers runs tiny checkpoints of tests/data/models in float64 and hands its eager attention q,
k and v (after RoPE), the mask and the scale; the module of the tutorial (scratch.py) runs as
PyTorch creates it. From there on, every stage is written out with torch, and the weights and z must
be those that the model itself made. The stages in the file are computed in float64 from q, k and v
as the file holds them, in float32: q [d_head], keys and values [n_key, d_head]. Of each case: k,
products, dot, score, scores, masked (-inf where the mask hides a key), exps, sum, weights, v,
moved, z; writes [head, d_model], z_h W_O of every head in the model; place [layer, head, query,
key]; input_ids and attention_mask; where distances have terms, places [q · pk, k · pq].
"""

import importlib
import pathlib

import numpy as np
import torch
from attributions import Pass
from safetensors.torch import save_file
from scratch import Attention
from transformers.models.deberta_v2 import modeling_deberta_v2 as deberta_v2

OUT = pathlib.Path(__file__).parent.parent / "data" / "weight_chain.safetensors"
# Checkpoint, and the cells: layer, head, query, key. Some keys are masked.
CASES = {
    "gpt2": [(1, 2, 11, 4), (0, 1, 7, 12)],
    "gpt2+padded": [(1, 2, 11, 4)],
    "llama-gqa": [(1, 3, 13, 5), (0, 1, 19, 0)],
    "gpt-neox-parallel": [(1, 1, 9, 2)],
    "mistral-window": [(1, 2, 40, 37), (0, 1, 40, 35)],
    "gemma2": [(1, 2, 11, 9), (0, 1, 9, 4)],
    "bert": [(1, 1, 6, 15)],
    "bert-padded": [(1, 3, 5, 2), (0, 0, 5, 19)],
}
# The same with terms of content and distance in the scores.
PLACED = {"deberta-v3": [(1, 1, 50, 31), (0, 0, 3, 66)]}
# The attention from scratch: seed, d_model, heads, samples, tokens, mask; sample, head, query, key.
SCRATCH = [
    ("none", 42, 64, 4, 2, 6, (1, 2, 3, 1)),
    ("causal", 7, 16, 2, 1, 5, (0, 1, 2, 4)),
    ("padding", 42, 24, 3, 2, 6, (1, 0, 0, 2)),
]


def stored_stages(q, k, v, scale, seen, hidden, head, kv_head, query, key, cap=None, by=None):
    """stages() of q, k and v as the file holds them."""
    q, k, v = (x.float().double() for x in (q, k, v))
    case = stages(q, k, v, scale, seen, hidden, head, kv_head, query, key, cap, by)
    return case | {"keys": k[kv_head], "values": v[kv_head]}


def stages(q, k, v, scale, seen, hidden, head, kv_head, query, key, cap=None, by=None):
    """q, k, v [head, n, d_head]; `hidden` replaces the scores of keys that are not `seen`. `by` are
    the keys and queries of the distances from the query, [key, d_head] each."""
    q_i, keys, values = q[head, query], k[kv_head], v[kv_head]
    products = q_i * keys[key]
    scores = keys @ q_i * scale
    more = {}
    if by is not None:
        terms = by[0] @ q_i, (by[1] * keys).sum(1)
        scores = (keys @ q_i + terms[0] + terms[1]) * scale
        more["places"] = torch.stack([x[key] for x in terms])
    if cap is not None:
        scores = torch.tanh(scores / cap) * cap
    masked = torch.where(seen, scores, torch.tensor(hidden, dtype=scores.dtype))
    exps = torch.exp(masked - masked.max())
    weights = exps / exps.sum()
    torch.testing.assert_close(weights, torch.softmax(masked, 0))
    return more | {
        "q": q_i,
        "k": keys[key],
        "products": products,
        "dot": products.sum().reshape(1),
        "score": scores[key].reshape(1),
        "scores": scores,
        "masked": masked,
        "exps": exps,
        "sum": exps.sum().reshape(1),
        "weights": weights,
        "v": values[key],
        "moved": weights[key] * values[key],
        "z": weights @ values,
    }


def recorded(name):
    """Pass, and what each layer's attention was given: q, k, v [head, n, d_head], mask, scale."""
    kinds = {
        "gpt2": "gpt2",
        "llama-gqa": "llama",
        "gpt-neox-parallel": "gpt_neox",
        "mistral-window": "mistral",
        "gemma2": "gemma2",
    }
    kind = kinds.get(name.partition("+")[0], "bert")
    module = importlib.import_module(f"transformers.models.{kind}.modeling_{kind}")
    calls, original = [], module.eager_attention_forward

    def record(owner, q, k, v, mask, *args, **kwargs):
        scale = kwargs.get("scaling")
        scale = q.shape[-1] ** -0.5 if scale is None else scale
        cap = kwargs.get("softcap")
        calls.append((q[0].detach(), k[0].detach(), v[0].detach(), mask, float(scale), cap))
        return original(owner, q, k, v, mask, *args, **kwargs)

    module.eager_attention_forward = record
    done = Pass(name)
    module.eager_attention_forward = original
    return done, calls


def of_model(name, out):
    done, calls = recorded(name)
    for i, (layer, head, query, key) in enumerate(CASES[name]):
        q, k, v, mask, scale, cap = calls[layer]
        n = k.shape[1]
        seen = torch.ones(n, dtype=torch.bool)
        if mask is not None:
            row = mask[0, 0, query, :n]
            seen = row if row.dtype == torch.bool else row > -1e30
        kv_head = head // (done.H // len(k))
        given = (q, k, v, scale, seen, -torch.inf, head, kv_head, query, key, cap)
        case = stages(*given)
        torch.testing.assert_close(case["weights"], torch.tensor(done.A[layer][head, query]))
        z = torch.tensor(done.z[layer][query]).reshape(done.H, done.dh)
        torch.testing.assert_close(case["z"], z[head])
        case = stored_stages(*given)
        W_O = torch.tensor(done.W(layer)[2]).reshape(done.H, done.dh, -1)
        case["writes"] = torch.einsum("hd,hdm->hm", z, W_O)
        case["place"] = torch.tensor([layer, head, query, key], dtype=torch.int32)
        case["input_ids"] = done.ids[0].int()
        case["attention_mask"] = done.mask.int()
        out |= {f"{name}.{i}.{stage}": x for stage, x in case.items()}


def of_placed(name, out):
    done = Pass(name)
    for i, (layer, head, query, key) in enumerate(PLACED[name]):
        own = done.layers[layer].attention.self
        q, k, v = (
            torch.tensor(np.stack([done.part_of(which, layer, h) for h in range(done.H)]))
            for which in range(3)
        )
        rows = deberta_v2.build_relative_position(
            q, k, own.position_buckets, own.max_relative_positions
        )
        span = own.pos_ebd_size
        rows = torch.clamp(rows[0, query] + span, 0, 2 * span - 1)
        places = done.base.encoder.get_rel_embedding()
        by = [
            module(places)[rows, head * done.dh : (head + 1) * done.dh].detach()
            for module in (own.key_proj, own.query_proj)  # share_att_key
        ]
        seen = torch.ones(done.n, dtype=torch.bool)
        scale = (3 * done.dh) ** -0.5
        given = (q, k, v, scale, seen, -torch.inf, head, head, query, key, None, by)
        case = stages(*given)
        torch.testing.assert_close(case["weights"], torch.tensor(done.A[layer][head, query]))
        z = torch.tensor(done.z[layer][query]).reshape(done.H, done.dh)
        torch.testing.assert_close(case["z"], z[head])
        case = stored_stages(*given)
        W_O = torch.tensor(done.W(layer)[2]).reshape(done.H, done.dh, -1)
        case["writes"] = torch.einsum("hd,hdm->hm", z, W_O)
        case["place"] = torch.tensor([layer, head, query, key], dtype=torch.int32)
        case["input_ids"] = done.ids[0].int()
        case["attention_mask"] = done.mask.int()
        out |= {f"{name}.{i}.{stage}": x for stage, x in case.items()}


def of_scratch(mask, seed, d_model, n_heads, n_samples, n, place, out):
    torch.manual_seed(seed)
    module = Attention(d_model, n_heads)
    x = torch.randn(n_samples, n, d_model).double()
    module = module.double()
    sample, head, query, key = place
    allowed = torch.ones(n_samples, n, n, dtype=torch.bool)
    if mask == "causal":
        allowed = allowed.tril()
    if mask == "padding":
        for b in range(n_samples):
            allowed[b, :, max(1, n - 1 - b) :] = False
    _, weights, context = module(x, x, x, allowed)
    q, k, v = (module.heads(w(x))[sample] for w in (module.W_Q, module.W_K, module.W_V))
    scale = module.d_head**-0.5
    given = (q, k, v, scale, allowed[sample, query], -1e9, head, head, query, key)
    case = stages(*given)
    torch.testing.assert_close(case["weights"], weights[sample, head, query])
    z = context[sample, query].reshape(n_heads, -1)
    torch.testing.assert_close(case["z"], z[head])
    case = stored_stages(*given)
    W_O = module.W_O.weight.T.reshape(n_heads, module.d_head, d_model)
    case["writes"] = torch.einsum("hd,hdm->hm", z, W_O)
    case["place"] = torch.tensor([0, head, query, key], dtype=torch.int32)
    sizes = [seed, d_model, n_heads, n_samples, n, sample]
    case["settings"] = torch.tensor(sizes, dtype=torch.int32)
    out |= {f"scratch+{mask}.0.{stage}": x for stage, x in case.items()}


def main():
    out = {}
    for name in CASES:
        of_model(name, out)
    for name in PLACED:
        of_placed(name, out)
    for mask, seed, d_model, n_heads, n_samples, n, place in SCRATCH:
        of_scratch(mask, seed, d_model, n_heads, n_samples, n, place, out)
    stored = {
        name: (x if x.dtype == torch.int32 else x.detach().float()).contiguous().clone()
        for name, x in out.items()
    }
    save_file(stored, OUT)
    print(f"{len(stored)} tensors, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
