#!/usr/bin/env python3
"""Builds attnscope for the browser and serves it on this machine.

    ./serve.py                  installs what is missing, builds, serves http://127.0.0.1:8000/

Needs only Python's standard library. Later runs rebuild what changed and start at once.
"""

import argparse
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import io
import ipaddress
import os
from pathlib import Path
import re
import socket
import socketserver
import subprocess
import sys
import threading
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
# The policy of web/index.html for every answer, because that of a document does not hold in the
# scripts of its workers. Who may frame the page can only be said in a header: this site, and what
# runs on the same machine (slides, notebooks), but no page of the web.
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; worker-src 'self' blob:; connect-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self' http://localhost:* http://127.0.0.1:*"
)
ALWAYS = {
    "Cache-Control": "no-cache",  # may be stored, but is revalidated
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",  # links that lead away do not tell where they were
    "X-Content-Type-Options": "nosniff",
}
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))  # best first
CHUNK = 1 << 18  # bytes
MOST_THREADS = 128  # one per connection; more connections wait for their turn
HUGE = 1 << 62  # bytes; larger positions are as far outside as this one


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--port",
        type=port_number,
        default=8000,
        help="port, or the next free one if in use (default 8000)",
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


def port_number(text):
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port; take one from 0 to 65535")
    return int(text)


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
    print(f"\n    attnscope is at {server.here}\n", flush=True)
    if server.others:
        print(
            f"Warning: with --bind {bind}, every machine that reaches this one can read the site, "
            f"at\n{server.others} over plain HTTP. "
            "There, browsers allow neither threads nor offline use.\n",
            flush=True,
        )
    print("Ctrl-C stops it.", flush=True)
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
    sys.exit(f"serve.py: cannot listen on {bind}, ports {port} to {tried}: {last.strerror}")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"
    request_queue_size = 256

    def __init__(self, address, handler):
        self.address_family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        self.turns = threading.BoundedSemaphore(MOST_THREADS)
        super().__init__(address, handler)
        self.name_addresses()

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)  # HTTPServer also looks up the machine's name

    def name_addresses(self):
        """`here` and, for other machines, `others`: addresses of the page. `hosts`: the names it
        may have there, or None for any. A page of the web can point a name of its own at this
        machine, and would then read this server as its own origin."""
        bound, port = self.server_address[:2]
        ip = ipaddress.ip_address(bound)
        v6 = ip.version == 6
        here = ("::1" if v6 else "127.0.0.1") if ip.is_unspecified else bound
        others = own_address(self.address_family) if ip.is_unspecified else bound
        name = lambda host: f"[{host}]" if v6 else host
        self.here = f"http://{name(here)}:{port}/"
        self.others = None if ip.is_loopback else f"http://{name(others)}:{port}/"
        self.hosts = {"localhost", "127.0.0.1", "[::1]", name(bound)} if ip.is_loopback else None

    def process_request(self, request, client_address):
        self.turns.acquire()
        try:
            super().process_request(request, client_address)  # starts a thread
        except BaseException:
            self.turns.release()
            raise

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.turns.release()

    def shutdown_request(self, request):
        """Says that nothing follows, then reads for a second at most: closing a connection with
        bytes unread would take back the answer."""
        due = time.monotonic() + 1
        with suppress(OSError):
            request.shutdown(socket.SHUT_WR)
            while (left := due - time.monotonic()) > 0:
                request.settimeout(left)
                if not request.recv(CHUNK):
                    break
        self.close_request(request)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a closed tab is not an error
            super().handle_error(request, client_address)


