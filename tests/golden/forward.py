"""Writes tests/data/models/*: tiny random checkpoints and what transformers computes with them.

    python tests/golden/forward.py [NAME…]  needs torch, transformers, tokenizers, safetensors

With names, only these are written; encoders.py and decoders.py have more variants.

Each folder is one variant of a family: config.json, *.safetensors, tokenizer.json as transformers
writes them, and expected.safetensors with input_ids [n], attn [layer, head, query, key], logits [n,
d_vocab] (where the model has no head, hidden [n, d_model]) and, with padding, attention_mask [n],
computed in float32 with eager attention from the files as written. Everything is seeded.
"""

import json
import pathlib
import re
import shutil
import sys
import types

import tokenizers
import torch
import transformers
from decoders import DECODERS
from encoders import ENCODERS
from safetensors.torch import load_file, save_file

OUT = pathlib.Path(__file__).parent.parent / "data" / "models"
N_VOCAB = 272
TEXT = [
    "Once upon a time there was a little girl and a little dog.",
    "The girl and the dog went to the sea, and there they saw a ship.",
]

# What AutoModel does for the others.
SIGLIP_TEXT = types.SimpleNamespace(
    from_config=transformers.SiglipTextModel._from_config,
    from_pretrained=transformers.SiglipTextModel.from_pretrained,
)

# How models are read: with the code that their classes say, and with what the files lack.
EAGER = dict(
    attn_implementation="eager", experts_implementation="eager", output_loading_info=True
)

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

GPT2 = dict(
    vocab_size=N_VOCAB,
    n_embd=16,
    n_layer=2,
    n_head=4,
    n_positions=48,
    bos_token_id=0,
    eos_token_id=0,
    tie_word_embeddings=True,
)
BERT = dict(
    vocab_size=112,
    hidden_size=16,
    intermediate_size=28,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=48,
    pad_token_id=0,
    tie_word_embeddings=True,
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
            rope_parameters=dict(
                rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.25
            ),
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
    "gpt2": ("GPT2Config", GPT2, torch.float32, "new", None),
    "gpt2-f16": ("GPT2Config", dict(GPT2, n_head=2), torch.float16, "new", None),
    "gpt2-relu": (
        "GPT2Config",
        dict(
            GPT2,
            n_embd=24,
            n_head=3,
            n_inner=20,
            activation_function="relu",
            layer_norm_epsilon=1e-3,
            scale_attn_weights=False,
            reorder_and_upcast_attn=True,
            tie_word_embeddings=False,
        ),
        torch.float32,
        "new",
        None,
    ),
    "bert": ("BertConfig", BERT, torch.float32, "headless", None),
    "bert-mlm": ("BertConfig", dict(BERT, hidden_act="gelu_new"), torch.float32, "new", None),
    "bert-mlm-untied-bf16": (
        "BertConfig",
        dict(BERT, type_vocab_size=3, layer_norm_eps=1e-3, tie_word_embeddings=False),
        torch.bfloat16,
        "gamma",
        None,
    ),
    "bert-padded": ("BertConfig", dict(BERT, hidden_act="relu"), torch.float32, "padded", None),
    "roberta": (
        "RobertaConfig",
        dict(BERT, vocab_size=N_VOCAB, type_vocab_size=1, pad_token_id=1, hidden_act="silu"),
        torch.float32,
        "new",
        None,
    ),
    # The padding token in the text: it keeps a position of its own and is not counted.
    "camembert-pads": (
        "CamembertConfig",
        dict(BERT, vocab_size=N_VOCAB, type_vocab_size=1, pad_token_id=1),
        torch.float32,
        "pads",
        None,
    ),
    "qwen2-both-ways": (
        "Qwen2Config",
        dict(LLAMA, tie_word_embeddings=False, is_causal=False),
        torch.float32,
        "new",
        None,
    ),
    # config.json ties the embeddings, but the file has a head of its own.
    "llama-own-head": ("LlamaConfig", LLAMA, torch.float32, "own-head", None),
    # Heads wider than d_model / n_heads, with norms of their queries and keys.
    "qwen3": ("Qwen3Config", dict(LLAMA, head_dim=8), torch.float32, "new", None),
    "qwen3-biases-bf16": (
        "Qwen3Config",
        dict(LLAMA, head_dim=10, attention_bias=True, tie_word_embeddings=True, rms_norm_eps=1e-3),
        torch.bfloat16,
        "old",
        None,
    ),
    # Its second layer has no positions.
    "smollm3": (
        "SmolLM3Config",
        dict(LLAMA, no_rope_layers=[1, 0], attention_bias=True, mlp_bias=True, pad_token_id=0),
        torch.float32,
        "new",
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
            is_table = any(part in name for part in ("embed", "wte", "wpe"))
            is_table = is_table and "project" not in name and "mapping" not in name
            p.data = noise * (1.0 if is_table else 1.4 / p.shape[1] ** 0.5)
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


def write_modernbert_as_before_v5(path):
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config["global_rope_theta"] = rope["full_attention"]["rope_theta"]
    config["local_rope_theta"] = rope["sliding_attention"]["rope_theta"]
    config["torch_dtype"] = config.pop("dtype")
    path.write_text(json.dumps(config, indent=2) + "\n")


def write_as_tensorflow_did(path):
    """The names of norms in the first checkpoints of BERT."""
    tensors = load_file(path)
    names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    for name in list(tensors):
        for new, old in names.items():
            if name.endswith(new):
                tensors[name.removesuffix(new) + old] = tensors.pop(name)
    save_file(tensors, path, metadata={"format": "pt"})


def make_wordpiece(path):
    """Special tokens, letters, letters within words, words: listed, for the trainer's order is not
    fixed."""
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = sorted(set(re.findall(r"[a-z]+", " ".join(TEXT).lower())))
    letters = sorted(set("".join(words)))
    pieces = specials + [",", "."] + letters + ["##" + c for c in letters]
    pieces += [word for word in words if len(word) > 1]
    assert len(pieces) <= BERT["vocab_size"]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.add_special_tokens(specials)
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = tokenizers.decoders.WordPiece()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("[CLS]", "[SEP]")],
    )
    tokenizer.save(str(path))


