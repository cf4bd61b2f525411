"""Variants of decoders and of sliding windows for forward.py, in its form: name: (configuration
class, settings, type of the weights, how it is written, shard size)."""

import torch

N_VOCAB = 272

# As in forward.py, for texts of 70 tokens.
LONG = dict(
    vocab_size=N_VOCAB,
    hidden_size=16,
    intermediate_size=28,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=80,
    bos_token_id=0,
    eos_token_id=0,
)
GQA = dict(LONG, num_key_value_heads=2)

DECODERS = {
    "mistral-window": ("MistralConfig", dict(GQA, sliding_window=5), torch.float32, "long", None),
    "mistral-window-both-ways": (
        "MistralConfig",
        dict(GQA, sliding_window=9, is_causal=False),
        torch.float32,
        "long",
        None,
    ),
    "qwen2-window": (
        "Qwen2Config",
        dict(GQA, use_sliding_window=True, sliding_window=33, max_window_layers=1),
        torch.float32,
        "long",
        None,
    ),
    "smollm3-window": (
        "SmolLM3Config",
        dict(GQA, use_sliding_window=True, sliding_window=1, no_rope_layers=[0, 1], pad_token_id=0),
        torch.float32,
        "long",
        None,
    ),
    "modernbert-window": (
        "ModernBertConfig",
        dict(
            LONG,
            vocab_size=112,
            num_hidden_layers=3,
            num_attention_heads=2,
            local_attention=11,
            pad_token_id=0,
            bos_token_id=2,
            eos_token_id=3,
            cls_token_id=2,
            sep_token_id=3,
        ),
        torch.float32,
        "long",
        None,
    ),
}
