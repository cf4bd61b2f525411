"""Draws of configurations for fuzz_families.py: one function of a random.Random per family."""

ACTIVATIONS = ["gelu", "gelu_new", "relu", "silu", "gelu_pytorch_tanh", "gelu_fast", "swish"]
KINDS = ["full_attention", "sliding_attention"]


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


def tower(r):
    c = dict(shared(r), projection_dim=8, projection_size=8, pad_token_id=0, eos_token_id=3)
    c["hidden_act"] = r.choice(["quick_gelu", *ACTIVATIONS])
    return c


def mpnet(r):
    return dict(shared(r), relative_attention_num_buckets=r.choice([32] * 8 + [16]))


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


def deberta(r):
    c = dict(shared(r), type_vocab_size=r.choice([0, 0, 1, 2]))
    terms = [["c2p", "p2c"], ["p2c", "c2p"], ["c2p"], ["p2c"], None]
    c |= dict(
        relative_attention=r.random() < 0.9,
        max_relative_positions=r.choice([-1, -1, 0, 3, 20, 128]),
        pos_att_type=r.choice(terms),
        position_biased_input=r.random() < 0.4,
        pooler_hidden_act=r.choice([*ACTIVATIONS, "tanh"]),
        legacy=r.random() < 0.7,
    )
    if c["legacy"] and r.random() < 0.4:
        c["embedding_size"] = r.choice([3, 8, 31])
    if r.random() < 0.05:
        c["talking_head"] = True
    return c


def deberta_v2(r):
    c = deberta(r)
    c.pop("talking_head", None)
    if r.random() < 0.7:
        c["position_buckets"] = r.choice([-1, 2, 4, 7, 16, 32, 64])
    if r.random() < 0.7:
        c["share_att_key"] = r.random() < 0.7
    if r.random() < 0.7:
        c["norm_rel_ebd"] = r.choice(["none", "layer_norm", "layer_norm", "layer_norm | none"])
    if r.random() < 0.05:
        c["conv_kernel_size"] = 3
    return c