def make_tokenizer(path, specials=("<|endoftext|>",)):
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=N_VOCAB,
        special_tokens=list(specials),
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    if "</s>" in specials:
        tokenizer.post_processor = tokenizers.processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.save(str(path))


# Heads of labels: what is between the name of the family and "Config" of their class.
LABELS = {"SequenceClassification", "TokenClassification", "QuestionAnswering"}
MASKED = {"BertConfig", "RobertaConfig", "CamembertConfig"} | {row[0] for row in ENCODERS.values()}


def class_of(kind, style):
    if style == "headless":
        return SIGLIP_TEXT if kind == "SiglipTextConfig" else transformers.AutoModel
    if style == "discriminator":
        return transformers.AutoModelForPreTraining
    if style in LABELS:
        return getattr(transformers, "AutoModelFor" + style)
    masked = kind in MASKED
    return transformers.AutoModelForMaskedLM if masked else transformers.AutoModelForCausalLM


def input_of(kind, settings, style, seed):
    """Random ids [1, 20], or 70 of them, and which of them are no padding."""
    generator = torch.Generator().manual_seed(100 + seed)
    first = 5 if kind in MASKED else 0  # special tokens come before
    n = 70 if style == "long" else 20
    ids = torch.randint(first, settings["vocab_size"], (1, n), generator=generator)
    seen = torch.ones_like(ids)
    if style == "padded":
        ids[0, 14:] = settings["pad_token_id"]
        seen[0, 14:] = 0
    if style == "SequenceClassification" and kind not in MASKED:
        ids[0, -2:] = settings["pad_token_id"]
    if style == "pads":
        ids[0, [3, 7, 8, 19]] = settings["pad_token_id"]
    return ids, seen


def main():
    transformers.utils.logging.disable_progress_bar()
    variants = [
        *enumerate(VARIANTS.items()),
        *enumerate(ENCODERS.items(), 2000),
        *enumerate(DECODERS.items(), 3000),
    ]
    for seed, (name, (kind, settings, dtype, style, shard)) in variants:
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        folder = OUT / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        settings = dict(settings)
        if kind != "NomicBertConfig":  # which has no such field
            settings.setdefault("tie_word_embeddings", False)
        config = getattr(transformers, kind)(**settings)
        model = class_of(kind, style).from_config(config)
        model.tie_weights()
        randomize(model, seed)
        model.tie_weights()
        options = {"max_shard_size": shard} if shard else {}
        model.to(dtype).save_pretrained(folder, **options)
        (folder / "generation_config.json").unlink(missing_ok=True)
        if kind in MASKED and settings["vocab_size"] == BERT["vocab_size"]:
            make_wordpiece(folder / "tokenizer.json")
        elif kind in MASKED:
            make_tokenizer(folder / "tokenizer.json", ("<s>", "<pad>", "</s>", "<unk>", "<mask>"))
        else:
            make_tokenizer(folder / "tokenizer.json")
        if style == "old":
            write_as_before_v5(folder / "config.json")
        if style == "global":
            write_modernbert_as_before_v5(folder / "config.json")
        if style == "own-head":
            config = json.loads((folder / "config.json").read_text())
            config["tie_word_embeddings"] = True
            (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        if style == "gamma":
            write_as_tensorflow_did(folder / "model.safetensors")

        read, info = class_of(kind, style).from_pretrained(
            folder, dtype=torch.float32, **EAGER
        )
        assert not info["missing_keys"] and not info["unexpected_keys"], info
        ids, seen = input_of(kind, settings, style, seed)
        with torch.no_grad():
            out = read.eval()(
                ids, attention_mask=seen, output_attentions=True, output_hidden_states=True
            )
        attn = torch.stack([a[0] for a in out.attentions]).contiguous()
        expected = {"input_ids": ids[0].to(torch.int32).contiguous(), "attn": attn.float()}
        logits = getattr(out, "logits", None)
        if style == "QuestionAnswering":
            logits = torch.stack([out.start_logits, out.end_logits], -1)
        if style == "discriminator":
            logits = logits[..., None]
        if logits is not None:
            expected["logits"] = logits.reshape(-1, logits.shape[-1]).float().contiguous()
        elif seed >= 1000:
            # CLIP's hidden_states are without the last norm.
            hidden = getattr(out, "last_hidden_state", out.hidden_states[-1])
            expected["hidden"] = hidden[0].float().contiguous()
        if style == "padded":
            expected["attention_mask"] = seen[0].to(torch.int32).contiguous()
        save_file(expected, folder / "expected.safetensors")
        rest = 1 - attn.max(-1).values.mean().item()
        size = sum(f.stat().st_size for f in folder.iterdir())
        spread = "no logits" if logits is None else f"logits {logits.std():.2f}"
        print(f"{name}: {size} bytes, mean 1 - max weight {rest:.2f}, {spread}")


if __name__ == "__main__":
    main()
