#!/usr/bin/env python3
"""Builds attnscope for the browser and serves it on this machine.

    ./serve.py                  installs what is missing, builds, serves http://127.0.0.1:8000/

Needs only Python's standard library. Later runs rebuild what changed and start at once.
"""

import argparse
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
import re
import subprocess
import sys
import time
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent
SITE = ROOT / "build" / "site"

# Listed here because system tables differ; wasm and modules do not load with a wrong type.
MIME_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/vnd.microsoft.icon",
}
OTHER_TYPE = "application/octet-stream"  # .safetensors, .gguf, .npy, …

# SharedArrayBuffer, and therefore threads, require the first two headers.
ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))  # best first
CHUNK = 1 << 18  # bytes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--port", type=int, default=8000, help="port, or the next free one if in use (default 8000)"
    )
    parser.add_argument(
        "--bind", default="127.0.0.1", help="address (default 127.0.0.1: this machine only)"
    )
    parser.add_argument("--no-build", action="store_true", help="serve build/site as it is")
    parser.add_argument(
        "--no-isolation",
        action="store_true",
        help="omit the headers that enable threads, as many static hosts do",
    )
    options = parser.parse_args()
    try:
        if not options.no_build:
            build()
        if not (SITE / "index.html").is_file():
            sys.exit(f"serve.py: {SITE / 'index.html'} is missing; run without --no-build")
        serve(options.bind, options.port, not options.no_isolation)
    except KeyboardInterrupt:
        print("\nStopped.")


# ---- setting up and building


def build():
    step("Set-up", [ROOT / "cmake" / "bootstrap.sh", "web"])
    for preset in ("web", "web-mt"):
        step(f"Configuring {preset}", ["cmake", "--preset", preset], quiet=True)
        step(
            f"Building {preset}",
            ["cmake", "--build", "--preset", preset, "--target", "attnscope-gui"],
        )
    build_of = ROOT / "build"
    step(
        "Site",
        [
            sys.executable,
            ROOT / "cmake" / "site.py",
            "--out",
            SITE,
            "--app",
            "st",
            build_of / "web",
            "--app",
            "mt",
            build_of / "web-mt",
        ],
    )


def step(title, command, quiet=False):
    """Runs one command in the project's folder; exits with a message if it fails."""
    print(f"{title} …", flush=True)
    start = time.monotonic()
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
        )
    except OSError as error:
        sys.exit(f"serve.py: could not start {command[0]}: {error.strerror}")
    if done.returncode != 0:
        if quiet:
            print(done.stdout)
        sys.exit(f"serve.py: {title} failed (exit code {done.returncode}); see the output above")
    print(f"{title}: {time.monotonic() - start:.1f} s", flush=True)


# ---- serving


def serve(bind, port, isolated, site=SITE):
    server = listen(bind, port, isolated, site)
    host, port = server.server_address[:2]
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    print(f"\n    attnscope is at http://{shown}:{port}/\n\nCtrl-C stops it.", flush=True)
    with server:
        server.serve_forever()


