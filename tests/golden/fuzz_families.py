"""Draws configurations of the supported families, and compares patterns and logits with
transformers.

    python tests/golden/fuzz_families.py PROGRAM [--n 50] [--seed 0] [--family NAME] [--table FILE]
        [--labels SHARE]
        needs torch, transformers, tokenizers, safetensors, numpy

Each round draws the fields of a configuration (fuzz_draws.py), saves the class with random weights,
leaves fields out of its config.json or writes them as older versions did, runs `PROGRAM attention`
and `PROGRAM next` on a random text, and compares them with what transformers computes in float64
from the same files. A file that transformers does not open as it is is drawn again. A SHARE of
the rounds draws a head of labels. What PROGRAM
refuses is counted, and its sentences are printed. Not part of the tests: it needs PyTorch and is
random. A failure prints the seed of its round and keeps its folder.
"""

import argparse
import collections
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers
import seq2seq
from forward import EAGER, SIGLIP_TEXT, TEXT, make_wordpiece
from fuzz_draws import DECODERS, FAMILIES, HEADLESS, SEQ2SEQ

TOLERANCE = 2e-5  # of a weight; more where float32 in PyTorch is itself farther from float64
LOGIT_TOLERANCE = 2e-5  # of the largest logit
NESTED_THETAS = {
    "gemma3_text": dict(full_attention="rope_theta", sliding_attention="rope_local_base_freq"),
    "modernbert": dict(full_attention="global_rope_theta", sliding_attention="local_rope_theta"),
}


# Heads of labels, and how their logits are read.
LABELS = ("SequenceClassification", "TokenClassification", "QuestionAnswering")


def label_class(name):
    return getattr(transformers, "AutoModelFor" + name)


def label_logits(out):
    """[1, label] of a text, [n, label] of tokens, [n, 2] of answers."""
    if hasattr(out, "start_logits"):
        return torch.stack([out.start_logits[0], out.end_logits[0]], 1)
    return out.logits.reshape(-1, out.logits.shape[-1])


def head_class(family):
    if family in SEQ2SEQ:
        return transformers.AutoModelForSeq2SeqLM
    if family in HEADLESS:
        return SIGLIP_TEXT if family == "siglip_text_model" else transformers.AutoModel
    masked = transformers.AutoModelForMaskedLM
    return transformers.AutoModelForCausalLM if family in DECODERS else masked


def reader(folder, kind, dtype):
    """The model of the files, and names of weights that they lack."""
    model, info = kind.from_pretrained(folder, dtype=dtype, **EAGER)
    return model.eval(), info["missing_keys"] or info["mismatched_keys"]


def computed(folder, ids, family, dtype):
    """Patterns [layer, head, query, key] and logits [n, d_vocab], or None without a head."""
    if family in SEQ2SEQ:
        return seq2seq.computed(seq2seq.opened(folder, dtype), ids, ids)
    made = (json.loads((folder / "config.json").read_text()).get("architectures") or [""])[0]
    labels = next((name for name in LABELS if made.endswith(name)), None)
    model, missing = reader(folder, label_class(labels) if labels else head_class(family), dtype)
    if missing and not labels:
        model, missing = reader(folder, transformers.AutoModel, dtype)
    if getattr(model.config, "reorder_and_upcast_attn", False):
        model.float()  # which cannot be computed in float64
    if any("pooler" not in name for name in missing):
        raise ValueError(f"not in the files: {sorted(missing)}")
    with torch.no_grad():
        out = model(torch.tensor(ids[None].astype(np.int64)), output_attentions=True)
    patterns = torch.stack([a[0] for a in out.attentions]).double().numpy()
    if labels:
        return patterns, label_logits(out).double().numpy()
    logits = getattr(out, "logits", None)
    return patterns, None if logits is None else logits[0].double().numpy()


def label_settings(r):
    n = r.choice([1, 2, 3, 6])
    settings = dict(num_labels=n, classifier_pooling=r.choice(["cls", "mean"]))
    kinds = ["regression", "single_label_classification", "multi_label_classification"]
    if r.random() < 0.5:
        settings["problem_type"] = r.choice(kinds)
    if r.random() < 0.5:
        settings["id2label"] = {i: "abcdef"[i] for i in range(n)}
        del settings["num_labels"]
    return settings


