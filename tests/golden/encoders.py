"""Variants of encoders for forward.py, in its form: name: (configuration class, settings, type of
the weights, how it is written, shard size)."""

import torch

SMALL = dict(
    vocab_size=112,
    hidden_size=16,
    intermediate_size=28,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=40,
    pad_token_id=0,
    tie_word_embeddings=True,
)
DISTILBERT = dict(
    vocab_size=112,
    dim=16,
    hidden_dim=28,
    n_layers=2,
    n_heads=4,
    max_position_embeddings=40,
    pad_token_id=0,
    tie_word_embeddings=True,
)
ELECTRA = dict(SMALL, embedding_size=12)
ROBERTA = dict(SMALL, pad_token_id=1, type_vocab_size=1)
MPNET = dict(SMALL, pad_token_id=1, max_position_embeddings=90)
ALBERT = dict(SMALL, embedding_size=10, hidden_act="gelu_new")
MODERNBERT = dict(
    vocab_size=112,
    hidden_size=16,
    intermediate_size=28,
    num_hidden_layers=3,
    num_attention_heads=2,
    max_position_embeddings=60,
    norm_eps=1e-3,
    pad_token_id=0,
    bos_token_id=2,
    eos_token_id=3,
    cls_token_id=2,
    sep_token_id=3,
    tie_word_embeddings=True,
    rope_parameters=dict(
        full_attention=dict(rope_type="default", rope_theta=900.0),
        sliding_attention=dict(rope_type="default", rope_theta=40.0),
    ),
)

DEBERTA = dict(
    SMALL,
    num_attention_heads=2,
    type_vocab_size=0,
    relative_attention=True,
    position_biased_input=False,
    pos_att_type=["p2c", "c2p"],
    layer_norm_eps=1e-7,
)

