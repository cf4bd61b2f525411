# train.py - trains the model of this folder from plain text, on one processor thread if need be.
"""Train a small language model on public-domain books, mixed with sequences that repeat.

  train.py train  --corpus ../shared/corpus --out run     start, or go on from run/checkpoint.pt
  train.py export --out run --to web/models/bookworm-2m   write config.json, tokenizer.json and
                                                          model.safetensors (f16)
  train.py bench                                          tokens a second of this machine

Seeded; a run that was stopped goes on where its last checkpoint was. Prints the held-out loss as it
goes. Needs torch, numpy, tokenizers, safetensors.
"""
import argparse
import json
import math
import os
import pathlib
import signal
import time

import numpy as np
import torch
import torch.nn.functional as F

from model import CONFIG, Model

HERE = pathlib.Path(__file__).resolve().parent
DEFAULT_CORPUS = HERE.parents[2].parent / "shared" / "corpus"
END = "<|endoftext|>"  # id 0: between books, and before the first token of most windows
TEXT = "simple_en.txt"
N_HELD_OUT_BOOKS = 2  # the last ones of the file: never trained on
TOKENIZER_CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": END,
    "eos_token": END,
    "model_max_length": CONFIG["max_position_embeddings"],
}  # makes transformers take tokenizer.json as it is


# --- text ---------------------------------------------------------------------------------------


def split_books(path):
    """-> (training books, held-out books), each a list of str"""
    books = [b.strip() for b in path.read_text(encoding="utf-8").split(END)]
    books = [b for b in books if b]
    return books[:-N_HELD_OUT_BOOKS], books[-N_HELD_OUT_BOOKS:]


