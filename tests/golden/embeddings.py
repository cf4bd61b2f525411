"""Compares `attnscope embed` with the modules of sentence-transformers, written out here over
transformers, on drawn folders.

    python tests/golden/embeddings.py PROGRAM [--n 40] [--seed 0]
        needs torch, transformers, tokenizers, safetensors, numpy

Each round saves a small encoder with random weights, modules.json with a pooling of one or more
kinds, dense layers and a norm, and prompts, and compares the vectors of two texts and their cosine
similarity with NumPy's in float64. Formulas: sentence_transformers/models/{Pooling,Dense,Normalize}
and SentenceTransformer.encode, version 5.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
import tokenizers
import torch
import transformers
from forward import TEXT, make_wordpiece, randomize
from fuzz_draws import bert, llama
from safetensors.torch import save_file

KINDS = {
    "cls_token": lambda x, i: x[0],
    "max_tokens": lambda x, i: x[i].max(0),
    "mean_tokens": lambda x, i: x[i].mean(0),
    "mean_sqrt_len_tokens": lambda x, i: x[i].sum(0) / np.sqrt(len(i)),
    "weightedmean_tokens": lambda x, i: ((i + 1)[:, None] * x[i]).sum(0) / (i + 1).sum(),
    "lasttoken": lambda x, i: x[i[-1]],
}


def draw(r, folder):
    """Writes the folder; what its modules are."""
    name, config = r.choice([("Bert", bert(r)), ("Llama", llama(r))])
    model = transformers.AutoModel.from_config(getattr(transformers, name + "Config")(**config))
    randomize(model, r.randrange(10**6))
    inner = r.choice(["", "0_Transformer"])
    (folder / inner).mkdir(exist_ok=True)
    model.save_pretrained(folder / inner)
    make_wordpiece(folder / inner / "tokenizer.json")
    write = lambda path, value: (folder / path).write_text(json.dumps(value))
    modules = [("Transformer", inner), ("Pooling", "1_Pooling")]
    kinds = r.sample(sorted(KINDS), r.choice([1, 1, 1, 2, 3]))
    (folder / "1_Pooling").mkdir()
    pools = {f"pooling_mode_{kind}": kind in kinds for kind in KINDS}
    prompts = r.random() < 0.5
    pools |= dict(word_embedding_dimension=4, include_prompt=r.random() < 0.5)
    write("1_Pooling/config.json", pools)
    steps, width = [], model.config.hidden_size * len(kinds)
    for i in range(r.choice([0, 0, 1, 2])):
        path, tanh, out = f"{i + 2}_Dense", r.random() < 0.5, r.choice([3, 8])
        (folder / path).mkdir()
        w, b = torch.randn(out, width) / width**0.5, torch.randn(out)
        tensors = {"linear.weight": w} | ({"linear.bias": b} if r.random() < 0.7 else {})
        save_file(tensors, folder / path / "model.safetensors")
        kind = "torch.nn.modules." + ("activation.Tanh" if tanh else "linear.Identity")
        write(path + "/config.json", dict(in_features=width, activation_function=kind))
        modules.append(("Dense", path))
        steps.append(({key: x.double().numpy() for key, x in tensors.items()}, tanh))
        width = out
    norm = r.random() < 0.5
    if norm:
        modules.append(("Normalize", "9_Normalize"))
    rows = [
        dict(idx=i, name=str(i), path=path, type="sentence_transformers.models." + kind)
        for i, (kind, path) in enumerate(modules)
    ]
    write("modules.json", rows)
    prompt = "the girl and " if prompts else ""
    more = dict(prompts=dict(query=prompt), default_prompt_name="query") if prompts else {}
    write("config_sentence_transformers.json", more)
    lower = r.random() < 0.3
    write(inner + "/sentence_bert_config.json", dict(max_seq_length=64, do_lower_case=lower))
    order = [kind for kind in KINDS if kind in kinds]
    return folder / inner, order, pools["include_prompt"], steps, norm, prompt, lower


def embedding(text, drawn):
    folder, kinds, whole, steps, norm, prompt, lower = drawn
    if lower:
        text, prompt = text.lower(), prompt.lower()
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float64).eval()
    ids = tokenizer.encode(prompt + text).ids
    with torch.no_grad():
        hidden = model(torch.tensor([ids])).last_hidden_state[0].numpy()
    first = len(tokenizer.encode(prompt).ids) - 1 if prompt and not whole else 0
    counted = np.arange(first, len(ids))
    x = np.concatenate([KINDS[kind](hidden, counted) for kind in kinds])
    for tensors, tanh in steps:
        x = tensors["linear.weight"] @ x + tensors.get("linear.bias", 0)
        x = np.tanh(x) if tanh else x
    return x / np.linalg.norm(x) if norm else x


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("program")
    parser.add_argument("--n", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    words, most, failed = " ".join(TEXT).split(), 0.0, 0
    for seed in range(args.seed, args.seed + args.n):
        r = random.Random(seed)
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            drawn = draw(r, folder)
            texts = [" ".join(r.choices(words, k=r.choice([1, 4, 9]))) for _ in range(2)]
            command = [args.program, "embed", "--model", folder, "--text", texts[0]]
            command += ["--other", texts[1], "--format", "json"]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                print(f"seed {seed}: {done.stderr}")
                failed += 1
                continue
            found = json.loads(done.stdout)
            ours = [np.array(found[key]) for key in ("embedding", "other_embedding")]
            theirs = [embedding(text, drawn) for text in texts]
            size = 1 + max(np.abs(x).max() for x in theirs)
            apart = max(np.abs(a - b).max() for a, b in zip(ours, theirs)) / size
            cosine = theirs[0] @ theirs[1] / np.prod([np.linalg.norm(x) for x in theirs])
            apart = max(apart, abs(cosine - found["cosine_similarity"]))
            most = max(most, apart)
            if not apart < 2e-5:
                print(f"seed {seed}: {apart:.2g} apart, {drawn[1:]}")
                failed += 1
    print(f"{args.n} folders, {failed} failed; vectors and similarities within {most:.1e}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
