# model.py - the network in the GPT-NeoX layout of Hugging Face, with the same parameter names, and
# nothing else.
"""Decoder-only transformer: pre-LayerNorm, rotary positions on whole heads, exact GELU, tied
embeddings.

Parameter names and the order inside query_key_value (head by head: q, k, v) are those of
transformers' GPTNeoXForCausalLM with use_parallel_residual false, so that exporting is only
rounding and writing, and from_pretrained checks every formula below.
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F
from torch import nn

CONFIG = {
    "architectures": ["GPTNeoXForCausalLM"],
    "model_type": "gpt_neox",
    "vocab_size": 2816,
    "hidden_size": 192,
    "num_hidden_layers": 4,
    "num_attention_heads": 6,
    "intermediate_size": 512,
    "hidden_act": "gelu",
    "rotary_pct": 1.0,
    "rotary_emb_base": 10000,
    "max_position_embeddings": 256,
    "layer_norm_eps": 1e-05,
    "use_parallel_residual": False,
    "tie_word_embeddings": True,
    "attention_bias": True,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "torch_dtype": "float16",
}


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.n_heads = c["num_attention_heads"]
        self.query_key_value = nn.Linear(c["hidden_size"], 3 * c["hidden_size"])
        self.dense = nn.Linear(c["hidden_size"], c["hidden_size"])

    def forward(self, x, cos, sin):
        """x [batch, position, d_model] -> (the same, pattern [batch, head, query, key])"""
        b, n, d = x.shape
        qkv = self.query_key_value(x).view(b, n, self.n_heads, 3, -1).permute(3, 0, 2, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        # Written out, not scaled_dot_product_attention: its backward pass is three times slower on
        # a processor.
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        unseen = torch.full((n, n), float("-inf"), dtype=scores.dtype, device=x.device).triu(1)
        pattern = (scores + unseen).softmax(-1)
        z = pattern.to(v.dtype) @ v
        return self.dense(z.transpose(1, 2).reshape(b, n, d)), pattern


class Mlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.dense_h_to_4h = nn.Linear(c["hidden_size"], c["intermediate_size"])
        self.dense_4h_to_h = nn.Linear(c["intermediate_size"], c["hidden_size"])

    def forward(self, x):
        return self.dense_4h_to_h(F.gelu(self.dense_h_to_4h(x)))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.input_layernorm = nn.LayerNorm(c["hidden_size"], c["layer_norm_eps"])
        self.attention = Attention(c)
        self.post_attention_layernorm = nn.LayerNorm(c["hidden_size"], c["layer_norm_eps"])
        self.mlp = Mlp(c)

    def forward(self, x, cos, sin):
        added, pattern = self.attention(self.input_layernorm(x), cos, sin)
        x = x + added
        return x + self.mlp(self.post_attention_layernorm(x)), pattern


class Stack(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed_in = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.final_layer_norm = nn.LayerNorm(c["hidden_size"], c["layer_norm_eps"])


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.config = c
        self.gpt_neox = Stack(c)
        d_head = c["hidden_size"] // c["num_attention_heads"]
        angle = torch.outer(
            torch.arange(c["max_position_embeddings"]).float(),
            c["rotary_emb_base"] ** (-torch.arange(0, d_head, 2).float() / d_head),
        )
        angle = torch.cat((angle, angle), -1)  # [position, d_head]
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def forward(self, ids):
        """ids [batch, position] -> (residual after the final norm, pattern of every layer)"""
        n = ids.shape[1]
        cos, sin = self.cos[:n], self.sin[:n]
        x = self.gpt_neox.embed_in(ids)
        patterns = []
        for layer in self.gpt_neox.layers:
            x, pattern = layer(x, cos, sin)
            patterns.append(pattern)
        return self.gpt_neox.final_layer_norm(x), patterns

    def unembed(self, x):
        return F.linear(x, self.gpt_neox.embed_in.weight)  # tied

    def logits(self, ids):
        return self.unembed(self.forward(ids)[0])

    def initialise(self):
        """GPT-2's scheme with the spread that suits d_model 192; what writes to the residual is
        scaled by depth."""
        depth = math.sqrt(2 * self.config["num_hidden_layers"])
        for name, p in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(p)
            elif "layernorm" in name or "layer_norm" in name:
                nn.init.ones_(p)
            elif name.endswith(("attention.dense.weight", "mlp.dense_4h_to_h.weight")):
                nn.init.normal_(p, std=0.05 / depth)
            else:
                nn.init.normal_(p, std=0.05)


def rotate(x, cos, sin):
    """Rotary positions (Su et al. 2021), halves paired: x [batch, head, position, d_head]"""
    half = x.shape[-1] // 2
    turned = torch.cat((-x[..., half:], x[..., :half]), -1)
    return x * cos.to(x.dtype) + turned * sin.to(x.dtype)


def load_exported(folder):
    """The exported files -> Model with f32 weights."""
    from safetensors.torch import load_file

    folder = pathlib.Path(folder)
    model = Model(json.loads((folder / "config.json").read_text()))
    weights = {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
    model.load_state_dict(weights)
    return model.eval()
