"""Goldens of the tokenizers that have no tokenizer.json, made by AutoTokenizer of transformers.

    python tests/golden/tokenizer_files.py        writes tests/data/tokenizer_files/

The folder has vocabularies trained here on the corpus of tokenizer.py: vocab.txt, vocab.json with
merges.txt, and models of sentencepiece. cases.json has what AutoTokenizer makes of each of them
with the settings given there (offsets in code points). Where a model is read as SentencePiece
itself reads it, the script also compares the ids with that library's, and prints the difference.
"""

import io
import json
import os
import pathlib
import tempfile

import sentencepiece
from tokenizer import CORPUS, dump
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
OUT = pathlib.Path(__file__).resolve().parents[1] / "data" / "tokenizer_files"

TEXTS = [
    "",
    "  two  blanks   around  ",
    "don't DON'T ``I'LL'' tabs\tand\nlines\r\n\r\nend\n",
    "深度学习 is 注意力。한국어",
    "e\u0301 ñ Å \ufb01 ① Ａ 👩\u200d👧 nul\x00 \u00a0nbsp\u3000x",
    "3.14159 2017-06-12 <0x41> ▁▁dog",
    "a<s>b</s> <s> [CLS]x [MASK] <|endoftext|>y<|x|>  <|X|> z",
    " <mask> x<mask>y <extra_id_3>  <new> en_XX [SEP] <pad>",
    "İstanbul STRASSE ẞ The quick brown fox",
]


def words():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>", "<pad>", "<mask>"]
    t.train_from_iterator(
        CORPUS,
        trainers.WordPieceTrainer(vocab_size=240, special_tokens=special, show_progress=False),
    )
    ids = t.get_vocab()
    return "".join(piece + "\n" for piece in sorted(ids, key=ids.get))


def merges(special, suffix=None):
    more = {"end_of_word_suffix": suffix} if suffix else {}
    t = Tokenizer(models.BPE(**more))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=400 if suffix else 330,
            special_tokens=special,
            show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            **more,
        ),
    )
    model = json.loads(t.to_str())["model"]
    lines = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    return model["vocab"], "#version: 0.2\n" + "".join(line + "\n" for line in lines)


RULES = "".join(
    f"{' '.join(f'{ord(c):X}' for c in a)}\t{' '.join(f'{ord(c):X}' for c in b)}\n"
    for a, b in [("ﬁ", "fi"), ("①", "1"), ("Ａ", "A"), ("\u3000", " "), ("e\u0301", "é")]
)


def pieces(**options):
    out = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as rules:
        rules.write(RULES)
        rules.flush()
        if options.pop("rules", False):
            options["normalization_rule_tsv"] = rules.name
        else:
            options["normalization_rule_name"] = "identity"
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([line for text in CORPUS for line in text.split("\n")]),
            model_writer=out,
            minloglevel=2,
            num_threads=1,
            hard_vocab_limit=False,
            **options,
        )
    return out.getvalue()


def model_files():
    byte_level = merges(["<|endoftext|>"])
    roberta = merges(["<s>", "<pad>", "</s>", "<unk>", "<mask>", "[CLS]", "[SEP]", "[MASK]"])
    clip = merges(["<|startoftext|>", "<|endoftext|>"], "</w>")
    bpe = dict(model_type="bpe", byte_fallback=True, character_coverage=0.98)
    unigram = dict(model_type="unigram", vocab_size=220)
    return {
        "words.txt": words(),
        "bytes.json": byte_level[0],
        "bytes.txt": byte_level[1],
        "roberta.json": roberta[0],
        "roberta.txt": roberta[1],
        "clip.json": clip[0],
        "clip.txt": clip[1],
        "llama.model": pieces(
            **bpe,
            vocab_size=430,
            remove_extra_whitespaces=False,
            user_defined_symbols=["<|x|>", "a.b"],
        ),
        "folded.model": pieces(
            model_type="bpe", vocab_size=200, character_coverage=0.98, rules=True
        ),
        "gemma.model": pieces(
            **bpe,
            vocab_size=430,
            remove_extra_whitespaces=False,
            add_dummy_prefix=False,
            pad_id=0,
            eos_id=1,
            bos_id=2,
            unk_id=3,
            eos_piece="<eos>",
            bos_piece="<bos>",
            user_defined_symbols=["<mask>", "\t"],
        ),
        "t5.model": pieces(**unigram, rules=True, pad_id=0, eos_id=1, unk_id=2, bos_id=-1),
        "xlm.model": pieces(
            **unigram, rules=True, control_symbols=["<ctl>"], user_defined_symbols=["<|x|>"]
        ),
        "albert.model": pieces(
            **unigram,
            rules=True,
            pad_id=0,
            unk_id=1,
            bos_id=-1,
            eos_id=-1,
            control_symbols=["[CLS]", "[SEP]", "[MASK]"],
        ),
        "deberta.model": pieces(
            **unigram,
            pad_id=0,
            bos_id=1,
            eos_id=2,
            unk_id=3,
            pad_piece="[PAD]",
            bos_piece="[CLS]",
            eos_piece="[SEP]",
            unk_piece="[UNK]",
        ),
    }


