#!/usr/bin/env python3
"""Runs the command line program against golden files: run.py [--update] COMMAND...

    tests/cli/run.py build/native/attnscope
    tests/cli/run.py node --experimental-wasm-relaxed-simd build/web-mt/attnscope.js

--update rewrites tests/data/cli/*.txt: review the difference before you keep it.
Models are read from ../shared/models/checkpoints, or below $ATTNSCOPE_SHARED; tests of missing
models are skipped and reported. The last line is "N passed, N failed". Needs only Python's standard
library.
"""

import array
import ast
import concurrent.futures
import functools
import io
import json
import math
import os
import pathlib
import pty
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import unicodedata
import zipfile
import zlib
from xml.etree import ElementTree

import limits

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
BOOKWORM = ROOT / "web" / "models" / "bookworm-2m"
SHARED = pathlib.Path(os.environ.get("ATTNSCOPE_SHARED", ROOT.parent / "shared"))
CHECKPOINTS = SHARED / "models" / "checkpoints"
UPDATE = "--update" in sys.argv[1:]
COMMAND = [a for a in sys.argv[1:] if a != "--update"]

passed = failed = skipped = 0
counting = threading.Lock()  # tests run side by side


def check(name, fine, why=""):
    global passed, failed
    with counting:
        if fine:
            passed += 1
        else:
            failed += 1
            print(f"FAILED {name}{': ' + why if why else ''}")


def skip(name, why):
    global skipped
    with counting:
        skipped += 1
        print(f"SKIPPED {name}: {why}")


def surroundings(lang="C.UTF-8", **more):
    """The environment without what changes the output."""
    ours = ("COLUMNS", "NO_COLOR", "TERM")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LC_") and k not in ours}
    return {**kept, "LANG": lang, **more}


def run(*arguments, lang="C.UTF-8", stdin=b"", **more):
    """(exit code, standard output, standard error) of the program; `more` are variables."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env=surroundings(lang, **more),
        timeout=600,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def flat(x):
    return [v for y in x for v in flat(y)] if isinstance(x, list) else [x]


def largest_difference(a, b):
    """Infinite if lengths differ or a value is NaN."""
    if len(a) != len(b):
        return math.inf
    most = 0.0
    for x, y in zip(a, b):
        d = abs(x - y)
        if not d <= math.inf:
            return math.inf
        most = max(most, d)
    return most


def floats(data):
    a = array.array("f")
    a.frombytes(data)
    if sys.byteorder == "big":
        a.byteswap()
    return list(a)


def ints(data):
    return list(struct.unpack(f"<{len(data) // 4}i", data))


def read_npy(data):
    """(type, shape, raw values) of a file in NumPy's format 1.0."""
    assert data[:8] == b"\x93NUMPY\x01\x00"
    n = struct.unpack("<H", data[8:10])[0]
    assert (10 + n) % 64 == 0
    header = ast.literal_eval(data[10 : 10 + n].decode())
    assert header["fortran_order"] is False
    return header["descr"], list(header["shape"]), data[10 + n :]


def read_safetensors(data):
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + n])
    tensors = {}
    for name, t in header.items():
        if name != "__metadata__":
            begin, end = t["data_offsets"]
            tensors[name] = (t["shape"], data[8 + n + begin : 8 + n + end])
    return header.get("__metadata__", {}), tensors


def torch_cases():
    """name -> {tensor -> values}, from tests/data/scratch.txt."""
    cases, tensors, name = {}, {}, ""
    for line in (DATA / "scratch.txt").read_text().splitlines():
        words = line.split()
        if words[0] == "case":
            tensors = cases[line[5:]] = {}
        elif words[0] == "tensor":
            name = words[1]
        elif words[0] != "set":
            tensors[name] = [struct.unpack(">f", bytes.fromhex(w))[0] for w in words]
    return cases


def test_demo_numbers():
    most, cases = 0.0, torch_cases()
    for seed in (0, 42):
        for mask in ("none", "causal", "padding"):
            name = f"demo --seed {seed} --mask {mask}"
            code, out, _ = run(
                "demo", "--seed", seed, "--mask", mask, "--format", "json", "--with-weights"
            )
            check(name + " runs", code == 0)
            if code:
                continue
            ours, torch = json.loads(out), cases[f"self {seed} 64/4 2x6 {mask}"]
            pairs = [
                ("attention", flat(ours["attention"]), torch["attention"]),
                ("first weights", ours["weights"]["W_Q"]["values"][0], torch["W_Q.row0"]),
                ("last bias", ours["weights"]["b_O"]["values"], torch["b_O"]),
            ]
            if mask == "none":
                pairs += [
                    ("input", flat(ours["input"]), torch["input"]),
                    ("output", flat(ours["output"]), torch["output"]),
                ]
            for what, a, b in pairs:
                d = largest_difference(a, b)
                most = max(most, d)
                check(f"{name}: {what} as PyTorch", d <= 1e-6, f"differs by {d:.3g}")
            settings = ours["settings"]
            check(
                name + ": settings",
                settings["seed"] == seed
                and settings["d_head"] == 16
                and settings["mask"] == mask
                and ours["tokens"][2] == "学习",
            )
    print(f"demo: largest difference from PyTorch {most:.3g}")

    _, out, _ = run(
        "demo",
        "--seed",
        3,
        "--d-model",
        17,
        "--heads",
        1,
        "--batch",
        1,
        "--tokens",
        "x",
        "--format",
        "json",
        "--with-weights",
    )
    ours = json.loads(out)
    check(
        "demo with 17 inputs: as PyTorch",
        largest_difference(flat(ours["input"]), cases["self 3 17/1 1x1 none"]["input"]) <= 1e-6
        and ours["weights"]["W_K"]["shape"] == [17, 17],
    )


GOLDEN_TEXTS = {
    "demo_zh": ["demo", "--lang", "zh"],
    "demo_en": ["demo", "--lang", "en"],
    "demo_causal_zh": [
        "demo",
        "--lang",
        "zh",
        "--mask",
        "causal",
        "--seed",
        "0",
        "--sample",
        "1",
        "--head",
        "2",
        "--token",
        "3",
    ],
    "demo_padding_en": [
        "demo",
        "--lang",
        "en",
        "--mask",
        "padding",
        "--tokens",
        "The cat sat on a mat 。 EOS PAD",
        "--heads",
        "2",
        "--token",
        "1",
    ],
}


def test_texts():
    (DATA / "cli").mkdir(exist_ok=True)
    for name, arguments in GOLDEN_TEXTS.items():
        path = DATA / "cli" / (name + ".txt")
        code, out, err = run(*arguments)
        if UPDATE:
            path.write_text(out)
        golden = path.read_text() if path.exists() else ""
        pairs = zip(out.splitlines() + [""], golden.splitlines() + [""])
        why = next(
            (f"line {i + 1} is\n{a}\nand was\n{b}" for i, (a, b) in enumerate(pairs) if a != b), err
        )
        check(f"{name}.txt", code == 0 and out == golden, why)


def python_blocks(report):
    """The lines of Python in a report, without their indentation: one text per library."""
    blocks, open_now = [], False
    for line in report.splitlines():
        if line.startswith("  import "):
            blocks.append("")
            open_now = True
        open_now = open_now and line.startswith("  ")
        if open_now:
            blocks[-1] += line[2:] + "\n"
    return blocks


def test_python_lines():
    """The lines of the chapter on indexing run, and print what their comments say."""
    long = "The fox saw the hen, and the hen saw the fox. " * 20
    reports = {
        "demo": ["demo", "--token", 3, "--head", 1],
        "demo of one head": ["demo", "--heads", 1, "--batch", 1, "--tokens", "a b"],
        "demo in Chinese": ["demo", "--lang", "zh", "--mask", "causal", "--token", 5],
        "bookworm": ["report", "--model", BOOKWORM, "--text", long[:60], "--layer", 3],
        "bookworm, one row": ["report", "--model", BOOKWORM, "--text", long[:500], "--head", 2],
        "demo, the largest of a row": ["demo", "--tokens", "a " * 300, "--token", 7],
        "demo, too large for one array": ["demo", "--tokens", "a " * 800, "--head", 2],
    }
    for library, import_line in (("numpy", "import numpy as np\n"), ("torch", "import torch\n")):
        there = subprocess.run([sys.executable, "-c", "import " + library], capture_output=True)
        if there.returncode:
            skip(f"lines of {library}", f"{sys.executable} has no {library}")
            continue
        for name, arguments in reports.items():
            code, out, err = run(*arguments)
            blocks = [b for b in python_blocks(out) if b.startswith(import_line)]
            check(f"{name}: lines of {library}", code == 0 and len(blocks) == 1, err)
            prints = [line for line in "".join(blocks).splitlines() if line.startswith("print(")]
            done = subprocess.run(
                [sys.executable, "-c", "".join(blocks)], capture_output=True, text=True
            )
            wanted = [line.rsplit("  # ", 1)[1] for line in prints]
            check(
                f"{name}: lines of {library} print what they say",
                done.stdout.splitlines() == wanted and len(wanted) >= 4,
                f"{done.stdout} not {wanted} {done.stderr}",
            )


def test_language():
    check(
        "LANG=zh_CN.UTF-8 gives Chinese" if "node" not in COMMAND[0] else "--lang zh gives Chinese",
        "注意力"
        in run("demo", *(["--lang", "zh"] if "node" in COMMAND[0] else []), lang="zh_CN.UTF-8")[1],
    )
    check("else English", "Key concepts" in run("demo")[1])
    check("--lang wins", "Key concepts" in run("demo", "--lang", "en", lang="zh_CN.UTF-8")[1])