def rotary_bert(r):
    c = bert(r)
    if r.random() < 0.6:
        c["rope_parameters"] = rotary(r, c["hidden_size"] // c["num_attention_heads"])
    return dict(c, pad_token_id=0)


def nomic_bert(r):
    c = rotary_bert(r)
    del c["tie_word_embeddings"]
    if r.random() < 0.2:
        c["head_dim"] = r.choice([2, 4, 8])
        c.pop("rope_parameters", None)
    return c


def gte(r):
    return dict(rotary_bert(r), type_vocab_size=r.choice([0, 1, 2]))


def eurobert(r):
    c = dict(llama(r), classifier_pooling=r.choice(["bos", "mean", "late"]))
    c["max_position_embeddings"] = 90  # a [MASK] is not cut off
    return dict(c, bos_token_id=2, eos_token_id=3, mask_token_id=4)


def esm(r):
    c = padded(r)
    for key in ("hidden_act", "type_vocab_size"):
        del c[key]
    return dict(
        c,
        position_embedding_type=r.choice(["rotary", "rotary", "absolute"]),
        emb_layer_norm_before=r.choice([None, False, True]),
        token_dropout=r.random() < 0.6,
        mask_token_id=4,
        rope_theta=r.choice([30.0, 1e4]),
    )


def modernbert(r):
    c = shared(r)
    kinds = KINDS
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
        classifier_activation=r.choice(ACTIVATIONS),
        sparse_prediction=r.random() < 0.1,
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
        if r.random() < 0.2:
            dim = new["hidden_size"] // new["num_attention_heads"]
            new["rope_parameters"][r.choice(kinds)] = rotary(r, dim)
    elif r.random() < 0.5:
        new["global_rope_theta"] = 77.0
        new["local_rope_theta"] = 12.0
    return new


def rotary(r, dim, shares=(1.0,)):
    """Rotary positions of every type, for `dim` dimensions of a head of which a share rotates."""
    theta, factor = r.choice([30.0, 1e4, 5e5]), r.choice([1.0, 2.0, 7.5])
    original = r.choice([4, 8, 32, 60])
    share = r.choice(shares)
    kind = r.choice(["default", "linear", "dynamic", "llama3", "yarn", "longrope"])
    rope = dict(rope_type=kind)
    if r.random() < 0.8 or kind == "llama3":
        rope["rope_theta"] = theta
    if shares != (1.0,) and r.random() < 0.8:
        rope["partial_rotary_factor"] = share
    if kind != "default":
        rope["factor"] = factor
    if kind == "llama3":
        rope |= dict(low_freq_factor=1.0, high_freq_factor=r.choice([2.0, 4.0]))
    if kind in ("llama3", "yarn", "longrope") and r.random() < 0.8:
        rope["original_max_position_embeddings"] = original
    if kind == "yarn":
        if r.random() < 0.4:
            rope |= dict(mscale=r.choice([0.7, 1.0]), mscale_all_dim=r.choice([0.0, 0.5]))
        if r.random() < 0.4:
            rope |= dict(beta_fast=r.choice([4.0, 16.0]), beta_slow=0.5)
        if r.random() < 0.4:
            rope["truncate"] = r.random() < 0.5
    if kind in ("yarn", "longrope") and r.random() < 0.3:
        rope["attention_factor"] = 1.3
    if kind == "longrope":
        n = int(dim * rope.get("partial_rotary_factor", shares[-1])) // 2
        for key in ("short_factor", "long_factor"):
            rope[key] = [round(r.uniform(1, 4), 2) for _ in range(n)]
        if r.random() < 0.5:
            del rope["factor"]
    return rope


def decoder(r):
    """What Llama and its relatives share."""
    c = shared(r)
    heads, per_head = c["num_attention_heads"], r.choice([2, 4, 6, 10])
    new = dict(
        c,
        hidden_size=heads * per_head,
        num_key_value_heads=r.choice([n for n in (1, 2, 3, 4) if heads % n == 0]),
        rms_norm_eps=r.choice([1e-6, 1e-5, 1e-2]),
        head_dim=r.choice([2, 4, 6, 8, 16, per_head]),
        pad_token_id=0,
    )
    del new["layer_norm_eps"]
    if r.random() < 0.3:
        new["max_position_embeddings"] = r.choice([8, 16])
    if r.random() < 0.75:
        shares = r.choice([(1.0,)] * 12 + [(0.5, 1.0)])
        new["rope_parameters"] = rotary(r, new["head_dim"], shares)
    return new


def kinds_of(r, c):
    """Names the kind of every layer."""
    return dict(c, layer_types=[r.choice(KINDS) for _ in range(c["num_hidden_layers"])])


def llama(r):
    c = dict(decoder(r), pretraining_tp=r.choice([1, 1, 2]))
    return dict(c, attention_bias=r.random() < 0.5, mlp_bias=r.random() < 0.5)


def mistral(r):
    return dict(decoder(r), sliding_window=r.choice([None, 1, 3, 8, 4096]))


def qwen2(r):
    c = dict(decoder(r), use_sliding_window=r.random() < 0.6)
    c["sliding_window"] = r.choice([2, 5, 13, 4096])
    if c["use_sliding_window"] and r.random() < 0.3:
        c = kinds_of(r, c)
    return dict(c, max_window_layers=r.choice([0, 1, 28]))


def qwen3(r):
    return dict(qwen2(r), attention_bias=r.random() < 0.5)


def smollm3(r):
    c = dict(llama(r), use_sliding_window=r.random() < 0.5, sliding_window=r.choice([1, 4]))
    if r.random() < 0.3:
        c = kinds_of(r, c)
    if r.random() < 0.5:
        return dict(c, no_rope_layer_interval=r.choice([1, 2, 4]))
    return dict(c, no_rope_layers=[r.choice([0, 1]) for _ in range(c["num_hidden_layers"])])


def gemma(r):
    c = dict(decoder(r), attention_bias=r.random() < 0.5)
    return dict(c, use_bidirectional_attention=r.choice([None] * 8 + [True, False]))


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
    ) | (kinds_of(r, c) if r.random() < 0.3 else {})