def added(content, **flags):
    usual = dict(lstrip=False, rstrip=False, normalized=False, single_word=False, special=True)
    return {"content": content, **usual, **flags}


BYTES = {"vocab.json": "bytes.json", "merges.txt": "bytes.txt"}
ROBERTA = {"vocab.json": "roberta.json", "merges.txt": "roberta.txt"}
CLIP = {"vocab.json": "clip.json", "merges.txt": "clip.txt"}
WORDS = {"vocab.txt": "words.txt"}
SETTINGS, MAP = "tokenizer_config.json", "special_tokens_map.json"
MASK = {"content": "<mask>", "lstrip": True, "rstrip": False, "normalized": False}
MASK["single_word"] = False

# name: (model_type, files: the name of one of the files above, or JSON)
CASES = {
    "bert": ("bert", WORDS),
    "bert-cased": (
        "bert",
        {
            **WORDS,
            SETTINGS: {
                "tokenizer_class": "BertTokenizerFast",
                "do_lower_case": False,
                "strip_accents": True,
                "tokenize_chinese_chars": False,
                "additional_special_tokens": ["<|x|>"],
                "never_split": ["a"],
            },
            "added_tokens.json": {"quick": 240, "<new>": 241},
        },
    ),
    "mpnet": ("mpnet", {**WORDS, SETTINGS: {"strip_accents": False}}),
    "gpt2": ("gpt2", BYTES),
    "gpt2-prefix": (
        "gpt_neo",
        {
            **BYTES,
            SETTINGS: {"add_prefix_space": True, "add_bos_token": True, "pad_token": "<pad>"},
            "added_tokens.json": {"<new>": 331, "<|x|>": 330},
            MAP: {"additional_special_tokens": ["<|x|>"], "eos_token": "</s>"},
        },
    ),
    "gpt-neox": ("gpt_neox", {**BYTES, SETTINGS: {"add_eos_token": True}}),
    "qwen2": (
        "qwen2",
        {
            **BYTES,
            SETTINGS: {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "added_tokens_decoder": {
                    "0": added("<|endoftext|>"),
                    "330": added("<|x|>", normalized=True),
                    "331": added("<new>", special=False, rstrip=True),
                },
                "eos_token": "<|x|>",
                "unk_token": None,
            },
        },
    ),
    "roberta": ("roberta", {**ROBERTA, MAP: {"mask_token": MASK}}),
    "bart": (
        "bart",
        {
            **ROBERTA,
            SETTINGS: {
                "tokenizer_class": "BartTokenizer",
                "trim_offsets": False,
                "add_prefix_space": True,
            },
        },
    ),
    "roberta-prefix": ("roberta", {**ROBERTA, SETTINGS: {"add_prefix_space": True}}),
    "deberta": ("deberta", {**ROBERTA, SETTINGS: {"unk_token": "<unk>", "pad_token": "<pad>"}}),
    "clip": ("clip", CLIP),
    "llama": (
        "llama",
        {
            "tokenizer.model": "llama.model",
            SETTINGS: {
                "tokenizer_class": "LlamaTokenizer",
                "add_bos_token": True,
                "bos_token": {"__type": "AddedToken", **added("<s>", normalized=True)},
                "added_tokens_decoder": {"1": added("<s>"), "430": added("<new>", special=False)},
            },
        },
    ),
    "llama-legacy": (
        "llama",
        {
            "tokenizer.model": "llama.model",
            SETTINGS: {"tokenizer_class": "LlamaTokenizer", "legacy": True, "add_eos_token": True},
        },
    ),
    "mistral": ("mistral", {"tokenizer.model": "llama.model"}),
    "mistral-folded": (
        "mistral",
        {
            "tokenizer.model": "folded.model",
            SETTINGS: {
                "legacy": False,
                "add_bos_token": True,
                "added_tokens_decoder": {"2": added("</s>"), "150": added("<new>")},
            },
        },
    ),
    "mistral-unigram": ("mistral", {"tokenizer.model": "xlm.model"}),
    "gemma": ("gemma", {"tokenizer.model": "gemma.model", SETTINGS: {"add_bos_token": True}}),
    "t5": ("t5", {"spiece.model": "t5.model"}),
    "mt5": ("mt5", {"spiece.model": "t5.model", SETTINGS: {"extra_ids": 0}}),
    "xlm-roberta": ("xlm-roberta", {"sentencepiece.bpe.model": "xlm.model"}),
    "camembert": (
        "camembert",
        {"sentencepiece.bpe.model": "xlm.model", SETTINGS: {"add_prefix_space": False}},
    ),
    "albert": ("albert", {"spiece.model": "albert.model"}),
    "albert-cased": (
        "albert",
        {
            "spiece.model": "albert.model",
            SETTINGS: {"do_lower_case": False, "keep_accents": True},
            MAP: {"mask_token": {**MASK, "content": "[MASK]"}},
        },
    ),
    "deberta-v2": (
        "deberta-v2",
        {"spm.model": "deberta.model", SETTINGS: {"do_lower_case": True, "split_by_punct": True}},
    ),
    "mbart": ("mbart", {"sentencepiece.bpe.model": "xlm.model", SETTINGS: {"src_lang": "ro_RO"}}),
}