def test_exits():
    for arguments in (
        ["--help"],
        ["demo", "--help"],
        ["report", "--help"],
        ["attention", "--help"],
        ["next", "--help"],
        ["heads", "--help"],
        ["--version"],
    ):
        code, out, err = run(*arguments)
        check(" ".join(arguments), code == 0 and out and not err, f"exit {code}")
    for arguments, word in (
        (["nonsense"], "nonsense"),
        (["demo", "--nonsense"], "--nonsense"),
        (["demo", "--seed", "x"], "--seed"),
        (["demo", "--seed", "-1"], "--seed"),
        (["demo", "--heads"], "--heads"),
        (["demo", "--lang", "fr"], "zh, en"),
        (["demo", "--mask", "foo"], "none, causal, padding"),
        (["demo", "--format", "xml"], "text, json"),
        (["report"], "--model"),
        (["report", "--model", "."], "--text"),
        (["next", "--model", ".", "--text", "a", "--text-file", "b"], "--text"),
        (["next", "--model", ".", "--text", "a", "--top", "0"], "--top"),
        (["attention", "--model", ".", "--text", "a"], "--out"),
        (["heads", "--random-repeat"], "--model"),
        (["heads", "--model", "."], "--random-repeat"),
        (["heads", "--model", ".", "--text", "a", "--random-repeat"], "only one"),
        (["heads", "--model", ".", "--text", "a", "--seed", "2"], "--seed"),
        (["heads", "--model", ".", "--text", "a", "--period", "2"], "--period"),
        (["heads", "--model", ".", "--random-repeat", "--length", "0"], "--length"),
        (["heads", "--model", ".", "--random-repeat", "--format", "text"], "table, csv, json"),
    ):
        bad(arguments, 2, word)
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        (here / "broken").mkdir()
        (here / "broken" / "config.json").write_text("{")
        (here / "empty.txt").write_text("\n")
        for name, ids in (
            ("none", "[]"),
            ("far", "[1, 99999]"),
            ("word", '[[1], ["a"]]'),
            ("object", "{}"),
        ):
            (here / (name + ".json")).write_text(ids)
        for arguments, word in (
            (["demo", "--heads", "5"], "d_model 64 is not a multiple of 5 heads"),
            (["demo", "--heads", "0"], "heads"),
            (["demo", "--d-model", "-4"], "d_model"),
            (["demo", "--batch", "65"], "64"),
            (["demo", "--tokens", " "], "tokens"),
            (["demo", "--d-model", "4096", "--batch", "64", "--tokens", "x " * 1000], "GB"),
            (["demo", "--head", "4"], "--head 4: there are 4 heads, 0 to 3"),
            (["demo", "--sample", "-1"], "--sample"),
            (["demo", "--token", "6"], "--token"),
            (["next", "--model", here / "absent", "--text", "a"], "absent"),
            (["next", "--model", here, "--text", "a"], "config.json"),
            (["next", "--model", here / "broken", "--text", "a"], "config.json"),
            (["next", "--model", here, "--text", ""], "empty"),
            (["next", "--model", here, "--text-file", here / "empty.txt"], "empty"),
            (["next", "--model", here, "--text-file", here / "absent.txt"], "absent.txt"),
            (["attention", "--model", here, "--text", "a", "--out", "x.csv"], ".npz"),
            (["heads", "--model", here, "--random-repeat"], "config.json"),
            (["heads", "--model", BOOKWORM, "--ids", here / "absent.json"], "absent.json"),
            (["heads", "--model", BOOKWORM, "--ids", here / "none.json"], "no token ids"),
            (["heads", "--model", BOOKWORM, "--ids", here / "far.json"], "element 1"),
            (["heads", "--model", BOOKWORM, "--ids", here / "word.json"], "list 1, element 0"),
            (["heads", "--model", BOOKWORM, "--ids", here / "object.json"], "list of token ids"),
            (["heads", "--model", BOOKWORM, "--random-repeat", "--length", "129"], "at most 128"),
            (
                [
                    "heads",
                    "--model",
                    BOOKWORM,
                    "--random-repeat",
                    "--samples",
                    "10000",
                    "--length",
                    "99",
                ],
                "1000000",
            ),
        ):
            bad(arguments, 1, word)


def bad(arguments, expected, word):
    """Checks the exit code, that standard output is empty, and that standard error is one
    sentence containing `word`, after notes."""
    code, out, err = run(*arguments)
    lines = err.splitlines(keepends=True)
    err = "".join(line for line in lines if not line.startswith("attnscope: note: "))
    short = " ".join(map(str, arguments))[:60]
    check(
        f"'{short}' is refused",
        code == expected
        and not out
        and word in err
        and err.startswith("attnscope: ")
        and err.count("\n") == 1,
        f"exit {code}, {err or out!r}",
    )


def run_on_terminal(stream, *arguments, **more):
    """What the program writes to `stream` ("stdout" or "stderr") where that is a terminal."""
    ours, theirs = pty.openpty()
    other = "stderr" if stream == "stdout" else "stdout"
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        env=surroundings(TERM="xterm", **more),
        **{stream: theirs, other: subprocess.DEVNULL},
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # how Linux says that nobody writes any more
            break
        if not part:
            break
        written += part
    os.close(ours)
    process.wait()
    return written.decode()


