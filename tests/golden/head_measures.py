"""Writes tests/data/head_measures.safetensors: every score of a head, by the published formulas in
NumPy, float64.

    python tests/golden/head_measures.py  needs numpy, torch, safetensors, tokenizers, transformers

Cases: causal (two random texts, one with a sink), bidirectional, padded, cross attention, on random
q and k; then what transformers computes for two tiny checkpoints of tests/data/models and for
web/models/bookworm-2m on a text. Of each case the file holds what the program is given (q, k, ids,
flags) and what the formulas below make of softmax(q k / sqrt(d)). Sources:
clarkkev/attention-analysis General_Analysis; TransformerLens head_detector and Main_Demo; HeadVis
compute-head-metrics; Voita et al. 2019; Kovaleva et al. 2019; Kobayashi et al. 2020. Where a score
is this project's own, the formula is the one that its row states. `without`: rows divided by what
they leave beside key 0, of those that leave 0.01.
"""

import json
import math
import pathlib

import numpy as np
from safetensors.numpy import save_file

ROOT = pathlib.Path(__file__).parents[2]
OUT = ROOT / "tests" / "data" / "head_measures.safetensors"
OFFSET, PERIOD, LEAST_REST, SLACK = 3, 8, 0.01, 1e-6


def softmax(scores, seen):
    scores = np.where(seen, scores, -np.inf)
    top = np.max(scores, axis=-1, keepdims=True)
    e = np.where(seen, np.exp(scores - np.where(np.isfinite(top), top, 0)), 0)
    total = e.sum(-1, keepdims=True)
    return np.divide(e, total, out=np.zeros_like(e), where=total > 0)


def entropy_bits(row):
    p = row[row > 0]
    return float(-(p * np.log2(p)).sum())


def keys_for(row, part):
    total = np.cumsum(np.sort(row)[::-1])
    return int(np.argmax(total >= part - SLACK)) + 1


def lines(A, U, seen, rows):
    """Shares of the mass on strong columns and on strong offsets."""
    n_q, n_k = A.shape
    i, j = np.indices(A.shape)
    out = []
    for index in (j, i - j + n_k):
        mass = np.bincount(index[seen], A[seen], n_q + n_k + 1)
        chance = np.bincount(index[seen], U[seen], n_q + n_k + 1)
        cells = np.bincount(index[seen], minlength=n_q + n_k + 1)
        strong = (cells * 4 >= rows) & (cells > 0) & (mass >= 0.1 * cells) & (mass >= 2 * chance)
        out.append(mass[strong].sum() / A.sum() if A.sum() > 0 else 0.0)
    return out


