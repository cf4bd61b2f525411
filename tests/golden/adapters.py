"""Writes tests/data/adapters/*: LoRA adapters, and what PEFT computes with them.

    python tests/golden/adapters.py                      needs torch, transformers, peft
    python tests/golden/adapters.py PROGRAM [--n 60] [--seed 0]

Each folder is an adapter of the model of tests/data/models that its base.txt names, as PEFT saves
it, with random weights, and expected.safetensors as in forward.py after merge_and_unload(). With a
program, LoraConfigs are drawn instead, and `PROGRAM attention` and `PROGRAM next` compared with
PEFT; a difference that is not refused or said fails. That is not part of the tests.
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import peft
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
TOLERANCE = 2e-5
# Where sums of other orders round a few of the merged weights to their neighbours.
NARROW = {torch.float16: 2e-4, torch.bfloat16: 2e-3}

# name: (base, settings of LoraConfig)
ADAPTERS = {
    "gpt2-conv1d": (
        "gpt2",
        dict(
            r=4,
            lora_alpha=6,
            target_modules=["c_attn", "c_fc", "attn.c_proj"],
            fan_in_fan_out=True,
            rank_pattern={r"h\.1\.attn\.c_attn": 2},
            alpha_pattern={"c_fc": 3, r"^transformer\.h\.0\..*": 5},
        ),
    ),
    "llama-rs": (
        "llama-gqa",
        dict(
            r=3,
            lora_alpha=5,
            use_rslora=True,
            target_modules=r".*\.(q|k|v|o|gate|up|down)_proj",
            modules_to_save=["lm_head"],
        ),
    ),
    "llama-bf16": (
        "llama-bf16-shards",
        dict(r=2, target_modules=["q_proj", "v_proj", "embed_tokens"]),
    ),
    "bert-biases": (
        "bert-mlm",
        dict(r=2, target_modules="all-linear", bias="all", exclude_modules=["output.dense"]),
    ),
}


def base_of(name):
    folder = DATA / "models" / name
    kind = json.loads((folder / "config.json").read_text())["architectures"][0]
    auto = AutoModelForMaskedLM if "MaskedLM" in kind else AutoModelForCausalLM
    return auto.from_pretrained(folder, attn_implementation="eager", dtype="auto").eval()


def make(base, settings, out, seed):
    """Saves an adapter with random weights; false if PEFT refuses the settings."""
    torch.manual_seed(seed)
    model = peft.get_peft_model(base_of(base), peft.LoraConfig(**settings))
    trained = ["lora_", "modules_to_save"] + (["bias"] if settings.get("bias") == "all" else [])
    with torch.no_grad():
        for name, p in model.named_parameters():
            if any(t in name for t in trained):
                p.add_(torch.randn_like(p, dtype=torch.float32).to(p.dtype) * 0.3)
    model.peft_config["default"].base_model_name_or_path = "tiny/" + base
    model.save_pretrained(out)
    (out / "README.md").unlink(missing_ok=True)


def merged(base, folder, dtype=None):
    model = base_of(base)
    own = model.dtype
    as_type(model, dtype or own)
    return as_type(peft.PeftModel.from_pretrained(model, folder).merge_and_unload(), own).eval()


def as_type(model, dtype):
    """Not model.to(), which would round the angles of rotary positions, too."""
    for p in model.parameters():
        p.data = p.data.to(dtype)
    return model


def computed(model, ids, dtype=torch.float64):
    with torch.no_grad():
        out = model.to(dtype)(torch.tensor([ids]), output_attentions=True)
    return torch.cat(out.attentions).double(), out.logits[0]


def rounding(base, folder, attn, ids):
    """How far patterns move where the model, or the merge, is rounded in another order."""
    narrow = computed(merged(base, folder), ids, torch.float32)[0]
    wide = computed(merged(base, folder, torch.float64), ids)[0]
    return max((narrow - attn).abs().max().item(), (wide - attn).abs().max().item())


def write_all():
    for name, (base, settings) in ADAPTERS.items():
        out = DATA / "adapters" / name
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        make(base, settings, out, 7)
        (out / "base.txt").write_text(base + "\n")
        ids = load_file(DATA / "models" / base / "expected.safetensors")["input_ids"].flatten()[:12]
        attn, logits = computed(merged(base, out), ids.tolist())
        plain = computed(base_of(base), ids.tolist())[0]
        save_file(
            {"input_ids": ids.int(), "attn": attn.float(), "logits": logits.float()},
            out / "expected.safetensors",
        )
        print(name, f"moves patterns by {(attn - plain).abs().max():.2f}")


BASES = [
    "gpt2", "gpt2-f16", "llama-gqa", "llama-own-head", "llama-tied-f16", "llama-bf16-shards",
    "bert-mlm", "roberta", "distilbert", "electra-generator", "albert", "gpt-neox-parallel",
    "qwen2-window", "qwen3", "gemma2", "phi", "phi3", "opt", "bloom", "falcon", "mpt", "gptj",
    "gpt-neo", "gpt-bigcode", "starcoder2", "stablelm", "modernbert", "olmo2", "cohere",
]  # fmt: skip


def draw(r, model):
    """A LoraConfig for the model, by the names of its modules."""
    kinds = (torch.nn.Linear, torch.nn.Embedding)
    modules = [
        n for n, m in model.named_modules() if isinstance(m, kinds) or type(m).__name__ == "Conv1D"
    ]
    inner = [n for n in modules if any(c.isdigit() for c in n)]
    ends = sorted({n.rsplit(".", 1)[1] for n in inner})
    some = r.sample(ends, r.randint(1, len(ends)))
    settings = dict(r=r.randint(1, 6), lora_alpha=r.randint(1, 12), use_rslora=r.random() < 0.3)
    kind = r.random()
    if kind < 0.6:
        settings["target_modules"] = some
    elif kind < 0.8:
        settings["target_modules"] = r".*\.(" + "|".join(some) + ")"
    else:
        settings["target_modules"] = "all-linear"
    if kind < 0.6 and r.random() < 0.3:
        settings["layers_to_transform"] = r.choice([0, [1], [0, 1]])
    if r.random() < 0.2:
        settings["target_modules"] = r.sample(modules, min(len(modules), 4))
        settings.pop("layers_to_transform", None)
    if r.random() < 0.3:
        # PEFT sorts the keys when it saves them, and the first that fits applies.
        settings["rank_pattern"] = dict(
            sorted({r.choice(inner): 3, r.choice(ends): 2, r"^.*\.0\..*": 1}.items())
        )
    if r.random() < 0.4:
        settings["alpha_pattern"] = {r.choice(ends): 7, r.choice(inner): 2, r".*\.1\..*": 5}
    if r.random() < 0.3:
        settings["bias"] = r.choice(["all", "lora_only"])
    if r.random() < 0.3:
        settings["modules_to_save"] = r.sample(modules, 1)
    if r.random() < 0.2:
        settings["exclude_modules"] = r.choice([[r.choice(inner)], r".*\.0\..*"])
    if r.random() < 0.2:
        settings["fan_in_fan_out"] = True
    if r.random() < 0.2:
        kinds = ["gaussian", False, "orthogonal", "pissa", "olora"]
        settings["init_lora_weights"] = r.choice(kinds)
    if r.random() < 0.1:
        settings[r.choice(["use_dora", "lora_bias", "ensure_weight_tying"])] = True
    return settings


def run(program, command, base, adapter, *more):
    return subprocess.run(
        [program, command, "--model", DATA / "models" / base, "--adapter", adapter,
         "--text", "Once upon a time there was", *more],
        capture_output=True, text=True,
    )  # fmt: skip


def one_round(program, seed, folder):
    r = random.Random(seed)
    base = r.choice(BASES)
    settings = draw(r, base_of(base))
    if r.random() < 0.05:
        settings["trainable_token_indices"] = [1, 2]
    try:
        make(base, settings, folder, seed)
        model = merged(base, folder)
    except Exception as error:  # PEFT's own refusal
        return "peft", f"{base} {type(error).__name__}: {str(error)[:90]}"
    done = run(program, "attention", base, folder, "--out", folder / "got.npz")
    said = " ".join(done.stderr.split())
    if done.returncode != 0:
        return "refused" if done.returncode == 1 else "crashed", f"{base} {said[-230:]}"
    with np.load(folder / "got.npz") as got:
        ours, ids = got["attention"].astype(np.float64), got["input_ids"].reshape(-1)
    attn, logits = computed(model, ids.tolist())
    apart = np.abs(ours.reshape(attn.shape) - attn.numpy()).max()
    done = run(program, "next", base, folder, "--format", "json")
    odds = torch.softmax(logits[-1], -1)
    if done.returncode == 0:
        for guess in json.loads(done.stdout)["next"]:
            apart = max(apart, abs(guess["probability"] - odds[guess["id"]].item()))
    most = NARROW.get(base_of(base).dtype, TOLERANCE)
    if apart > most:
        most += 8 * rounding(base, folder, attn, ids.tolist())
    return "equal" if apart <= most else "DIFFERENT", f"{base} {apart:.1e} of {most:.1e} {settings}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?")
    parser.add_argument("--n", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if not given.program:
        return write_all()
    counts = {}
    for seed in range(given.seed, given.seed + given.n):
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"adapter{seed}-"))
        kind, what = one_round(given.program, seed, folder)
        shutil.rmtree(folder)
        counts[kind] = counts.get(kind, 0) + 1
        print(seed, kind, what, flush=True)
    print(counts)
    sys.exit(counts.get("DIFFERENT", 0) + counts.get("crashed", 0) > 0)


if __name__ == "__main__":
    main()
