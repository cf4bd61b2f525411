"""The command line at its limits: full disks, full memory, pipes, signals, hostile names.

Used by run.py. Needs Linux, and the program itself: under Node, limits would be those of Node.
"""

import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import zipfile

TEXT = "Once upon a time there was a little girl"


def limited(t, arguments, kind, most, timeout=120):
    """(exit code, standard error) with a limit of resource.setrlimit."""

    def before():
        if kind == resource.RLIMIT_FSIZE:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write fails, as on a full disk
        resource.setrlimit(kind, (most, most))

    done = subprocess.run(
        [*t.COMMAND, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=t.surroundings(),
        preexec_fn=before,
        timeout=timeout,
    )
    return done.returncode, done.stderr.decode(errors="replace")


def full_disk(t):
    """Each file is whole or as it was before, wherever writing ends."""
    model = ["--model", t.BOOKWORM, "--text", TEXT]
    for name, arguments, others in (
        ("a.npz", ["attention"], []),
        ("a.npy", ["attention"], ["a.npy.tokens.json"]),
        ("a.safetensors", ["attention"], []),
        ("a.svg", ["plot", "--view", "map"], []),
        ("a.png", ["plot", "--view", "map"], []),
    ):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / name
            command = [*arguments, *model, "--out", out]
            code, _, err = t.run(*command)
            if code != 0:
                t.check(f"{name} is written", False, err)
                continue
            largest = max(file.stat().st_size for file in pathlib.Path(folder).iterdir())
            for old in (None, b"old"):
                wrong = []
                for part in range(9):
                    for file in pathlib.Path(folder).iterdir():
                        file.unlink()
                    if old is not None:
                        out.write_bytes(old)
                    code, err = limited(t, command, resource.RLIMIT_FSIZE, largest * part // 9)
                    found = {file.name: file.read_bytes() for file in out.parent.iterdir()}
                    if code != 1 or found != ({name: old} if old is not None else {}):
                        wrong.append(f"{part}/9: exit {code}, {sorted(found)}")
                    if name not in err or "could not be written" not in err:
                        wrong.append(err)
                t.check(f"{name} on a full disk, {old}", not wrong, "; ".join(wrong))
            out.write_bytes(b"old")
            out.chmod(0o640)
            code, _, err = t.run(*command)
            t.check(
                f"{name} replaces the old file and keeps its mode",
                code == 0 and out.stat().st_size > 3 and out.stat().st_mode & 0o777 == 0o640,
                err,
            )
            found = sorted(file.name for file in out.parent.iterdir())
            t.check(f"{name}: nothing else is left", found == sorted([name, *others]), str(found))
    for words in (["--help"], ["demo", "--help"], ["demo"], ["--version"]):
        with open("/dev/full", "wb") as full:
            code = subprocess.run(
                [*t.COMMAND, *words], stdout=full, stderr=subprocess.PIPE, env=t.surroundings()
            ).returncode
        t.check(f"{' '.join(words)} > /dev/full fails", code == 1, f"exit {code}")
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        (here / "real.svg").write_text("old")
        (here / "link.svg").symlink_to("real.svg")
        code, _, err = t.run("plot", "--view", "map", *model, "--out", here / "link.svg")
        t.check(
            "a link stays a link, and its file is replaced",
            code == 0
            and (here / "link.svg").is_symlink()
            and (here / "real.svg").stat().st_size > 9,
            err,
        )
        t.bad(["plot", "--view", "map", *model, "--out", here / "no" / "a.svg"], 1, "a.svg")


def is_whole_archive(path):
    if path.suffix != ".npz" or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() is None


def signals(t):
    """A program that is ended leaves no part of a file."""
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        text = here / "text.txt"
        text.write_text("the cat sat on the mat and looked at the sea " * 20)
        for number in (signal.SIGINT, signal.SIGTERM):
            name = signal.Signals(number).name
            n_caught, bad = 0, []
            for _ in range(12):
                out = here / "out"
                shutil.rmtree(out, ignore_errors=True)
                out.mkdir()
                program = subprocess.Popen(
                    [*t.COMMAND, "attention", "--model", t.BOOKWORM, "--text-file", text]
                    + ["--out", out / "a.npz"],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    env=t.surroundings(),
                )
                while program.poll() is None and not any(out.iterdir()):
                    pass  # the signal comes as soon as there is a file
                program.send_signal(number)
                err = program.communicate(timeout=60)[1].decode()
                if program.returncode == 0:
                    continue  # it was done before
                n_caught += 1
                # It may come when the file has its name and is whole.
                left = [file.name for file in out.iterdir() if not is_whole_archive(file)]
                if program.returncode != -number or left:
                    bad.append(f"exit {program.returncode}, left {left}: {err}")
            t.check(f"{name} while a file is written", not bad, "; ".join(bad))
            t.check(f"{name} came while a file was written", n_caught > 0)


def pipes(t):
    """Pipes are read where that makes sense, refused elsewhere, and never waited for for ever."""
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        for name in ("config.json", "model.safetensors"):
            model = here / ("model-" + name)
            model.mkdir()
            for file in ("config.json", "model.safetensors", "tokenizer.json"):
                if file != name:
                    shutil.copy(t.BOOKWORM / file, model / file)
            os.mkfifo(model / name)
            started = time.monotonic()
            t.bad(["next", "--model", model, "--text", "a"], 1, name)
            t.check(f"a pipe named {name} is not waited for", time.monotonic() - started < 8)
        (here / "folder" / "notes.json").mkdir(parents=True)
        for file in ("config.json", "model.safetensors", "tokenizer.json"):
            shutil.copy(t.BOOKWORM / file, here / "folder" / file)
        code, _, err = t.run("next", "--model", here / "folder", "--text", "a")
        t.check("a folder with a folder named .json opens", code == 0, err)
        os.mkfifo(here / "silent")
        base = ["next", "--model", t.BOOKWORM, "--top", "1"]
        t.bad([*base, "--text-file", here / "silent"], 1, "nothing has come out")
        t.bad([*base, "--text-file", "/dev/zero"], 1, "/dev/zero")
        expected = t.run(*base, "--text", TEXT)[1]
        os.mkfifo(here / "spoken")
        writer = subprocess.Popen(["sh", "-c", f"sleep 0.3; printf '{TEXT}\\n' > '{here}/spoken'"])
        code, out, err = t.run(*base, "--text-file", here / "spoken")
        writer.wait()
        t.check("a named pipe is read", (code, out) == (0, expected), err)
        code, out, err = t.run(*base, "--text-file", "/dev/stdin", stdin=TEXT.encode())
        t.check("/dev/stdin is read", (code, out) == (0, expected), err)


def memory(t):
    """Whatever is missing, one sentence and exit code 1, as soon as the program starts."""
    limit = resource.RLIMIT_AS
    starts = next(kb for kb in range(6_000, 60_000, 50)
                  if limited(t, ["--version"], limit, kb << 10)[0] == 0)
    for command in (
        ["next", "--model", t.BOOKWORM, "--text", TEXT],
        ["heads", "--model", t.BOOKWORM, "--random-repeat", "--length", "60"],
        ["demo"],
    ):
        wrong, codes = [], set()
        steps = (*range(starts + 50, starts + 6_000, 50), *range(starts + 6_000, 80_000, 2_000))
        for kb in steps:
            code, err = limited(t, command, limit, kb << 10)
            codes.add(code)
            if code not in (0, 1) or (code == 1 and not err.startswith("attnscope: ")):
                wrong.append(f"{kb} KB: exit {code}: {err[:200]}")
        name = f"{command[0]} with little memory"
        t.check(name, not wrong, "; ".join(wrong))
        t.check(name + " succeeds with enough, and fails with less", codes == {0, 1}, str(codes))


# What must not reach a terminal: ESC, BEL, a C1 control, a bidirectional override, and a line break
# that would begin a line of the file's own.
HOSTILE = "x\x1b]0;title\x07\x1b[8m\u009b31m\u202eright\nattnscope: fine"


def hostile_names(t):
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)

        def model(name, change):
            made = here / name
            made.mkdir()
            for file in ("config.json", "model.safetensors", "tokenizer.json"):
                shutil.copy(t.BOOKWORM / file, made / file)
            change(made)
            return made

        def shards(made):
            (made / "model.safetensors").unlink()
            index = {"metadata": {}, "weight_map": {"a": HOSTILE}}
            (made / "model.safetensors.index.json").write_text(json.dumps(index))

        def setting(**fields):
            def change(made):
                config = json.loads((made / "config.json").read_text())
                (made / "config.json").write_text(json.dumps({**config, **fields}))

            return change

        def tensor(made):
            data = (made / "model.safetensors").read_bytes()
            n = int.from_bytes(data[:8], "little")
            header = json.loads(data[8 : 8 + n])
            first = next(name for name in header if name != "__metadata__")
            header[HOSTILE] = header.pop(first)
            text = json.dumps(header, ensure_ascii=False).encode()
            (made / "model.safetensors").write_bytes(
                len(text).to_bytes(8, "little") + text + data[8 + n :]
            )

        def vocabulary(made):
            tokenizer = json.loads((made / "tokenizer.json").read_text())
            tokenizer["model"]["type"] = HOSTILE
            (made / "tokenizer.json").write_text(json.dumps(tokenizer))

        def nothing(made):
            pass

        for name, change in (
            ("shards", shards),
            ("type", setting(model_type=HOSTILE)),
            ("activation", setting(activation_function=HOSTILE, hidden_act=HOSTILE)),
            ("unknown", setting(**{HOSTILE: HOSTILE})),
            ("tensor", tensor),
            ("vocabulary", vocabulary),
            ("folder" + HOSTILE.replace("/", ""), nothing),
        ):
            made = model(name, change)
            for command in (["next"], ["report"], ["heads", "--random-repeat"]):
                text = [] if command[0] == "heads" else ["--text", "a girl"]
                code, out, err = t.run(*command, "--model", made, *text)
                said = out + err
                bad = [c for c in said if ord(c) < 32 and c not in "\n\t"]
                bad += [c for c in said if 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2066"]
                lines = [line for line in err.splitlines() if line == "attnscope: fine"]
                t.check(
                    f"{command[0]} with a hostile name in {name[:10]}",
                    not bad and not lines,
                    f"exit {code}: {said[:300]!r}",
                )


def tests(t):
    """What run.py runs; `t` is that module."""
    if len(t.COMMAND) > 1:
        t.skip("limits", "under Node the limits of memory and files are Node's own")
        return []
    return [
        lambda f=f: f(t) for f in (full_disk, signals, pipes, memory, hostile_names)
    ]
