"""Draws configurations of the supported families, and compares attention with transformers.

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
        local_attention=r.choice([2, 5, 12, 128]),
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


def decoder(r):
    """What Llama and its relatives share."""
    c = shared(r)
    heads, per_head = c["num_attention_heads"], r.choice([2, 4, 6, 10])
    new = dict(
        c,
        hidden_size=heads * per_head,
        num_key_value_heads=r.choice([n for n in (1, 2, 3, 4) if heads % n == 0]),
        rms_norm_eps=r.choice([1e-6, 1e-5, 1e-2]),
        head_dim=r.choice([2, 6, 8, per_head]),
        pad_token_id=0,
    )
    del new["layer_norm_eps"]
    if r.random() < 0.7:
        theta = r.choice([30.0, 1e4, 5e5])
        new["rope_parameters"] = r.choice(
            [
                dict(rope_type="default", rope_theta=theta),
                dict(rope_type="linear", rope_theta=theta, factor=r.choice([2.0, 7.5])),
                dict(
                    rope_type="llama3",
                    rope_theta=theta,
                    factor=8.0,
                    low_freq_factor=1.0,
                    high_freq_factor=r.choice([2.0, 4.0]),
                    original_max_position_embeddings=r.choice([8, 32]),
                ),
            ]
        )
    return new


def llama(r):
    return dict(decoder(r), attention_bias=r.random() < 0.5, mlp_bias=r.random() < 0.5)


def mistral(r):
    return dict(decoder(r), sliding_window=r.choice([None, 1, 3, 8, 4096]))


def qwen2(r):
    c = dict(decoder(r), use_sliding_window=r.random() < 0.6)
    c["sliding_window"] = r.choice([2, 5, 13, 4096])
    return dict(c, max_window_layers=r.choice([0, 1, 28]))


def qwen3(r):
    return dict(qwen2(r), attention_bias=r.random() < 0.5)


def smollm3(r):
    c = dict(llama(r), use_sliding_window=r.random() < 0.5, sliding_window=r.choice([1, 4]))
    if r.random() < 0.5:
        return dict(c, no_rope_layer_interval=r.choice([1, 2, 4]))
    return dict(c, no_rope_layers=[r.choice([0, 1]) for _ in range(c["num_hidden_layers"])])


def gemma(r):
    return dict(decoder(r), attention_bias=r.random() < 0.5)


def gemma2(r):
    c = gemma(r)
    c["hidden_activation"] = c.pop("hidden_act")
    c["hidden_size"] = c["num_attention_heads"] * r.choice([4, 6, 10])
    return dict(
        c,
        query_pre_attn_scalar=r.choice([3, 16, 100]),
        attn_logit_softcapping=r.choice([None, 1.5, 50.0]),
        final_logit_softcapping=r.choice([None, 2.0, 30.0]),
        sliding_window=r.choice([1, 4, 11, 4096]),
    )


def gemma3(r):
    c = dict(gemma2(r), use_bidirectional_attention=r.random() < 0.2)
    c.pop("rope_parameters", None)
    if r.random() < 0.5:
        kinds = ("full_attention", "sliding_attention")
        c["layer_types"] = [r.choice(kinds) for _ in range(c["num_hidden_layers"])]
    else:
        c["sliding_window_pattern"] = r.choice([1, 2, 3])
    if r.random() < 0.5:
        c["rope_parameters"] = dict(
            full_attention=dict(rope_type="linear", rope_theta=300.0, factor=r.choice([2.0, 8.0])),
            sliding_attention=dict(rope_type="default", rope_theta=r.choice([20.0, 1e4])),
        )
    return c


def gpt(r):
    c = shared(r)
    return dict(
        vocab_size=112,
        n_embd=c["hidden_size"],
        n_inner=r.choice([None, c["intermediate_size"]]),
        n_layer=c["num_hidden_layers"],
        n_head=c["num_attention_heads"],
        n_positions=90,
        activation_function=c["hidden_act"],
        layer_norm_epsilon=c["layer_norm_eps"],
        tie_word_embeddings=c["tie_word_embeddings"],
    )


def gpt_neo(r):
    c = shared(r)
    n = r.choice([1, 2])
    return dict(
        vocab_size=112,
        hidden_size=c["hidden_size"],
        intermediate_size=r.choice([None, 20]),
        num_layers=2 * n,
        num_heads=c["num_attention_heads"],
        attention_types=[[[r.choice(["global", "local"]), "local"], n]],
        window_size=r.choice([1, 3, 9, 256]),
        max_position_embeddings=90,
        activation_function=c["hidden_act"],
        layer_norm_epsilon=c["layer_norm_eps"],
        tie_word_embeddings=c["tie_word_embeddings"],
    )


def gptj(r):
    c = gpt(r)
    return dict(c, rotary_dim=r.choice([n for n in (2, 4, 6) if n <= c["n_embd"] // c["n_head"]]))


def bigcode(r):
    return dict(gpt(r), multi_query=r.random() < 0.5, scale_attn_weights=r.random() < 0.8)


def opt(r):
    c = shared(r)
    c["activation_function"] = c.pop("hidden_act")
    c["ffn_dim"] = c.pop("intermediate_size")
    del c["layer_norm_eps"]
    return dict(
        c, do_layer_norm_before=r.random() < 0.6, enable_bias=r.random() < 0.7, pad_token_id=1
    )


def normed(r, eps="layer_norm_eps"):
    """Rotary positions of a part of the head, and layer norms."""
    c = decoder(r)
    c["hidden_size"] = c["num_attention_heads"] * 8
    del c["rms_norm_eps"], c["head_dim"]
    c.pop("rope_parameters", None)
    c[eps] = r.choice([1e-5, 1e-2])
    return c


def partial(r):
    c = normed(r)
    share = r.choice([0.25, 0.5, 1.0])
    rope = dict(rope_type="default", rope_theta=1e4, partial_rotary_factor=share)
    return dict(c, rope_parameters=rope) if r.random() < 0.7 else c


def stablelm(r):
    c = dict(partial(r), use_qkv_bias=r.random() < 0.5)
    return dict(c, use_parallel_residual=r.random() < 0.5)


def starcoder2(r):
    c = normed(r, "norm_epsilon")
    return dict(c, use_bias=r.random() < 0.5, sliding_window=r.choice([None, 1, 5]))


def cohere(r):
    c = normed(r)
    return dict(c, logit_scale=r.choice([0.1, 0.5]), attention_bias=r.random() < 0.5)


def phi3(r):
    c = decoder(r)
    c["hidden_size"] = c["num_attention_heads"] * 8
    c["original_max_position_embeddings"] = n = r.choice([4, 16, 60])
    c["sliding_window"] = r.choice([None, 3, 10])
    del c["head_dim"]
    c.pop("rope_parameters", None)
    if r.random() < 0.6:
        names = ("short_factor", "long_factor")
        factors = {key: [r.uniform(1, 4) for _ in range(4)] for key in names}
        c["rope_parameters"] = dict(rope_type="longrope", rope_theta=1e3, **factors)
        c["max_position_embeddings"] = 4 * n if 4 * n > 60 else 90
    return c


def olmo2(r):
    return dict(decoder(r), attention_bias=r.random() < 0.5)


def granite(r):
    return dict(
        llama(r),
        embedding_multiplier=r.choice([1.0, 3.5]),
        attention_multiplier=r.choice([0.1, 0.7]),
        residual_multiplier=r.choice([1.0, 0.4]),
        logits_scaling=r.choice([1.0, 5.0]),
    )


def stretched(r):
    """Llama with the rotations that depend on more than a factor."""
    c = llama(r)
    c["head_dim"] = r.choice([4, 8, 16])
    rope = dict(rope_theta=r.choice([30.0, 1e4]), factor=r.choice([2.0, 6.0]))
    if r.random() < 0.5:
        c["max_position_embeddings"] = r.choice([8, 16])
        return dict(c, rope_parameters=dict(rope, rope_type="dynamic"))
    rope["original_max_position_embeddings"] = r.choice([8, 40])
    if r.random() < 0.4:
        rope |= dict(mscale=r.choice([0.7, 1.0]), mscale_all_dim=0.5)
    if r.random() < 0.4:
        rope |= dict(beta_fast=r.choice([4.0, 16.0]), beta_slow=0.5, truncate=False)
    if r.random() < 0.3:
        rope["attention_factor"] = 1.3
    return dict(c, rope_parameters=dict(rope, rope_type="yarn"))


def bloom(r):
    heads = r.choice([1, 2, 3, 4, 6])
    return dict(
        vocab_size=112,
        hidden_size=heads * r.choice([2, 4, 6]),
        n_layer=r.choice([1, 2, 3]),
        n_head=heads,
        layer_norm_epsilon=r.choice([1e-5, 1e-2]),
        tie_word_embeddings=r.random() < 0.5,
    )


def falcon(r):
    c = shared(r)
    heads = c["num_attention_heads"]
    return dict(
        vocab_size=112,
        hidden_size=c["hidden_size"],
        ffn_hidden_size=r.choice([None, 20]),
        num_hidden_layers=c["num_hidden_layers"],
        num_attention_heads=heads,
        num_kv_heads=r.choice([n for n in (1, 2, 3, 4) if heads % n == 0]),
        max_position_embeddings=90,
        layer_norm_epsilon=c["layer_norm_eps"],
        activation=c["hidden_act"],
        multi_query=r.random() < 0.5,
        parallel_attn=r.random() < 0.6,
        new_decoder_architecture=r.random() < 0.4,
        bias=r.random() < 0.5,
        tie_word_embeddings=c["tie_word_embeddings"],
    )


def mpt(r):
    heads = r.choice([1, 2, 3, 4, 6])
    attention = dict(softmax_scale=r.choice([None, 0.4]))
    return dict(
        vocab_size=112,
        d_model=heads * r.choice([2, 4, 6]),
        n_layers=r.choice([1, 2, 3]),
        n_heads=heads,
        max_seq_len=90,
        attn_config=attention,
        tie_word_embeddings=r.random() < 0.5,
    )


DECODERS = {
    "bloom": ("Bloom", bloom),
    "cohere": ("Cohere", cohere),
    "falcon": ("Falcon", falcon),
    "gemma": ("Gemma", gemma),
    "gemma2": ("Gemma2", gemma2),
    "gemma3_text": ("Gemma3Text", gemma3),
    "gpt_bigcode": ("GPTBigCode", bigcode),
    "gpt_neo": ("GPTNeo", gpt_neo),
    "gptj": ("GPTJ", gptj),
    "granite": ("Granite", granite),
    "llama": ("Llama", llama),
    "llama-stretched": ("Llama", stretched),
    "mistral": ("Mistral", mistral),
    "mpt": ("Mpt", mpt),
    "olmo2": ("Olmo2", olmo2),
    "opt": ("OPT", opt),
    "phi": ("Phi", partial),
    "phi3": ("Phi3", phi3),
    "qwen2": ("Qwen2", qwen2),
    "qwen3": ("Qwen3", qwen3),
    "smollm3": ("SmolLM3", smollm3),
    "stablelm": ("StableLm", stablelm),
    "starcoder2": ("Starcoder2", starcoder2),
}
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
} | DECODERS


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
    kind = transformers.AutoModel
    if with_head:
        masked = transformers.AutoModelForMaskedLM
        kind = transformers.AutoModelForCausalLM if family in DECODERS else masked
    model = kind.from_config(config)
    model.tie_weights()
    randomize(model, seed)
    model.tie_weights()
    model.to(r.choice([torch.float32, torch.float16, torch.bfloat16])).save_pretrained(folder)
    make_wordpiece(folder / "tokenizer.json")
    words = " ".join(TEXT).lower().split() + ["[PAD]", "[UNK]"]
    text = " ".join(r.choice(words) for _ in range(r.choice([1, 5, 12, 30])))
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
