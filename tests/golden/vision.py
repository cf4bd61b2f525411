"""Writes tests/data/vision/NAME for models that read pictures: tiny random checkpoints, a picture,
and what transformers computes with them.

    python tests/golden/vision.py [NAME…]   needs torch, transformers, safetensors, pillow

As forward.py, with preprocessor_config.json and picture.png or picture.jpg in place of
tokenizer.json; expected.safetensors has attn [layer, head, query, key], hidden [n, d_model] or, of
heads of labels, logits [label], and pixels [3, height, width], by transformers' Pillow processors,
whose pictures are decoded by Pillow; of SigLIP's pooling head, pooling [head, 1, key]. whole-clip
and whole-siglip are in tests/data/towers.
"""

import json
import pathlib
import shutil
import sys

import numpy as np
import torch
import transformers
from forward import make_wordpiece, randomize
from PIL import Image
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).parent.parent / "data" / "vision"
TOWERS = OUT.parent / "towers"
VIT = dict(
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=28,
    image_size=32,
    patch_size=8,
)
DINO = dict(
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    image_size=40,
    patch_size=8,
    mlp_ratio=2,
)
CLIP = dict(VIT, projection_dim=8)
CLIP_INPUT = dict(size={"shortest_edge": 34}, crop_size={"height": 32, "width": 32})
SMALL = dict(size={"height": 32, "width": 32})
CROPPED = dict(size={"shortest_edge": 30}, crop_size={"height": 24, "width": 28})

TEXT_TOWER = dict(
    vocab_size=112,
    hidden_size=12,
    intermediate_size=20,
    num_hidden_layers=3,
    num_attention_heads=3,
    max_position_embeddings=40,
    projection_size=16,
    eos_token_id=3,
)
LABELS = dict(id2label={0: "cat", 1: "dog", 2: "neither"})

# name: (class, settings, type of the weights, processor, its settings, picture's ending)
VARIANTS = {
    "vit": ("ViT", VIT, torch.float32, "ViT", SMALL, "png"),
    "vit-wide": (
        "ViT",
        dict(VIT, image_size=[24, 40], qkv_bias=False, hidden_act="gelu_new"),
        torch.bfloat16,
        "ViT",
        dict(size={"height": 24, "width": 40}, resample=1, do_normalize=False),
        "png",
    ),
    "deit": (
        "DeiT",
        VIT,
        torch.float32,
        "DeiT",
        dict(size={"height": 36, "width": 36}, crop_size={"height": 32, "width": 32}),
        "png",
    ),
    "clip": ("CLIPVision", CLIP, torch.float32, "CLIP", CLIP_INPUT, "png"),
    "siglip": ("SiglipVision", VIT, torch.float32, "Siglip", SMALL, "png"),
    "siglip-headless": (
        "SiglipVision",
        dict(VIT, vision_use_head=False),
        torch.float32,
        "Siglip",
        SMALL,
        "png",
    ),
    "vit-labels": ("ViT", dict(VIT, **LABELS), torch.float32, "ViT", SMALL, "png"),
    "deit-labels": (
        "DeiT",
        dict(VIT, num_labels=5, problem_type="multi_label_classification"),
        torch.float32,
        "DeiT",
        dict(size={"height": 36, "width": 36}, crop_size={"height": 32, "width": 32}),
        "png",
    ),
    "siglip-labels": (
        "Siglip",
        dict(vision_config=VIT, text_config=TEXT_TOWER, **LABELS),
        torch.float32,
        "Siglip",
        SMALL,
        "png",
    ),
    "dinov2": ("Dinov2", DINO, torch.float32, "Bit", CROPPED, "png"),
    "dinov2-swiglu": (
        "Dinov2",
        dict(DINO, use_swiglu_ffn=True),
        torch.float16,
        "Bit",
        dict(do_resize=False, do_center_crop=False),
        "png",
    ),
    "dinov2-registers": (
        "Dinov2WithRegisters",
        dict(DINO, num_register_tokens=3),
        torch.float32,
        "Bit",
        CROPPED,
        "png",
    ),
}


def draw_picture(width, height, seed):
    """Smooth colours with an edge, and noise, in which every step of the input matters."""
    noise = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([x * 255 / width, y * 255 / height, 255 - x * 200 / width], axis=-1)
    rgb[(x - width / 2) ** 2 + (y - height / 3) ** 2 < (height / 4) ** 2] = [250, 40, 60]
    return np.clip(rgb + noise.normal(0, 12, rgb.shape), 0, 255).astype(np.uint8)


def opened(folder, dtype=torch.float32):
    named = json.loads((folder / "config.json").read_text()).get("architectures") or [""]
    kind = transformers.AutoModel
    if named[0].endswith(CLASSIFIES):
        kind = transformers.AutoModelForImageClassification
    return kind.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()


