# measure.py - every figure of the model card, from the exported files and the held-out books.
"""Measure the exported model of this folder (f16 weights, computed in f32).

  measure.py loss       held-out loss against a unigram and a 5-gram model of the same tokens
  measure.py heads      what every head does -> head_scores.json, and a table
  measure.py samples    twenty continuations, none left out
  measure.py golden     pattern and logits of transformers on held-out text -> --golden FILE
  measure.py verify     transformers and tokenizers read the files and agree with model.py

Needs torch, numpy, tokenizers, safetensors; golden and verify also transformers.
"""
import argparse
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from model import load_exported
from train import DEFAULT_CORPUS, TEXT, encode, held_out_loss, repeat_scores, split_books

HERE = pathlib.Path(__file__).resolve().parent


def texts(a):
    """-> (tokenizer, training ids, held-out ids, bytes of the held-out text, held-out books)"""
    tok = Tokenizer.from_file(str(pathlib.Path(a.model) / "tokenizer.json"))
    books, held = split_books(pathlib.Path(a.corpus) / TEXT)
    return (
        tok,
        encode(tok, books) if a.what == "loss" else None,
        encode(tok, held),
        sum(len(b.encode()) for b in held),
        held,
    )


# --- loss against n-gram models -------------------------------------------------------------------


class KneserNey:
    """Interpolated Kneser-Ney (Kneser & Ney 1995; Chen & Goodman 1998): one discount an order,
    n1/(n1+2 n2); counts at the top order, numbers of different left neighbours below it, the
    uniform distribution at the bottom.

    An n-gram is one integer, 12 bits a token, so each order is a sorted array.
    """

    BITS = 12

    def __init__(self, ids, order, n_vocab):
        assert n_vocab <= 1 << self.BITS and order * self.BITS < 64
        self.order, self.n_vocab, self.levels = order, n_vocab, []
        keys, counts = np.unique(self.pack(ids, order), return_counts=True)
        for k in range(order, 0, -1):
            n1, n2 = (counts == 1).sum(), (counts == 2).sum()
            discount = n1 / (n1 + 2 * n2) if n1 and n2 else 0.5
            context, first = np.unique(keys >> self.BITS, return_index=True)
            total = np.add.reduceat(counts, first)
            kinds = np.diff(np.append(first, len(keys)))
            self.levels.append((keys, counts, discount, context, total, kinds))
            keys, counts = np.unique(keys & ((1 << self.BITS * (k - 1)) - 1), return_counts=True)

    def pack(self, ids, k):
        """-> the k-gram that ends at each of ids[k-1:]"""
        key = np.zeros(len(ids) - k + 1, np.int64)
        for i in range(k):
            key = key << self.BITS | ids[i : len(ids) - k + 1 + i]
        return key

    def probability(self, grams):
        """grams: packed n-grams of the top order -> P(last token | the ones before)"""
        p = np.full(len(grams), 1 / self.n_vocab)
        for k, (keys, counts, discount, context, total, kinds) in zip(
            range(1, self.order + 1), reversed(self.levels)
        ):
            gram = grams & ((1 << self.BITS * k) - 1)
            count = look_up(keys, counts, gram)
            n = look_up(context, total, gram >> self.BITS)
            seen = n > 0
            mixed = (
                np.maximum(count - discount, 0)
                + discount * look_up(context, kinds, gram >> self.BITS) * p
            ) / np.maximum(n, 1)
            p = np.where(seen, mixed, p)
        return p


def look_up(keys, values, wanted):
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)


def n_gram_losses(ids, held, n_vocab):
    """-> rows (name, nats of every held-out token)"""
    counts = np.bincount(ids, minlength=n_vocab) + 1.0
    yield "unigram", -np.log(counts / counts.sum())[held]
    running = np.concatenate(([0] * 4, held))  # these models see the tokens before, always
    for order in (2, 3, 5):
        lm = KneserNey(ids, order, n_vocab)
        grams = lm.pack(running[5 - order :], order)
        for i in (10, 1000, 100_000):  # a distribution: over all tokens it sums to one
            everything = (grams[i] >> lm.BITS << lm.BITS) + np.arange(n_vocab)
            assert abs(lm.probability(everything).sum() - 1) < 1e-9
        yield f"{order}-gram, interpolated Kneser-Ney", -np.log(lm.probability(grams))


