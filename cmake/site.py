#!/usr/bin/env python3
"""site.py - assembles the static site from web/ and from built programs.

    cmake/site.py --out build/site --app st build/web --app mt build/web-mt

Files of web/ go to the top level, app.js and app.wasm of each build to a folder with its name.
Files removed from web/ are removed from the site; programs not named are kept. Larger texts and
programs get compressed copies (.gz, and .br if the command `brotli` exists), and version.json lists
all files for the service worker. Later runs only touch what changed.
"""

import argparse
import base64
import gzip
import hashlib
import json
import os
from pathlib import Path
import shutil
import subprocess

ROOT = Path(__file__).resolve().parent.parent
COMPRESSED = {".wasm", ".js", ".mjs", ".json", ".css", ".html", ".svg", ".txt", ".webmanifest"}
SMALLEST = 1024  # bytes; below it a compressed copy saves no packet
PROGRAM = ("app.js", "app.wasm")
FLAVOURS = ("st", "mt")


def same(a, b):
    """Whether b is a copy of a, judged by size and time."""
    if not b.is_file():
        return False
    x, y = a.stat(), b.stat()
    return x.st_size == y.st_size and x.st_mtime_ns == y.st_mtime_ns


def wanted_files(web, out, apps):
    """{path in the site: source file}."""
    wanted = {}
    if web.is_dir():
        for file in sorted(web.rglob("*")):
            if file.is_file() and not any(
                part.startswith(".") for part in file.relative_to(web).parts
            ):
                wanted[file.relative_to(web).as_posix()] = file
    for flavour, build in apps:
        for name in PROGRAM:
            if not (build / name).is_file():
                raise SystemExit(f"site.py: {build / name} is missing; build attnscope-gui first")
            wanted[f"{flavour}/{name}"] = build / name
    for flavour in FLAVOURS:
        for name in PROGRAM:
            kept = out / flavour / name
            if f"{flavour}/{name}" not in wanted and kept.is_file():
                wanted[f"{flavour}/{name}"] = kept
    return wanted


def compress(file):
    """Writes FILE.gz and FILE.br beside FILE if missing or outdated, and if it saves bytes."""
    size, time = file.stat().st_size, file.stat().st_mtime_ns
    for ending, pack in ((".gz", pack_gzip), (".br", pack_brotli)):
        packed = file.with_name(file.name + ending)
        if packed.is_file() and packed.stat().st_mtime_ns == time:
            continue
        packed.unlink(missing_ok=True)
        if size >= SMALLEST and file.suffix in COMPRESSED and pack(file, packed):
            if packed.stat().st_size >= size:
                packed.unlink()
            else:
                os.utime(packed, ns=(time, time))


def pack_gzip(file, packed):
    packed.write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))
    return True


def pack_brotli(file, packed):
    if not shutil.which("brotli"):
        return False
    subprocess.run(["brotli", "-q", "11", "-w", "24", "-f", "-o", packed, file], check=True)
    return True


def assemble(web, out, apps):
    out.mkdir(parents=True, exist_ok=True)
    wanted = wanted_files(web, out, apps)
    for path, source in wanted.items():
        target = out / path
        if source != target and not same(source, target):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        compress(target)
    for file in sorted(out.rglob("*"), reverse=True):
        path = file.relative_to(out).as_posix()
        packed_of = path[:-3] if path.endswith((".gz", ".br")) else path
        if file.is_dir():
            if not any(file.iterdir()):
                file.rmdir()
        elif path != "version.json" and path not in wanted and packed_of not in wanted:
            file.unlink()
    write_version(out, sorted(wanted))


def write_version(out, paths):
    """version.json: {"version": a hash of everything, "files": [{"path", "size", "hash"}]};
    the hash of a file is its SHA-256 in Base64."""
    everything = hashlib.sha256()
    files = []
    for path in paths:
        data = (out / path).read_bytes()
        hashed = hashlib.sha256(data)
        everything.update(f"{path}\n{hashed.hexdigest()}\n".encode())
        digest = base64.b64encode(hashed.digest()).decode()
        files.append({"path": path, "size": len(data), "hash": digest})
    text = json.dumps({"version": everything.hexdigest()[:16], "files": files}, indent=1) + "\n"
    version = out / "version.json"
    if not version.is_file() or version.read_text() != text:
        version.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--web", type=Path, default=ROOT / "web")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site")
    parser.add_argument("--app", nargs=2, action="append", default=[], metavar=("NAME", "BUILD"))
    options = parser.parse_args()
    for name, _ in options.app:
        if name not in FLAVOURS:
            parser.error(f"--app knows {', '.join(FLAVOURS)}, not {name}")
    assemble(options.web, options.out, [(name, Path(build)) for name, build in options.app])


if __name__ == "__main__":
    main()