def pooling(model, pixels):
    """Attention of SigLIP's pooling head, [head, 1, key]; None without one."""
    head = getattr(getattr(model, "vision_model", model), "head", None)
    if not hasattr(head, "probe"):
        return None
    read = []
    hook = head.register_forward_pre_hook(lambda _, given: read.append(given[0]))
    with torch.no_grad():
        getattr(model, "vision_model", model)(pixels)
        hook.remove()
        (rows,) = read
        return head.attention(head.probe, rows, rows, average_attn_weights=False)[1][0]


def computed(folder, pixels, dtype=torch.float32):
    """Patterns [layer, head, query, key], and the rows after the last norm, or logits of labels."""
    model = opened(folder, dtype)
    with torch.no_grad():
        out = model(pixels.to(dtype), output_attentions=True)
    rows = out.logits[0] if hasattr(out, "logits") else out.last_hidden_state[0]
    return torch.stack([a[0] for a in out.attentions]), rows


def resize_as_before_pillow_13(image, size, *arguments, resize=Image.Image.resize, **more):
    """Columns first; Pillow 13 now and then takes rows first, which rounds some otherwise."""
    width, height = size
    halfway = resize(image, (width, image.height), *arguments, **more)
    return resize(halfway, (width, height), *arguments, **more)


Image.Image.resize = resize_as_before_pillow_13


def pixels_of(folder, picture):
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    return processor(Image.open(picture).convert("RGB"), return_tensors="pt").pixel_values


CLASSIFIES = "ForImageClassification"


def save_random(folder, kind, settings, dtype, seed):
    config = getattr(transformers, kind + "Config")(**settings)
    labels = "id2label" in settings or "num_labels" in settings
    model = getattr(transformers, kind + (CLASSIFIES if labels else "Model"))(config)
    randomize(model, seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 4:  # pixels to embeddings
                p.normal_().mul_(1.4 / p[0].numel() ** 0.5)
            elif "token" in name or "position" in name:
                p.normal_()
            elif "lambda" in name:
                p.uniform_(0.3, 1.5)
    model.to(dtype).save_pretrained(folder)


def write(name):
    kind, settings, dtype, processor, how, ending = VARIANTS[name]
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(len(name))
    save_random(folder, kind, settings, dtype, len(name))
    getattr(transformers, processor + "ImageProcessor")(**how).save_pretrained(folder)
    picture = folder / f"picture.{ending}"
    Image.fromarray(draw_picture(57, 43, 1)).save(picture)
    pixels = pixels_of(folder, picture)
    attn, rows = computed(folder, pixels)
    tensors = dict(attn=attn, pixels=pixels[0])
    tensors["logits" if name.endswith("-labels") else "hidden"] = rows
    if (pooled := pooling(opened(folder), pixels)) is not None:
        tensors["pooling"] = pooled
    expected = {k: t.float().contiguous() for k, t in tensors.items()}
    save_file(expected, folder / "expected.safetensors")
    config = json.loads((folder / "config.json").read_text())
    print(name, config["model_type"], list(attn.shape), list(pixels.shape))


# Whole models, which compare pictures and texts.
WHOLE = {"clip": ("CLIP", CLIP, CLIP_INPUT), "siglip": ("Siglip", VIT, SMALL)}


def write_whole(name):
    """TOWERS/NAME: a whole model, and the attention of both of its parts."""
    kind, vision, how = WHOLE[name]
    folder = TOWERS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.manual_seed(5)
    save_random(folder, kind, dict(text_config=TEXT_TOWER, vision_config=vision), torch.float32, 5)
    getattr(transformers, kind + "ImageProcessor")(**how).save_pretrained(folder)
    make_wordpiece(folder / "tokenizer.json")
    Image.fromarray(draw_picture(57, 43, 1)).save(folder / "picture.png")
    model = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    ids = torch.tensor([[2, 51, 45, 60, 71, 33, 3]])
    pixels = pixels_of(folder, folder / "picture.png")
    with torch.no_grad():
        seen = model.vision_model(pixels, output_attentions=True)
        read = model.text_model(ids, output_attentions=True)
    tensors = dict(
        input_ids=ids[0].int(),
        attn=torch.stack([a[0] for a in seen.attentions]),
        text_attn=torch.stack([a[0] for a in read.attentions]),
    )
    if name == "siglip":
        tensors["pooling"] = pooling(model, pixels)
    save_file({k: t.contiguous() for k, t in tensors.items()}, folder / "expected.safetensors")
    print(name, "whole", [list(t.shape) for t in tensors.values()])


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for variant in sys.argv[1:] or VARIANTS:
        if variant in VARIANTS:
            write(variant)
    for variant in sys.argv[1:] or WHOLE:
        if variant.removeprefix("whole-") in WHOLE:
            write_whole(variant.removeprefix("whole-"))