UNTIED_FLAG = {key: x for key, x in SMALL.items() if key != "tie_word_embeddings"}
TOKENS = dict(bos_token_id=2, eos_token_id=3, mask_token_id=4)
LABELS = dict(id2label={0: "sad", 1: "glad", 2: "neither"}, num_labels=3)
ENCODERS = {
    "distilbert": ("DistilBertConfig", DISTILBERT, torch.float32, "new", None),
    "distilbert-sinusoid": (
        "DistilBertConfig",
        dict(DISTILBERT, sinusoidal_pos_embds=True, activation="relu"),
        torch.float32,
        "headless",
        None,
    ),
    "clip-text": (
        "CLIPTextConfig",
        dict(UNTIED_FLAG, projection_dim=8, eos_token_id=3),
        torch.float32,
        "headless",
        None,
    ),
    "siglip-text": (
        "SiglipTextConfig",
        dict(UNTIED_FLAG, projection_size=8, layer_norm_eps=1e-3),
        torch.float16,
        "headless",
        None,
    ),
    "electra-generator": (
        "ElectraConfig",
        dict(ELECTRA, hidden_act="relu"),
        torch.float32,
        "new",
        None,
    ),
    "electra-discriminator": (
        "ElectraConfig",
        dict(ELECTRA, embedding_size=24),
        torch.float32,
        "discriminator",
        None,
    ),
    "electra-same-width": (
        "ElectraConfig",
        dict(ELECTRA, embedding_size=16, tie_word_embeddings=False),
        torch.float16,
        "new",
        None,
    ),
    "xlm-roberta": ("XLMRobertaConfig", ROBERTA, torch.float32, "new", None),
    "mpnet": (
        "MPNetConfig",
        dict(MPNET, num_attention_heads=2, max_position_embeddings=72),
        torch.float32,
        "long",
        None,
    ),
    "mpnet-headless": ("MPNetConfig", MPNET, torch.float32, "headless", None),
    "modernbert": ("ModernBertConfig", MODERNBERT, torch.float32, "new", None),
    "modernbert-biases": (
        "ModernBertConfig",
        dict(
            MODERNBERT,
            num_hidden_layers=3,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
            norm_bias=True,
            attention_bias=True,
            mlp_bias=True,
            classifier_bias=True,
            decoder_bias=False,
            hidden_activation="silu",
            classifier_activation="relu",
            tie_word_embeddings=False,
        ),
        torch.float32,
        "global",
        None,
    ),
    "albert": ("AlbertConfig", dict(ALBERT, num_hidden_layers=3), torch.float32, "new", None),
    "albert-groups": (
        "AlbertConfig",
        dict(
            ALBERT,
            num_hidden_layers=3,
            num_hidden_groups=2,
            inner_group_num=2,
            embedding_size=16,
            type_vocab_size=1,
        ),
        torch.float32,
        "headless",
        None,
    ),
    "bert-text-labels": (
        "BertConfig",
        dict(SMALL, **LABELS),
        torch.float32,
        "SequenceClassification",
        None,
    ),
    "roberta-token-labels": (
        "RobertaConfig",
        dict(ROBERTA, num_labels=5),
        torch.float32,
        "TokenClassification",
        None,
    ),
    "electra-answers": ("ElectraConfig", ELECTRA, torch.float32, "QuestionAnswering", None),
    "distilbert-text-labels": (
        "DistilBertConfig",
        dict(DISTILBERT, problem_type="multi_label_classification", **LABELS),
        torch.float32,
        "SequenceClassification",
        None,
    ),
    "modernbert-mean-labels": (
        "ModernBertConfig",
        dict(MODERNBERT, classifier_pooling="mean", norm_bias=True, **LABELS),
        torch.float32,
        "SequenceClassification",
        None,
    ),
    # As version 3 is published; distances are farther than max_relative_positions.
    "deberta-v3": (
        "DebertaV2Config",
        dict(DEBERTA, position_buckets=8, share_att_key=True, norm_rel_ebd="layer_norm"),
        torch.float32,
        "long",
        None,
    ),
    "deberta-v2-projected": (
        "DebertaV2Config",
        dict(
            DEBERTA,
            num_attention_heads=4,
            embedding_size=10,
            type_vocab_size=2,
            position_biased_input=True,
            max_relative_positions=7,
            hidden_act="relu",
        ),
        torch.float16,
        "new",
        None,
    ),
    "deberta-v2-padded": (
        "DebertaV2Config",
        dict(DEBERTA, position_buckets=6, norm_rel_ebd="layer_norm", pos_att_type=["c2p"]),
        torch.float32,
        "padded",
        None,
    ),
    "deberta-v2-text-labels": (
        "DebertaV2Config",
        dict(DEBERTA, share_att_key=True, pos_att_type=["p2c"], pooler_hidden_act="tanh", **LABELS),
        torch.float32,
        "SequenceClassification",
        None,
    ),
    "deberta": (
        "DebertaConfig",
        dict(DEBERTA, max_relative_positions=9, legacy=False),
        torch.float32,
        "new",
        None,
    ),
    "nomic-bert": (
        "NomicBertConfig",
        dict(UNTIED_FLAG, rope_parameters=dict(rope_type="default", rope_theta=70.0)),
        torch.float32,
        "new",
        None,
    ),
    "gte": ("GteConfig", dict(SMALL, type_vocab_size=0), torch.float32, "new", None),
    "jina-embeddings-v3": ("JinaEmbeddingsV3Config", SMALL, torch.bfloat16, "new", None),
    "eurobert": (
        "EuroBertConfig",
        dict(SMALL, num_key_value_heads=2, mlp_bias=True, attention_bias=True, **TOKENS),
        torch.float32,
        "new",
        None,
    ),
    "esm": (
        "EsmConfig",
        dict(SMALL, position_embedding_type="rotary", token_dropout=True, mask_token_id=30),
        torch.float32,
        "new",
        None,
    ),
    "esm-absolute": (
        "EsmConfig",
        dict(SMALL, pad_token_id=1, emb_layer_norm_before=True, mask_token_id=30),
        torch.float32,
        "headless",
        None,
    ),
}