def gemma3(r):
    c = dict(gemma2(r), use_bidirectional_attention=r.random() < 0.2)
    c.pop("rope_parameters", None)
    if r.random() < 0.5:
        c = kinds_of(r, c)
    else:
        c["sliding_window_pattern"] = r.choice([1, 2, 3])
    if r.random() < 0.5:
        c["rope_parameters"] = dict(
            full_attention=rotary(r, c["head_dim"]),
            sliding_attention=dict(rope_type="default", rope_theta=r.choice([20.0, 1e4])),
        )
        if r.random() < 0.2:
            c["rope_parameters"]["sliding_attention"] = rotary(r, c["head_dim"])
        if r.random() < 0.3:
            del c["rope_parameters"][r.choice(KINDS)]
    return c


def gpt(r):
    c = shared(r)
    return dict(
        vocab_size=112,
        n_embd=c["hidden_size"],
        n_inner=r.choice([None, c["intermediate_size"]]),
        n_layer=c["num_hidden_layers"],
        n_head=c["num_attention_heads"],
        n_positions=r.choice([45, 90]),
        activation_function=c["hidden_act"],
        layer_norm_epsilon=c["layer_norm_eps"],
        tie_word_embeddings=c["tie_word_embeddings"],
    )


def gpt2(r):
    c = dict(gpt(r), scale_attn_weights=r.random() < 0.8, reorder_and_upcast_attn=r.random() < 0.3)
    return dict(c, scale_attn_by_inverse_layer_idx=r.random() < 0.4)


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
        max_position_embeddings=r.choice([45, 90]),
        activation_function=c["hidden_act"],
        layer_norm_epsilon=c["layer_norm_eps"],
        tie_word_embeddings=c["tie_word_embeddings"],
    )


def gptj(r):
    c = gpt(r)
    n = c["n_embd"] // c["n_head"]
    return dict(c, rotary_dim=r.choice([d for d in (2, 4, 6, 8) if d <= n]))


def bigcode(r):
    return dict(gpt(r), multi_query=r.random() < 0.5, scale_attn_weights=r.random() < 0.8)


def opt(r):
    c = shared(r)
    c["activation_function"] = c.pop("hidden_act")
    c["ffn_dim"] = c.pop("intermediate_size")
    del c["layer_norm_eps"]
    if r.random() < 0.4:
        c["word_embed_proj_dim"] = 7
    return dict(
        c,
        do_layer_norm_before=r.random() < 0.6,
        _remove_final_layer_norm=r.random() < 0.2,
        layer_norm_elementwise_affine=r.random() < 0.9,
        enable_bias=r.random() < 0.7,
        pad_token_id=1,
    )


def normed(r, eps="layer_norm_eps", shares=(1.0,)):
    """Rotary positions of a part of the head, and layer norms."""
    c = decoder(r)
    c["hidden_size"] = c["num_attention_heads"] * 8
    del c["rms_norm_eps"], c["head_dim"]
    if r.random() < 0.2:
        c["head_dim"] = r.choice([4, 12])
    c.pop("rope_parameters", None)
    if r.random() < 0.7:
        c["rope_parameters"] = rotary(r, c.get("head_dim", 8), shares)
    c[eps] = r.choice([1e-5, 1e-2])
    return c


def phi(r):
    return dict(normed(r, shares=(0.25, 1.0, 0.5)), qk_layernorm=r.random() < 0.5)


def neox(r):
    c = normed(r, shares=(0.5, 1.0, 0.25))
    del c["num_key_value_heads"]
    c["attention_bias"] = r.random() < 0.6
    return dict(c, use_parallel_residual=r.random() < 0.5)


