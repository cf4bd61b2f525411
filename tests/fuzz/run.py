#!/usr/bin/env python3
"""Feeds every parser with random bytes: run.py FUZZ [--seconds 15] [--targets a,b] [--keep DIR]

    tests/fuzz/run.py build/asan/fuzz                             what tests/run.sh does
    tests/fuzz/run.py build/asan/fuzz --seconds 3600 --keep DIR   an hour each

FUZZ is the program of the CMake option ATTNSCOPE_FUZZ. Each target starts from files of tests/data,
cut out or changed to what it reads, and from tests/fuzz/corpus/TARGET, which has what was found
before. Two targets run side by side. What is found new stays in DIR/TARGET, and goes on from there
next time. A finding is a crash, a sanitizer's report, something that does not hold (targets.cpp),
an input that takes over 10 s, or over 1 GB of memory. The last line is "N passed, N failed".
"""

import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent / "data"
WEB = HERE.parents[1] / "web"
LARGEST = 64 << 10  # bytes of an input


def models():
    """As targets.cpp numbers them."""
    return sorted(path for path in (DATA / "models").iterdir())


def of_models(ending):
    for number, folder in enumerate(models()):
        for file in folder.iterdir():
            if file.name.endswith(ending) and file.name not in (
                "expected.safetensors",
                "tokenizer_config.json",
            ):
                yield bytes([number]) + file.read_bytes()


def tokenizers():
    return sorted((DATA / "tokenizers").glob("*.tokenizer.json"))


def older_tokenizer(kind, vocabulary, settings=b"", merges=b""):
    """As targets.cpp takes it apart."""
    parts = [settings, vocabulary]
    lengths = [min(len(part), 65535).to_bytes(2, "little") for part in parts]
    return bytes([kind]) + b"".join(n + part for n, part in zip(lengths, parts)) + merges


def older_files(name):
    return (DATA / "tokenizer_files" / name).read_bytes()


SETTINGS = [
    b"",
    b'{"added_tokens_decoder":{"400":{"content":"<x>","lstrip":true}},"do_lower_case":false}',
    b'{"add_prefix_space":true,"additional_special_tokens":["<x>"],"add_bos_token":true}',
]

TEXTS = [
    "Once upon a time there was a little girl.",
    "深度学习，注意力机制。  two  blanks\n\nand lines\t",
    "naïve café e\u0301 \u1100\u1161\u11a8 👩‍🔬 🇩🇪 \u202eright ﬁ ½ Ⅳ",
    "<s> [MASK] <|endoftext|> <pad> 12345.678 don't we'll",
    "a" * 300,
    " " * 300,
]

SEEDS = {
    "json": lambda: [p.read_bytes() for p in sorted(DATA.rglob("config.json"))[:20]]
    + [b'[1e5,-0.0,"\\ud83d\\ude00",null,true,{"a":{"b":[]}}]'],
    "tensors": lambda: [p.read_bytes() for p in DATA.rglob("model.safetensors")][:20],
    "torch": lambda: [p.read_bytes() for p in sorted((DATA / "torch").glob("*.[bp]*"))],
    "archive": lambda: [p.read_bytes() for p in sorted((DATA / "archives").glob("*"))],
    "characters": lambda: [(DATA / "nanogpt/plain/meta.pkl").read_bytes()],
    "gguf": lambda: [p.read_bytes() for p in sorted((DATA / "gguf").glob("*.gguf"))],
    "config": lambda: of_models("config.json"),
    "weights": lambda: of_models(".safetensors"),
    "tokenizer": lambda: [
        len(text.encode()).to_bytes(2, "little") + text.encode() + path.read_bytes()
        for path in tokenizers()
        for text in TEXTS[:2]
    ],
    "tokenizer_file": lambda: of_models("tokenizer.json"),
    "encode": lambda: [
        bytes([number]) + text.encode() for number in range(len(tokenizers()) + 1) for text in TEXTS
    ],
    "vocabulary_files": lambda: [
        older_tokenizer(kind, older_files(vocabulary), settings, older_files(merges))
        for settings in SETTINGS
        for kind, vocabulary, merges in (
            (0, "words.txt", "bytes.txt"),
            (1, "words.txt", "bytes.txt"),
            (2, "bytes.json", "bytes.txt"),
            (3, "bytes.json", "bytes.txt"),
            (4, "roberta.json", "roberta.txt"),
            (5, "clip.json", "clip.txt"),
        )
    ],
    "sentencepiece": lambda: [
        older_tokenizer(kind, older_files(f"{name}.model"), settings)
        for settings in SETTINGS
        for kind, name in enumerate(("llama", "gemma", "t5", "albert", "deberta", "xlm", "xlm"))
    ],
    "normal_forms": lambda: [text.encode() for text in TEXTS],
    "link": lambda: [
        b"model=bookworm-2m&text=Once%20upon&layer=3&head=1&token=16&view=chain&lang=zh",
        b"tokens=a%20b%20c&n_tokens=4&seed=7&mask=causal&spans=2-5.7-9&units=words&rect=2-5.0-3",
        b"filter=induction%20%3E%200.5%20L5&measure=entropy&versus=self&scale=log&look=2-0-10-8",
    ],
    "filter": lambda: [
        b"induction > 0.5 L5",
        b"role=sink L2-4 H0",
        "角色=归纳 熵 <= 2".encode(),
        b"Induction mass > 50%",
    ],
    "spans": lambda: [b"2-5.7-9", b"0,3-4"],
    "rectangle": lambda: [b"2-5.0-3"],
    "index": lambda: [(WEB / "models" / "index.json").read_bytes()],
    "lesson": lambda: [p.read_bytes() for p in sorted((WEB / "lessons").glob("*.json"))],
    "picture": lambda: [p.read_bytes() for p in DATA.rglob("*.png")]
    + [p.read_bytes() for p in DATA.rglob("*.jp*g")],
    "loops": lambda: [bytes([n]) + bytes(range(64)) * 4 for n in range(5)],
}