def columns_of(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


COMMANDS = (
    "demo", "report", "attention", "next", "heads", "measure", "lens", "embed", "circuits", "plot"
)  # fmt: skip


def test_usage():
    """Wrong names are named first, with the nearest; the command's own help is pointed to."""
    code, out, err = run()
    check(
        "without arguments: what to do first",
        code == 2
        and not out
        and err.startswith("attnscope: no command given")
        and "attnscope demo" in err
        and "attnscope --help" in err,
        err or out,
    )
    for arguments, start in (
        (["ablate", "--model", "x", "--text", "y"], "no command 'ablate'; the commands are demo, "),
        (["ablate", "--help"], "no command 'ablate'; "),
        (["--help", "ablate"], "no command 'ablate'; "),
        (["help", "ablate"], "no command 'ablate'; "),
        (["--model", "x", "ablate", "--text", "y"], "no command 'ablate'; "),
        (["haeds"], "no command 'haeds'; did you mean \"heads\"? See attnscope --help"),
        (["atention"], "no command 'atention'; did you mean \"attention\"?"),
        (["demo", "--sed", "3"], "no option '--sed' for demo; did you mean \"--seed\"? see attn"),
        (["demo", "--xyzzy", "3"], "no option '--xyzzy' for demo; see attnscope demo --help"),
        (["heads", "--random_repeat"], "no option '--random_repeat' for heads; did you mean "),
        (["--sed=3", "demo"], "no option '--sed' for demo; did you mean \"--seed\"?"),
        (["--nonsense"], "no option '--nonsense'; see attnscope --help"),
        (["--seed", "3"], "no command given; start with attnscope demo"),
        (["demo", "once", "upon"], "unexpected 'once'; put a text of several words in quotes"),
        (["measure", "entropy", "sink", "--model", "x"], "unexpected 'sink'; "),
    ):
        bad(arguments, 2, "attnscope: " + start)
    for arguments, word in (
        (["demo", "--mask", "casual"], 'did you mean "causal"?'),
        (["plot", "--view", "mapp"], 'did you mean "map"?'),
        (["demo", "--format", "jsn"], 'did you mean "json"?'),
        (["demo", "--mask", "casual"], "; see attnscope demo --help"),
        (["report"], "; see attnscope report --help"),
    ):
        bad(arguments, 2, word)
    bad(["measure", "inducton"], 1, 'measure inducton: no such measure; did you mean "induction"?')
    usual = run("demo", "--seed", "7", "--lang", "en")
    check("options before the command", run("--seed", "7", "--lang=en", "demo") == usual)
    check("options around the command", run("--seed", "7", "demo", "--lang", "en") == usual)
    model = ["--model", BOOKWORM]
    check(
        "--text-file - reads standard input",
        run("next", *model, "--text-file", "-", stdin=b"Once upon a time\n")
        == run("next", *model, "--text", "Once upon a time"),
    )
    check("help COMMAND", run("help", "heads") == run("heads", "--help"))


def test_no_model():
    """What is no model is named for what it is, with what to do."""
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        for name, data in (
            ("only/cat.bin", b"\x89PNG\r\n"),
            ("pickled/config.json", (BOOKWORM / "config.json").read_bytes()),
            ("pickled/tokenizer.json", (BOOKWORM / "tokenizer.json").read_bytes()),
            ("pickled/pytorch_model.bin", b"\x80\x02}q"),
            ("bare/config.json", b"{}"),
            ("above/gpt2/config.json", b"{}"),
            ("page/config.json", b"{}"),
            ("page/model.safetensors", b"<!DOCTYPE html>"),
            ("model.gguf", b"GGUF\3"),
            ("many/a.zip", b"PK\3\4"),
            ("many/b.onnx", b"??"),
            ("many/c.h5", b"\x89HDF\r\n\x1a\n"),
            ("many/d.npz", b"??"),
        ):
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            (here / name).write_bytes(data)
        (here / "nothing").mkdir()
        for path, words in (
            ("only", "only: no model found, only cat.bin (a PNG picture); drop a"),
            ("pickled", "pytorch_model.bin: ends in the middle of a value; the file is cut short"),
            ("bare", "bare: model.safetensors is missing beside config.json"),
            ("above", "above: no model found; but its folder gpt2 has a config.json"),
            ("nothing", "nothing: an empty folder; it needs config.json and model.safetensors"),
            ("model.gguf", "model.gguf: ends in its first bytes; the file is damaged or cut short"),
            ("many", "a.zip (a ZIP archive), b.onnx (an ONNX model), c.h5 (an HDF5 file, as Ker"),
            ("many", " and 1 more; "),
        ):
            bad(["next", "--model", here / path, "--text", "a"], 1, words)


def test_nanogpt():
    """nanoGPT's checkpoint by its folder and by its path, with its characters."""
    data = ROOT / "tests/data/nanogpt"
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        for name in ("ckpt.pt", "meta.pkl"):
            shutil.copy(data / "plain" / name, here / name)
        by_folder = run("next", "--model", here, "--text", "to be\n我", "--format", "json")
        by_path = run("next", "--model", here / "ckpt.pt", "--text", "to be\n我", "--format", "json")
        check("nanoGPT's checkpoint opens", by_folder[0] == 0, by_folder[2])
        check("its GELU is not known, which is said", "which GELU" in by_folder[2], by_folder[2])
        check(
            "its path is the same model",
            json.loads(by_folder[1])["next"] == json.loads(by_path[1])["next"],
            by_path[2],
        )
        (here / "meta.pkl").unlink()
        words = 'attnscope: --text: "to" is no token id; this model has no tokenizer'
        bad(["next", "--model", here, "--text", "to be"], 1, words)


def test_archives():
    """An archive in place of a folder is the same model; one without a model is an error."""
    data = ROOT / "tests/data"
    _, expected, _ = run("next", "--model", data / "models/gpt2", "--text", "a bc de")
    for name in ("deflated.zip", "stored.zip", "ustar.tar", "pax.tar.gz"):
        code, out, err = run("next", "--model", data / "archives" / name, "--text", "a bc de")
        check(f"{name} opens", code == 0, err)
        check(f"{name} is the same model", out.split("\n")[1:] == expected.split("\n")[1:], out)
    words = "pictures.zip: has no model among its 2 files"
    bad(["next", "--model", data / "archives/pictures.zip", "--text", "a"], 1, words)


def test_help():
    """Every example of every --help runs, and help fits its terminal."""
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        (here / "story.txt").write_text("Once upon a time there was a fox. The fox ran.\n")
        for command in COMMANDS:
            _, out, _ = run(command, "--help")
            lines = out.split("Examples:\n")[1].splitlines() if "Examples:\n" in out else []
            lines = [line.strip() for line in lines if line.startswith("  attnscope ")]
            check(f"{command} --help has examples", len(lines) > 0, out)
            for line in lines:
                words = shlex.split(line)[1:]
                words = [str(BOOKWORM) if w == "DIR" else w for w in words]
                after = {w: words[i + 1] for i, w in enumerate(words[:-1])}
                to, stdin = after.get(">"), b""
                if "<" in after:
                    stdin = (here / after["<"]).read_bytes()
                ends = [words.index(w) for w in "<>" if w in words]
                words = words[: min(ends, default=len(words))]
                for option in ("--text-file", "--out"):
                    if option in words and after[option] != "-":
                        words[words.index(option) + 1] = str(here / after[option])
                done = subprocess.run(
                    [*COMMAND, *words], input=stdin, capture_output=True, env=surroundings()
                )
                fine = done.returncode == 0 and not done.stderr
                check(f"example: {line}", fine, done.stderr.decode())
                check(f"example: {line} writes here", to is None or "/" not in to)
        for command in ("", *COMMANDS):
            for columns in (40, 60, 100):
                _, out, _ = run(*filter(None, [command]), "--help", COLUMNS=str(columns))
                body = out.split("Examples:")[0]
                longest = max(map(columns_of, body.splitlines()))
                check(f"{command} --help in {columns} columns", longest <= columns, out)


def test_terminal():
    """What a terminal gets: its width, colours, progress; a pipe gets none of it."""
    for arguments in (
        ["demo", "--lang", "zh"],
        ["demo", "--lang", "en"],
        ["measure"],
        ["heads", "--model", BOOKWORM, "--text", "Once upon a time, a fox", "--lang", "zh"],
        ["lens", "--model", BOOKWORM, "--text", "Once upon a time"],
        ["measure", "pattern", "--model", BOOKWORM, "--text", "Once upon a time there was a fox"],
        ["report", "--model", BOOKWORM, "--text", "Once upon a time", "--lang", "zh"],
    ):
        name = " ".join(map(str, arguments))[:40]
        for columns in (50, 80):
            code, out, _ = run(*arguments, COLUMNS=str(columns))
            longest = max(map(columns_of, out.splitlines()), default=0)
            wide = [line for line in out.splitlines() if columns_of(line) > columns]
            check(f"{name} in {columns} columns", code == 0 and longest <= columns, str(wide[:3]))
        _, plain, _ = run(*arguments)
        _, wide, _ = run(*arguments, COLUMNS="1000")
        check(f"{name}: nothing is changed where there is room", plain == wide)
    letters = ["--text", "a b c d e f"]
    _, out, _ = run("measure", "pattern", "--model", BOOKWORM, *letters, COLUMNS="50")
    check("a table says which columns it shows", "Showing the first" in out, out)
    json_50 = run("demo", "--format", "json", COLUMNS="50")
    check("JSON is never wrapped", json_50 == run("demo", "--format", "json"))
    check("a pipe gets no colours", "\x1b" not in run("demo")[1] + run("demo", "--help")[1])
    if "node" in COMMAND[0]:
        return
    for arguments in (["demo"], ["demo", "--help"]):
        name = " ".join(arguments)
        out = run_on_terminal("stdout", *arguments)
        check(f"{name}: colours on a terminal", "\x1b[1m" in out, out[:200])
        out = run_on_terminal("stdout", *arguments, NO_COLOR="1")
        check(f"{name}: none with NO_COLOR", out and "\x1b" not in out, out[:200])
    long = ["heads", "--model", BOOKWORM, "--random-repeat", "--samples", 600, "--length", 60]
    err = run_on_terminal("stderr", *long)
    check("long work shows its progress", " %" in err and err.endswith("\r\x1b[K"), err[-80:])
    check("short work shows none", run_on_terminal("stderr", "demo") == "")
    check("a pipe gets no progress", run(*long)[2] == "")


def test_model(name):
    folder = CHECKPOINTS / name
    if not folder.is_dir():
        return skip(name, f"{folder} is not there")
    metadata, golden = read_safetensors((folder / "expected.safetensors").read_bytes())
    shape, raw = golden["attn"]
    expected, ids, text = floats(raw), ints(golden["input_ids"][1]), metadata["text"]
    logits = floats(golden["logits"][1])
    with tempfile.TemporaryDirectory() as temporary:
        here = pathlib.Path(temporary)
        for end in ("npz", "npy", "safetensors"):
            out = here / ("patterns." + end)
            code, _, err = run("attention", "--model", folder, "--text", text, "--out", out)
            check(f"{name}: attention as .{end}", code == 0, err)
            if code:
                continue
            if end == "npz":
                with zipfile.ZipFile(out) as z:
                    check(f"{name}: .npz is whole", z.testzip() is None)
                    kind, got_shape, data = read_npy(z.read("attention.npy"))
                    got_ids = ints(read_npy(z.read("input_ids.npy"))[2])
                    tokens = json.loads(z.read("tokens.json"))
                check(f"{name}: .npz is float32", kind == "<f4")
            elif end == "npy":
                kind, got_shape, data = read_npy(out.read_bytes())
                tokens = json.loads((here / "patterns.npy.tokens.json").read_text())
                got_ids = [t["id"] for t in tokens["tokens"]]
            else:
                got_metadata, tensors = read_safetensors(out.read_bytes())
                got_shape, data = tensors["attention"]
                got_ids = ints(tensors["input_ids"][1])
                tokens = json.loads(got_metadata["tokens"])
            check(f"{name}: ids in .{end}", got_ids == ids, f"{got_ids} instead of {ids}")
            if got_ids != ids:
                continue
            check(
                f"{name}: tokens in .{end}",
                tokens["text"] == text and [t["id"] for t in tokens["tokens"]] == ids,
            )
            d = largest_difference(floats(data), expected)
            print(f"{name}: .{end} differs from the reference by {d:.3g}")
            check(
                f"{name}: patterns in .{end}",
                got_shape == shape and d <= 1e-4,
                f"differ by {d:.3g}",
            )
        code, _, err = run(
            "attention", "--model", folder, "--text", text, "--out", here / "no" / "a.npy"
        )
        check(
            f"{name}: a folder that is not there", code == 1 and "could not be written" in err, err
        )

        # The same text by option, from standard input and from a file.
        (here / "text.txt").write_text(text + "\n")
        code, out, err = run(
            "next", "--model", folder, "--text", text, "--format", "json", "--top", "5"
        )
        check(f"{name}: next", code == 0, err)
        if code == 0:
            last = logits[-golden["logits"][0][1] :]
            order = sorted(range(len(last)), key=lambda i: -last[i])[:5]
            total = sum(math.exp(x - last[order[0]]) for x in last)
            found = json.loads(out)
            check(f"{name}: next ids", found["input_ids"] == ids)
            check(f"{name}: the five most likely", [t["id"] for t in found["next"]] == order)
            d = largest_difference([t["logit"] for t in found["next"]], [last[i] for i in order])
            print(f"{name}: logits differ from the reference by {d:.3g}")
            check(f"{name}: their logits", d <= 1e-3)
            check(
                f"{name}: their probabilities",
                largest_difference(
                    [t["probability"] for t in found["next"]],
                    [math.exp(last[i] - last[order[0]]) / total for i in order],
                )
                <= 1e-4,
            )
            for how, arguments, stdin in (
                ("-", ["--text", "-"], (text + "\n").encode()),
                ("a file", ["--text-file", here / "text.txt"], b""),
            ):
                again = run(
                    "next",
                    "--model",
                    folder,
                    *arguments,
                    "--format",
                    "json",
                    "--top",
                    "5",
                    stdin=stdin,
                )
                check(f"{name}: text from {how}", again == (0, out, ""), again[2])
    for lang, word in (("zh", "核心概念"), ("en", "Key concepts")):
        code, out, err = run(
            "report",
            "--model",
            folder,
            "--text",
            text,
            "--lang",
            lang,
            "--layer",
            "1",
            "--head",
            "2",
        )
        check(f"{name}: report --lang {lang}", code == 0 and word in out and "1.000000" in out, err)
    bad(["report", "--model", folder, "--text", text, "--layer", "99"], 1, "--layer 99")


def test_masked():
    """A bidirectional model predicts [MASK]; one without an output vocabulary is refused."""
    models = ROOT / "tests" / "data" / "models"
    text = ["--text", "The girl saw a [MASK]."]
    code, out, err = run(
        "next", "--model", models / "bert-mlm", *text, "--top", "3", "--format", "json"
    )
    masked = json.loads(out)["masked"] if code == 0 else []
    check("bert-mlm: the place of [MASK]", [m["position"] for m in masked] == [5], err or out)
    check("bert-mlm: its candidates", [len(m["candidates"]) for m in masked] == [3], err or out)
    for lang, words in (
        ("en", "predictions for masked token 5 “[MASK]” of 8"),
        ("zh", "被遮住的词元 5“[MASK]”"),
    ):
        code, out, err = run("next", "--model", models / "bert-mlm", *text, "--lang", lang)
        check(f"bert-mlm: next --lang {lang}", code == 0 and words in out, err or out)
    bad(
        ["next", "--model", models / "bert-mlm", "--text", "The girl"],
        1,
        "write [MASK] into the text",
    )
    bad(["next", "--model", models / "bert", *text], 1, "no output vocabulary")
    code, out, err = run("heads", "--model", models / "bert", *text)
    check("bert: heads", code == 0 and "8 heads" in out, err or out)


def test_labels():
    """Heads of labels: of a text, of every token, and of an answer."""
    models = ROOT / "tests" / "data" / "models"
    text = ["--text", "The girl saw a ship.", "--format", "json"]
    code, out, err = run("next", "--model", models / "bert-text-labels", *text)
    labels = json.loads(out)["labels"] if code == 0 else []
    check("bert-text-labels", {x["label"] for x in labels} == {"sad", "glad", "neither"}, err)
    total = sum(math.exp(x["logit"]) for x in labels)
    for x in labels:
        share = math.exp(x["logit"]) / total
        check(f"bert-text-labels: {x['label']}", abs(share - x["probability"]) < 1e-5, out)
    code, out, err = run("next", "--model", models / "distilbert-text-labels", *text)
    for x in json.loads(out)["labels"]:
        share = 1 / (1 + math.exp(-x["logit"]))
        check(f"several labels at once: {x['label']}", abs(share - x["probability"]) < 1e-5, out)
    code, out, err = run("next", "--model", models / "roberta-token-labels", *text)
    tokens = json.loads(out)["tokens"] if code == 0 else []
    check("roberta-token-labels", [len(t["labels"]) for t in tokens] == [5] * 8, err or out)
    check("a label without a name", "LABEL_0" in {x["label"] for x in tokens[0]["labels"]}, out)
    pair = ["--pair", "A girl and a dog went to the sea.", "--top", "3", "--format", "json"]
    asked = ["--text", "Who went?", *pair]
    code, out, err = run("next", "--model", models / "electra-answers", *asked)
    found = json.loads(out) if code == 0 else {}
    for answer in found.get("answers", []):
        chance = 1.0
        for place, label in (("start", "start"), ("end", "end")):
            of_label = [
                next(x["probability"] for x in t["labels"] if x["label"] == label)
                for t in found["tokens"]
            ]
            check("starts and ends share one probability", abs(sum(of_label) - 1) < 1e-5)
            chance *= of_label[answer[place]]
        check("the chance of an answer", abs(chance - answer["probability"]) < 1e-6, out)
        check("an answer is of the second text", answer["answer"].strip() in pair[1], out)
    check("three answers", len(found.get("answers", [])) == 3, err)
    for lang, name, words in (
        ("en", "bert-text-labels", "labels of the text, 8 tokens"),
        ("zh", "roberta-token-labels", "8 个词元的标签"),
        ("en", "electra-answers", "answers in 8 tokens"),
    ):
        code, out, err = run("next", "--model", models / name, *text[:2], "--lang", lang)
        check(f"{name}: next --lang {lang}", code == 0 and words in out, err or out)
    bad(
        ["measure", "gradient_heads", "--model", models / "bert-text-labels", *text[:2]]
        + ["--target", "happy"],
        1,
        "its labels are sad, glad, neither",
    )


# By tests/golden/embeddings.py, of the model "bert": the mean of all tokens, normalized, of two
# texts compared; the largest and the weighted mean, without the prompt.
COSINE = 0.760213
POOLED = (
    "1.494363 -0.558767 1.715531 -0.02814 0.320449 2.20919 1.242386 0.624286 1.289764 -1.186099 "
    "0.556575 0.47765 1.546754 3.049017 1.328121 0.121723 0.675515 -1.556131 1.002293 -0.696556 "
    "-0.018663 0.754811 -1.074378 -0.296984 0.188035 -1.712454 0.260896 0.036008 -0.169446 "
    "1.979987 0.68444 -0.20791"
)


def test_embed():
    """The vector of a text by the modules of a folder of sentence-transformers."""
    bert = ROOT / "tests" / "data" / "models" / "bert"
    texts = ["--text", "The girl saw a ship.", "--format", "json"]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write = lambda path, value: (folder / path).write_text(json.dumps(value))
        shutil.copytree(bert, folder / "0_Transformer")
        (folder / "1_Pooling").mkdir()

        def embed(kinds, modules, *options, **more):
            pools = {f"pooling_mode_{kind}": kind in kinds for kind in ("mean_tokens", *kinds)}
            write("1_Pooling/config.json", pools | more)
            all_modules = [("Transformer", "0_Transformer"), ("Pooling", "1_Pooling"), *modules]
            write("modules.json", [dict(path=p, type="a.models." + k) for k, p in all_modules])
            return run("embed", "--model", folder, *texts, *options)

        code, out, err = embed(["mean_tokens"], [("Normalize", "2_Normalize")])
        found = json.loads(out)["embedding"] if code == 0 else [0]
        check("embed: a norm of 1", abs(sum(x * x for x in found) - 1) < 1e-6, err or out)
        other = ["--other", "A dog went to the sea."]
        code, out, err = embed(["mean_tokens"], [], *other)
        found = json.loads(out) if code == 0 else {}
        check("embed: similarity", abs(found.get("cosine_similarity", 0) - COSINE) < 1e-5, err)
        prompts = dict(prompts=dict(query="the girl and "), default_prompt_name="query")
        write("config_sentence_transformers.json", prompts)
        kinds = ["max_tokens", "weightedmean_tokens"]
        code, out, err = embed(kinds, [], include_prompt=False)
        found = json.loads(out)["embedding"] if code == 0 else []
        d = largest_difference(found, [float(x) for x in POOLED.split()])
        check("embed: behind a prompt", code == 0 and d < 1e-5, f"{err}{out}")
        check("embed: the prompt is named", "behind the prompt" in err, err)
        code, out, err = embed(kinds, [("CNN", "2_CNN")])
        check("embed: another module", code == 1 and '"CNN" is not supported' in err, err)
        code, out, err = embed(kinds, [], "--prompt", "passage")
        check("embed: another prompt", code == 1 and "its prompts are query" in err, err)
        write("0_Transformer/sentence_bert_config.json", dict(max_seq_length=5))
        code, out, err = embed(kinds, [])
        check("embed: a text that would be cut", code == 1 and "max_seq_length" in err, err)
    code, out, err = run("embed", "--model", bert, *texts[:2], *other, "--lang", "zh")
    check("embed: without modules", code == 0 and "余弦相似度：0.760213" in out, err or out)
    check("embed: says so", "所有词元的平均" in out, out)


def test_story():
    """stories260K continues as in llama2.c: "Once upon a time, there was a little girl named
    Lily"."""
    folder = CHECKPOINTS / "stories260K"
    if not folder.is_dir():
        return skip("stories260K's story", f"{folder} is not there")
    text = "Once upon a time, there was a little girl named"
    for _ in range(6):
        code, out, _ = run(
            "next", "--model", folder, "--text", text, "--top", "1", "--format", "json"
        )
        if code:
            break
        text += json.loads(out)["next"][0]["shown"]
    check("stories260K tells its story", " Lily." in text, text)
    code, out, _ = run("next", "--model", folder, "--text", "Once upon a", "--lang", "en")
    check(
        "stories260K: next as a table",
        code == 0 and "␣time" in out and len(out.splitlines()) == 14,
        out,
    )


def test_heads():
    """Every format of `heads` on r + r against PyTorch; r is drawn, or read from a file."""
    torch = json.loads((BOOKWORM / "head_scores.json").read_text())
    names = {
        "induction_stripe": "repeat_induction",
        "duplicate_stripe": "repeat_duplicate",
        "previous_token": "repeat_previous",
        "first_token": "repeat_first",
    }
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "ids.json"
        file.write_text(json.dumps([r + r for r in torch["repeat_tokens"]]))
        for how, arguments in (
            ("--random-repeat", ["--random-repeat", "--seed", "1"]),
            ("--ids", ["--ids", file, "--period", "50"]),
        ):
            code, out, err = run("heads", "--model", BOOKWORM, *arguments, "--format", "json")
            check(f"heads {how}", code == 0, err)
            if code:
                continue
            found = json.loads(out)
            check(f"heads {how}: its tokens", found["input_ids"] == json.loads(file.read_text()))
            for ours, theirs in names.items():
                d = largest_difference(flat(found["scores"][ours]), flat(torch["scores"][theirs]))
                print(f"heads {how}: {ours} differs from PyTorch by {d:.3g}")
                check(f"heads {how}: {ours}", d <= 2e-6, f"differs by {d:.3g}")
            code, table, err = run("heads", "--model", BOOKWORM, *arguments, "--format", "csv")
            rows = [line.split(",") for line in table.splitlines()]
            check(
                f"heads {how}: csv",
                code == 0
                and rows[0][: 2 + len(found["scores"])] == ["layer", "head", *found["scores"]]
                and rows[0][-2:] == ["role", "confidence"]
                and all(len(row) == len(rows[0]) for row in rows)
                and all(
                    [float(row[i + 2]) for row in rows[1:]] == flat(scores)
                    for i, scores in enumerate(found["scores"].values())
                ),
                err,
            )
    for lang, word in (("en", "highest"), ("zh", "该列最高")):
        code, out, err = run("heads", "--model", BOOKWORM, "--random-repeat", "--lang", lang)
        heads = [
            line
            for line in out.splitlines()
            if line.strip()[:1].isdigit() and line.count(".") == 12
        ]
        starred = [line.split()[0] for line in heads if "0.815*" in line]
        check(
            f"heads as a table, {lang}",
            code == 0
            and word in out
            and len(heads) == 24
            and starred == ["3.1"]
            and "".join(heads).count("*") == 10,
            err or out,
        )
        # Decimal points align.
        points = [[i for i, c in enumerate(line) if c == "."] for line in heads]
        check(f"heads: columns align, {lang}", all(p == points[0] for p in points), out)
    code, out, err = run("heads", "--model", BOOKWORM, "--random-repeat", "--format", "json")
    roles = (
        {(r["layer"], r["head"]): r["role"] for r in json.loads(out)["roles"]} if code == 0 else {}
    )
    check(
        "heads: roles of the card",
        [roles.get(h) for h in ((1, 2), (2, 0), (3, 1), (3, 2), (3, 4))]
        == ["Previous token"] * 2 + ["Induction"] * 3,
        str(roles),
    )
    # In general: the same whatever the input, and the roles of the card.
    general = {}
    for text in ("Once upon a time", "A fox, a hen."):
        code, out, err = run("heads", "--model", BOOKWORM, "--text", text, "--format", "json")
        general[text] = json.loads(out)["in_general"] if code == 0 else err
    probe = general["Once upon a time"]
    check("heads: in general whatever the text", probe == general["A fox, a hen."], str(probe))
    mains = {(h["layer"], h["head"]): (h["main"] or {}).get("role") for h in probe["heads"]}
    check(
        "heads: in general",
        [mains.get(h) for h in ((1, 2), (2, 0), (3, 1), (3, 2), (3, 4), (2, 4))]
        == ["Previous-token head"] * 2 + ["Induction head"] * 3 + ["Duplicate-token head"]
        and probe["heads"][3 * 6 + 1]["other"]["role"] == "First-token sink",
        str(mains),
    )
    code, out, err = run("heads", "--model", BOOKWORM, "--text", "Once upon a time")
    check(
        "heads: in general, as a table",
        code == 0
        and any(
            line.split()[:3] == ["3.1", "Induction", "head"]
            and "otherwise rests on the first token" in line
            for line in out.splitlines()
        )
        and "probe is the same for every text" in out,
        err or out,
    )
    code, out, err = run(
        "heads", "--model", BOOKWORM, "--text", "Once upon a time", "--format", "json"
    )
    check(
        "heads of a text",
        code == 0
        and "induction_stripe" not in out
        and json.loads(out)["text"] == "Once upon a time",
        err,
    )


def test_measure():
    """Every format of `measure` has the same numbers; the list names every measure."""
    text = ["--text", "Once upon a time, once upon a time", "--lang", "en"]
    code, out, err = run("measure", "--lang", "en")
    check(
        "measure lists all",
        code == 0 and all(f"  {i} " in out for i in ("pattern", "entropy", "span_90")),
        err or out,
    )
    for measure, first in (
        ("previous_token", "layer,head,value"),
        ("row", "key,value"),
        ("pattern", "query,key,value"),
    ):
        arguments = ["measure", measure, "--model", BOOKWORM, *text]
        code, out, err = run(*arguments, "--format", "json")
        check(f"measure {measure}: json", code == 0, err)
        if code:
            continue
        values = flat(json.loads(out)["values"])
        code, out, err = run(*arguments, "--format", "csv")
        lines = out.splitlines()
        check(
            f"measure {measure}: csv",
            code == 0
            and lines[0] == first
            and [float(line.split(",")[-1]) for line in lines[1:]] == values,
            err or out[:200],
        )
        raw = subprocess.run(
            [*COMMAND, *map(str, arguments), "--format", "npy"], capture_output=True, timeout=600
        ).stdout
        floats = raw[10 + int.from_bytes(raw[8:10], "little") :]
        check(
            f"measure {measure}: npy",
            raw[:8] == b"\x93NUMPY\x01\x00"
            and (len(raw) - len(floats)) % 64 == 0
            and largest_difference(struct.unpack(f"<{len(floats) // 4}f", floats), values) <= 1e-7,
            str(raw[:120]),
        )
        raw = subprocess.run(
            [*COMMAND, *map(str, arguments), "--format", "npz"], capture_output=True, timeout=600
        ).stdout
        with zipfile.ZipFile(io.BytesIO(raw)) as z:
            check(f"measure {measure}: npz is whole", z.testzip() is None)
            tokens = json.loads(z.read("tokens.json"))["tokens"]
            kind, _, data = read_npy(z.read(f"{measure}.npy"))
        check(f"measure {measure}: npz", kind == "<f4" and data == floats and len(tokens) > 3)
        raw = subprocess.run(
            [*COMMAND, *map(str, arguments), "--format", "safetensors"],
            capture_output=True,
            timeout=600,
        ).stdout
        metadata, tensors = read_safetensors(raw)
        check(
            f"measure {measure}: safetensors",
            tensors[measure][1] == floats and json.loads(metadata["tokens"])["tokens"] == tokens,
        )
        code, out, err = run(*arguments)
        check(f"measure {measure}: table", code == 0 and len(out.splitlines()) > 4, err or out)
    bad(["measure", "nonsense"], 1, "no such measure")
    bad(["measure", "entropy", "--model", BOOKWORM], 1, "--text")
    bad(["measure", "induction_stripe", "--model", BOOKWORM, *text], 1, "")


def merge(a, groups, n):
    """[query, key] values of grouped tokens: summed over keys, averaged over queries; group -1 is
    left out."""
    out = [[0.0] * n for _ in range(n)]
    for q, row in enumerate(a):
        for k, x in enumerate(row):
            if groups[q] >= 0 and groups[k] >= 0:
                out[groups[q]][groups[k]] += x / groups.count(groups[q])
    return out


def test_units():
    """Words, spans and hidden special tokens: the values of `measure` and `attention`, and their
    notes."""
    bert = ROOT / "tests/data/models/bert"
    arguments = ["--model", bert, "--text", "the cat sat.", "--lang", "en"]
    measure = ["measure", "pattern", *arguments, "--layer", 1, "--head", 1]
    code, out, err = run(*measure, "--format", "json")
    check("units: tokens", code == 0 and "units" not in json.loads(out), err)
    if code:
        return
    whole, tokens = json.loads(out)["values"], json.loads(out)["tokens"]
    n = len(tokens)
    # The first two and what follows them, one by one.
    groups = [max(0, i - 1) for i in range(n)]
    code, out, err = run(*measure, "--units", "spans", "--spans", "0-1", "--format", "json")
    made = json.loads(out) if code == 0 else {}
    check(
        "units: spans are sums and means",
        code == 0
        and made["units"] == "spans"
        and len(made["tokens"]) == n - 1
        and largest_difference(flat(made["values"]), flat(merge(whole, groups, n - 1))) <= 1e-6,
        err,
    )
    check(
        "units: the note explains the merge",
        code == 0 and "summed" in made["regrouped"],
        str(made.get("regrouped")),
    )
    hidden = [-1] + list(range(n - 2)) + [-1]
    code, out, err = run(*measure, "--special", "hidden", "--format", "json")
    made = json.loads(out) if code == 0 else {}
    rest = merge(whole, hidden, n - 2)
    held = sum(1 - sum(row) for row in rest) / (n - 2)
    check(
        "units: no renormalisation for hidden tokens",
        code == 0
        and largest_difference(flat(made["values"]), flat(rest)) <= 1e-6
        and f"2 hidden special tokens hold {held:.3f} of the weight" in made["regrouped"],
        err or str(made.get("regrouped")),
    )
    code, out, err = run(*measure, "--special", "hidden")
    check(
        "units: the table has the note",
        code == 0 and "2 hidden special tokens hold" in out,
        err or out,
    )
    code, out, err = run("measure", "row", *arguments, "--units", "words", "--format", "json")
    check(
        "units: a row of words sums to 1",
        code == 0 and abs(sum(json.loads(out)["values"]) - 1) < 1e-6,
        err,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "words.npy")
        code, out, err = run(
            "attention", *arguments[:4], "--units", "spans", "--spans", "0-1", "--out", path
        )
        shape, values = ((), [])
        if code == 0:
            _, shape, raw = read_npy(path.read_bytes())
            values = floats(raw)
        at = (shape[1] + 1) * (n - 1) * (n - 1) if code == 0 else 0  # layer 1, head 1
        check(
            "units: attention",
            code == 0
            and shape[2:] == [n - 1, n - 1]
            and largest_difference(
                values[at : at + (n - 1) ** 2], flat(merge(whole, groups, n - 1))
            )
            <= 1e-6,
            err,
        )
        svg = pathlib.Path(folder, "words.svg")
        for view in ("map", "lines", "strip"):
            code, out, err = run(
                "plot",
                "--view",
                view,
                *arguments,
                "--units",
                "words",
                "--special",
                "hidden",
                "--out",
                svg,
            )
            check(
                f"units: plot {view}",
                code == 0 and "hidden special tokens hold" in svg.read_text(),
                err,
            )
        bad(
            ["plot", "--view", "neuron", *arguments, "--units", "words", "--out", svg],
            1,
            "--view neuron",
        )
    bad(["measure", "entropy", *arguments, "--units", "words"], 1, "is not about tokens")
    bad([*measure, "--units", "spans", "--spans", "5-2"], 2, "5-2")
    bad(["measure", "pattern", "--model", bert, "--text", "   ", "--special", "hidden"], 1, "")


def test_lens():
    """The last row of the lens agrees with `next`; the components of a logit sum to it."""
    text = ["--model", BOOKWORM, "--text", "Once upon a time, there was a little", "--lang", "en"]
    code, out, err = run("next", *text, "--format", "json", "--top", "3")
    following = json.loads(out)["next"] if code == 0 else []
    code, out, err = run("lens", *text, "--format", "json", "--top", "3")
    cells = json.loads(out)["cells"] if code == 0 else []
    last = cells[-1] if cells else {"top": []}
    check(
        "lens ends in what comes next",
        [t["id"] for t in last["top"]] == [t["id"] for t in following]
        and largest_difference(
            [t["probability"] for t in last["top"]], [t["probability"] for t in following]
        )
        < 1e-5
        and last["target"] == following[0]["id"]
        and last["rank"] == 0,
        err or str(last),
    )
    code, out, err = run("lens", *text, "--target", "girl", "--foil", "dog")
    check(
        "lens of a contrast",
        code == 0 and "compared with ␣dog" in out and "logit difference" in out,
        err or out,
    )
    code, out, err = run("lens", *text, "--format", "csv", "--top", "1")
    lines = out.splitlines()
    check(
        "lens: csv",
        code == 0
        and lines[0].startswith("layer,query,target,logit")
        and len(lines) == 1 + len(cells),
        err,
    )
    code, out, err = run("measure", "logit_component", *text, "--format", "json")
    parts = flat(json.loads(out)["values"]) if code == 0 else []
    check(
        "the parts of a logit",
        abs(sum(parts) - last.get("logit", 0)) < 1e-4 * max(1, abs(sum(parts))),
        err or str(parts),
    )
    bad(["lens", *text, "--target", "xyzzy plugh"], 1, "is not one token of this model")
    bad(["lens", *text, "--top", "0"], 2, "--top")


def test_circuits():
    code, out, err = run("circuits", "--model", BOOKWORM, "--lang", "zh", "--top", "2")
    check(
        "circuits as a table",
        code == 0 and "复制" in out and "K 组合" in out and "L3H3" in out,
        err or out,
    )
    code, out, err = run("circuits", "--model", BOOKWORM, "--format", "csv")
    lines = out.splitlines()
    check("circuits: csv", code == 0 and len(lines) == 1 + 24 + 3 * 6 * 36, err or str(len(lines)))
    code, out, err = run("circuits", "--model", BOOKWORM, "--format", "json")
    found = json.loads(out) if code == 0 else {}
    pairs = flat(found.get("k_composition", []))
    check(
        "circuits: json",
        len(flat(found.get("copying", []))) == 24
        and len(pairs) == 24 * 24
        and sum(x != 0 for x in pairs) == 6 * 36,
        err,
    )


def test_plot():
    """Every view as a valid SVG or PNG with the words of the text in it; an error where a view
    cannot be drawn."""
    arguments = [
        "plot",
        "--model",
        BOOKWORM,
        "--text",
        "Mr. Toad & the <Rat> 学习",
        "--layer",
        1,
        "--head",
        2,
    ]
    svg = "{http://www.w3.org/2000/svg}"
    with tempfile.TemporaryDirectory() as folder:
        for view in (
            "map",
            "lines",
            "neuron",
            "chain",
            "strip",
            "grid",
            "list",
            "scatter",
            "bars",
            "heads",
            "lens",
            "next",
            "parts",
        ):
            out = pathlib.Path(folder) / f"{view}.svg"
            code, _, err = run(*arguments, "--view", view, "--out", out)
            check(f"plot {view}: svg", code == 0 and out.exists(), err)
            if not out.exists():
                continue
            try:
                root = ElementTree.parse(out).getroot()
            except ElementTree.ParseError as error:
                check(f"plot {view}: svg is XML", False, str(error))
                continue
            words = " ".join("".join(t.itertext()) for t in root.iter(f"{svg}text"))
            shapes = sum(
                1
                for e in root.iter()
                if e.tag
                in (f"{svg}rect", f"{svg}line", f"{svg}image", f"{svg}path", f"{svg}circle")
            )
            wanted = {
                "grid": "H5",
                "list": "L1 H2",
                "scatter": "0",
                "lens": "L3",
                "next": "%",
                "parts": "L3 MLP",
            }.get(view, "Toad")
            check(
                f"plot {view}: words and shapes",
                wanted in words and shapes > 5,
                f"{shapes} shapes; {words[:200]}",
            )
            title, about = (root.findtext(f"{svg}{tag}") or "" for tag in ("title", "desc"))
            head = "Layer 1 · Head 2"
            check(
                f"plot {view}: its title and its text",
                title.startswith("bookworm-2m · ")
                and title in words
                and (head in title)
                == (view in ("map", "lines", "neuron", "chain", "strip", "bars"))
                and about.endswith("Mr. Toad & the <Rat> 学习"),
                f"{title}; {about}",
            )
        for dots, wanted in (("layer", "colour: layer"), ("role", "Induction head")):
            out = pathlib.Path(folder) / "dots.svg"
            code, _, err = run(*arguments, "--view", "scatter", "--dots", dots, "--out", out)
            words = "".join(ElementTree.parse(out).getroot().itertext()) if code == 0 else err
            check(
                f"plot scatter --dots {dots}",
                wanted in words and ("Induction head" in words) == (dots == "role"),
                words[:300],
            )
        for measure, title in (
            ("head_mean", "L1 · Mean over heads"),
            ("layer_mean", "Mean over layers"),
            ("rollout", "L1 · Rollout"),
        ):
            out = pathlib.Path(folder) / "mean.svg"
            code, _, err = run(*arguments, "--view", "map", "--measure", measure, "--out", out)
            words = (
                ["".join(t.itertext()) for t in ElementTree.parse(out).getroot().iter(f"{svg}text")]
                if code == 0
                else []
            )
            check(
                f"plot map: {measure} is not of one head",
                words[:1] == [title] and not any("Head 2" in w or "H2" in w for w in words),
                err or str(words),
            )
        out = pathlib.Path(folder) / "contrast.svg"
        for measure, wanted in (("logit_head", "L1 H2"), ("logit_token", "0 <|endof")):
            code, _, err = run(
                *arguments,
                "--view",
                "parts",
                "--measure",
                measure,
                "--target",
                "river",
                "--foil",
                "house",
                "--out",
                out,
            )
            words = (
                " ".join(
                    "".join(t.itertext())
                    for t in ElementTree.parse(out).getroot().iter(f"{svg}text")
                )
                if code == 0
                else ""
            )
            check(
                f"plot parts: {measure}",
                wanted in words and '"river" minus "house"' in words,
                err or words[:300],
            )
        out = pathlib.Path(folder) / "map.png"
        code, _, err = run(*arguments, "--view", "map", "--width", 500, "--out", out)
        data = out.read_bytes() if out.exists() else b""
        check("plot: png", code == 0 and data[:8] == b"\x89PNG\r\n\x1a\n", err)
        if data:
            width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
            packed, at = b"", 8
            while at < len(data):
                size, name = struct.unpack(">I4s", data[at : at + 8])
                check(
                    "plot: png checksum",
                    zlib.crc32(data[at + 4 : at + 8 + size])
                    == struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0],
                )
                packed += data[at + 8 : at + 8 + size] if name == b"IDAT" else b""
                at += 12 + size
            check("plot: png says what it shows", "Layer 1 · Head 2".encode() in data)
            channels = {0: 1, 2: 3, 6: 4}[kind]
            check(
                "plot: png is whole",
                depth == 8 and len(zlib.decompress(packed)) == height * (1 + channels * width),
                f"{width} x {height}",
            )
        out = pathlib.Path(folder) / "none" / "x.svg"
        for name, more, word in (
            ("folder", ["--view", "map", "--out", out], "folder"),
            ("view", ["--view", "cake", "--out", out], "cake"),
            ("measure", ["--view", "grid", "--measure", "cake", "--out", out], "cake"),
            ("format", ["--view", "map", "--out", pathlib.Path(folder) / "x.bmp"], ".bmp"),
        ):
            code, _, err = run(*arguments, *more)
            check(
                f"plot: bad {name}",
                code != 0 and word in err and len(err.strip().splitlines()) == 1,
                err,
            )


