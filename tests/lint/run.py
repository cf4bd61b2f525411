#!/usr/bin/env python3
"""run.py - the form of every file we write; the last line is "N passed, N failed".

    tests/lint/run.py [CHECK...]      checks: format tidy shell python javascript columns planted

Nothing named: all.

format      clang-format: C++ and JavaScript, by .clang-format
tidy        clang-tidy: C++, by .clang-tidy
shell       shellcheck
python      compiles (without leaving __pycache__), and flake8, by .flake8
javascript  node --check, every file as the module it is
columns     no line of over 100 characters, in any of our text files
planted     each of these reports a fault that was planted for it (planted.py)

A file counts when git knows it or does not ignore it; tests/data is not ours to format. clang-tidy
reads build/lint/compile_commands.json, which run.sh has CMake write.
"""

import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LLVM = "19"
WIDTH = 100
JOBS = os.cpu_count() or 1

SHELL = (".sh", ".ci/run")
TEXT = (".h", ".cpp", ".js", ".mjs", ".py", ".cmake", "CMakeLists.txt", ".html", ".css", ".md")
TEXT += (".vert", ".frag", ".svg", ".webmanifest", ".yml", ".txt", ".ini", ".editorconfig")
TEXT += (".gitignore", ".clang-format", ".clang-tidy", ".flake8", "LICENSE", *SHELL)
# No longer lines of ours: packages' locks are npm's, and the others are data.
NOT_TEXT = ("package-lock.json",)


def files(root, *endings):
    """Paths from root, sorted; endings are of the path."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    ours = {path for path in listed.split("\0") if path and not path.startswith("tests/data/")}
    return sorted(
        path for path in ours if path.endswith(endings) and os.path.isfile(os.path.join(root, path))
    )


def program(*names):
    for name in names:
        if shutil.which(name):
            return name
    sys.exit(f"lint: no {names[0]} here; run cmake/bootstrap.sh tests\n0 passed, 1 failed")


def run(command, cwd):
    """What the command says; empty where it succeeds."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, errors="replace")
    if done.returncode == 0:
        return ""
    return (done.stdout + done.stderr).strip() or f"{command[0]} ended with {done.returncode}"


def at_once(work, items):
    """work(item) for all, as many at a time as there are cores; what is not empty."""
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return [said for said in pool.map(work, items) if said]


def chunks(items, n):
    size = -(-len(items) // n) or 1
    return [items[at : at + size] for at in range(0, len(items), size)]


def check_format(root):
    command = [program(f"clang-format-{LLVM}"), "--dry-run", "-Werror"]
    found = files(root, ".h", ".cpp", ".js", ".mjs")
    return at_once(lambda some: run([*command, *some], root), chunks(found, 4 * JOBS))


# clang-tidy reads a header again for every file that includes it, and looks for faults in all of
# it: 200 files take ten minutes. The compile commands are therefore those of a unity build (see
# cmake/unity.cmake): some twenty files that include all others, each read once. Our own files are
# then "headers", which the filter lets through. What only Emscripten compiles is left out.
OURS = "/(src|tests)/"  # other people's headers are system headers, of which nothing is said


def check_tidy(root):
    build = os.path.join(root, "build", "lint")
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as opened:
        commands = json.load(opened)
    paths = [one["file"] for one in commands if "/.deps/" not in one["file"]]
    paths = [path for path in paths if path.endswith(".cpp")]
    missing = set(files(root, ".cpp")) - read_by(root, paths)
    missing = {path for path in missing if not path.endswith("_web.cpp")}
    said = [f"{path}: is in no compile command" for path in sorted(missing)]
    tidy = [
        program(f"clang-tidy-{LLVM}"),
        "-p",
        build,
        "--quiet",
        f"--header-filter={OURS}",
        f"--config-file={root}/.clang-tidy",
        "--warnings-as-errors=*",
    ]
    # The longest first, so that no core is idle at the end.
    paths.sort(key=lambda path: -weight(path))

    def look(path):
        start = time.monotonic()
        text = run([*tidy, path], root)
        took = time.monotonic() - start
        if took > 1:
            print(f"          {took:5.1f} s  {os.path.basename(path)}", flush=True)
        return re.sub(r"^\d+ warnings.*\n?", "", text, flags=re.M)

    return said + at_once(look, paths)


INCLUDED = re.compile(r'^#include "(.*\.cpp)"$', re.M)


def included(path):
    """The files of a unity build that a generated file includes; others are themselves."""
    if "/unity/" not in path:
        return [path]
    with open(path, encoding="utf-8") as opened:
        found = INCLUDED.findall(opened.read())
    return [os.path.normpath(os.path.join(os.path.dirname(path), one)) for one in found]


def read_by(root, paths):
    return {os.path.relpath(file, root) for path in paths for file in included(path)}


def weight(path):
    return sum(os.path.getsize(file) for file in included(path)) + 50_000


def check_shell(root):
    found = files(root, *SHELL)
    return at_once(lambda path: run([program("shellcheck"), path], root), found)


def check_python(root):
    found, said = files(root, ".py"), []
    for path in found:
        with open(os.path.join(root, path), "rb") as opened:
            try:
                compile(opened.read(), path, "exec")
            except SyntaxError as error:
                said.append(f"{path}:{error.lineno}: {error.msg}")
    flake8 = [program("flake8"), f"--config={root}/.flake8"]
    return said + [text for text in [run([*flake8, *found], root)] if text]


def check_javascript(root):
    """Node takes a .js file for a module only from version 20 on, so each is checked as .mjs."""
    node = program("node")
    with tempfile.TemporaryDirectory() as folder:

        def look(path):
            copy = os.path.join(folder, path.replace("/", "+") + ".mjs")
            shutil.copyfile(os.path.join(root, path), copy)
            return run([node, "--check", copy], root).replace(copy, path)

        return at_once(look, files(root, ".js", ".mjs"))


def may_be_long(path, line):
    """Where there is no place to break: a row of a Markdown table, a line with a link to an address
    in Markdown, or one word alone, which may have a list's or a comment's mark before it."""
    if path.endswith(".md") and (line.startswith("|") or "](http" in line):
        return True
    words = [word for word in line.split() if word not in ("-", "#", "//", "*")]
    return len(words) == 1


def check_columns(root):
    said = []
    for path in files(root, *TEXT):
        if path.endswith(NOT_TEXT):
            continue
        with open(os.path.join(root, path), encoding="utf-8") as opened:
            for number, line in enumerate(opened.read().split("\n"), 1):
                if len(line) > WIDTH and not may_be_long(path, line):
                    said.append(f"{path}:{number}: {len(line)} columns")
    return said


def check_planted(_root):
    import planted

    return planted.check()


CHECKS = {
    "format": check_format,
    "tidy": check_tidy,
    "shell": check_shell,
    "python": check_python,
    "javascript": check_javascript,
    "columns": check_columns,
    "planted": check_planted,
}


def main():
    sys.dont_write_bytecode = True
    unknown = [name for name in sys.argv[1:] if name not in CHECKS]
    if unknown:
        sys.exit(f"lint: no check {unknown[0]}; there are: {' '.join(CHECKS)}")
    failed = 0
    names = sys.argv[1:] or list(CHECKS)
    for name in names:
        start = time.monotonic()
        said = CHECKS[name](ROOT)
        print("\n".join(said) if said else "", end="\n" if said else "")
        print(f"{'FAILED' if said else 'ok':8}  {name}  ({time.monotonic() - start:.1f} s)")
        failed += bool(said)
    print(f"{len(names) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
