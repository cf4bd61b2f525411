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
# As in forward.py, for texts of 20 tokens.
SHORT = dict(LONG, max_position_embeddings=48)
SHORT_GQA = dict(SHORT, num_key_value_heads=2)
NARROW = {key: value for key, value in SHORT.items() if key != "intermediate_size"}
GPT = dict(
    vocab_size=N_VOCAB,
    n_embd=16,
    n_layer=2,
    n_head=4,
    n_positions=48,
    bos_token_id=0,
    eos_token_id=0,
)
GEMMA = dict(SHORT_GQA, head_dim=6, pad_token_id=0, tie_word_embeddings=True)
ROPE_YARN = dict(
    rope_type="yarn", rope_theta=1000.0, factor=4.0, original_max_position_embeddings=24
)
ROPE_LONG = dict(
    rope_type="longrope",
    rope_theta=1000.0,
    short_factor=[1.0, 1.1, 1.3],
    long_factor=[1.5, 2.5, 4.0],
)


def plain(kind, settings, style="new"):
    return (kind + "Config", settings, torch.float32, style, None)


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
    "gemma": plain("Gemma", dict(GEMMA, tie_word_embeddings=False)),
    "gemma2": plain(
        "Gemma2",
        dict(
            GEMMA,
            query_pre_attn_scalar=3,
            attn_logit_softcapping=2.0,
            final_logit_softcapping=3.0,
            sliding_window=4,
        ),
    ),
    "gemma3": plain(
        "Gemma3Text",
        dict(
            GEMMA,
            head_dim=8,
            num_hidden_layers=3,
            sliding_window=5,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
            rope_parameters=dict(
                full_attention=dict(rope_type="linear", rope_theta=900.0, factor=3.0),
                sliding_attention=dict(rope_type="default", rope_theta=40.0),
            ),
            attention_bias=True,
            tie_word_embeddings=False,
        ),
    ),
    "gemma3-both-ways": plain(
        "Gemma3Text",
        dict(
            GEMMA,
            sliding_window=6,
            tie_word_embeddings=False,
            use_bidirectional_attention=True,
            sliding_window_pattern=2,
        ),
    ),
    "gpt-neo": plain(
        "GPTNeo",
        dict(
            vocab_size=N_VOCAB,
            hidden_size=16,
            num_layers=2,
            num_heads=4,
            attention_types=[[["global", "local"], 1]],
            window_size=5,
            max_position_embeddings=48,
            bos_token_id=0,
            eos_token_id=0,
            tie_word_embeddings=True,
        ),
    ),
    "gptj": plain("GPTJ", dict(GPT, n_embd=24, n_inner=20, rotary_dim=4)),
    "gpt-bigcode": plain("GPTBigCode", dict(GPT, tie_word_embeddings=True)),
    "gpt-bigcode-heads": plain("GPTBigCode", dict(GPT, multi_query=False)),
    "opt": plain("OPT", dict(NARROW, ffn_dim=28, pad_token_id=1, tie_word_embeddings=True)),
    "opt-post": plain(
        "OPT", dict(NARROW, ffn_dim=20, pad_token_id=1, do_layer_norm_before=False)
    ),
    "phi": plain(
        "Phi",
        dict(
            SHORT_GQA,
            hidden_size=32,
            rope_parameters=dict(
                rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.5
            ),
        ),
    ),
    "phi3": plain("Phi3", dict(SHORT_GQA, head_dim=6, pad_token_id=0, sliding_window=7)),
    "phi3-longrope-short": plain(
        "Phi3",
        dict(
            SHORT_GQA,
            hidden_size=24,
            pad_token_id=0,
            original_max_position_embeddings=30,
            max_position_embeddings=120,
            rope_parameters=ROPE_LONG,
        ),
    ),
    "phi3-longrope": plain(
        "Phi3",
        dict(
            SHORT_GQA,
            hidden_size=24,
            pad_token_id=0,
            original_max_position_embeddings=18,
            max_position_embeddings=72,
            rope_parameters=ROPE_LONG,
        ),
    ),
    "llama-yarn": plain(
        "Llama",
        dict(SHORT_GQA, hidden_size=32, max_position_embeddings=96, rope_parameters=ROPE_YARN),
    ),
    "llama-dynamic": plain(
        "Llama",
        dict(
            SHORT_GQA,
            max_position_embeddings=12,
            rope_parameters=dict(rope_type="dynamic", rope_theta=1000.0, factor=3.0),
        ),
    ),
    "olmo2": plain("Olmo2", dict(SHORT_GQA, pad_token_id=1)),
    "starcoder2": plain("Starcoder2", dict(SHORT_GQA, sliding_window=6, tie_word_embeddings=True)),
    "stablelm": plain(
        "StableLm",
        dict(
            SHORT_GQA,
            hidden_size=32,
            use_qkv_bias=True,
            rope_parameters=dict(
                rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.25
            ),
        ),
    ),
    "stablelm-parallel": plain(
        "StableLm",
        dict(
            SHORT_GQA,
            hidden_size=32,
            use_parallel_residual=True,
            rope_parameters=dict(
                rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.5
            ),
        ),
    ),
    "granite": plain(
        "Granite",
        dict(
            SHORT_GQA,
            embedding_multiplier=2.5,
            attention_multiplier=0.3,
            residual_multiplier=0.7,
            logits_scaling=1.6,
            mlp_bias=True,
            tie_word_embeddings=True,
        ),
    ),
    "cohere": plain(
        "Cohere", dict(SHORT_GQA, pad_token_id=0, logit_scale=0.4, tie_word_embeddings=True)
    ),
    "bloom": plain(
        "Bloom",
        dict(
            vocab_size=N_VOCAB,
            hidden_size=24,
            n_layer=2,
            n_head=6,
            bos_token_id=0,
            eos_token_id=0,
            tie_word_embeddings=True,
        ),
    ),
    "falcon": plain("Falcon", dict(NARROW, tie_word_embeddings=True)),
    "falcon-new": plain(
        "Falcon", dict(NARROW, new_decoder_architecture=True, num_kv_heads=2, bias=True)
    ),
    "falcon-sequential": plain(
        "Falcon", dict(NARROW, parallel_attn=False, multi_query=False, ffn_hidden_size=20)
    ),
    "mpt": plain(
        "Mpt",
        dict(
            vocab_size=N_VOCAB,
            d_model=16,
            n_heads=4,
            n_layers=2,
            max_seq_len=48,
            attn_config=dict(softmax_scale=0.6),
            tie_word_embeddings=True,
        ),
    ),
    # The label is read from the last token that is no padding.
    "llama-text-labels": (
        "LlamaConfig",
        dict(SHORT_GQA, pad_token_id=7, num_labels=3),
        torch.float32,
        "SequenceClassification",
        None,
    ),
    "mixtral": plain("Mixtral", dict(SHORT_GQA, num_local_experts=5, sliding_window=7)),
    "qwen3-moe": plain(
        "Qwen3Moe",
        dict(
            SHORT_GQA,
            num_hidden_layers=3,
            head_dim=6,
            num_experts=4,
            num_experts_per_tok=3,
            moe_intermediate_size=10,
            mlp_only_layers=[1],
        ),
    ),
    "olmoe": plain(
        "Olmoe",
        dict(
            SHORT_GQA,
            num_experts=4,
            num_experts_per_tok=2,
            norm_topk_prob=True,
            clip_qkv=0.6,
            attention_bias=True,
            pad_token_id=1,
        ),
    ),
    "gpt-oss": plain(
        "GptOss",
        dict(
            SHORT_GQA,
            head_dim=8,
            num_local_experts=4,
            num_experts_per_tok=2,
            sliding_window=6,
            swiglu_limit=1.5,
            max_position_embeddings=96,
        ),
    ),
    "glm": plain(
        "Glm",
        dict(SHORT_GQA, head_dim=8, pad_token_id=0, tie_word_embeddings=True),
    ),
    "glm4": plain("Glm4", dict(SHORT_GQA, head_dim=8, pad_token_id=0)),
    "phi-norms": plain(
        "Phi",
        dict(
            SHORT_GQA,
            hidden_size=32,
            qk_layernorm=True,
            rope_parameters=dict(
                rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.5
            ),
        ),
    ),
    "stablelm-norms": plain(
        "StableLm",
        dict(
            SHORT_GQA,
            hidden_size=32,
            qk_layernorm=True,
            rope_parameters=dict(
                rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.5
            ),
        ),
    ),
    "cohere-norms": plain(
        "Cohere", dict(SHORT_GQA, pad_token_id=0, use_qk_norm=True, tie_word_embeddings=True)
    ),
    "gpt2-by-layer": plain(
        "GPT2", dict(GPT, n_layer=3, scale_attn_by_inverse_layer_idx=True, tie_word_embeddings=True)
    ),
    "opt-projected": plain(
        "OPT",
        dict(
            NARROW,
            ffn_dim=20,
            pad_token_id=1,
            word_embed_proj_dim=10,
            do_layer_norm_before=False,
            tie_word_embeddings=True,
        ),
    ),
}