def train_tokenizer(books, path):
    """Byte-level BPE on the training books only."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(
        books,
        trainers.BpeTrainer(
            vocab_size=CONFIG["vocab_size"],
            special_tokens=[END],
            show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    tok.post_processor = (
        processors.TemplateProcessing(  # a prompt begins with END, as training windows do
            single=f"{END} $A", pair=f"{END} $A $B", special_tokens=[(END, 0)]
        )
    )
    tok.save(str(path), pretty=False)


def encode(tok, books):
    """-> ids of all books, each followed by END"""
    ids = []
    for encoded in tok.encode_batch(books, add_special_tokens=False):
        ids += encoded.ids + [0]
    return np.array(ids, dtype=np.int64)


def load_texts(corpus, out):
    """-> (tokenizer, training ids, held-out ids, bytes of the held-out text); cached in the folder
    `out`"""
    from tokenizers import Tokenizer

    cache = out / "tokens.npz"
    if not cache.exists():
        train_books, held_books = split_books(corpus / TEXT)
        if not (out / "tokenizer.json").exists():
            train_tokenizer(train_books, out / "tokenizer.json")
        tok = Tokenizer.from_file(str(out / "tokenizer.json"))
        held_bytes = sum(len(b.encode()) for b in held_books)
        np.savez(
            cache,
            train=encode(tok, train_books),
            held=encode(tok, held_books),
            held_bytes=held_bytes,
        )
    data = np.load(cache)
    tok = Tokenizer.from_file(str(out / "tokenizer.json"))
    return tok, data["train"], data["held"], int(data["held_bytes"])


class Sampler:
    """Draws windows of three kinds:

    text      a stretch of a book; half of them begin at a paragraph
    chunk     10 to 64 tokens of a book, said again and again     (what makes induction heads form)
    random    random tokens, said again and again      (what keeps them from leaning on meaning)
    """

    def __init__(self, ids, tok, rng):
        self.ids, self.rng, self.n_vocab = ids, rng, tok.get_vocab_size()
        breaks = np.array([i for t, i in tok.get_vocab().items() if t.endswith("ĊĊ")] + [0])
        self.paragraphs = np.flatnonzero(np.isin(ids[:-1], breaks)) + 1
        lone = np.array([tok.token_to_id("Ċ")])  # a blank line may be two tokens
        pair = np.isin(ids[:-1], lone) & np.isin(ids[1:], lone)
        self.paragraphs = np.union1d(self.paragraphs, np.flatnonzero(pair)[:-1] + 2)
        counts = np.bincount(ids, minlength=self.n_vocab).astype(float)
        counts[0] = 0
        self.cumulative = np.cumsum(counts**0.8 / (counts**0.8).sum())

    def text(self, n):
        last = len(self.ids) - n - 1
        if self.rng.random() < 0.5:
            start = min(self.paragraphs[self.rng.integers(len(self.paragraphs))], last)
        else:
            start = self.rng.integers(last)
        return self.ids[start : start + n], np.ones(n, np.float32)

    def chunk(self, n):
        period = int(self.rng.integers(10, 65))
        piece, _ = self.text(period)
        weight = np.ones(n, np.float32)
        weight[:period] = 0.3
        return np.resize(piece, n), weight

    def random(self, n):
        period = int(math.exp(self.rng.uniform(math.log(4), math.log(n / 2))))
        if self.rng.random() < 0.8:
            piece = np.searchsorted(self.cumulative, self.rng.random(period))
            piece = np.minimum(piece, self.n_vocab - 1)
        else:
            piece = self.rng.integers(1, self.n_vocab, period)
        weight = np.ones(n, np.float32)
        weight[:period] = 0  # nothing can be known about the first copy
        return np.resize(piece, n), weight

    def batch(self, n_rows, n_context, share_chunk, share_random):
        """-> ids, targets, weights, each [n_rows, n_context]"""
        rows, weights = [], []
        for _ in range(n_rows):
            u = self.rng.random()
            draw = (
                self.chunk
                if u < share_chunk
                else self.random
                if u < share_chunk + share_random
                else self.text
            )
            ids, weight = draw(n_context + 1)
            if self.rng.random() < 0.8:  # END first: as a prompt begins in practice
                ids = np.concatenate(([0], ids[:-1]))
                weight = np.concatenate(([0], weight[:-1]))
            rows.append(ids)
            weights.append(weight)
        ids = torch.from_numpy(np.stack(rows).astype(np.int64))
        return (
            ids[:, :-1].contiguous(),
            ids[:, 1:].contiguous(),
            torch.from_numpy(np.stack(weights)[:, 1:].copy()),
        )


# --- measures while it trains ---------------------------------------------------------------------


def held_out_loss(model, held, held_bytes, n_tokens=None, n_context=256):
    """-> (nats a token, bits a byte). Each window is END and 255 tokens, and takes up where the
    last one ended."""
    n_windows = (len(held) if n_tokens is None else min(n_tokens, len(held))) // (n_context - 1)
    body = torch.from_numpy(held[: n_windows * (n_context - 1)]).view(n_windows, n_context - 1)
    total = 0.0
    with torch.no_grad():
        for i in range(0, n_windows, 32):
            target = body[i : i + 32]
            ids = torch.cat((torch.zeros(len(target), 1, dtype=torch.long), target[:, :-1]), 1)
            total += F.cross_entropy(
                model.logits(ids).flatten(0, 1), target.flatten(), reduction="sum"
            ).item()
    nats = total / (n_windows * (n_context - 1))
    return nats, nats / math.log(2) * len(held) / held_bytes


def repeat_scores(model, n_vocab, period=50, n_draws=10, seed=1, with_end=False):
    """Stripe scores on r + r, r = `period` uniform random tokens (TransformerLens' demo): name ->
    [layer, head].

    induction: mean weight of query i on key i-(period-1), over that whole diagonal; duplicate: on
    i-period; previous: on i-1; first: mean weight on the first token. Also the loss on either half.
    """
    g = torch.Generator().manual_seed(seed)
    r = torch.randint(1, n_vocab, (n_draws, period), generator=g)
    ids = torch.cat((r, r), 1)
    if with_end:
        ids = torch.cat((torch.zeros(n_draws, 1, dtype=torch.long), ids), 1)
    with torch.no_grad():
        x, patterns = model(ids)
        logits = model.unembed(x)
    stacked = torch.stack(patterns)  # [layer, batch, head, query, key]
    stripe = lambda back: stacked.diagonal(-back, -2, -1).mean((1, 3))
    loss = F.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none").mean(0)
    first = period if with_end else period - 1  # predictions of the first copy
    right = (logits[:, first:-1].argmax(-1) == ids[:, first + 1 :]).float().mean().item()
    return {
        "induction": stripe(period - 1),
        "duplicate": stripe(period),
        "previous": stripe(1),
        "first": stacked[..., 0].mean((1, 3)),
        "loss_first": loss[:first].mean().item(),
        "loss_second": loss[first:].mean().item(),
        "right_second": right,
    }


def best(scores, n=3):
    flat = [
        (scores[l, h].item(), f"{l}.{h}")
        for l in range(scores.shape[0])
        for h in range(scores.shape[1])
    ]
    return " ".join(f"{name} {s:.2f}" for s, name in sorted(flat, reverse=True)[:n])


# --- training -----------------------------------------------------------------------------------


def make_optimizers(model, a):
    """AdamW for everything; with --muon the matrices inside the layers go to Muon (Jordan et al.
    2024)."""
    matrices, adam_decay, adam_plain = [], [], []
    for name, p in model.named_parameters():
        if p.ndim < 2:
            adam_plain.append(p)
        elif a.muon and "layers" in name:
            matrices.append(p)
        else:
            adam_decay.append(p)
    made = [
        torch.optim.AdamW(
            [
                {"params": adam_decay, "weight_decay": a.weight_decay},
                {"params": adam_plain, "weight_decay": 0.0},
            ],
            lr=a.lr,
            betas=(0.9, 0.98),
            foreach=True,
        )
    ]
    if matrices:
        made.append(
            torch.optim.Muon(
                matrices,
                lr=a.muon_lr,
                momentum=0.95,
                weight_decay=a.weight_decay,
                adjust_lr_fn="original",
            )
        )
    for o in made:
        for group in o.param_groups:
            group["peak_lr"] = group["lr"]
    return made


def rate(step, progress, a):
    """Warm up, hold, then fall in a straight line to 2 % from --decay-from of the planned tokens to
    their end.

    `progress` is the share of the plan, in tokens or in minutes; a plan may be changed when a run
    goes on.
    """
    if step < a.warmup:
        return (step + 1) / a.warmup
    if progress < a.decay_from:
        return 1.0
    return max(0.02, 1 - 0.98 * (progress - a.decay_from) / (1 - a.decay_from))


def step_loss(model, ids, targets, weights, bf16):
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        x, _ = model(ids)
        logits = model.unembed(x)
    losses = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="none")
    w = weights.flatten()
    return (losses * w).sum() / w.sum().clamp(min=1)


def set_up(a):
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    model = Model(CONFIG)
    model.initialise()
    return model, torch.compile(step_loss, dynamic=False) if a.compile else step_loss


def save(path, thing):
    part = path.with_suffix(".part")
    torch.save(thing, part)
    os.replace(part, path)  # never a half-written checkpoint


def train(a):
    out = pathlib.Path(a.out)
    out.mkdir(parents=True, exist_ok=True)
    tok, ids, held, held_bytes = load_texts(pathlib.Path(a.corpus), out)
    model, loss_of = set_up(a)
    optimizers = make_optimizers(model, a)
    sampler = Sampler(ids, tok, np.random.default_rng(a.seed))
    state = {"step": 0, "tokens": 0, "seconds": 0.0, "formed_at": None}
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        loaded = torch.load(checkpoint, weights_only=False)
        model.load_state_dict(loaded["model"])
        for o, saved in zip(optimizers, loaded["optimizers"]):
            o.load_state_dict(saved)
        sampler.rng.bit_generator.state = loaded["rng"]
        state = loaded["state"]
    n_parameters = sum(p.numel() for p in model.parameters())
    print(
        f"{n_parameters:,} parameters, {len(ids):,} training tokens, {len(held):,} held out "
        f"({held_bytes / len(held):.2f} bytes a token), {len(sampler.paragraphs):,} paragraphs; "
        f"from step {state['step']:,}, token {state['tokens']:,} of {a.tokens:,}",
        flush=True,
    )

    started, last_log, last_save = time.time(), time.time(), time.time()
    before, smooth, since = state["seconds"], None, state["tokens"]

    def keep():
        save(
            checkpoint,
            {
                "model": model.state_dict(),
                "optimizers": [o.state_dict() for o in optimizers],
                "rng": sampler.rng.bit_generator.state,
                "state": state,
                "arguments": vars(a),
            },
        )

    stop = []
    for which in (signal.SIGTERM, signal.SIGINT):  # asked to stop: keep what there is
        signal.signal(which, lambda *_: stop.append(True))

    def share_done():
        by_tokens = state["tokens"] / a.tokens
        return max(by_tokens, state["seconds"] / 60 / a.minutes) if a.minutes else by_tokens

    while share_done() < 1 and not stop:
        progress = share_done()
        n_context = 128 if progress < a.long_from else 256
        n_rows = a.batch_tokens // n_context
        formed = state["formed_at"] is not None
        share_chunk, share_random = (a.chunk_after, a.random_after) if formed else (0.35, 0.12)
        x, y, w = sampler.batch(n_rows, n_context, share_chunk, share_random)
        factor = rate(state["step"], progress, a)
        for o in optimizers:
            for group in o.param_groups:
                group["lr"] = group["peak_lr"] * factor
        loss = loss_of(model, x, y, w, a.bf16)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        if torch.isfinite(norm):  # a step that overflowed is dropped
            for o in optimizers:
                o.step()
        model.zero_grad(set_to_none=True)
        state["step"] += 1
        state["tokens"] += n_rows * n_context
        smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
        now = time.time()
        state["seconds"] = before + now - started
        if now - last_save > a.save_every:
            keep()
            last_save = now
        if now - last_log > a.log_every or share_done() >= 1:
            nats, bits = held_out_loss(model, held, held_bytes, 40_000)
            s = repeat_scores(model, tok.get_vocab_size())
            speed = (state["tokens"] - since) / (now - last_log)
            print(
                f"{state['seconds'] / 60:6.1f} min  step {state['step']:,}  tokens "
                f"{state['tokens'] / 1e6:.2f} M "
                f"({100 * progress:.0f} %)  {speed:,.0f}/s  rate {factor:.3f}  training "
                f"{smooth:.3f}  "
                f"held out {nats:.4f} nats {bits:.4f} bits/byte | induction {best(s['induction'])} "
                "| "
                f"previous {best(s['previous'])} | duplicate {best(s['duplicate'], 2)} | first "
                f"{best(s['first'])} | "
                f"halves {s['loss_first']:.2f} {s['loss_second']:.2f} right "
                f"{s['right_second']:.2f}",
                flush=True,
            )
            if not formed and s["induction"].max() > 0.7:
                state["formed_at"] = state["tokens"]
                print(
                    f"induction heads formed: repeats go down to {a.chunk_after} + "
                    f"{a.random_after}",
                    flush=True,
                )
            last_log, since = time.time(), state["tokens"]
    keep()
    print("stopped: the same command goes on from here" if stop else "done", flush=True)


def bench(a):
    """Tokens a second with random ids: forward, backward and step."""
    model, loss_of = set_up(a)
    optimizers = make_optimizers(model, a)
    for n_context in (128, 256):
        n_rows = a.batch_tokens // n_context
        x = torch.randint(0, CONFIG["vocab_size"], (n_rows, n_context))
        w = torch.ones(n_rows, n_context)
        n_steps, start = 0, None
        while start is None or time.time() - start < 8:
            loss_of(model, x, x, w, a.bf16).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for o in optimizers:
                o.step()
            model.zero_grad(set_to_none=True)
            n_steps += 1
            if start is None and n_steps == 3:
                start, n_steps = time.time(), 0
        print(
            f"context {n_context}: {n_steps * n_rows * n_context / (time.time() - start):,.0f} "
            "tokens/s",
            flush=True,
        )


def export(a):
    """f16 weights, configuration and tokenizer of a checkpoint in Hugging Face layout."""
    from safetensors.torch import save_file

    out, to = pathlib.Path(a.out), pathlib.Path(a.to)
    to.mkdir(parents=True, exist_ok=True)
    weights = torch.load(out / "checkpoint.pt", weights_only=False)["model"]
    weights = {k: v.to(torch.float16).contiguous() for k, v in weights.items()}
    save_file(weights, to / "model.safetensors", metadata={"format": "pt"})
    (to / "config.json").write_text(json.dumps(CONFIG, indent=1) + "\n")
    (to / "tokenizer_config.json").write_text(json.dumps(TOKENIZER_CONFIG, indent=1) + "\n")
    (to / "tokenizer.json").write_bytes((out / "tokenizer.json").read_bytes())
    total = sum(
        (to / f).stat().st_size for f in ("config.json", "model.safetensors", "tokenizer.json")
    )
    print(f"{to}: {total:,} bytes")


def main():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("what", choices=["train", "export", "bench"])
    p.add_argument(
        "--corpus", default=str(DEFAULT_CORPUS), help=f"folder with {TEXT} (default: %(default)s)"
    )
    p.add_argument(
        "--out",
        default="run",
        help="folder of the checkpoint, the tokenizer and the tokens (default: run)",
    )
    p.add_argument("--to", default=str(HERE), help="export: folder to write (default: this one)")
    p.add_argument(
        "--tokens",
        type=int,
        default=40_000_000,
        help="planned tokens, repeats counted (default: %(default)s)",
    )
    p.add_argument(
        "--minutes",
        type=float,
        help="planned time of all runs together; the plan ends with whichever comes first",
    )
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--batch-tokens", type=int, default=4096, help="tokens a step")
    p.add_argument("--lr", type=float, default=3e-3, help="AdamW's peak rate")
    p.add_argument("--muon", action="store_true", help="Muon for the matrices inside the layers")
    p.add_argument("--muon-lr", type=float, default=0.02)
    p.add_argument("--weight-decay", type=float, default=0.1)
    p.add_argument("--warmup", type=int, default=200, help="steps")
    p.add_argument(
        "--decay-from",
        type=float,
        default=0.25,
        help="share of the plan at which the rate begins to fall",
    )
    p.add_argument(
        "--long-from",
        type=float,
        default=0.5,
        help="share of the plan at which windows grow from 128 to 256",
    )
    p.add_argument(
        "--chunk-after",
        type=float,
        default=0.06,
        help="share of repeated text once induction heads are there",
    )
    p.add_argument(
        "--random-after", type=float, default=0.04, help="share of repeated random tokens then"
    )
    p.add_argument("--save-every", type=float, default=150, help="seconds between checkpoints")
    p.add_argument("--log-every", type=float, default=150, help="seconds between lines of the log")
    p.add_argument("--bf16", action="store_true", help="matrix products in bfloat16")
    p.add_argument("--compile", action="store_true", help="torch.compile (wants a C++ compiler)")
    a = p.parse_args()
    {"train": train, "export": export, "bench": bench}[a.what](a)


if __name__ == "__main__":
    main()