def stablelm(r):
    c = dict(normed(r, shares=(0.5, 1.0, 0.25)), use_qkv_bias=r.random() < 0.5)
    c["qk_layernorm"] = r.random() < 0.5
    return dict(c, use_parallel_residual=r.random() < 0.5)


def starcoder2(r):
    c = normed(r, "norm_epsilon")
    return dict(c, use_bias=r.random() < 0.5, sliding_window=r.choice([None, 1, 5]))


def cohere(r):
    c = normed(r)
    c["use_qk_norm"] = r.random() < 0.5
    return dict(c, logit_scale=r.choice([0.1, 0.5]), attention_bias=r.random() < 0.5)


def phi3(r):
    c = decoder(r)
    c["hidden_size"] = c["num_attention_heads"] * 8
    c["original_max_position_embeddings"] = n = r.choice([4, 16, 60])
    c["sliding_window"] = r.choice([None, 3, 10])
    if r.random() < 0.8:
        del c["head_dim"]
    c.pop("rope_parameters", None)
    share = r.choice([1.0, 0.75, 0.5])
    kind = r.choice(["longrope", "longrope", "su", "yarn", "default"])
    rope = dict(rope_type=kind, rope_theta=r.choice([1e3, 1e4]), partial_rotary_factor=share)
    if kind != "default":
        for key in ("short_factor", "long_factor"):
            n_pairs = int(c.get("head_dim", 8) * share) // 2
            rope[key] = [round(r.uniform(1, 4), 2) for _ in range(n_pairs)]
        c["max_position_embeddings"] = 4 * n if 4 * n > 60 else 90
    if r.random() < 0.2:
        rope["attention_factor"] = 1.2
    if r.random() < 0.2:
        rope["factor"] = 3.0
    return dict(c, rope_parameters=rope) if r.random() < 0.8 else c


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


def experts(r, c, name="num_local_experts"):
    """An MLP of experts."""
    n = r.choice([1, 2, 3, 4, 7])
    return dict(c, **{name: n}, num_experts_per_tok=r.randint(1, n), pad_token_id=0)


def mixtral(r):
    return dict(experts(r, decoder(r)), sliding_window=r.choice([None, None, 1, 5]))


def qwen3_moe(r):
    c = experts(r, decoder(r), "num_experts")
    return dict(
        c,
        moe_intermediate_size=r.choice([3, 8, 17]),
        norm_topk_prob=r.random() < 0.5,
        decoder_sparse_step=r.choice([1, 1, 2]),
        mlp_only_layers=r.choice([None, [0], [1, 9]]),
        attention_bias=r.random() < 0.5,
        use_sliding_window=r.random() < 0.3,
        sliding_window=r.choice([None, 2, 9]),
    )


def olmoe(r):
    c = experts(r, decoder(r), "num_experts")
    c["hidden_size"] = c["num_attention_heads"] * c.pop("head_dim")
    c["clip_qkv"] = r.choice([None, 0.3, 8.0])
    c["norm_topk_prob"] = r.random() < 0.5
    return dict(c, attention_bias=r.random() < 0.5, eos_token_id=0)


def gpt_oss(r):
    c = experts(r, decoder(r))
    if r.random() < 0.5:
        c = kinds_of(r, c)
    c["attention_bias"] = r.random() < 0.7
    c["sliding_window"] = r.choice([1, 3, 8, 128])
    return dict(c, swiglu_limit=r.choice([7.0, 1.0]), swiglu_alpha=r.choice([1.702, 1.0]))


def glm(r):
    c = dict(normed(r, shares=(0.5, 1.0)), attention_bias=r.random() < 0.5)
    c["head_dim"] = r.choice([4, 8, 12])
    c["rms_norm_eps"] = c.pop("layer_norm_eps")
    if "rope_parameters" in c:
        c["rope_parameters"] = rotary(r, c["head_dim"], (0.5, 1.0))
    return c


