"""Draws configurations of vision models, processors and pictures, and compares patterns with
transformers.

    python tests/golden/fuzz_vision.py PROGRAM [--n 50] [--seed 0] [--family NAME]
        needs torch, transformers, safetensors, pillow, numpy

As fuzz_families.py: what PROGRAM refuses is counted and its sentences printed; a failure prints its
seed and keeps its folder. Half of ViT's and DeiT's have a head of labels, whose logits are compared
as well. Pictures are PNG files of all the modes that Pillow writes with 8 bits, turned by EXIF data
now and then.
"""

import argparse
import collections
import json
import pathlib
import random
import shutil
import subprocess
import tempfile

import numpy as np
import torch
import transformers
from PIL import Image, ImageOps
from safetensors import safe_open
from vision import computed, draw_picture, opened, pixels_of, pooling, save_random

TOLERANCE = 2e-5


def vit(r):
    heads = r.choice([1, 2, 4])
    size = r.choice([16, 24, [16, 32], [24, 24]])
    return dict(
        hidden_size=heads * r.choice([4, 6]),
        num_attention_heads=heads,
        num_hidden_layers=r.choice([1, 2, 3]),
        intermediate_size=r.choice([8, 28]),
        image_size=size,
        patch_size=r.choice([4, 8, 5, [8, 8]]),
        qkv_bias=r.random() < 0.8,
        hidden_act=r.choice(["gelu", "gelu", "relu", "gelu_new", "silu"]),
        layer_norm_eps=r.choice([1e-12, 1e-3]),
    )


def dino(r):
    out = vit(r)
    del out["intermediate_size"]
    return out | dict(
        image_size=r.choice([16, 24, 30]),
        mlp_ratio=r.choice([1, 2, 4]),
        use_swiglu_ffn=r.random() < 0.4,
        layer_norm_eps=r.choice([1e-6, 1e-3]),
        layerscale_value=r.choice([1.0, 0.1]),
    )


def clip(r):
    out = vit(r)
    del out["qkv_bias"]
    acts = ["quick_gelu", "gelu_pytorch_tanh", "gelu"]
    sizes = dict(image_size=r.choice([16, 24]), patch_size=r.choice([4, 5, 8]))
    return out | sizes | dict(hidden_act=r.choice(acts))


def siglip(r):
    return clip(r) | dict(vision_use_head=r.random() < 0.8)


FAMILIES = {
    "clip_vision_model": ("CLIPVision", clip),
    "siglip_vision_model": ("SiglipVision", siglip),
    "vit": ("ViT", vit),
    "deit": ("DeiT", vit),
    "dinov2": ("Dinov2", dino),
    "dinov2_with_registers": (
        "Dinov2WithRegisters",
        lambda r: dino(r) | dict(num_register_tokens=r.choice([1, 2, 4])),
    ),
}


def processor_of(r, settings, any_size):
    size = settings["image_size"]
    height, width = size if isinstance(size, list) else (size, size)
    if any_size:
        height, width = r.choice([16, 20, 27, 31, 40]), r.choice([16, 20, 27, 31, 40])
    how = dict(
        resample=r.choice([0, 1, 2, 3]),
        do_rescale=r.random() < 0.9,
        do_normalize=r.random() < 0.8,
        image_mean=[r.random() for _ in range(3)],
        image_std=[0.2 + r.random() for _ in range(3)],
    )
    if r.random() < 0.6:
        edge = max(height, width) + r.choice([0, 1, 5, 8])
        size = dict(height=edge, width=edge + r.choice([0, 3]))
        if r.random() < 0.5:
            size = dict(shortest_edge=edge)
        how |= dict(size=size, do_center_crop=True, crop_size=dict(height=height, width=width))
    else:
        how |= dict(size=dict(height=height, width=width), do_center_crop=False)
    return r.choice(["ViT", "DeiT", "Bit", "CLIP", "Siglip"]), how


def write_picture(r, path, seed):
    image = Image.fromarray(draw_picture(r.randint(9, 90), r.randint(9, 90), seed))
    mode = r.choice(["RGB", "RGB", "L", "P", "RGBA", "LA", "1"])
    if mode in ("RGBA", "LA"):
        image.putalpha(image.convert("L"))
    image = image.convert(mode)
    exif = Image.Exif()
    if r.random() < 0.3:
        exif[0x112] = r.randint(1, 8)
    image.save(path, exif=exif)
    ImageOps.exif_transpose(Image.open(path)).convert("RGB").save(path.with_name("upright.png"))


def write_otherwise(path, r):
    config = json.loads(path.read_text())
    for _ in range(r.choice([0, 0, 1, 2])):
        key = r.choice(sorted(set(config) - {"model_type", "image_processor_type"}))
        if r.random() < 0.3:
            config[key] = None
        else:
            del config[key]
    path.write_text(json.dumps(config))