def draw_model(family, r, labels):
    """A model that transformers can make of the drawn settings, now and then with a flag of its
    class reversed."""
    name, draw = FAMILIES[family]
    kind = getattr(transformers, name + "Config")
    while True:
        settings = draw(r)
        if r.random() < 0.1:
            settings["is_causal"] = False
        flags = [key for key, x in kind().to_dict().items() if isinstance(x, bool)]
        flags = [key for key in flags if not key.startswith(("return_", "output_", "use_cache"))]
        if r.random() < 0.2:
            flag = r.choice(flags)
            settings[flag] = not settings.get(flag, getattr(kind(), flag))
        try:
            made = head_class(family)
            if family not in SEQ2SEQ | HEADLESS and r.random() < 0.4:
                made = transformers.AutoModel
            if labels and family not in SEQ2SEQ and r.random() < labels:
                made = label_class(r.choice(LABELS))
                settings |= label_settings(r)
            config = kind(**settings)
            return made.from_config(config), settings
        except Exception:  # of any kind: transformers has no such model
            continue


def write_otherwise(config, r):
    """The configuration as others write it: as before version 5, or with fewer fields."""
    out = dict(config)
    kept = {"model_type"}
    if out["architectures"][0].endswith(LABELS):
        kept |= {"architectures", "classifier_pooling", "id2label", "num_labels"}
    rope = out.get("rope_parameters")
    if rope and not any(isinstance(x, dict) for x in rope.values()) and r.random() < 0.4:
        rope = dict(out.pop("rope_parameters"))
        names = dict(rope_theta="rope_theta", partial_rotary_factor="partial_rotary_factor")
        if out["model_type"] == "gpt_neox":
            names = dict(rope_theta="rotary_emb_base", partial_rotary_factor="rotary_pct")
        for key, name in names.items():
            if key in rope and r.random() < 0.8:
                out[name] = rope.pop(key)
        if r.random() < 0.3 and "original_max_position_embeddings" in rope:
            out["original_max_position_embeddings"] = rope.pop("original_max_position_embeddings")
        if r.random() < 0.5 and "rope_type" in rope:
            rope["type"] = rope.pop("rope_type")
        out["rope_scaling"] = rope
        if rope.get("type", rope.get("rope_type")) == "default" and r.random() < 0.7:
            out["rope_scaling"] = None
    if out["model_type"] in NESTED_THETAS and rope and r.random() < 0.3:
        rope = out.pop("rope_parameters")
        for kind, name in NESTED_THETAS[out["model_type"]].items():
            out[name] = rope.get(kind, {}).pop("rope_theta", 500.0)
        if r.random() < 0.7 and out["model_type"] != "modernbert":
            out["rope_scaling"] = rope.get("full_attention", None)
    if rope and r.random() < 0.1:  # in two places, which may contradict each other
        key = r.choice(["rope_scaling", "rope_theta", "rotary_emb_base", "partial_rotary_factor"])
        scaling = dict(rope_type="linear", factor=3.0)
        values = dict(rope_scaling=scaling, partial_rotary_factor=r.choice([0.5, 1.0]))
        out[key] = values.get(key, 77.0)
    if isinstance(out.get("pos_att_type"), list) and r.random() < 0.5:  # as it was published
        out["pos_att_type"] = r.choice(["|", " | "]).join(out["pos_att_type"])
    others = transformers.CONFIG_MAPPING[out["model_type"]].attribute_map
    for name, own in others.items():
        if r.random() < 0.05 and own in out:
            out[name] = out.pop(own) if r.random() < 0.5 else r.choice([1, 2, 4])
    for _ in range(r.choice([0, 0, 0, 1, 2, 3])):
        key = r.choice(sorted(set(out) - kept))
        if r.random() < 0.3:
            out[key] = None
        else:
            del out[key]
    return out


def run(program, command, folder, text, *options):
    return subprocess.run(
        [program, command, "--model", folder, "--text", text, *options],
        capture_output=True,
        text=True,
    )


def logits_apart(program, folder, text, exact, rough, *options):
    """How far logits are apart, and what is allowed."""
    done = run(program, "next", folder, text, *options, "--top", "1000", "--format", "json")
    if done.returncode != 0:
        raise ValueError(done.stderr)
    found = json.loads(done.stdout)
    if "next" not in found and "masked" not in found:
        return labels_apart(found, exact, rough)
    places = found.get("masked") or [dict(position=len(exact) - 1, candidates=found["next"])]
    most, allowed = 0.0, 0.0
    for place in places:
        at = place["position"]
        ours = np.full(exact.shape[1], np.nan)
        for row in place["candidates"]:
            ours[row["id"]] = row["logit"]
        if np.isnan(ours).any():
            raise ValueError("logits are missing")
        size = 1 + np.abs(exact[at]).max()
        most = max(most, np.abs(ours - exact[at]).max() / size)
        rounding = np.abs(rough[at] - exact[at]).max() / size
        allowed = max(allowed, LOGIT_TOLERANCE + 8 * rounding)
    return most, allowed