def bloom(r):
    heads = r.choice([1, 2, 3, 4, 6])
    return dict(
        vocab_size=112,
        apply_residual_connection_post_layernorm=r.random() < 0.1,
        slow_but_exact=r.random() < 0.1,
        pretraining_tp=r.choice([1, 1, 2]),
        hidden_size=heads * r.choice([2, 4, 6]),
        n_layer=r.choice([1, 2, 3]),
        n_head=heads,
        layer_norm_epsilon=r.choice([1e-5, 1e-2]),
        tie_word_embeddings=r.random() < 0.5,
    )


def falcon(r):
    c = shared(r)
    heads = c["num_attention_heads"]
    new, shared_keys = r.random() < 0.4, r.random() < 0.5
    # transformers computes other counts than that of the heads only in the new architecture.
    counts = [n for n in (1, 2, 3, 4) if heads % n == 0] if new or shared_keys else [heads]
    made = dict(
        vocab_size=112,
        hidden_size=c["hidden_size"],
        ffn_hidden_size=r.choice([None, 20]),
        num_hidden_layers=c["num_hidden_layers"],
        num_attention_heads=heads,
        num_kv_heads=r.choice(counts),
        max_position_embeddings=r.choice([16, 90]),
        layer_norm_epsilon=c["layer_norm_eps"],
        activation=c["hidden_act"],
        multi_query=shared_keys,
        parallel_attn=r.random() < 0.6,
        new_decoder_architecture=new,
        num_ln_in_parallel_attn=r.choice([None, None, 1, 2]),
        bias=r.random() < 0.5,
        alibi=r.random() < 0.1,
        tie_word_embeddings=c["tie_word_embeddings"],
    )
    if r.random() < 0.5:
        made["rope_parameters"] = rotary(r, c["hidden_size"] // heads)
    return made


def mpt(r):
    heads = r.choice([1, 2, 3, 4, 6])
    attention = dict(
        softmax_scale=r.choice([None, 0.4]),
        clip_qkv=r.choice([None] * 8 + [0.5]),
        alibi_bias_max=r.choice([8] * 8 + [4]),
        alibi=r.random() < 0.9,
    )
    return dict(
        vocab_size=112,
        d_model=heads * r.choice([2, 4, 6]),
        n_layers=r.choice([1, 2, 3]),
        n_heads=heads,
        max_seq_len=r.choice([45, 90]),
        attn_config=attention,
        layer_norm_epsilon=r.choice([1e-5, 1e-2]),
        expansion_ratio=r.choice([4, 4, 2]),
        no_bias=r.random() < 0.9,
        tie_word_embeddings=r.random() < 0.5,
    )


def ids(r):
    """Of a decoder that an encoder is read by."""
    return dict(
        decoder_start_token_id=r.choice([0, 1, 2]),
        eos_token_id=r.choice([3, 3, 1]),
        pad_token_id=r.choice([0, 0, 1, 4]),
        forced_bos_token_id=r.choice([None, None, 2, 7]),
    )


def t5(r):
    exact = r.choice([4, 8, 12, 32])
    return dict(
        ids(r),
        vocab_size=112,
        d_model=r.choice([4, 10, 16]),
        d_kv=r.choice([3, 4, 8]),
        d_ff=r.choice([5, 16, 33]),
        num_layers=r.choice([1, 2, 3]),
        num_decoder_layers=r.choice([None, 1, 2, 3]),
        num_heads=r.choice([1, 2, 3]),
        relative_attention_num_buckets=exact,
        relative_attention_max_distance=exact + r.choice([1, 3, 40, 128]),
        layer_norm_epsilon=r.choice([1e-6, 1e-2]),
        feed_forward_proj=r.choice(["relu", "gated-gelu", "gated-silu", "gelu", "gated-relu"]),
        tie_word_embeddings=r.random() < 0.5,
    )


def bart(r):
    heads = r.choice([1, 2, 3, 4])
    return dict(
        ids(r),
        vocab_size=112,
        d_model=12 * r.choice([1, 2]),
        encoder_layers=r.choice([1, 2, 3]),
        encoder_ffn_dim=r.choice([5, 16, 33]),
        encoder_attention_heads=heads,
        decoder_layers=r.choice([1, 2, 3]),
        decoder_ffn_dim=r.choice([5, 16, 33]),
        decoder_attention_heads=r.choice([1, 2, 3, heads]),
        max_position_embeddings=r.choice([90, 128]),
        activation_function=r.choice(ACTIVATIONS),
        scale_embedding=r.random() < 0.5,
        tie_word_embeddings=r.random() < 0.7,
    )


def marian(r):
    return dict(bart(r), share_encoder_decoder_embeddings=r.random() < 0.9)


# Without a head for texts: the parts of models that compare them with pictures.
HEADLESS = {
    "clip_text_model": ("CLIPText", tower),
    "siglip_text_model": ("SiglipText", tower),
}
# Encoders with decoders, whose attention has three parts.
SEQ2SEQ = {
    "bart": ("Bart", bart),
    "m2m_100": ("M2M100", bart),
    "marian": ("Marian", marian),
    "mbart": ("MBart", bart),
    "mt5": ("MT5", t5),
    "pegasus": ("Pegasus", bart),
    "t5": ("T5", t5),
    "umt5": ("UMT5", t5),
}
DECODERS = {
    "bloom": ("Bloom", bloom),
    "cohere": ("Cohere", cohere),
    "falcon": ("Falcon", falcon),
    "gemma": ("Gemma", gemma),
    "gemma2": ("Gemma2", gemma2),
    "gemma3_text": ("Gemma3Text", gemma3),
    "glm": ("Glm", glm),
    "glm4": ("Glm4", glm),
    "gpt2": ("GPT2", gpt2),
    "gpt_bigcode": ("GPTBigCode", bigcode),
    "gpt_neo": ("GPTNeo", gpt_neo),
    "gpt_neox": ("GPTNeoX", neox),
    "gptj": ("GPTJ", gptj),
    "gpt_oss": ("GptOss", gpt_oss),
    "granite": ("Granite", granite),
    "llama": ("Llama", llama),
    "mistral": ("Mistral", mistral),
    "mixtral": ("Mixtral", mixtral),
    "mpt": ("Mpt", mpt),
    "olmo2": ("Olmo2", olmo2),
    "olmoe": ("Olmoe", olmoe),
    "opt": ("OPT", opt),
    "phi": ("Phi", phi),
    "phi3": ("Phi3", phi3),
    "qwen2": ("Qwen2", qwen2),
    "qwen3": ("Qwen3", qwen3),
    "qwen3_moe": ("Qwen3Moe", qwen3_moe),
    "smollm3": ("SmolLM3", smollm3),
    "stablelm": ("StableLm", stablelm),
    "starcoder2": ("Starcoder2", starcoder2),
}
FAMILIES = {
    "albert": ("Albert", albert),
    "bert": ("Bert", bert),
    "camembert": ("Camembert", padded),
    "deberta": ("Deberta", deberta),
    "deberta-v2": ("DebertaV2", deberta_v2),
    "distilbert": ("DistilBert", distilbert),
    "electra": ("Electra", electra),
    "esm": ("Esm", esm),
    "eurobert": ("EuroBert", eurobert),
    "gte": ("Gte", gte),
    "jina_embeddings_v3": ("JinaEmbeddingsV3", rotary_bert),
    "nomic_bert": ("NomicBert", nomic_bert),
    "modernbert": ("ModernBert", modernbert),
    "mpnet": ("MPNet", mpnet),
    "roberta": ("Roberta", padded),
    "xlm-roberta": ("XLMRoberta", padded),
} | DECODERS | SEQ2SEQ | HEADLESS