def words_of(target):
    """libFuzzer's dictionary of a target: keys and names that random bytes would not hit on."""
    words = set()
    if target in ("json", "config", "tokenizer", "tokenizer_file", "index", "lesson", "weights"):
        kinds = {"tokenizer": "tokenizer.json", "tokenizer_file": "tokenizer.json"}
        for path in sorted(DATA.rglob(kinds.get(target, "config.json")))[:60]:
            words.update(re.findall(r'"[\w.-]{2,40}"', path.read_text(errors="ignore"))[:400])
        words.update(["null", "true", "false", "1e308", "-1", "9223372036854775807", "[]", "{}"])
    if target in ("vocabulary_files", "sentencepiece"):
        source = (HERE.parents[1] / "src/text/tokenizer_settings.cpp").read_text()
        known = source[source.index("kKnownFields") :].split(";")[0]
        words.update(f'"{name}"' for name in re.findall(r"\w+_\w+", known))
        words.update(['"content"', '"mask_token"', '"tokenizer_class"', "<unk>", "▁"])
    if target == "weights" or target == "tensors":
        words.update(['"dtype"', '"shape"', '"data_offsets"', '"F32"', '"BF16"', '"I8"', '"F64"'])
    if target == "gguf":
        for name in ("gguf_config", "gguf_tokenizer", "gguf_names"):
            source = (HERE.parents[1] / f"src/files/{name}.cpp").read_text()
            words.update(re.findall(r'"([a-z0-9_.]{3,40})"', source))
    if target == "link":
        names = re.findall(r'\.key = "(\w+)"', (HERE.parents[1] / "src/state/state.h").read_text())
        words.update(f"&{name}=" for name in names)
    if target == "filter":
        words.update(["role=", "induction", "entropy", ">=", "L1H2", "sink", "Induction mass"])
    return words


def write_dictionary(target, path):
    def quoted(word):
        return "".join(
            chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in word.encode()
        )

    path.write_text("".join(f'"{quoted(word)}"\n' for word in sorted(words_of(target))))


def fuzz(program, target, seconds, keep):
    """(passed, the line to print)"""
    with tempfile.TemporaryDirectory() as made:
        here = pathlib.Path(made)
        seeds = here / "seeds"
        seeds.mkdir()
        for number, data in enumerate(SEEDS[target]()):
            if len(data) <= LARGEST:
                (seeds / f"seed{number}").write_bytes(data)
        found = pathlib.Path(keep) / target if keep else here / "found"
        found.mkdir(parents=True, exist_ok=True)
        dictionary = []
        if words_of(target):
            write_dictionary(target, here / "words")
            dictionary = [f"-dict={here / 'words'}"]
        corpora = [found, seeds, HERE / "corpus" / target]
        command = [
            program,
            f"--target={target}",
            f"-max_total_time={seconds}",
            "-timeout=10",
            "-rss_limit_mb=1500",
            "-malloc_limit_mb=1000",
            f"-max_len={LARGEST}",
            "-print_final_stats=1",
            *dictionary,
            f"-artifact_prefix={found.parent}/{target}-",
            *(path for path in corpora if path.is_dir()),
        ]
        done = subprocess.run(
            [str(word) for word in command], capture_output=True, timeout=seconds * 3 + 600
        )
        said = done.stderr.decode(errors="replace")
        runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", said)
        edges = re.findall(r"cov: (\d+)", said)
        n = int(runs[1]) if runs else 0
        line = f"{target:15} {n:12,} executions, {edges[-1] if edges else 0:>6} edges"
        if done.returncode == 0 and n > 0:
            return True, line
        tail = said.splitlines()[-60:]
        return False, f"{line}\nFAILED {target}: exit {done.returncode}\n" + "\n".join(tail)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("program")
    arguments.add_argument("--seconds", type=int, default=15)
    arguments.add_argument("--targets", default=",".join(SEEDS))
    arguments.add_argument("--keep", help="folder for what is found")
    o = arguments.parse_args()
    targets = o.targets.split(",")
    passed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as workers:
        for fine, line in workers.map(lambda t: fuzz(o.program, t, o.seconds, o.keep), targets):
            passed += fine
            print(line, flush=True)
    print(f"{passed} passed, {len(targets) - passed} failed")
    sys.exit(passed != len(targets))


if __name__ == "__main__":
    main()