def loss(a):
    tok, ids, held, held_bytes, books = texts(a)
    model = load_exported(a.model)
    print(
        f"{len(ids):,} training tokens, {len(held):,} held-out tokens, "
        f"{held_bytes / len(held):.3f} bytes a token"
    )
    per_book = [encode(tok, [b]) for b in books]
    ends = np.cumsum([len(b) for b in per_book])
    parts = [slice(0, len(held))] + [slice(end - len(b), end) for end, b in zip(ends, per_book)]
    n_bytes = [held_bytes] + [len(b.encode()) for b in books]

    def row(name, nats):
        bits = [x * (p.stop - p.start) / n / math.log(2) for x, p, n in zip(nats, parts, n_bytes)]
        print(
            f"| {name} | " + " | ".join(f"{x:.3f} ({y:.3f})" for x, y in zip(nats, bits)) + " |",
            flush=True,
        )

    print(
        "| nats a token (bits a byte) | all | "
        + " | ".join(f"book {i + 1}" for i in range(len(books)))
        + " |"
    )
    for name, nats in n_gram_losses(ids, held, tok.get_vocab_size()):
        row(name, [nats[p].mean() for p in parts])
    row(
        "this model, f16 as shipped",
        [held_out_loss(model, held[p], n)[0] for p, n in zip(parts, n_bytes)],
    )


# --- heads ----------------------------------------------------------------------------------------


def text_windows(held, n_windows=64, n=128):
    """END and n-1 tokens of held-out text, windows spread evenly: [n_windows, n]"""
    starts = np.linspace(0, len(held) - n, n_windows).astype(int)
    body = np.stack([held[s : s + n - 1] for s in starts])
    return torch.from_numpy(np.concatenate((np.zeros((n_windows, 1), np.int64), body), 1))