def draw_files(family, seed, r, folder):
    """A folder that transformers opens, and the pixels it makes of the picture."""
    kind, draw = FAMILIES[family]
    while True:
        settings = draw(r)
        if family in ("vit", "deit") and r.random() < 0.5:
            settings["id2label"] = {i: "abcdef"[i] for i in range(r.choice([1, 3, 6]))}
        dtype = r.choice([torch.float32, torch.float16, torch.bfloat16])
        save_random(folder, kind, settings, dtype, seed)
        name, how = processor_of(r, settings, family.startswith("dino"))
        getattr(transformers, name + "ImageProcessor")(**how).save_pretrained(folder)
        write_picture(r, folder / "picture.png", seed)
        for name in ("config.json", "preprocessor_config.json"):
            write_otherwise(folder / name, r)
        try:
            pixels = pixels_of(folder, folder / "upright.png")
            computed(folder, pixels)
            return pixels
        except Exception:  # of any kind: transformers has no such model
            continue


def round_of(program, family, seed, folder):
    r = random.Random(f"{family} {seed}")
    pixels = draw_files(family, seed, r, folder)
    out = folder / "out.npz"
    command = [program, "attention", "--model", folder, "--picture", folder / "picture.png"]
    done = subprocess.run([*command, "--out", out], capture_output=True, text=True)
    if done.returncode == 1:
        return 0, 0, done.stderr.strip().split("\n")[-1]
    if done.returncode != 0:
        raise ValueError(f"exit {done.returncode}: {done.stderr}")
    with np.load(out) as got:
        ours = got["attention"].astype(np.float64)
    exact, logits = computed(folder, pixels, torch.float64)
    rough, rough_logits = computed(folder, pixels, torch.float32)
    if ours.shape != exact.shape:
        raise ValueError(f"{ours.shape}, not {tuple(exact.shape)}")
    allowed = TOLERANCE + 8 * (rough - exact).abs().max().item()
    apart = np.abs(ours - exact.numpy()).max()
    if logits.dim() == 1:
        far, rounding = labels_apart(command, logits, rough_logits)
        apart, allowed = max(apart, far), max(allowed, TOLERANCE + 8 * rounding)
    if family == "siglip_vision_model":
        far, rounding = pooling_apart(command, folder, pixels)
        apart, allowed = max(apart, far), max(allowed, TOLERANCE + 8 * rounding)
    return apart, allowed, None


def pooling_apart(command, folder, pixels):
    """The same of the pooling head, which must be refused where there is none."""
    out = folder / "pooling.npz"
    done = subprocess.run(
        [*command, "--part", "pooling", "--out", out], capture_output=True, text=True
    )
    exact = pooling(opened(folder, torch.float64), pixels.double())
    with safe_open(folder / "model.safetensors", "np") as file:
        saved = "head.probe" in file.keys()
    if exact is None or not saved:
        if done.returncode != 1 or "no pooling head" not in done.stderr:
            raise ValueError(f"a pooling head: exit {done.returncode}, {done.stderr}")
        return 0, 0
    if done.returncode != 0:
        raise ValueError(f"--part pooling: exit {done.returncode}: {done.stderr}")
    rough = pooling(opened(folder, torch.float32), pixels.float())
    with np.load(out) as got:
        ours = got["attention"].astype(np.float64)
    if ours.shape != (1, *exact.shape):
        raise ValueError(f"pooling: {ours.shape}, not {tuple(exact.shape)}")
    return np.abs(ours[0] - exact.numpy()).max(), (rough - exact).abs().max().item()


def labels_apart(command, exact, rough):
    """How far logits of labels are apart over the largest, and those of float32."""
    command = [command[0], "next", *command[2:], "--top", "1000", "--format", "json"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    ours = np.full(len(exact), np.nan)
    for label in found["labels"]:
        ours[label["id"]] = label["logit"]
    size = 1 + exact.abs().max().item()
    rounding = (rough - exact).abs().max().item() / size
    return np.abs(ours - exact.numpy()).max() / size, rounding


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("program")
    parser.add_argument("--n", type=int, default=50, help="rounds of each family")
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--family", choices=sorted(FAMILIES))
    args = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    torch.set_num_threads(1)
    reasons = collections.Counter()
    for family in [args.family] if args.family else FAMILIES:
        most, agree, refused, failed = 0.0, 0, 0, 0
        for seed in range(args.seed, args.seed + args.n):
            folder = pathlib.Path(tempfile.mkdtemp(prefix=f"fuzz-{family}-{seed}-"))
            try:
                apart, allowed, reason = round_of(args.program, family, seed, folder)
            except Exception as error:  # to be looked at, and the others go on
                apart, allowed, reason = np.nan, 0, None
                print(error)
            if reason:
                refused += 1
                reasons[reason] += 1
            elif not apart <= allowed:
                failed += 1
                print(f"{family} seed {seed}: {apart} > {allowed}\n  {folder}", flush=True)
                continue
            else:
                agree += 1
                most = max(most, apart)
            shutil.rmtree(folder)
        print(f"{family}: {agree} agree, {refused} refused, {failed} disagree, {most:.1e} apart")
    for reason, n in reasons.items():
        print(n, reason)


if __name__ == "__main__":
    main()
