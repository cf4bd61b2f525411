"""Goldens of nanoGPT's checkpoints.

    python tests/golden/nanogpt.py        writes tests/data/nanogpt/

Each folder is what nanoGPT's train.py and prepare.py leave: ckpt.pt (the weights as nn.Linear has
them, optimizer, model_args, the training's settings) and meta.pkl (the characters). The same
weights in GPT2LMHeadModel of transformers, with the exact GELU, give expected.safetensors: `attn`
[layer, head, query, key] and `logits` [n, d_vocab]. `biased` has biases and names of a compiled
model, `plain` none, and `variant` an entry that nanoGPT does not have.
"""

import pathlib
import pickle
from collections import OrderedDict

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel

OUT = pathlib.Path(__file__).resolve().parents[1] / "data" / "nanogpt"
CHARACTERS = "\n !',.?abcdefghijklmnopqrstuvwxyz我爱学习"
TEXT = "to be, or not\n我爱 to be?"
LINEAR = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")


def write(name, bias, prefix, more=None):
    torch.manual_seed(11)
    ids = {c: i for i, c in enumerate(CHARACTERS)}
    args = dict(n_layer=2, n_head=3, n_embd=24, block_size=32, bias=bias)
    args |= dict(vocab_size=len(CHARACTERS), dropout=0.2) | (more or {})
    config = GPT2Config(
        n_layer=2, n_head=3, n_embd=24, n_positions=32, vocab_size=len(CHARACTERS),
        activation_function="gelu", attn_implementation="eager",
    )
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for key, p in model.named_parameters():
            p.normal_(0, 0.3)
            if key.endswith(("ln_1.weight", "ln_2.weight", "ln_f.weight")):
                p.add_(1)
            if not bias and key.endswith("bias"):
                p.zero_()
    state = OrderedDict()
    for key, p in model.state_dict().items():
        if not bias and key.endswith("bias"):
            continue
        state[prefix + key] = p.t().contiguous() if key.endswith(LINEAR) else p.clone()
    state[prefix + "lm_head.weight"] = state[prefix + "transformer.wte.weight"]
    parameter = torch.nn.Parameter(torch.zeros(4))
    optimizer = torch.optim.AdamW([parameter])
    parameter.sum().backward()
    optimizer.step()
    checkpoint = {
        "model": state,
        "optimizer": optimizer.state_dict(),
        "model_args": args,
        "iter_num": 250,
        "best_val_loss": torch.tensor(1.75),
        "config": {"dataset": "shakespeare_char", "learning_rate": 1e-3, "device": "cpu"},
    }
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(checkpoint, folder / "ckpt.pt")
    meta = {"vocab_size": len(ids), "itos": {i: c for c, i in ids.items()}, "stoi": ids}
    (folder / "meta.pkl").write_bytes(pickle.dumps(meta))
    if more:
        return
    tokens = torch.tensor([[ids[c] for c in TEXT]])
    with torch.no_grad():
        out = model(tokens, output_attentions=True)
    expected = {"attn": torch.cat(out.attentions).contiguous()}
    expected["logits"] = out.logits[0].contiguous()
    expected["input_ids"] = tokens[0].to(torch.int32)
    save_file(expected, folder / "expected.safetensors", {"text": TEXT})


if __name__ == "__main__":
    write("biased", True, "_orig_mod.")
    write("plain", False, "")
    write("variant", True, "", {"use_rmsnorm": True})
