"""Writes tests/data/models/*: tiny random checkpoints and what transformers computes with them.

    python tests/golden/forward.py        needs torch, transformers, tokenizers, safetensors

Each folder is one variant of a family: config.json, *.safetensors, tokenizer.json as transformers writes
them, and expected.safetensors with input_ids [n], attn [layer, head, query, key], logits [n, d_vocab],
computed in float32 with eager attention from the files as written. Everything is seeded.
"""

import json
import pathlib
import shutil

import tokenizers
import torch
import transformers
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).parent.parent / "data" / "models"
N_VOCAB = 272
TEXT = [
    "Once upon a time there was a little girl and a little dog.",
    "The girl and the dog went to the sea, and there they saw a ship.",
]

SMALL = dict(
    vocab_size=N_VOCAB,
    hidden_size=16,
    intermediate_size=28,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=48,
    bos_token_id=0,
    eos_token_id=0,
)
LLAMA = dict(SMALL, num_key_value_heads=2)
LLAMA3 = dict(
    rope_type="llama3",
    rope_theta=10000.0,
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=16,
)

# name: (configuration class, settings, type of the weights, how config.json is written, shard size)
VARIANTS = {
    "llama-gqa": ("LlamaConfig", LLAMA, torch.float32, "new", None),
    "llama-tied-f16": (
        "LlamaConfig",
        dict(
            SMALL,
            num_attention_heads=2,
            head_dim=10,
            tie_word_embeddings=True,
            attention_bias=True,
            mlp_bias=True,
            hidden_act="gelu_pytorch_tanh",
            rope_parameters=dict(rope_type="default", rope_theta=500000.0),
        ),
        torch.float16,
        "old",
        None,
    ),
    "llama-bf16-shards": ("LlamaConfig", LLAMA, torch.bfloat16, "new", "8KB"),
    "llama-rope-llama3": (
        "LlamaConfig",
        dict(LLAMA, head_dim=8, rope_parameters=LLAMA3),
        torch.float32,
        "old",
        None,
    ),
    "llama-rope-linear": (
        "LlamaConfig",
        dict(
            LLAMA,
            head_dim=8,
            tie_word_embeddings=True,
            rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=4.0),
        ),
        torch.float32,
        "new",
        None,
    ),
    "mistral": ("MistralConfig", dict(LLAMA, sliding_window=None), torch.float32, "new", None),
    "qwen2": (
        "Qwen2Config",
        dict(LLAMA, tie_word_embeddings=True, use_sliding_window=False),
        torch.float32,
        "old",
        None,
    ),
    "gpt-neox-parallel": (
        "GPTNeoXConfig",
        dict(
            SMALL,
            hidden_size=24,
            num_attention_heads=3,
            use_parallel_residual=True,
            rope_parameters=dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.25),
        ),
        torch.float32,
        "new",
        None,
    ),
    "gpt-neox-sequential": (
        "GPTNeoXConfig",
        dict(
            SMALL,
            num_hidden_layers=3,
            use_parallel_residual=False,
            tie_word_embeddings=True,
            hidden_act="gelu_new",
            layer_norm_eps=1e-3,
            rope_parameters=dict(rope_type="default", rope_theta=2500.0, partial_rotary_factor=0.5),
        ),
        torch.float32,
        "old",
        None,
    ),
}


def randomize(model, seed):
    """Weights large enough that patterns are far from uniform and every term matters."""
    generator = torch.Generator().manual_seed(seed)
    seen = set()
    for name, p in model.named_parameters():
        if p.data_ptr() in seen:
            continue
        seen.add(p.data_ptr())
        noise = torch.randn(p.shape, generator=generator)
        if p.dim() == 2:
            p.data = noise * (1.0 if "embed" in name else 1.4 / p.shape[1] ** 0.5)
        else:
            p.data = noise * 0.2 + (1 if name.endswith("weight") else 0)


def write_as_before_v5(path):
    """Moves rope_parameters to where older transformers kept them, and dtype to torch_dtype."""
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config["torch_dtype"] = config.pop("dtype")
    theta = rope.pop("rope_theta")
    if config.get("head_dim") == config["hidden_size"] // config["num_attention_heads"]:
        del config["head_dim"]
    if config["model_type"] == "gpt_neox":
        config["rotary_pct"] = rope.pop("partial_rotary_factor")
        config["rotary_emb_base"] = theta
    else:
        config["rope_theta"] = theta
        config["rope_scaling"] = rope if rope["rope_type"] != "default" else None
    path.write_text(json.dumps(config, indent=2) + "\n")


def make_tokenizer(path):
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=N_VOCAB,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.save(str(path))


def main():
    transformers.utils.logging.disable_progress_bar()
    for seed, (name, (kind, settings, dtype, style, shard)) in enumerate(VARIANTS.items()):
        folder = OUT / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        settings = dict(settings)
        settings.setdefault("tie_word_embeddings", False)
        config = getattr(transformers, kind)(**settings)
        model = transformers.AutoModelForCausalLM.from_config(config)
        model.tie_weights()
        randomize(model, seed)
        model.tie_weights()
        options = {"max_shard_size": shard} if shard else {}
        model.to(dtype).save_pretrained(folder, **options)
        (folder / "generation_config.json").unlink(missing_ok=True)
        make_tokenizer(folder / "tokenizer.json")
        if style == "old":
            write_as_before_v5(folder / "config.json")

        read, info = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
        )
        assert not info["missing_keys"] and not info["unexpected_keys"], info
        ids = torch.randint(0, N_VOCAB, (1, 20), generator=torch.Generator().manual_seed(100 + seed))
        with torch.no_grad():
            out = read.eval()(ids, output_attentions=True)
        attn = torch.stack([a[0] for a in out.attentions]).contiguous()
        save_file(
            {
                "input_ids": ids[0].to(torch.int32).contiguous(),
                "attn": attn.float(),
                "logits": out.logits[0].float().contiguous(),
            },
            folder / "expected.safetensors",
        )
        rest = 1 - attn.max(-1).values.mean().item()
        size = sum(f.stat().st_size for f in folder.iterdir())
        print(f"{name}: {size} bytes, mean 1 - max weight {rest:.2f}, logits {out.logits.std():.2f}")


main()