def own_address(family):
    """The address of this machine for others. Only asks for the route: nothing is sent."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return socket.gethostname()


class Reads(io.RawIOBase):
    """What a connection sends; all reads together end at `due`, however slowly it comes."""

    def __init__(self, connection):
        self.connection = connection
        self.due = 0.0

    def readable(self):
        return True

    def readinto(self, buffer):
        self.connection.settimeout(max(self.due - time.monotonic(), 1e-3))
        return self.connection.recv_into(buffer)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "attnscope"
    sys_version = ""
    head_s = 10  # until a request is complete, since the connection or the last answer
    timeout = 60  # seconds until CHUNK bytes are taken

    def setup(self):
        super().setup()
        self.reads = Reads(self.connection)
        self.rfile = io.BufferedReader(self.reads)

    def handle_one_request(self):
        self.reads.due = time.monotonic() + self.head_s
        super().handle_one_request()

    def parse_request(self):
        if not super().parse_request():
            return False
        self.connection.settimeout(self.timeout)
        lengths = self.headers.get_all("Content-Length", ["0"])
        if lengths != ["0"] or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # no body is read: it must not pass for a request
        if threading.active_count() > MOST_THREADS // 2:
            self.close_connection = True  # makes room for those who wait
        hosts = " ".join(self.headers.get_all("Host", [])).lower()
        name = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^:\[\]\s]+)(:[0-9]*)?", hosts)
        if self.request_version == "HTTP/0.9":
            self.refuse(HTTPStatus.BAD_REQUEST, "HTTP/1.0 or newer is needed.")
        elif not name:
            self.refuse(HTTPStatus.BAD_REQUEST, "The request needs one Host header.")
        elif self.server.hosts and name[1] not in self.server.hosts:
            self.refuse(HTTPStatus.FORBIDDEN, f"Open the page at {self.server.here}")
        elif not self.path.startswith("/"):
            self.refuse(HTTPStatus.BAD_REQUEST, "The path must begin with a slash.")
        else:
            return True
        return False

    def handle_expect_100(self):
        return True  # nobody reads the body; the answer says so

    def do_GET(self):
        self.answer(with_body=True)

    def do_HEAD(self):
        self.answer(with_body=False)

    def answer(self, with_body):
        file = self.find(self.path)
        if file is None:
            return self.not_found(with_body)
        packed, encoding = self.packed(file)
        try:
            source = open(packed, "rb")
        except OSError:  # replaced by a build, or not ours to read
            return self.not_found(with_body)
        with source:
            self.answer_from(source, file, encoding, with_body)

    def answer_from(self, source, file, encoding, with_body):
        stat = os.fstat(source.fileno())
        size = stat.st_size
        tag = f'"{stat.st_mtime_ns:x}-{size:x}.{encoding or ""}"'
        headers = {
            "Content-Type": MIME_TYPES.get(file.suffix.lower(), OTHER_TYPE),
            "ETag": tag,
            "Last-Modified": formatdate(stat.st_mtime, usegmt=True),
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
            self.send(source, first, last + 1 - first)

    def find(self, target):
        """The file of the site for a request target, or None."""
        path = unquote(target.partition("?")[0].partition("#")[0])
        if "\0" in path or "\\" in path:
            return None
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if any(part == ".." or part.startswith(".") for part in parts):
            return None
        file = self.site.joinpath(*parts)
        return self.inside(file) or self.inside(file / "index.html")

    def inside(self, path):
        """The file that `path` or its links lead to, or None. Never leaves the site."""
        try:
            file = path.resolve()
            parts = file.relative_to(self.site).parts
            hidden = any(part.startswith(".") for part in parts)
            return file if file.is_file() and not hidden else None
        except (OSError, ValueError, RuntimeError):  # the last for links in a circle
            return None

    def packed(self, file):
        """(path, encoding) of the best compressed copy of `file` that the client accepts."""
        if "Range" not in self.headers:
            accepted = accepted_encodings(self.headers.get("Accept-Encoding", ""))
            for encoding, ending in ENCODINGS:
                if encoding not in accepted:
                    continue
                copy = self.inside(Path(f"{file}{ending}"))
                with suppress(OSError):
                    if copy and copy.stat().st_mtime >= file.stat().st_mtime:
                        return copy, encoding
        return file, None

    def asked_range(self, size, tag):
        """(first, last) bytes; (None, None) for the whole file; first > last if not
        satisfiable."""
        asked = re.fullmatch(r"bytes=\s*([0-9]*)-([0-9]*)\s*", self.headers.get("Range", ""))
        if not asked or asked[1] == asked[2] == "" or self.headers.get("If-Range", tag) != tag:
            return None, None
        if asked[1] == "":  # the last n bytes
            n = min(position(asked[2]), size)
            return (size - n, size - 1) if n else (1, 0)
        first = position(asked[1])
        last = position(asked[2]) if asked[2] else HUGE
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

    def send_error(self, code, message=None, explain=None):
        self.refuse(HTTPStatus(code))  # the base class's messages repeat the request

    def refuse(self, status, sentence=""):
        body = f"{status.value} {status.phrase}. {sentence}".strip() + "\n"
        self.request_version = "HTTP/1.0"  # HTTP/0.9 would have no status
        self.close_connection = True
        self.head(status, {"Content-Type": MIME_TYPES[".txt"], "Content-Length": str(len(body))})
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    def head(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def end_headers(self):
        for name, value in (ALWAYS | (ISOLATION if self.isolated else {})).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        super().end_headers()

    def send(self, source, first, n_bytes):
        source.seek(first)
        while n_bytes > 0 and (chunk := source.read(min(CHUNK, n_bytes))):
            self.wfile.write(chunk)
            n_bytes -= len(chunk)
        if n_bytes:  # the file became shorter; the next answer must not pass for its rest
            self.close_connection = True

    def log_message(self, *_):
        pass


def position(digits):
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) < len(str(HUGE)) else HUGE


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