MODELS = DATA / "models"


def changed_model(folder, base, fields=None, rename=lambda name: name, drop=(), extra=(), patch=()):
    """A copy of a test model in `folder`: fields of config.json set (None: taken out), tensors
    renamed, dropped, added as (name, number of floats), and floats set as (name, at, value)."""
    folder.mkdir()
    for file in (MODELS / base).iterdir():
        if file.name in ("config.json", "tokenizer.json"):
            (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    for key, value in (fields or {}).items():
        config[key] = value
        if value is None:
            del config[key]
    (folder / "config.json").write_text(json.dumps(config))
    data = (MODELS / base / "model.safetensors").read_bytes()
    n = struct.unpack("<Q", data[:8])[0]
    old, header, body = json.loads(data[8 : 8 + n]), {}, b""
    old.pop("__metadata__", None)
    for name, tensor in old.items():
        if name in drop:
            continue
        begin, end = tensor["data_offsets"]
        values = bytearray(data[8 + n + begin : 8 + n + end])
        for patched, at, value in patch:
            if patched == name:
                values[4 * at : 4 * at + 4] = struct.pack("<f", value)
        header[rename(name)] = {**tensor, "data_offsets": [len(body), len(body) + len(values)]}
        body += values
    for name, size in extra:
        offsets = [len(body), len(body) + 4 * size]
        header[name] = {"dtype": "F32", "shape": [size], "data_offsets": offsets}
        body += struct.pack(f"<{size}f", *[0.5] * size)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)
    return folder


