"""Draws configurations of the supported encoders, and compares attention with transformers.

    python tests/golden/fuzz_families.py PROGRAM [--n 50] [--seed 0] [--family NAME]
        needs torch, transformers, tokenizers, safetensors, numpy

Each round draws the fields of a configuration, saves the class with random weights, runs
`PROGRAM attention` on a random text, and compares the patterns with those that transformers
computes in float64 from the same files. Not part of the tests: it needs PyTorch and is random. A
failure prints the seed of its round and keeps its folder.
"""

import argparse
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers
from forward import TEXT, make_wordpiece, randomize

TOLERANCE = 2e-5  # of a weight; more where float32 in PyTorch is itself farther from float64
ACTIVATIONS = ["gelu", "gelu_new", "relu", "silu"]


def shared(r):
    heads = r.choice([1, 2, 3, 4])
    return dict(
        vocab_size=112,
        hidden_size=heads * r.choice([2, 4, 6, 10]),
        intermediate_size=r.choice([5, 16, 33]),
        num_hidden_layers=r.choice([1, 2, 3]),
        num_attention_heads=heads,
        max_position_embeddings=r.choice([90, 128]),
        tie_word_embeddings=r.random() < 0.5,
        hidden_act=r.choice(ACTIVATIONS),
        layer_norm_eps=r.choice([1e-12, 1e-5, 1e-2]),
    )


def bert(r):
    return dict(shared(r), type_vocab_size=r.choice([1, 2, 3]))


def padded(r):
    return dict(bert(r), pad_token_id=r.choice([0, 1, 4]))


def distilbert(r):
    c = shared(r)
    return dict(
        vocab_size=112,
        dim=c["hidden_size"],
        hidden_dim=c["intermediate_size"],
        n_layers=c["num_hidden_layers"],
        n_heads=c["num_attention_heads"],
        max_position_embeddings=c["max_position_embeddings"],
        activation=c["hidden_act"],
        tie_word_embeddings=c["tie_word_embeddings"],
        sinusoidal_pos_embds=r.random() < 0.5,
    )


def electra(r):
    c = bert(r)
    return dict(c, embedding_size=r.choice([3, 8, 31, c["hidden_size"]]))


def albert(r):
    c = dict(electra(r), num_hidden_layers=r.choice([1, 2, 3, 5, 7]))
    return dict(
        c,
        num_hidden_groups=r.randint(1, c["num_hidden_layers"]),
        inner_group_num=r.choice([1, 1, 2, 3]),
    )


def modernbert(r):
    c = shared(r)
    kinds = ["full_attention", "sliding_attention"]
    n = r.choice([1, 2, 4, 5])
    new = dict(
        vocab_size=112,
        hidden_size=c["hidden_size"],
        intermediate_size=c["intermediate_size"],
        num_hidden_layers=n,
        num_attention_heads=c["num_attention_heads"],
        max_position_embeddings=c["max_position_embeddings"],
        tie_word_embeddings=c["tie_word_embeddings"],
        hidden_activation=c["hidden_act"],
        norm_eps=c["layer_norm_eps"],
        local_attention=r.choice([100, 128, 255]),
        pad_token_id=0,
    )
    for flag in ("norm_bias", "attention_bias", "mlp_bias", "classifier_bias", "decoder_bias"):
        new[flag] = r.random() < 0.5
    if r.random() < 0.5:
        new["layer_types"] = [r.choice(kinds) for _ in range(n)]
    elif r.random() < 0.5:
        new["global_attn_every_n_layers"] = r.choice([1, 2, 4])
    if r.random() < 0.5:
        new["rope_parameters"] = {
            kind: dict(rope_type="default", rope_theta=r.choice([30.0, 1e4, 1.6e5]))
            for kind in kinds
        }
    elif r.random() < 0.5:
        new["global_rope_theta"] = 77.0
        new["local_rope_theta"] = 12.0
    return new


FAMILIES = {
    "albert": ("Albert", albert),
    "bert": ("Bert", bert),
    "camembert": ("Camembert", padded),
    "distilbert": ("DistilBert", distilbert),
    "electra": ("Electra", electra),
    "modernbert": ("ModernBert", modernbert),
    "mpnet": ("MPNet", shared),
    "roberta": ("Roberta", padded),
    "xlm-roberta": ("XLMRoberta", padded),
}


def patterns_of(folder, ids, dtype):
    model = transformers.AutoModel.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager"
    ).eval()
    with torch.no_grad():
        out = model(torch.tensor(ids[None].astype(np.int64)), output_attentions=True)
    return torch.stack([a[0] for a in out.attentions]).double().numpy()


def round_of(program, family, seed, folder):
    """The largest difference in this round, what is allowed, and what was drawn."""
    r = random.Random(f"{family} {seed}")
    name, draw = FAMILIES[family]
    settings = draw(r)
    config = getattr(transformers, name + "Config")(**settings)
    with_head = r.random() < 0.5
    kind = transformers.AutoModelForMaskedLM if with_head else transformers.AutoModel
    model = kind.from_config(config)
    model.tie_weights()
    randomize(model, seed)
    model.tie_weights()
    model.to(r.choice([torch.float32, torch.float16, torch.bfloat16])).save_pretrained(folder)
    make_wordpiece(folder / "tokenizer.json")
    words = " ".join(TEXT).lower().split() + ["[PAD]", "[UNK]"]
    text = " ".join(r.choice(words) for _ in range(r.choice([1, 5, 12, 20])))
    out = folder / "out.npz"
    done = subprocess.run(
        [program, "attention", "--model", folder, "--text", text, "--out", out],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        return None, done.stderr.strip(), settings
    with np.load(out) as got:
        ours, ids = got["attention"].astype(np.float64), got["input_ids"].reshape(-1)
    exact = patterns_of(folder, ids, torch.float64)
    rounding = np.abs(patterns_of(folder, ids, torch.float32) - exact).max()
    return np.abs(ours - exact).max(), TOLERANCE + 8 * rounding, settings


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("--n", type=int, default=50, help="rounds of each family")
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--family", choices=sorted(FAMILIES))
    args = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    n_failed = 0
    for family in [args.family] if args.family else FAMILIES:
        most = 0.0
        for seed in range(args.seed, args.seed + args.n):
            folder = pathlib.Path(tempfile.mkdtemp(prefix=f"fuzz-{family}-{seed}-"))
            apart, allowed, settings = round_of(args.program, family, seed, folder)
            if apart is None or not apart <= allowed:
                n_failed += 1
                print(f"{family} seed {seed}: {apart} apart, {allowed}\n  {settings}\n  {folder}")
                continue
            most = max(most, apart)
            shutil.rmtree(folder)
        print(f"{family}: patterns within {most:.1e} of float64")
    sys.exit(n_failed > 0)


main()
