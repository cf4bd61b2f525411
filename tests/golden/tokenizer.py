"""Goldens of the tokenizers, made by the Hugging Face library `tokenizers`.

    python tests/golden/tokenizer.py        writes tests/data/tokenizers/

NAME.tokenizer.json is a small tokenizer trained here, NAME.vectors.json what the library makes of
hard texts (offsets in code points). steps.json tries single normalizers and pre-tokenizers with
models that show everything: one of bytes (ids spell the normalized text), one of whole words
(offsets are the pieces).
"""

import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers, processors, trainers

OUT = pathlib.Path(__file__).resolve().parents[1] / "data" / "tokenizers"

CORPUS = [
    "The quick brown fox jumps over the lazy dog. The dog doesn't mind; it's used to foxes.",
    "Once upon a time there was a little girl who didn't like the rain, but she liked the sun.",
    "Attention weights say how much each word looks at the others: 12 heads, 12 layers, 2017.",
    "我爱学习深度学习。注意力机制让每个词看到其他的词。深度学习很有意思！",
    "Der schnelle braune Fuchs springt über den faulen Hund; das Mädchen mag Äpfel und Öl.",
    "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "مرحبا بالعالم، هذا نص عربي قصير.",
    "नमस्ते दुनिया, यह एक छोटा वाक्य है।",
    "こんにちは世界。これは短い文です。",
    "def attend(q, k, v):\n    return softmax(q @ k.T / sqrt(64)) @ v\n",
]

TEXTS = [
    "",
    " ",
    "  \t ",
    "Hello world",
    "  two  blanks   around  ",
    "don't DON'T I'LL we've they're",
    "tabs\tand\nlines\r\n\r\nend\n",
    "深度学习 is 注意力。",
    "e\u0301 e\u0323\u0301 ñ Å \ufb01 ① Ａ ｶﾞ",
    "👩\u200d👩\u200d👧 👍🏽 🇨🇳 😀",
    "مرحبا بالعالم",
    "नमस्ते",
    "한국어 \u1112\u1161\u11ab",
    "nul\x00 bell\x07 del\x7f nel\x85 bom\ufeff zwsp\u200b",
    "3.14159 1,000,000 ½ Ⅷ ٣٤ 2017-06-12",
    "https://example.org/a?b=c&d=%20#e_f",
    "<s>",
    "a<s>b</s> <s> </s>",
    " <mask> x<mask>y ",
    "under_score-dash—em “quotes” …",
    "İstanbul STRASSE ẞ ΟΔΟΣ",
    "\u00a0nbsp\u3000wide\u2003em",
    "\ufffd replaced",
    "def f(x):\n\n    return x**2  # ok",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
]


def dump(path, value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")


def vectors(tokenizer, texts):
    cases = []
    for text in texts:
        e = tokenizer.encode(text)
        cases.append(
            {
                "text": text,
                "ids": e.ids,
                "tokens": e.tokens,
                "offsets": e.offsets,
                "ids_no_special": tokenizer.encode(text, add_special_tokens=False).ids,
                "decoded": tokenizer.decode(e.ids),
            }
        )
    return {"oracle": "tokenizers", "cases": cases}


def write(name, tokenizer):
    raw = json.loads(tokenizer.to_str())
    (OUT / f"{name}.tokenizer.json").write_text(
        json.dumps(raw, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
    )
    dump(OUT / f"{name}.vectors.json", vectors(tokenizer, TEXTS))


def byte_level(name):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.post_processor = processors.ByteLevel(trim_offsets=True, add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=450,
            special_tokens=["<s>", "</s>"],
            show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    t.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    write(name, t)


LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def split_byte_level(name):
    t = Tokenizer(models.BPE(ignore_merges=True))
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA3), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=420,
            special_tokens=["<s>"],
            show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    t.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single="<s> $A",
                pair="<s> $A <s> $B",
                special_tokens=[("<s>", t.token_to_id("<s>"))],
            ),
        ]
    )
    write(name, t)


def sentencepiece_bpe(name):
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    t.train_from_iterator(
        CORPUS[:5],
        trainers.BpeTrainer(
            vocab_size=500, special_tokens=special, limit_alphabet=60, show_progress=False
        ),
    )
    raw = json.loads(t.to_str())
    raw["added_tokens"] = [a for a in raw["added_tokens"] if not a["content"].startswith("<0x")]
    t = Tokenizer.from_str(json.dumps(raw))
    t.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    write(name, t)


def metaspace(name):
    t = Tokenizer(models.BPE(unk_token="<unk>"))
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    t.decoder = decoders.Metaspace(prepend_scheme="first")
    t.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=400, special_tokens=["<unk>", "<s>"], limit_alphabet=120, show_progress=False
        ),
    )
    t.add_tokens(
        [
            AddedToken("world", single_word=True, normalized=True),
            AddedToken("fox", normalized=True, rstrip=True),
            AddedToken("DON", normalized=False),
        ]
    )
    write(name, t)


def word_piece(name):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.train_from_iterator(
        CORPUS,
        trainers.WordPieceTrainer(
            vocab_size=450,
            special_tokens=["[UNK]", "[CLS]", "[SEP]", "<mask>"],
            show_progress=False,
        ),
    )
    t.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    write(name, t)