def notes_said(name, arguments, word):
    """Runs a command with JSON output: `word` is in its notes, and in those on standard error."""
    code, out, err = run(*arguments)
    notes = json.loads(out)["notes"] if code == 0 else []
    said = [line for line in err.splitlines() if line.startswith("attnscope: note: ")]
    fine = any(word in note for note in notes) and any(word in line for line in said)
    check(f"{name}: notes", code == 0 and fine and len(said) == len(notes), err or out[:300])
    return out


def test_notes():
    text = ["--text", "Once upon a time"]
    for command in ("next", "lens", "heads", "circuits", "measure pattern"):
        about = [] if command == "circuits" else text
        arguments = [*command.split(), "--model", BOOKWORM, *about, "--format", "json"]
        code, out, err = run(*arguments)
        quiet = code == 0 and json.loads(out)["notes"] == [] and err == ""
        check(f"{command}: nothing to note", quiet, err)
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        odd = changed_model(here / "odd", "gpt2", {"query_scale": 3})
        for command in ("next", "lens", "heads", "circuits", "measure pattern"):
            about = [] if command == "circuits" else text
            arguments = [*command.split(), "--model", odd, *about, "--format", "json"]
            notes_said(command, arguments, "query_scale")
        random = ["heads", "--model", odd, "--random-repeat", "--length", 9, "--format", "json"]
        notes_said("heads --random-repeat", random, "query_scale")
        code, out, err = run("attention", "--model", odd, *text, "--out", here / "a.npy")
        tokens = json.loads((here / "a.npy.tokens.json").read_text())
        check("attention: notes", "query_scale" in tokens["notes"][0] and "query_scale" in err, err)
        code, out, err = run("report", "--model", odd, *text)
        check("report: notes", code == 0 and "note: config.json" in err and "note" not in out, err)