def listen(bind, port, isolated, site):
    """A server on the first free port from `port` on; 0 takes any free port."""
    handler = type("SiteHandler", (Handler,), {"site": Path(site).resolve(), "isolated": isolated})
    for tried in range(port, min(port + 100, 65536)):
        try:
            return Server((bind, tried), handler)
        except OSError as error:
            last = error
    sys.exit(f"serve.py: cannot listen on {bind}, ports {port} to {port + 99}: {last.strerror}")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a closed tab is not an error
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "attnscope"
    sys_version = ""
    timeout = 60  # seconds without data

    def do_GET(self):
        self.answer(with_body=True)

    def do_HEAD(self):
        self.answer(with_body=False)

    def answer(self, with_body):
        file = self.find(self.path)
        if file is None:
            return self.not_found(with_body)
        packed, encoding = self.packed(file)
        size, tag = packed.stat().st_size, etag(packed)
        headers = {
            "Content-Type": MIME_TYPES.get(file.suffix.lower(), OTHER_TYPE),
            "ETag": tag,
            "Last-Modified": formatdate(packed.stat().st_mtime, usegmt=True),
            "Vary": "Accept-Encoding",
            "Accept-Ranges": "bytes",
        }
        if encoding:
            headers["Content-Encoding"] = encoding
        known = [
            t.strip().removeprefix("W/") for t in self.headers.get("If-None-Match", "").split(",")
        ]
        if tag in known or "*" in known:
            return self.head(HTTPStatus.NOT_MODIFIED, headers)
        first, last = self.asked_range(size, tag)
        if first is None:
            headers["Content-Length"] = str(size)
            self.head(HTTPStatus.OK, headers)
            first, last = 0, size - 1
        elif first > last:
            headers |= {"Content-Range": f"bytes */{size}", "Content-Length": "0"}
            return self.head(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers)
        else:
            headers |= {
                "Content-Range": f"bytes {first}-{last}/{size}",
                "Content-Length": str(last - first + 1),
            }
            self.head(HTTPStatus.PARTIAL_CONTENT, headers)
        if with_body:
            self.send(packed, first, last + 1 - first)

    def find(self, target):
        """The file of the site for a request target, or None. Never leaves the site."""
        path = unquote(target.partition("?")[0].partition("#")[0])
        if "\0" in path or "\\" in path:
            return None
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if any(part == ".." or part.startswith(".") for part in parts):
            return None
        try:
            file = self.site.joinpath(
                *parts
            ).resolve()  # resolves links, so that links out of the site are detected
            if file.is_dir():
                file = (file / "index.html").resolve()
            return file if file.is_relative_to(self.site) and file.is_file() else None
        except (OSError, ValueError):
            return None

    def packed(self, file):
        """(path, encoding) of the best compressed copy of `file` that the client accepts."""
        if "Range" not in self.headers:
            accepted = accepted_encodings(self.headers.get("Accept-Encoding", ""))
            for encoding, ending in ENCODINGS:
                copy = file.with_name(file.name + ending)
                if (
                    encoding in accepted
                    and copy.is_file()
                    and copy.stat().st_mtime >= file.stat().st_mtime
                ):
                    return copy, encoding
        return file, None

    def asked_range(self, size, tag):
        """(first, last) bytes; (None, None) for the whole file; first > last if not
        satisfiable."""
        asked = re.fullmatch(r"bytes=\s*(\d*)-(\d*)\s*", self.headers.get("Range", ""))
        if not asked or asked[1] == asked[2] == "" or self.headers.get("If-Range", tag) != tag:
            return None, None
        if asked[1] == "":  # the last n bytes
            n = min(int(asked[2]), size)
            return (size - n, size - 1) if n else (1, 0)
        first = int(asked[1])
        last = int(asked[2]) if asked[2] else size - 1
        if last < first and asked[2]:
            return None, None  # not a range at all
        return (first, min(last, size - 1)) if first < size else (1, 0)

    def not_found(self, with_body):
        body = (
            b"<!doctype html><meta charset=utf-8><title>404</title>"
            b"<p>Page not found. <a href=/>attnscope</a>\n"
        )
        self.head(
            HTTPStatus.NOT_FOUND,
            {"Content-Type": MIME_TYPES[".html"], "Content-Length": str(len(body))},
        )
        if with_body:
            self.wfile.write(body)

    def head(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def end_headers(self):
        if self.isolated:
            for name, value in ISOLATION.items():
                self.send_header(name, value)
        self.send_header("Cache-Control", "no-cache")  # may be stored, but is revalidated
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def send(self, file, first, n_bytes):
        with open(file, "rb") as source:
            source.seek(first)
            while n_bytes > 0 and (chunk := source.read(min(CHUNK, n_bytes))):
                self.wfile.write(chunk)
                n_bytes -= len(chunk)

    def log_message(self, *_):
        pass


def etag(file):
    stat = file.stat()
    return f'"{stat.st_mtime_ns:x}-{stat.st_size:x}{file.suffix}"'


def accepted_encodings(header):
    """Encodings in Accept-Encoding, except those with q=0."""
    accepted = set()
    for item in header.split(","):
        name, *parameters = [part.strip().lower() for part in item.split(";")]
        if not any(re.fullmatch(r"q=0(\.0*)?", p) for p in parameters):
            accepted.add(name)
    return accepted


if __name__ == "__main__":
    main()
