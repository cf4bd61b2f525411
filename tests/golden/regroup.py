#!/usr/bin/env python3
"""Maps of words, sentences and marked spans, with special tokens hidden, by NumPy.

    python tests/golden/regroup.py        writes tests/data/regroup.json

A group's weight as a key is the sum over its tokens, as a query the mean over its tokens (Clark et
al. 2019): with membership matrices Q [group, token] / size and K [token, group], the map is Q A K.
Where cells are not a number, sums and means are over those that are. Everything in float64 over
float32 inputs.
"""
import json
import pathlib

import numpy as np

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"

# text, special: "unbelievable" is three pieces, "tok|ens" two.
TOKENS = [
    ("[CLS]", 1),
    ("un", 0),
    ("believ", 0),
    ("able", 0),
    (" tok", 0),
    ("ens", 0),
    (".", 0),
    (" So", 0),
    (" we", 0),
    (" read", 0),
    ("!", 0),
    ("[SEP]", 1),
]
WORDS = [0, 1, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8]
SENTENCES = [0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3]
SPANS = [0, 1, 1, 1, 2, 2, 2, 2, 2, 3, 4, 5]  # 1-3 and 4-8


def merge(a, groups, keep, mean_keys):
    """Rows and columns of tokens that are kept, put together: sums of what is a number over keys,
    means over queries."""
    order = sorted({g for g, k in zip(groups, keep) if k})
    out = np.full((len(order), len(order)), np.nan)
    for i, gi in enumerate(order):
        rows = [q for q in range(len(groups)) if groups[q] == gi and keep[q]]
        for j, gj in enumerate(order):
            cols = [k for k in range(len(groups)) if groups[k] == gj and keep[k]]
            cells = a[np.ix_(rows, cols)]
            there = ~np.isnan(cells)
            with np.errstate(invalid="ignore", divide="ignore"):
                per_row = np.where(
                    there.any(1), np.nansum(cells, 1) / (there.sum(1) if mean_keys else 1), np.nan
                )
            if (~np.isnan(per_row)).any():
                out[i, j] = np.nanmean(per_row)
    return out


def main():
    rng = np.random.default_rng(7)
    n = len(TOKENS)
    scores = rng.normal(size=(n, n)) * 2
    full = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    tri = np.where(np.tril(np.ones((n, n))) > 0, np.exp(scores), 0)
    causal = tri / tri.sum(1, keepdims=True)
    signed = np.where(np.tril(np.ones((n, n))) > 0, rng.normal(size=(n, n)), np.nan)
    begin = np.cumsum([0] + [0 if s else len(t) for t, s in TOKENS])
    out = {
        "text": "".join(t for t, s in TOKENS if not s),
        "tokens": [
            {
                "shown": t,
                "special": bool(s),
                "begin": int(begin[i]),
                "end": int(begin[i] + (0 if s else len(t))),
            }
            for i, (t, s) in enumerate(TOKENS)
        ],
        "maps": {},
        "cases": [],
    }
    special = np.array([s for _, s in TOKENS], bool)
    for name, a in (("full", full), ("causal", causal), ("signed", signed)):
        a = a.astype(np.float32)
        out["maps"][name] = [None if np.isnan(x) else float(x) for x in a.ravel()]
        a = a.astype(np.float64)
        for units, groups in (
            ("tokens", list(range(n))),
            ("words", WORDS),
            ("sentences", SENTENCES),
            ("spans", SPANS),
        ):
            for hide in (False, True):
                for mean_keys in (False, True):
                    keep = ~special if hide else np.ones(n, bool)
                    m = merge(a, groups, keep, mean_keys)
                    # What the hidden keys hold, in rows that are shown, each group's mean.
                    order = sorted({g for g, k in zip(groups, keep) if k})
                    held = [
                        np.nanmean(
                            [np.nansum(a[q, ~keep]) for q in range(n) if groups[q] == g and keep[q]]
                        )
                        for g in order
                    ]
                    out["cases"].append(
                        {
                            "map": name,
                            "units": units,
                            "hidden": hide,
                            "mean_keys": mean_keys,
                            "n": len(order),
                            "held": [float(x) for x in held],
                            "values": [None if np.isnan(x) else float(x) for x in m.ravel()],
                        }
                    )
    path = DATA / "regroup.json"
    path.write_text(json.dumps(out) + "\n")
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