def predictions(folder, text="Once upon a time"):
    """Logits by id, and standard error."""
    arguments = ["next", "--model", folder, "--text", text, "--top", 400, "--format", "json"]
    code, out, err = run(*arguments)
    check(f"next of {pathlib.Path(folder).name}", code == 0, err)
    return {c["id"]: c["logit"] for c in json.loads(out)["next"]} if code == 0 else {}, err


def test_unused():
    text = ["--text", "Once upon a time"]
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        norm = "model.layers.1.self_attn.q_norm.weight"
        refused = changed_model(here / "norm", "llama-gqa", extra=[(norm, 4)])
        bad(["next", "--model", refused, *text], 1, norm)
        bad(["report", "--model", refused, *text], 1, "--ignore-unused")
        arguments = ["next", "--model", refused, *text, "--ignore-unused", "--format", "json"]
        out = notes_said("--ignore-unused", arguments, norm)
        plain = run("next", "--model", MODELS / "llama-gqa", *text, "--format", "json")[1]
        check("--ignore-unused: the rest", json.loads(out)["next"] == json.loads(plain)["next"])

        task = changed_model(here / "task", "gpt2", extra=[("score.weight", 32)])
        check("a head for another task is said", "another task" in predictions(task)[1])
        for prefix in ("module.", "_orig_mod.", "base_model.model."):
            wrapped = changed_model(here / prefix, "gpt2", rename=lambda n, p=prefix: p + n)
            logits, err = predictions(wrapped)
            check(f"{prefix} is taken off", logits == predictions(MODELS / "gpt2")[0], err)
            check(f"{prefix} is said", prefix + "transformer." in err, err)
        lost = changed_model(here / "lost", "gpt2", rename=lambda n: n.replace("c_attn", "qkv"))
        bad(["next", "--model", lost, *text], 1, 'nearest name is "transformer.h.')
        beside = changed_model(here / "beside", "gpt2")
        weights = (beside / "model.safetensors").read_bytes()
        (beside / "adapter_model.safetensors").write_bytes(weights)
        check("an adapter beside its base is said", "is not applied" in predictions(beside)[1])
        pointer = changed_model(here / "pointer", "gpt2")
        for name in ("model.safetensors", "config.json", "tokenizer.json"):
            real = (pointer / name).read_bytes()
            (pointer / name).write_text("version https://git-lfs.github.com/spec/v1\noid a\n")
            bad(["next", "--model", pointer, *text], 1, "git lfs pull")
            (pointer / name).write_bytes(real)


