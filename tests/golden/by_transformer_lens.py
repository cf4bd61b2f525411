"""Writes tests/data/transformer_lens/*.safetensors: what TransformerLens 4.3 says of the same
models and tokens.

    python tests/golden/by_transformer_lens.py  needs transformer_lens, torch, numpy, safetensors

Its own functions only: head_detector ("mul" and "abs"), accumulated_resid, decompose_resid,
stack_head_results, logit_attrs, all_composition_scores, FactoredMatrix; the stripes are the
one-line diagonals of its Main_Demo. Two tiny checkpoints with random weights, one of them with
grouped heads, and web/models/bookworm-2m. LayerNorm weights are folded, nothing else is processed.
A tensor per measure, by its id; ids [n], and a text repeated twice, repeat [2 PERIOD].
"""

import os
import pathlib

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformer_lens import head_detector
from transformer_lens.model_bridge import TransformerBridge

DATA = pathlib.Path(__file__).parent.parent / "data"
OUT = DATA / "transformer_lens"
QUERY, LAYER, HEAD, TARGET, FOIL, PERIOD, N = 11, 1, 1, 50, 40, 9, 20
MODELS = {
    "gpt2": DATA / "models" / "gpt2",
    "llama-gqa": DATA / "models" / "llama-gqa",
    "bookworm-2m": DATA.parent.parent / "web" / "models" / "bookworm-2m",
}


def detectors(cache, ids, L, H, out):
    tokens = ids[None]
    kinds = {
        "previous": head_detector.get_previous_token_head_detection_pattern(tokens),
        "duplicate": head_detector.get_duplicate_token_head_detection_pattern(tokens),
        "induction": head_detector.get_induction_head_detection_pattern(tokens),
    }
    ours = {
        "mul": {
            "previous": "clark_previous",
            "duplicate": "duplicate_token",
            "induction": "induction",
        },
        "abs": {kind: kind + "_abs" for kind in kinds},
    }
    for measure, names in ours.items():
        for kind, name in names.items():
            out[name] = np.array(
                [
                    [
                        head_detector.compute_head_attention_similarity_score(
                            cache["pattern", l][0, h].double(),
                            kinds[kind].double(),
                            exclude_bos=False,
                            exclude_current_token=False,
                            error_measure=measure,
                        )
                        for h in range(H)
                    ]
                    for l in range(L)
                ]
            )


def stripes(model, repeat, L, out):
    _, cache = model.run_with_cache(repeat[None])
    for name, offset in (
        ("induction_stripe", 1 - PERIOD),
        ("duplicate_stripe", -PERIOD),
        ("previous_token", -1),
    ):
        out[name] = np.stack(
            [cache["pattern", l][0].diagonal(offset, -2, -1).mean(-1).numpy() for l in range(L)]
        )


def lens(model, cache, out):
    resid = cache.accumulated_resid(apply_ln=True)[1:, 0]  # after each layer
    logits = (resid @ model.W_U + model.b_U).numpy().astype(np.float64)
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    out["lens_logit"] = logits[..., TARGET] - logits[..., FOIL]
    out["lens_probability"] = p[..., TARGET]
    out["lens_rank"] = (logits > logits[..., TARGET : TARGET + 1]).sum(-1).astype(np.float64)
    out["lens_entropy"] = -(p * np.log2(p)).sum(-1)


def direct(model, cache, L, H, out):
    ask = dict(
        tokens=TARGET, incorrect_tokens=FOIL, pos_slice=QUERY, batch_slice=0, has_batch_dim=False
    )
    parts, labels = cache.decompose_resid(return_labels=True, pos_slice=QUERY, apply_ln=False)
    worth = cache.logit_attrs(parts[:, 0], **ask).numpy()
    embed = [i for i, label in enumerate(labels) if "embed" in label]
    rest = [i for i in range(len(labels)) if i not in embed and "bias" not in labels[i]]
    out["logit_component"] = np.concatenate(
        [[worth[embed].sum()], worth[rest]]
    )  # without the biases of the end
    heads = cache.stack_head_results(pos_slice=QUERY, apply_ln=False)[: L * H, 0]
    out["logit_head"] = cache.logit_attrs(heads, **ask).numpy().reshape(L, H)


def circuits(model, L, H, d, out):
    OV = model.OV
    e = OV.eigenvalues.numpy()
    out["copying"] = e.sum(-1).real / np.abs(e).sum(-1)
    e = np.array(sorted(e[LAYER, HEAD], key=lambda x: (-x.real, -x.imag)))
    out["ov_eigenvalues"] = np.stack([e.real, e.imag], 1)
    out["ov_singular"] = OV[LAYER, HEAD].S.numpy()
    out["qk_singular"] = model.QK[LAYER, HEAD].S.numpy()
    for mode in "QKV":
        scores = model.all_composition_scores(mode)
        scores = getattr(scores, "scores", scores).numpy().reshape(L, H, L, H)
        later = np.arange(L)[:, None] < np.arange(L)[None]
        out[mode.lower() + "_composition"] = np.where(
            later[:, None, :, None], scores - 1 / np.sqrt(d), 0
        )


def main():
    torch.set_grad_enabled(False)
    OUT.mkdir(exist_ok=True)
    for name, folder in MODELS.items():
        stored = load_file(
            DATA / f"{name}.expected.safetensors"
            if name == "bookworm-2m"
            else folder / "expected.safetensors"
        )
        ids = stored["input_ids"].long().reshape(-1)[:N]
        repeat = ids[:PERIOD].repeat(2)
        model = TransformerBridge.boot_transformers(str(folder), dtype=torch.float64)
        model.enable_compatibility_mode(
            fold_ln=True,
            center_writing_weights=False,
            center_unembed=False,
            fold_value_biases=False,
        )
        L, H, d = model.cfg.n_layers, model.cfg.n_heads, model.cfg.d_model
        out = {}
        _, cache = model.run_with_cache(ids[None])
        detectors(cache, ids, L, H, out)
        stripes(model, repeat, L, out)
        lens(model, cache, out)
        direct(model, cache, L, H, out)
        circuits(model, L, H, d, out)
        tensors = {
            k: torch.tensor(np.ascontiguousarray(v)).float().contiguous() for k, v in out.items()
        }
        tensors["ids"] = ids.int().contiguous()
        tensors["repeat"] = repeat.int().contiguous()
        save_file(tensors, OUT / f"{name}.safetensors")
        print(
            f"{name}: {(OUT / f'{name}.safetensors').stat().st_size} bytes, {sorted(out)}",
            flush=True,
        )


main()
os._exit(0)  # threads of its dependencies wait for a network that may not be there