def labels_apart(found, exact, rough):
    rows = found.get("tokens") or [dict(labels=found["labels"])]
    ours = np.full(exact.shape, np.nan)
    for i, row in enumerate(rows):
        for label in row["labels"]:
            ours[i, label["id"]] = label["logit"]
    if np.isnan(ours).any():
        raise ValueError("logits of labels are missing")
    size = 1 + np.abs(exact).max()
    rounding = np.abs(rough - exact).max() / size
    return np.abs(ours - exact).max() / size, LOGIT_TOLERANCE + 8 * rounding


Round = collections.namedtuple("Round", "patterns logits allowed settings refused diffuse")


def draw_files(family, seed, r, folder, labels):
    """Writes a model that transformers opens; what was drawn."""
    while True:
        model, settings = draw_model(family, r, labels)
        seq2seq.fill(model, seed)
        model.to(r.choice([torch.float32, torch.float16, torch.bfloat16])).save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        path = folder / "config.json"
        written = json.loads(path.read_text())
        ids = np.array([2, 51, 45, 3])
        for config in (write_otherwise(written, r), written):
            path.write_text(json.dumps(config, indent=2))
            try:
                computed(folder, ids, family, torch.float32)
                return settings | {"written": config}
            except Exception:
                continue
        shutil.rmtree(folder)
        folder.mkdir()


def round_of(program, family, seed, folder, labels):
    r = random.Random(f"{family} {seed}")
    settings = draw_files(family, seed, r, folder, labels)
    make_wordpiece(folder / "tokenizer.json")
    words = " ".join(TEXT).lower().split() + ["[PAD]", "[UNK]"]
    text = [r.choice(words) for _ in range(r.choice([1, 5, 12, 30]))]
    if family not in DECODERS:
        text.insert(r.randrange(len(text)), "[MASK]")
    out = folder / "out.npz"
    if family in SEQ2SEQ:
        return pair_round(program, folder, r, text, words, settings)
    while True:
        words, text = text, " ".join(text)
        done = run(program, "attention", folder, text, "--out", out)
        if "shorten it" not in done.stderr or len(words) < 3:
            break
        text = words[: len(words) // 2]
    if done.returncode == 1:
        return Round(0, 0, (0, 0), settings, done.stderr.strip(), 0)
    if done.returncode != 0:
        raise ValueError(f"exit {done.returncode}: {done.stderr}")
    with np.load(out) as got:
        ours, ids = got["attention"].astype(np.float64), got["input_ids"].reshape(-1)
    exact, logits = computed(folder, ids, family, torch.float64)
    rough, rough_logits = computed(folder, ids, family, torch.float32)
    apart = np.abs(ours - exact).max()
    allowed = TOLERANCE + 8 * np.abs(rough - exact).max()
    far = (0.0, 1.0)
    if logits is not None:
        far = logits_apart(program, folder, text, logits, rough_logits)
    diffuse = 1 - exact[..., len(ids) // 2 :, :].max(-1).mean()
    return Round(apart, far[0], (allowed, far[1]), settings, None, diffuse)


def pair_round(program, folder, r, text, words, settings):
    """A round of an encoder with a decoder: its three parts, and what it writes by itself."""
    source, target = " ".join(text), " ".join(r.choice(words) for _ in range(r.choice([1, 4, 17])))
    ours, found_ids = [], []
    for part in seq2seq.PARTS:
        out = folder / "out.npz"
        texts = (source, "--pair", target, "--part", part)
        done = run(program, "attention", folder, *texts, "--out", out)
        if done.returncode == 1:
            return Round(0, 0, (0, 0), settings, done.stderr.strip(), 0)
        if done.returncode != 0:
            raise ValueError(f"exit {done.returncode}: {done.stderr}")
        with np.load(out) as got:
            ours.append(got["attention"].astype(np.float64))
            found_ids.append(got["input_ids"].reshape(-1))
    model = seq2seq.opened(folder, torch.float64)
    exact, logits = seq2seq.computed(model, *found_ids[:2])
    rough, rough_logits = seq2seq.computed(
        seq2seq.opened(folder, torch.float32), *found_ids[:2]
    )
    apart, allowed = 0, 0
    for a, b, c in zip(ours, exact, rough):
        apart = max(apart, np.abs(a - b).max())
        allowed = max(allowed, TOLERANCE + 8 * np.abs(c - b).max())
    far = logits_apart(program, folder, source, logits, rough_logits, "--pair", target)
    if settings["written"].get("is_causal", True) is not True:  # logits change with what follows
        return Round(apart, far[0], (allowed, far[1]), settings, None, 0.5)
    out = folder / "written.npz"
    done = run(program, "attention", folder, source, "--part", "decoder", "--out", out)
    if done.returncode != 0:
        raise ValueError(f"exit {done.returncode}: {done.stderr}")
    with np.load(out) as got:
        first = settings["written"].get("forced_bos_token_id")
        seq2seq.check_written(model, found_ids[0], got["input_ids"].reshape(-1), first)
    return Round(apart, far[0], (allowed, far[1]), settings, None, 1 - exact[2].max(-1).mean())


def sentence(message):
    """A refusal without its values, to be counted."""
    message = re.sub(r"^attnscope: .*?: ", "", message.split("\n")[0])
    message = re.sub(r' is ("[^"]*"|[\d.]+) \(', " is … (", message)
    return re.split("; use |; without ", re.sub(r'"[^"]*", ', "", message))[0]


Row = collections.namedtuple("Row", "family tried agree refused failed patterns logits diffuse")
HEADINGS = (
    "model_type",
    "tried",
    "agree",
    "refused",
    "disagree",
    "patterns apart",
    "logits apart",
    "1 − largest weight",
)


def fuzz(program, family, seeds, reasons, labels):
    most, most_logits, diffuse, n_refused, n_failed = 0.0, 0.0, [], 0, 0
    for seed in seeds:
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"fuzz-{family}-{seed}-"))
        try:
            one = round_of(program, family, seed, folder, labels)
        except Exception as error:  # to be looked at, and the others go on
            n_failed += 1
            print(f"{family} seed {seed}: {error}\n  {folder}", flush=True)
            continue
        if one.refused:
            n_refused += 1
            reasons[sentence(one.refused)][family] += 1
        elif not (one.patterns <= one.allowed[0] and one.logits <= one.allowed[1]):
            n_failed += 1
            print(f"{family} seed {seed}: {one[:3]}\n  {one.settings}\n  {folder}", flush=True)
            continue
        else:
            most, most_logits = max(most, one.patterns), max(most_logits, one.logits)
            diffuse.append(one.diffuse)
        shutil.rmtree(folder)
    n_agree = len(diffuse)
    return Row(
        family, len(seeds), n_agree, n_refused, n_failed, most, most_logits, np.mean(diffuse)
    )