def test_adapters():
    """--adapter DIR is merged and said; --no-adapter leaves it out; what is wrong is refused."""
    adapter = DATA / "adapters" / "gpt2-conv1d"
    text = ["--text", "Once upon a time"]
    plain = predictions(MODELS / "gpt2")[0]
    arguments = ["next", "--model", MODELS / "gpt2", *text, "--top", 400, "--format", "json"]
    said = "gpt2-conv1d is merged: r = 4"
    out = notes_said("--adapter", [*arguments, "--adapter", adapter], said)
    merged = {c["id"]: c["logit"] for c in json.loads(out)["next"]}
    check("--adapter changes the predictions", max(abs(merged[i] - plain[i]) for i in plain) > 0.1)
    with tempfile.TemporaryDirectory() as folder:
        both = pathlib.Path(folder) / "gpt2"
        both.mkdir()
        for file in (*(MODELS / "gpt2").iterdir(), *adapter.iterdir()):
            if file.name not in ("expected.safetensors", "base.txt"):
                (both / file.name).write_bytes(file.read_bytes())
        check("an adapter in the folder of its base", predictions(both)[0] == merged)
        code, out, err = run(*arguments[:2], both, *arguments[3:], "--no-adapter")
        left = {c["id"]: c["logit"] for c in json.loads(out)["next"]} if code == 0 else {}
        check("--no-adapter", left == plain and "is not merged" in err, err)
    bad(["next", "--model", adapter, *text], 1, '"tiny/gpt2"')
    llama = ["next", "--model", MODELS / "llama-gqa", *text]
    bad([*llama, "--adapter", adapter], 1, "the adapter was made for")
    bad([*llama, "--adapter", MODELS / "gpt2"], 1, "adapter_config.json is missing")


def test_heads_of_models():
    """Output heads: none, tied, or the file's own; resized; and what config.json asks for."""
    text = ["--text", "Once upon a time"]
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        headless = changed_model(here / "headless", "llama-gqa", drop=["lm_head.weight"])
        for command in ("next", "lens", "measure lens_logit"):
            bad([*command.split(), "--model", headless, *text], 1, "")
        code, out, err = run("report", "--model", headless, *text)
        check("headless: patterns", code == 0 and "no output head" in err, err)
        own = changed_model(here / "own", "llama-own-head")
        untied = changed_model(here / "untied", "llama-own-head", {"tie_word_embeddings": False})
        logits, err = predictions(own)
        fine = logits == predictions(untied)[0] and "differs" in err
        check("a head of its own is used", fine, err)
        resized = changed_model(here / "resized", "gpt2", {"vocab_size": 270})
        logits, err = predictions(resized)
        check("a resized embedding", len(logits) == 272 and "resized" in err, err)
        untyped = changed_model(here / "untyped", "gpt2", {"model_type": None})
        check("model_type from the class", "taken as gpt2" in predictions(untyped)[1])
        window = {"use_sliding_window": True, "sliding_window": 4}
        slides = ["full_attention", "sliding_attention"]
        free = changed_model(here / "free", "qwen2", window)
        check("no layer slides", len(predictions(free)[0]) == 272)
        held = changed_model(here / "held", "qwen2", {**window, "layer_types": slides})
        row = ["--layer", "1", "--token", "6", "--format", "json"]
        out = run("measure", "row", "--model", held, *text, *row)[1]
        weights = json.loads(out)["values"]
        check("a layer slides", [w > 0 for w in weights[:7]] == 3 * [False] + 4 * [True], weights)
        both = ["measure", "pattern", "--model", MODELS / "qwen2-both-ways", *text]
        out = notes_said("is_causal false", [*both, "--format", "json"], "is_causal is false")
        check("is_causal false: later tokens", json.loads(out)["values"][0][1] > 0)


def test_damaged():
    text = ["--text", "Once upon a time"]
    name = "transformer.h.1.attn.c_attn.weight"
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        nan = changed_model(here / "nan", "gpt2", patch=[(name, 3, math.nan)])
        bad(["next", "--model", nan, *text], 1, "not numbers (NaN)")
        arguments = ["heads", "--model", nan, *text, "--format", "json"]
        out = notes_said("NaN", arguments, f'"{name}" has 1 number that is NaN')
        roles = [role["sentence"] for role in json.loads(out)["roles"]]
        scores = flat(json.loads(out)["scores"]["first_token"])
        nan_heads = [role for role, score in zip(roles, scores) if score is None]
        fine = nan_heads and all("not numbers (NaN)" in role for role in nan_heads)
        check("no head of NaN has a role", fine, str(roles))
        code, out, err = run("report", "--model", nan, *text, "--layer", 1)
        check("report: no sum of NaN", "except where weights are not numbers (NaN): L1" in out)
        for view, layer in (("map", 1), ("wall", 1)):
            svg = here / f"{view}.svg"
            plot = ["plot", "--view", view, "--model", nan, *text, "--layer", layer, "--out", svg]
            code, out, err = run(*plot)
            check(f"{view}: NaN is red", code == 0 and "#db2645" in svg.read_text(), err)
        fresh = changed_model(here / "fresh", "llama-gqa")
        check("trained weights are not doubted", "initialised" not in predictions(fresh)[1])
    unknown = ["measure", "pattern", "--model", MODELS / "bert", "--text", "学习 注意 力"]
    notes_said("a text that is unknown", [*unknown, "--format", "json"], "are [UNK]")
    code, out, err = run("report", "--model", MODELS / "gpt2-relu", *text)
    check("the report's formula has the model's scale", "score = q·k × 1 = " in out)