def unigram(name):
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence(
        [
            normalizers.Nmt(),
            normalizers.NFKC(),
            normalizers.Replace(Regex(" {2,}"), " "),
            normalizers.Strip(),
        ]
    )
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.decoder = decoders.Metaspace()
    t.train_from_iterator(
        CORPUS,
        trainers.UnigramTrainer(
            vocab_size=300, special_tokens=["<unk>", "<s>"], unk_token="<unk>", show_progress=False
        ),
    )
    write(name, t)


def deberta_v2(name):
    """The steps of DebertaV2Tokenizer in transformers 5.24."""
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "),
            normalizers.NFC(),
            normalizers.Strip(left=False, right=True),
        ]
    )
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(prepend_scheme="always")])
    t.decoder = decoders.Metaspace(prepend_scheme="always")
    t.train_from_iterator(
        CORPUS,
        trainers.UnigramTrainer(
            vocab_size=300, special_tokens=specials, unk_token="[UNK]", show_progress=False
        ),
    )
    t.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    write(name, t)


def suffixed(name):
    t = Tokenizer(
        models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", continuing_subword_prefix="+")
    )
    t.normalizer = normalizers.Lowercase()
    t.pre_tokenizer = pre_tokenizers.Whitespace()
    t.decoder = decoders.BPEDecoder()
    t.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=480,
            special_tokens=["<unk>", "<s>"],
            end_of_word_suffix="</w>",
            continuing_subword_prefix="+",
            show_progress=False,
        ),
    )
    t.post_processor = processors.RobertaProcessing(("<s>", 1), ("<unk>", 0))
    write(name, t)


BYTES = {
    "type": "BPE",
    "unk_token": None,
    "byte_fallback": True,
    "merges": [],
    "vocab": {f"<0x{b:02X}>": b for b in range(256)},
}
WORDS = {"type": "WordLevel", "unk_token": "<unk>", "vocab": {"<unk>": 0}}

N, P = normalizers, pre_tokenizers
NORMALIZERS = [
    N.NFC(),
    N.NFD(),
    N.NFKC(),
    N.NFKD(),
    N.Lowercase(),
    N.Sequence([N.NFD(), N.StripAccents()]),
    N.Strip(),
    N.Strip(left=False),
    N.Prepend("ab"),
    N.Replace("l", "深度"),
    N.Replace("e", ""),
    N.Replace(Regex(r"\s+"), " "),
    N.Replace(Regex(r"\w+"), "w"),
    N.BertNormalizer(),
    N.BertNormalizer(lowercase=False),
    N.ByteLevel(),
    N.Nmt(),
    N.Sequence([N.NFKD(), N.Prepend("▁"), N.NFC(), N.Replace(" ", "__"), N.Lowercase()]),
]
PRE_TOKENIZERS = [
    P.ByteLevel(),
    P.ByteLevel(add_prefix_space=False),
    P.ByteLevel(use_regex=False),
    P.Metaspace(),
    P.Metaspace(prepend_scheme="never"),
    P.Metaspace(split=False),
    P.Whitespace(),
    P.WhitespaceSplit(),
    P.Digits(),
    P.Digits(individual_digits=True),
    P.Punctuation(),
    P.Punctuation("merged_with_previous"),
    P.BertPreTokenizer(),
    P.Split(" ", "removed"),
    P.Split(" ", "isolated"),
    P.Split(" ", "merged_with_previous"),
    P.Split(" ", "merged_with_next"),
    P.Split(" ", "contiguous"),
    P.Split(Regex(r"\w+"), "removed", invert=True),
    P.Split(Regex(r"\d"), "merged_with_next"),
    P.Split(Regex(r"[^\s]|\S\s"), "isolated"),
    P.Split(Regex("(?=[A-Z])|x*"), "isolated"),
    P.Sequence([P.Punctuation(), P.Digits(True), P.Metaspace(prepend_scheme="first")]),
]


def steps():
    out = {
        "models": {"bytes": json.dumps(BYTES), "words": json.dumps(WORDS)},
        "texts": TEXTS,
        "trials": [],
    }
    for step in NORMALIZERS + PRE_TOKENIZERS:
        is_normalizer = isinstance(step, normalizers.Normalizer)
        model, key = ("bytes", "normalizer") if is_normalizer else ("words", "pre_tokenizer")
        section = json.loads(step.__getstate__().decode())
        t = Tokenizer.from_str(
            json.dumps(
                {
                    "version": "1.0",
                    "truncation": None,
                    "padding": None,
                    "added_tokens": [],
                    "normalizer": None,
                    "pre_tokenizer": None,
                    "post_processor": None,
                    "decoder": None,
                    "model": BYTES if is_normalizer else WORDS,
                    key: section,
                }
            )
        )
        results = [t.encode(text) for text in TEXTS]
        out["trials"].append(
            {
                "model": model,
                "sections": json.dumps({key: section}, ensure_ascii=False),
                "ids": [e.ids for e in results] if is_normalizer else None,
                "offsets": [[x for pair in e.offsets for x in pair] for e in results],
            }
        )
    dump(OUT / "steps.json", out)


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    byte_level("byte_level")
    split_byte_level("split_byte_level")
    sentencepiece_bpe("sentencepiece_bpe")
    metaspace("metaspace")
    word_piece("word_piece")
    unigram("unigram")
    deberta_v2("deberta_v2")
    suffixed("suffixed")
    steps()