def cells(row):
    figures = [f"{row.patterns:.1e}", f"{row.logits:.1e}", f"{row.diffuse:.2f}"]
    return "| " + " | ".join([str(x) for x in row[:5]] + figures) + " |"


def report(rows, reasons, args):
    """The page that says how it went."""
    total = rows[0]._make(
        ["all"]
        + [sum(row[i] for row in rows) for i in range(1, 5)]
        + [max(row.patterns for row in rows), max(row.logits for row in rows)]
        + [np.mean([row.diffuse for row in rows])]
    )
    command = "python tests/golden/fuzz_families.py PROGRAM"
    lines = [
        "# Random configurations, compared with transformers",
        "",
        f"    {command} --n {args.n} --seed {args.seed} --labels {args.labels} --table FILE",
        "",
        "wrote this page. Each round draws a configuration of the class, saves it with random",
        "weights in float32, float16 or bfloat16, and compares the patterns of all heads and the",
        "logits of the last token (of encoders: of a [MASK]; in the share --labels of the rounds:",
        "of the labels of sequence and token classification or question answering) with what",
        "transformers",
        f"{transformers.__version__} computes in float64 from the same files. In some rounds the",
        "fields of config.json are moved to where older versions wrote them, left out or null.",
        "*Patterns apart* is the largest difference of a weight in all rounds that agree, *logits",
        "apart* that of a logit over the largest logit; either is more where float32 in PyTorch is",
        "as far from float64. The last column is a mean over the rows of the patterns: 0 where a",
        "single key has all the weight.",
        "",
        "| " + " | ".join(HEADINGS) + " |",
        "|---" + "|--:" * (len(HEADINGS) - 1) + "|",
        *[cells(row) for row in [*rows, total]],
        "",
        "Refused, each with its sentence:",
        "",
        "| sentence | rounds |",
        "|---|---|",
    ]
    for reason, families in sorted(reasons.items()):
        counts = ", ".join(f"{n} {family}" for family, n in sorted(families.items()))
        lines.append(f"| {reason} | {counts} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("program")
    parser.add_argument("--n", type=int, default=50, help="rounds of each family")
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--family", choices=sorted(FAMILIES))
    parser.add_argument("--labels", type=float, default=0.0, help="share with a head of labels")
    parser.add_argument("--table", type=pathlib.Path, help="Markdown file for the results")
    args = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    torch.set_num_threads(1)
    reasons, rows = collections.defaultdict(collections.Counter), []
    for family in [args.family] if args.family else sorted(FAMILIES):
        seeds = range(args.seed, args.seed + args.n)
        rows.append(fuzz(args.program, family, seeds, reasons, args.labels))
        print(cells(rows[-1]), flush=True)
    if args.table:
        args.table.write_text(report(rows, reasons, args))
    sys.exit(any(row.failed for row in rows))


if __name__ == "__main__":
    main()