def test_pairs():
    """Two texts as one input, by the tiny BERT and by a shared case of transformers' numbers."""
    pair = ["--model", MODELS / "bert", "--text", "The cat sat.", "--pair", "It was a dog."]
    code, out, err = run("measure", "pattern", *pair, "--format", "json")
    whole = json.loads(out)["values"]
    code, out, err = run("measure", "pattern", *pair, "--between", "b-a", "--format", "json")
    part = json.loads(out)["values"]
    first = len(whole) - len(part)  # queries of the first text
    fine = part == [row[:first] for row in whole[first:]] and first == len(part[0])
    check("--between b-a: the second text's rows on the first", fine, f"{len(part)}, {first}")
    code, out, err = run("measure", "pattern", *pair, "--between", "b-a")
    check("--between is said", "Second → first" in out and "hidden tokens hold" in out, out)
    typed = ["measure", "pattern", "--model", MODELS / "bert", "--text", "The cat. [SEP] A dog."]
    notes_said("a pair typed as one text", [*typed, "--format", "json"], "token type 0")
    text = ["--text", "a", "--pair", "b"]
    bad(["next", "--model", MODELS / "gpt2", *text], 1, "no form for two texts")
    folder = SHARED / "cases/bert-sentence-pair"
    if not folder.exists():
        return skip("bert-sentence-pair", f"{folder} is not there")
    with tempfile.TemporaryDirectory() as here:
        made = pathlib.Path(here, "pair.npy")
        texts = ["--text", "The cat sat on the mat", "--pair", "The dog lay on the rug"]
        code, out, err = run("attention", "--model", folder / "model", *texts, "--out", made)
        check("bert-sentence-pair", code == 0, err)
        with zipfile.ZipFile(folder / "pair_expected.npz") as expected:
            wanted = floats(read_npy(expected.read("pair.npy"))[2])
        apart = largest_difference(floats(read_npy(made.read_bytes())[2]), wanted)
        check("bert-sentence-pair is transformers' pair", apart <= 2e-6, apart)


CASES = {
    "headless-untied-predicts": (1, "no output vocabulary"),
    "is-causal-false": (0, "is_causal is false"),
    "nan-weights/model": (1, "not numbers (NaN)"),
    "qa-transformer-prefix": (0, 'begin with "transformer."'),
    "qwen2-no-layer-slides": (0, ""),
    "resized-embedding/model": (0, "resized"),
    "roberta-pad-in-text": (0, ""),
    "tied-flag-own-lm-head": (0, "differs from the embedding"),
    "unused-tensors/adapters": (1, "an adapter"),
    "dnabert-3mer/model": (0, "are [UNK]"),
    "ids-only-gpt2/model": (1, '"the" is no token id; this model has no tokenizer'),
    "camembert-and-xlmr/camembert": (0, "randomly initialised"),
    "tokenizer-model-only/model": (1, "tokenizer.model has no pieces of text"),
    "bin-and-vocab-txt/model": (0, "randomly initialised"),
    "trainer-output/out": (1, "this is the newest, checkpoint-1000"),
    "escape-in-shard-name/m": (1, "\\u001b]0;pwned\\u0007\\u001b[31mx.safetensors is missing"),
    "attention-dumps/attn.npz": (1, "not a model"),
}


def check_pooling(folder):
    """The attention of a pooling head, what is computed of it, and what is refused."""
    siglip = ROOT / "tests/data/vision/siglip"
    picture = ["--model", siglip, "--picture", siglip / "picture.png"]
    pooling = [*picture, "--part", "pooling"]
    _, want = read_safetensors((siglip / "expected.safetensors").read_bytes())
    for part, name in (("encoder", "attn"), ("pooling", "pooling")):
        out = folder / "out.safetensors"
        code, _, err = run("attention", *picture, "--part", part, "--out", out)
        check(f"{part}: attention", code == 0, err)
        if code == 0:
            _, got = read_safetensors(out.read_bytes())
            apart = largest_difference(floats(got["attention"][1]), floats(want[name][1]))
            check(f"{part}: patterns of transformers", apart <= 2e-5, str(apart))
    out = folder / "out.svg"
    code, _, err = run("plot", *pooling, "--view", "picture", "--out", out)
    text = out.read_text() if code == 0 else ""
    check("pooling: plot", text.count("<image ") == 2 and "[probe]" in text, err)
    code, out, err = run("heads", *pooling, "--format", "csv")
    check("pooling: heads", code == 0 and len(out.splitlines()) == 5, err or out)
    check("pooling: no scores of two places", "previous_token" not in out, out)
    code, out, err = run("measure", "entropy", *pooling)
    check("pooling: measure", code == 0, err)
    code, out, err = run("report", *pooling, "--lang", "en")
    check("pooling: report", code == 0 and "attention pooling" in out, err or out[-2000:])
    for words in (["measure", "head_writes"], ["measure", "copying"], ["measure", "rollout"]):
        bad([*words, *pooling], 1, "the pooling head is not one of")
    bad(["measure", "entropy", *pooling, "--layer", 1], 1, "there are 1 layers")
    bad(["measure", "entropy", *pooling, "--token", 1], 1, "there are 1 tokens")
    bad(["measure", "entropy", *picture, "--part", "cross"], 1, "the parts encoder and pooling")
    bad(["circuits", "--model", siglip, "--part", "pooling"], 1, "leave the option out")
    for name in ("vit", "siglip-headless"):
        other = siglip.parent / name
        args = ["--model", other, "--picture", other / "picture.png", "--part", "pooling"]
        bad(["measure", "entropy", *args], 1, "no pooling head")


def test_pictures():
    """Patterns of pictures, the view that paints them, and what is said where a picture or a text
    is of no use."""
    vit = ROOT / "tests/data/vision/vit"
    picture = ["--model", vit, "--picture", vit / "picture.png"]
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out.safetensors"
        code, _, err = run("attention", *picture, "--out", out)
        check("picture: attention", code == 0, err)
        if code == 0:
            _, got = read_safetensors(out.read_bytes())
            _, want = read_safetensors((vit / "expected.safetensors").read_bytes())
            apart = largest_difference(floats(got["attention"][1]), floats(want["attn"][1]))
            check("picture: patterns of transformers", apart <= 2e-5, str(apart))
        out = pathlib.Path(folder) / "out.svg"
        code, _, err = run("plot", *picture, "--view", "picture", "--layer", 1, "--out", out)
        text = out.read_text() if code == 0 else ""
        check("picture: plot", text.count("<image ") == 2 and "[CLS]" in text, err)
        out = pathlib.Path(folder) / "out.png"
        code, _, err = run("plot", *picture, "--view", "picture", "--out", out)
        check("picture: png", code == 0 and out.stat().st_size > 9000, err)
        check_pooling(pathlib.Path(folder))
    code, out, err = run("heads", *picture, "--format", "csv")
    check("picture: heads", code == 0 and len(out.splitlines()) == 9, err or out)
    code, out, err = run("report", "--model", vit, "--picture", "-", "--lang", "en")
    check("picture: report on the example", code == 0 and "patch␣0,3" in out, err or out[-2000:])
    bad(["attention", "--model", vit, "--text", "a", "--out", "x.npz"], 1, "reads pictures")
    bad(["next", *picture], 1, "no output vocabulary")
    bad(["heads", "--model", vit, "--random-repeat"], 1, "reads pictures")
    bad(["report", "--model", BOOKWORM, "--picture", vit / "picture.png"], 1, "reads text")
    bad(["report", "--model", vit, "--picture", vit / "config.json"], 1, "not a PNG or JPEG")


def test_cases():
    for case, (expected, word) in CASES.items():
        folder = SHARED / "cases" / case
        if not folder.exists():
            skip(case, f"{folder} is not there")
            continue
        text = "the girl <mask> and [MASK] a dog went to the sea"
        code, out, err = run("next", "--model", folder, "--text", text)
        check(case, code == expected and word in err, f"exit {code}: {err}")


def test_ids():
    """A model that came without a tokenizer reads token ids."""
    with tempfile.TemporaryDirectory() as here:
        for file in ("config.json", "model.safetensors"):
            shutil.copy(MODELS / "gpt2" / file, here)
        ids = pathlib.Path(here, "ids.json")
        ids.write_text("[5, 12, 7, 3]")
        as_json = ["--format", "json"]
        code, typed, err = run("heads", "--model", here, "--text", "5 12 7 3", *as_json)
        check("ids as text", code == 0 and "no tokenizer among the files" in err, err)
        code, given, err = run("heads", "--model", here, "--ids", ids, *as_json)
        scores = [json.loads(out)["scores"] for out in (typed, given)]
        check("ids as a file have the scores of ids as text", scores[0] == scores[1], err)
        code, out, err = run("next", "--model", here, "--text", "5 12 7 3", *as_json)
        pieces = [(one["id"], one["piece"]) for one in json.loads(out)["next"]]
        check("ids are named by their numbers", all(str(n) == p for n, p in pieces), out)
        check("ids are read as they are", json.loads(out)["input_ids"] == [5, 12, 7, 3], out)
        bad(["next", "--model", here, "--text", "5 12 7x"], 1, '"7x" is no token id')


def main():
    if not COMMAND:
        sys.exit(__doc__)
    tests = [
        test_demo_numbers,
        test_texts,
        test_python_lines,
        test_language,
        test_exits,
        test_usage,
        test_no_model,
        test_nanogpt,
        test_archives,
        test_ids,
        test_help,
        test_terminal,
        *(functools.partial(test_model, name) for name in ("stories260K", "default-candidate")),
        test_masked,
        test_labels,
        test_embed,
        test_story,
        test_heads,
        test_measure,
        test_units,
        test_lens,
        test_circuits,
        test_plot,
        test_notes,
        test_unused,
        test_adapters,
        test_heads_of_models,
        test_damaged,
        test_pairs,
        test_pictures,
        test_cases,
        *limits.tests(sys.modules[__name__]),
    ]
    # Each is a program's run after the other, so two of them keep two cores busy.
    with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as workers:
        for done in [workers.submit(test) for test in tests]:
            done.result()
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