def scores(
    A,
    seen,
    t_q,
    t_k,
    special,
    punctuation,
    comma,
    words,
    segments,
    self_attention,
    norms,
    drop_first,
):
    """All scores of one head. A [query, key], rows of `seen` that see nothing are all 0."""
    n_q, n_k = A.shape
    full, seen_all = A, seen
    counted = seen.any(1)
    if drop_first:
        rest = A[:, 1:].sum(1)
        counted = counted & (rest >= LEAST_REST)
        A = np.where(counted[:, None], A / np.where(counted, rest, 1)[:, None], 0)
        A[:, 0] = 0
        seen = seen.copy()
        seen[:, 0] = False
    seen = seen & counted[:, None]
    rows = np.flatnonzero(counted)
    i, j = np.indices(A.shape)
    out = {}

    def cells(name, where):
        where = where & seen
        out[name] = A[where].mean() if where.any() else 0.0

    def of_rows(name, values):
        values = list(values)
        out[name] = float(np.mean(values)) if values else 0.0

    cells("previous_token", j == i - 1)
    cells("next_token", j == i + 1)
    cells("self", i == j)
    cells("offset", j == i - OFFSET)
    cells("induction_stripe", j == i - (PERIOD - 1))
    cells("duplicate_stripe", j == i - PERIOD)
    of_rows("clark_previous", (A[r, r - 1] if r > 0 and r - 1 < n_k else 0 for r in rows))
    of_rows("clark_next", (A[r, r + 1] if r + 1 < n_k else 0 for r in rows))
    same = t_q[:, None] == t_k[None, :]
    duplicate = same & (j < i)
    # TransformerLens: the duplicate pattern rolled right by one, column 0 zero, lower triangle.
    induction = np.roll(same, 1, axis=1)
    induction[:, 0] = False
    induction &= j <= i
    # The mean over rows is sum(A * D) / sum(A), their "mul", since every row sums to 1.
    of_rows("duplicate_token", (A[r][duplicate[r]].sum() for r in rows))
    of_rows("induction", (A[r][induction[r]].sum() for r in rows))
    # Their "abs": 1 - mean |A - D| * n, D over the cells that may be seen.
    for name, D in (
        ("previous_abs", j == i - 1),
        ("duplicate_abs", duplicate),
        ("induction_abs", induction),
    ):
        of_rows(name, (1 - np.abs(A[r] - (D & seen)[r]).sum() for r in rows))
    # HeadVis: for every query with an earlier occurrence the weights at p + 1 that are at least
    # 0.01.
    mass, dmass = [], []
    for r in rows:
        earlier = [
            p for p in range(min(r, n_k)) if t_k[p] == t_q[r] and p + 1 < n_k and seen_all[r, p + 1]
        ]
        if earlier:
            mass.append(sum(A[r, p + 1] for p in earlier if full[r, p + 1] >= 0.01))
            dmass.append(A[r][duplicate[r]].sum())
    of_rows("induction_mass", mass)
    of_rows("duplicate_mass", dmass)
    of_rows("special", (A[r][special].sum() for r in rows))
    of_rows("punctuation", (A[r][punctuation].sum() for r in rows))
    word = []
    for r in rows:
        others = (
            (words == words[r]) & (np.arange(n_k) != r) if self_attention else np.zeros(n_k, bool)
        )
        if (others & seen_all[r]).any():
            word.append(A[r][others].sum())
    of_rows("same_word", word)
    far = np.abs(i - j)
    mean = np.mean([(A[r] * far[r]).sum() for r in rows]) if len(rows) else 0.0
    square = np.mean([(A[r] * far[r] ** 2).sum() for r in rows]) if len(rows) else 0.0
    out["distance"] = float(mean)
    out["distance_spread"] = math.sqrt(max(0.0, square - mean**2))
    of_rows("entropy", (entropy_bits(A[r]) for r in rows))
    of_rows(
        "entropy_share",
        (entropy_bits(A[r]) / math.log2(seen[r].sum()) for r in rows if seen[r].sum() > 1),
    )
    of_rows("confidence", (A[r].max() for r in rows))

    U = np.where(seen_all, 1 / np.maximum(1, seen_all.sum(1, keepdims=True)), 0)
    if drop_first:
        left = U[:, 1:].sum(1, keepdims=True)
        U = np.where(left >= LEAST_REST, U / np.where(left > 0, left, 1), 0)
        U[:, 0] = 0
    out["vertical"], out["diagonal"] = lines(A, U, seen, len(rows))
    own = segments[:, None] == segments[None, :] if self_attention else np.zeros(A.shape, bool)
    out["block"] = float(A[own].sum() / max(1, len(rows)))
    # R squared of the means at each offset.
    a, o = A[seen], (i - j)[seen]
    fitted = np.array([a[o == k].mean() for k in o]) if a.size else a
    total = ((a - a.mean()) ** 2).sum() if a.size else 0.0
    out["positional_share"] = (
        1 - ((a - fitted) ** 2).sum() / total if total > 0 else float(a.size > 0)
    )
    cosines = []
    for r in rows:
        if r > 0 and counted[r - 1]:
            size = np.linalg.norm(A[r]) * np.linalg.norm(A[r - 1])
            if size > 0:
                cosines.append(A[r] @ A[r - 1] / size)
    of_rows("row_similarity", cosines)
    chance = U[own].sum() / U.sum() if U.sum() > 0 else 1.0
    v, d, block = out["vertical"], out["diagonal"], A[own].sum() / A.sum() if A.sum() > 0 else 0.0
    if v + d >= 0.5:
        out["pattern_class"] = 2.0 if v >= 0.25 and d >= 0.25 else 0.0 if v > d else 1.0
    else:
        out["pattern_class"] = (
            3.0 if block >= 0.5 and chance < 1 and block - chance >= (1 - chance) / 2 else 4.0
        )
    if drop_first:
        return out
    of_rows("first_token", (A[r, 0] for r in rows if seen[r, 0]))
    of_rows("span_50", (keys_for(A[r], 0.5) for r in rows))
    of_rows("span_90", (keys_for(A[r], 0.9) for r in rows))
    smooth = []
    for r in rows:
        n = seen[r].sum()
        b = 0.9999 * A[r][seen[r]] + 0.0001 / n
        smooth.append(-(b * np.log(b)).sum())
    of_rows("clark_entropy", smooth)
    of_rows("clark_punctuation", (A[r][comma].sum() for r in rows))
    if norms is not None:
        of_rows("value_norm", ((A[r] * norms).sum() for r in rows))
        out["value_first"] = float((A[:, 0] * norms[0]).sum() / (A * norms).sum())
    return out


