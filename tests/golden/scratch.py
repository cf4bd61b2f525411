"""Writes tests/data/scratch.txt: multi-head attention as PyTorch computes it, for several seeds and
shapes.

Run: python tests/golden/scratch.py   (needs torch)

One case is a line `case NAME`, lines `set KEY VALUE`, and tensors: `tensor NAME D0 D1 …` and a line
with the bits of every float32 as 8 hexadecimal digits. Weights of modules wider than 16 are stored
as their first row and their sum: NAME.row0 and NAME.sum.
"""

import math
import pathlib
import struct

import torch

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent / "data" / "scratch.txt"
WHOLE = 16  # d_model up to which weights are stored whole


class Attention(torch.nn.Module):
    """The module of the tutorial: four linear maps, scaled dot products, softmax, context,
    output."""

    def __init__(self, d_model, n_heads):
        super().__init__()
        self.n_heads, self.d_head = n_heads, d_model // n_heads
        self.W_Q = torch.nn.Linear(d_model, d_model)
        self.W_K = torch.nn.Linear(d_model, d_model)
        self.W_V = torch.nn.Linear(d_model, d_model)
        self.W_O = torch.nn.Linear(d_model, d_model)

    def heads(self, x):
        return x.view(x.shape[0], x.shape[1], self.n_heads, self.d_head).transpose(1, 2)

    def forward(self, query, key, value, mask=None):
        q, k, v = (
            self.heads(self.W_Q(query)),
            self.heads(self.W_K(key)),
            self.heads(self.W_V(value)),
        )
        scores = q @ k.transpose(-2, -1) / math.sqrt(self.d_head)
        if mask is not None:
            scores = scores.masked_fill(mask.unsqueeze(1) == 0, -1e9)
        weights = torch.softmax(scores, dim=-1)
        context = (weights @ v).transpose(1, 2).reshape(query.shape)
        return self.W_O(context), weights, context


def bits(x):
    return struct.pack(">f", float(x)).hex()


class Writer:
    def __init__(self, file):
        self.file = file

    def case(self, name, **settings):
        self.file.write(f"case {name}\n")
        for key, value in settings.items():
            self.file.write(f"set {key} {value}\n")

    def tensor(self, name, t):
        t = t.detach()
        shape = " ".join(str(d) for d in t.shape)
        self.file.write(f"tensor {name} {shape}\n")
        self.file.write(" ".join(bits(x) for x in t.flatten()) + "\n")

    def module(self, m, whole):
        for name in ("W_Q", "W_K", "W_V", "W_O"):
            layer = getattr(m, name)
            bias = name.replace("W", "b")
            if whole:
                self.tensor(name, layer.weight)
            else:
                self.tensor(name + ".row0", layer.weight[0])
                self.tensor(name + ".sum", layer.weight.double().sum().reshape(1))
            if whole or name == "W_O":
                self.tensor(bias, layer.bias)


def mask_of(kind, batch, n):
    if kind == "none":
        return None
    if kind == "causal":
        return torch.tril(torch.ones(n, n)).unsqueeze(0)
    mask = torch.ones(batch, 1, n)
    for b in range(batch):
        mask[b, 0, max(1, n - 1 - b) :] = 0
    return mask


def self_attention(w, seed, d_model, n_heads, batch, n, kind):
    torch.manual_seed(seed)
    m = Attention(d_model, n_heads)
    x = torch.randn(batch, n, d_model)
    y, weights, context = m(x, x, x, mask_of(kind, batch, n))
    w.case(
        f"self {seed} {d_model}/{n_heads} {batch}x{n} {kind}",
        kind="self",
        seed=seed,
        d_model=d_model,
        heads=n_heads,
        batch=batch,
        n=n,
        mask=kind,
    )
    w.module(m, d_model <= WHOLE)
    if x.numel() <= 1024 and kind == "none":
        w.tensor("input", x)
        w.tensor("output", y)
        w.tensor("context", context)
    else:
        w.tensor("input.row0", x[0, 0])
        w.tensor("input.sum", x.double().sum().reshape(1))
        w.tensor("output.row0", y[0, 0])
    w.tensor("attention", weights)


def cross_attention(w, name, seed, d_model, n_heads, batch, n_query, n_key, mask):
    """query, key and value of their own, drawn one after the other; any mask."""
    torch.manual_seed(seed)
    m = Attention(d_model, n_heads)
    query = torch.randn(batch, n_query, d_model)
    key, value = torch.randn(batch, n_key, d_model), torch.randn(batch, n_key, d_model)
    y, weights, context = m(query, key, value, mask)
    w.case(
        f"cross {name}",
        kind="cross",
        seed=seed,
        d_model=d_model,
        heads=n_heads,
        batch=batch,
        n_query=n_query,
        n_key=n_key,
    )
    if mask is not None:
        w.tensor("mask", mask)
    w.tensor("query", query)
    w.tensor("key", key)
    w.tensor("value", value)
    w.tensor("output", y)
    w.tensor("context", context)
    w.tensor("attention", weights)


def main():
    with open(OUT, "w") as file:
        w = Writer(file)
        for seed in (0, 42):
            for kind in ("none", "causal", "padding"):
                self_attention(w, seed, 64, 4, 2, 6, kind)
        for seed in (1, 12345, 2**31 - 1, 2**32 + 7):
            self_attention(w, seed, 8, 2, 1, 5, "none")
            self_attention(w, seed, 12, 3, 3, 7, "padding")
        self_attention(w, 0, 4, 2, 1, 3, "none")  # 12 inputs: the normals one by one
        self_attention(w, 7, 5, 5, 1, 3, "causal")  # 15, and an odd width
        self_attention(w, 7, 1, 1, 1, 1, "none")
        self_attention(w, 3, 4, 1, 1, 4, "none")  # 16: the first in blocks
        self_attention(w, 3, 17, 1, 1, 1, "none")  # 17: a block and one more
        self_attention(w, 42, 256, 8, 1, 16, "causal")
        cross_attention(w, "3 queries, 5 keys", 5, 8, 2, 2, 3, 5, None)
        mask = torch.tensor(
            [
                [[1, 0, 1, 0, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]],
                [[1, 1, 1, 1, 1], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]],
            ]
        )
        cross_attention(w, "with fully masked rows", 6, 8, 2, 2, 3, 5, mask)
        cross_attention(w, "one mask row for all queries", 6, 8, 2, 2, 3, 5, mask[:, :1])
        cross_attention(w, "one mask for all samples", 6, 8, 2, 2, 3, 5, mask[:1])
        cross_attention(w, "one mask row for all", 6, 8, 2, 2, 3, 5, mask[:1, :1])
    print(OUT, OUT.stat().st_size, "bytes, torch", torch.__version__)


if __name__ == "__main__":
    main()