def write_text(path, value):
    if isinstance(value, bytes):
        path.write_bytes(value)
    elif isinstance(value, str):
        path.write_text(value, encoding="utf-8", newline="")
    else:
        dump(path, value)


def case(name, model_type, files, made):
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        dump(here / "config.json", {"model_type": model_type})
        for file, value in files.items():
            write_text(here / file, made[value] if isinstance(value, str) else value)
        loaded = AutoTokenizer.from_pretrained(here)
    backend = loaded._tokenizer
    ours = {"name": name, "class": type(loaded).__name__, "model_type": model_type, "files": files}
    ours["size"] = len(loaded)
    ours["ids"], ours["offsets"], ours["decoded"], ours["pairs"] = [], [], [], []
    for text in TEXTS:
        e = backend.encode(text)
        p = backend.encode(text, "dog")
        ours["ids"].append(e.ids)
        ours["offsets"].append([x for pair in e.offsets for x in pair])
        ours["decoded"].append(backend.decode(e.ids))
        ours["pairs"].append([x for pair in zip(p.ids, p.type_ids) for x in pair])
    if name == "mistral":
        own = sentencepiece.SentencePieceProcessor(model_proto=made["llama.model"])
        plain = [text for text in TEXTS if "<s>" not in text and "</s>" not in text]
        wrong = [text for text in plain if own.encode(text) != backend.encode(text).ids]
        print(f"{name}: {len(wrong)} of {len(plain)} texts differ from sentencepiece", wrong)
    return ours


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    everything = model_files()
    for file_name, content in everything.items():
        write_text(OUT / file_name, content)
    cases = [case(name, *what, everything) for name, what in CASES.items()]
    dump(OUT / "cases.json", {"oracle": "transformers", "texts": TEXTS, "cases": cases})