PIECES = [" the", "in", "duc", ",", ".", " head", "s", "<s>", " of", "-"]


def random_tokens(rng, n, repeat):
    ids = rng.integers(0, len(PIECES), n)
    if repeat:
        ids = np.concatenate([ids[:PERIOD]] * (n // PERIOD + 1))[:n]
    return ids


def word_ids(ids):
    """The word of each token: "in", "duc" and "s" go on with what stands before, unless that is a
    mark or special."""
    out = []
    for i, t in enumerate(ids):
        goes_on = (
            i > 0
            and PIECES[t] in ("in", "duc", "s")
            and PIECES[ids[i - 1]] not in (",", ".", "-", "<s>")
        )
        out.append(out[-1] if goes_on else i)
    return np.array(out)


def segment_ids(ids):
    out, begin = [], 0
    for i, t in enumerate(ids):
        out.append(begin)
        if PIECES[t] in (".", "<s>"):
            begin = i + 1
    return np.array(out)


def add_case(tensors, name, pattern_of, seen, t_q, t_k, sets, self_attention, norms):
    """pattern_of(head) -> A; writes [score, 2, head] with the order of names in <name>.names."""
    special, punctuation, comma, words, segments = sets
    rows, names = [], None
    for h in range(len(norms)):
        A = pattern_of(h)
        a = scores(
            A,
            seen,
            t_q,
            t_k,
            special,
            punctuation,
            comma,
            words,
            segments,
            self_attention,
            norms[h],
            False,
        )
        b = scores(
            A,
            seen,
            t_q,
            t_k,
            special,
            punctuation,
            comma,
            words,
            segments,
            self_attention,
            None,
            True,
        )
        names = list(a)
        rows.append([[a[k] for k in names], [b.get(k, np.nan) for k in names]])
    tensors[name + ".scores"] = np.array(rows, np.float64).transpose(2, 1, 0).copy()
    return names


def random_case(tensors, rng, name, n_q, n_k, mask, sink=0.0, padded=0, repeat=False, heads=3, d=8):
    q = rng.normal(0, 1.6, (heads, n_q, d)).astype(np.float32)
    k = rng.normal(0, 1, (heads, n_k, d)).astype(np.float32)
    if sink:  # one dimension in which every query agrees with the first key
        q[:, :, 0], k[:, :, 0], k[:, 0, 0] = sink, 0, sink
    cross = mask == "cross"
    t_k = random_tokens(rng, n_k, repeat)
    t_q = random_tokens(rng, n_q, repeat) if cross else t_k
    seen = np.tril(np.ones((n_q, n_k), bool)) if mask == "causal" else np.ones((n_q, n_k), bool)
    if padded:
        seen[:, n_k - padded :] = False
        seen[2] = False  # a row with nothing to see
    flags = [
        np.array([PIECES[t] in of for t in t_k]) for of in (("<s>",), (",", ".", "-"), (",", "."))
    ]
    words, segments = (word_ids(t_k), segment_ids(t_k))
    scale = 1 / math.sqrt(d)

    def pattern_of(h):
        return softmax(
            q[h].astype(np.float64) @ k[h].T.astype(np.float64) * np.float64(np.float32(scale)),
            seen,
        )

    names = add_case(
        tensors,
        name,
        pattern_of,
        seen,
        t_q,
        t_k,
        (*flags, words, segments),
        not cross,
        [None] * heads,
    )
    tensors[name + ".q"], tensors[name + ".k"] = q, k
    tensors[name + ".t_q"], tensors[name + ".t_k"] = t_q.astype(np.int32), t_k.astype(np.int32)
    tensors[name + ".seen"] = seen.astype(np.uint8)
    return names


def model_case(tensors, name, folder, text):
    """A real model by transformers in float64; words and sentences are left to single tokens."""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel

    model = AutoModel.from_pretrained(
        folder, dtype=torch.float64, attn_implementation="eager"
    ).eval()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = tokenizer.encode(text).ids[:40]
    values, outputs = {}, {}

    def keep(layer):
        def hook(_, args, output):
            values[layer] = output.detach()[0]

        return hook

    layers = next(m for m in model.modules() if isinstance(m, torch.nn.ModuleList))
    n_heads, d = (
        model.config.num_attention_heads,
        model.config.hidden_size // model.config.num_attention_heads,
    )
    for l, layer in enumerate(layers):
        if hasattr(layer, "attn"):  # GPT-2
            layer.attn.c_attn.register_forward_hook(keep(l))
            outputs[l] = layer.attn.c_proj.weight.detach()  # [in, out]
        elif hasattr(layer.attention, "query_key_value"):  # GPT-NeoX
            layer.attention.query_key_value.register_forward_hook(keep(l))
            outputs[l] = layer.attention.dense.weight.detach().T
        else:  # BERT
            layer.attention.self.value.register_forward_hook(keep(l))
            outputs[l] = layer.attention.output.dense.weight.detach().T
    with torch.no_grad():
        attentions = model(torch.tensor([ids]), output_attentions=True).attentions
    n = len(ids)
    norms, patterns = [], []
    for l, attention in enumerate(attentions):
        v = values[l]
        if v.shape[1] == 3 * n_heads * d:
            neox = hasattr(layers[l], "attention")
            v = v.view(n, n_heads, 3, d)[:, :, 2] if neox else v.view(n, 3, n_heads, d)[:, 2]
        else:
            v = v.view(n, n_heads, d)
        for h in range(n_heads):
            f = v[:, h] @ outputs[l][h * d : (h + 1) * d]
            norms.append(f.norm(dim=1).numpy())
            patterns.append(attention[0, h].numpy())
    causal = not hasattr(layers[0], "attention") or hasattr(layers[0].attention, "query_key_value")
    seen = np.tril(np.ones((n, n), bool)) if causal else np.ones((n, n), bool)
    none, each = np.zeros(n, bool), np.arange(n)
    t = np.array(ids)
    names = add_case(
        tensors,
        name,
        lambda h: patterns[h],
        seen,
        t,
        t,
        (none, none, none, each, 0 * each),
        True,
        norms,
    )
    tensors[name + ".t_k"] = t.astype(np.int32)
    return names


def main():
    rng = np.random.default_rng(5)
    tensors, names = {}, {}
    for name, *rest in (
        ("causal", 40, 40, "causal"),
        ("causal-sink", 50, 50, "causal", 4.0),
        ("repeat", 48, 48, "causal", 0.0, 0, True),
        ("both-ways", 37, 37, "none"),
        ("padded", 30, 30, "none", 0.0, 6),
        ("padded-causal", 33, 33, "causal", 1.5, 4),
        ("cross", 20, 31, "cross"),
    ):
        names[name] = random_case(tensors, rng, name, *rest)
    text = (
        "Once upon a time there was a little girl and a little dog. The girl and the dog went "
        "to the sea."
    )
    for name, folder in (
        ("gpt2", ROOT / "tests/data/models/gpt2"),
        ("bert", ROOT / "tests/data/models/bert"),
        ("bookworm-2m", ROOT / "web/models/bookworm-2m"),
    ):
        names[name] = model_case(tensors, name, folder, text)
    save_file(tensors, OUT)
    OUT.with_suffix(".json").write_text(
        json.dumps(names, indent=0) + "\n"
    )  # the scores' names, in order
    print(f"{OUT}: {OUT.stat().st_size} bytes, {len(tensors)} tensors")


if __name__ == "__main__":
    main()