def loss_without(model, ids, layer, head, only=slice(None)):
    """Mean loss with one head's output put to zero (layer None: nothing put to zero)."""
    d_head = model.config["hidden_size"] // model.config["num_attention_heads"]

    def silence(_, inputs):
        z = inputs[0].clone()
        z[..., head * d_head : (head + 1) * d_head] = 0
        return (z,)

    hook = None
    if layer is not None:
        hook = model.gpt_neox.layers[layer].attention.dense.register_forward_pre_hook(silence)
    with torch.no_grad():
        losses = F.cross_entropy(
            model.logits(ids)[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none"
        )
    if hook:
        hook.remove()
    return losses[:, only].mean().item()


def head_tables(model, held, n_vocab):
    """-> name -> [layer, head] tensors on repeated random tokens and on held-out text"""
    c = model.config
    repeats, ids = repeat_scores(model, n_vocab), text_windows(held)
    with torch.no_grad():
        pattern = torch.stack(model(ids)[1])  # [layer, window, head, query, key]
    n = pattern.shape[-1]
    back = (torch.arange(n)[:, None] - torch.arange(n)[None, :]).clamp(min=0).float()
    same = (
        (ids[:, :, None] == ids[:, None, :]) & (back > 0)
    ).float()  # an earlier copy of this token
    after = torch.zeros_like(same)  # the token after an earlier copy
    after[:, :, 1:] = same[:, :, :-1]
    after = after.tril()
    mean = lambda x: x.mean((1, 3))
    tables = {
        "repeat_induction": repeats["induction"],
        "repeat_duplicate": repeats["duplicate"],
        "repeat_previous": repeats["previous"],
        "repeat_first": repeats["first"],
        "text_previous": mean(pattern.diagonal(-1, -2, -1)),
        "text_self": mean(pattern.diagonal(0, -2, -1)),
        "text_first": mean(pattern[..., 0]),
        "text_same_token": mean((pattern * same[None, :, None]).sum(-1)),
        "text_after_same_token": mean((pattern * after[None, :, None]).sum(-1)),
        "text_distance": mean((pattern * back).sum(-1)),
        "text_entropy_bits": mean(-(pattern * pattern.clamp(min=1e-30).log2()).sum(-1)),
    }
    g = torch.Generator().manual_seed(2)
    r = torch.randint(1, n_vocab, (10, 50), generator=g)
    doubled = torch.cat((r, r), 1)
    whole = loss_without(model, ids, None, 0), loss_without(
        model, doubled, None, 0, slice(50, None)
    )
    for name, which, data, only in (
        ("silenced_text_loss", 0, ids, slice(None)),
        ("silenced_repeat_loss", 1, doubled, slice(50, None)),
    ):
        tables[name] = torch.tensor(
            [
                [
                    loss_without(model, data, l, h, only) - whole[which]
                    for h in range(c["num_attention_heads"])
                ]
                for l in range(c["num_hidden_layers"])
            ]
        )
    return tables, repeats


def heads(a):
    tok, _, held, _, _ = texts(a)
    model = load_exported(a.model)
    n_vocab = tok.get_vocab_size()
    tables, repeats = head_tables(model, held, n_vocab)
    r = torch.randint(1, n_vocab, (10, 50), generator=torch.Generator().manual_seed(1))
    meaning = {
        "repeat_*": "r + r, no token before it, r = the rows of repeat_tokens (uniform random): "
        "mean of pattern[i, i-49] "
        "(induction), [i, i-50] (duplicate), [i, i-1] (previous) over rows and whole diagonals; "
        "first: mean of pattern[i, 0] over all i. TransformerLens' demo.",
        "text_*": "64 windows of held-out text, <|endoftext|> and 127 tokens: mean over windows "
        "and all queries of "
        "pattern[i, i-1], [i, i], [i, 0]; weight on earlier copies of the query's token; weight on "
        "what followed "
        "those copies; distance in tokens; entropy in bits.",
        "silenced_*": "rise of the loss in nats a token when the head's z is zero: on those "
        "windows; on the second half of r + r.",
    }
    data = {
        "meaning": meaning,
        "repeat_tokens": r.tolist(),
        "loss_first_half": repeats["loss_first"],
        "loss_second_half": repeats["loss_second"],
        "right_second_half": repeats["right_second"],
    }
    data["scores"] = {
        k: [[round(x, 6) for x in row] for row in v.tolist()] for k, v in tables.items()
    }
    target = pathlib.Path(a.model) / "head_scores.json"
    target.write_text(
        json.dumps(data)
        .replace('"meaning"', '\n"meaning"')
        .replace('"repeat_tokens"', '\n"repeat_tokens"')
        .replace('"scores"', '\n"scores"')
        .replace(']], "', ']],\n"')
        + "\n"
    )
    print(
        f"loss on r + r: first half {repeats['loss_first']:.2f}, second half "
        f"{repeats['loss_second']:.2f}, "
        f"right {100 * repeats['right_second']:.1f} %"
    )
    ended = repeat_scores(model, n_vocab, with_end=True)
    print(
        "with <|endoftext|> first: induction",
        [f"{x:.2f}" for x in ended["induction"].flatten().tolist()],
    )
    columns = list(tables)
    print("| head | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
    for l in range(len(tables["text_first"])):
        for h in range(len(tables["text_first"][l])):
            print(
                f"| {l}.{h} | "
                + " | ".join(f"{tables[k][l][h].item():.2f}" for k in columns)
                + " |"
            )


# --- text -----------------------------------------------------------------------------------------


def continuation(model, ids, n, temperature, generator):
    ids = list(ids)
    with torch.no_grad():
        for _ in range(n):
            logits = model.logits(torch.tensor([ids[-256:]]))[0, -1]
            if temperature == 0:
                ids.append(int(logits.argmax()))
            else:
                ids.append(
                    int(
                        torch.multinomial(
                            (logits / temperature).softmax(-1), 1, generator=generator
                        )
                    )
                )
    return ids


def samples(a):
    """The openings of twenty held-out paragraphs at even distances; seed 1; nothing chosen, nothing
    left out."""
    tok, _, _, _, held = texts(a)
    model = load_exported(a.model)
    paragraphs = [p for b in held for p in b.split("\n\n") if len(p) > 150]
    g = torch.Generator().manual_seed(1)
    for i in range(20):
        opening = " ".join(paragraphs[i * len(paragraphs) // 20].split()[:6])
        ids = tok.encode(opening).ids
        out = continuation(model, ids, 45, a.temperature, g)
        rest = tok.decode(out[len(ids) :], skip_special_tokens=False).replace("\n", " / ")
        print(f"{i + 1}. **{opening}**{rest}")


def golden(a):
    """Pattern and logits by transformers: an oracle for other programs that read these files."""
    from safetensors.torch import save_file
    from transformers import GPTNeoXForCausalLM

    tok, _, _, _, held = texts(a)
    paragraph = next(p for p in held[-1].split("\n\n")[20:] if 39 <= len(tok.encode(p).ids) <= 45)
    ids = torch.tensor([tok.encode(paragraph).ids])
    model = GPTNeoXForCausalLM.from_pretrained(
        a.model, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    with torch.no_grad():
        out = model(ids, output_attentions=True)
    attn = torch.stack([x[0] for x in out.attentions])
    save_file(
        {
            "input_ids": ids[0].to(torch.int32),
            "attn": attn.contiguous(),
            "logits": out.logits[0, -8:].contiguous(),
        },
        a.golden,
        metadata={
            "text": paragraph,
            "input_ids": "<|endoftext|> (id 0), then the text's tokens",
            "attn": "[layer, head, query, key] f32",
            "logits": "[last 8 positions, d_vocab] f32",
            "from": "transformers GPTNeoXForCausalLM, eager attention, f16 weights computed in "
            "f32; measure.py golden",
        },
    )
    print(
        f"{a.golden}: {ids.shape[1]} tokens, attn {list(attn.shape)}, "
        f"{pathlib.Path(a.golden).stat().st_size:,} bytes\n{paragraph}"
    )


def verify(a):
    from transformers import AutoTokenizer, GPTNeoXForCausalLM

    tok, _, held, _, _ = texts(a)
    ids = text_windows(held, 4, 256)
    theirs, report = GPTNeoXForCausalLM.from_pretrained(
        a.model, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    ours = load_exported(a.model)
    with torch.no_grad():
        out = theirs.eval()(ids, output_attentions=True)
        d_logits = (out.logits - ours.logits(ids)).abs().max().item()
        d_pattern = max((x - y).abs().max().item() for x, y in zip(out.attentions, ours(ids)[1]))
    text = tok.decode(ids[0].tolist())
    assert tok.encode(text).ids == ids[0].tolist()
    assert tok.encode(text).ids == AutoTokenizer.from_pretrained(a.model)(text)["input_ids"]
    print(
        f"transformers against model.py: logits {d_logits:.1e}, pattern {d_pattern:.1e}; loading "
        f"{report}"
    )
    assert d_logits < 1e-3 and d_pattern < 1e-4


def main():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("what", choices=["loss", "heads", "samples", "golden", "verify"])
    p.add_argument(
        "--model",
        default=str(HERE),
        help="folder with config.json, model.safetensors, tokenizer.json (default: this one)",
    )
    p.add_argument(
        "--corpus", default=str(DEFAULT_CORPUS), help=f"folder with {TEXT} (default: %(default)s)"
    )
    p.add_argument(
        "--golden",
        default=str(HERE.parents[2] / "tests" / "data" / f"{HERE.name}.expected.safetensors"),
    )
    p.add_argument(
        "--temperature",
        type=float,
        default=0.6,
        help="samples: 0 takes the likeliest token (default: 0.6)",
    )
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    {"loss": loss, "heads": heads, "samples": samples, "golden": golden, "verify": verify}[a.what](
        a
    )


if __name__ == "__main__":
    main()
