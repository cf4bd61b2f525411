"""test_serve.py - serve.py and cmake/site.py, asked over a real socket.

Run: python3 test_serve.py
"""

import base64
import gzip
import hashlib
import http.client
import importlib.util
import json
import os
from pathlib import Path
import shutil
import socket
import re
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sys.dont_write_bytecode = True
serve = load("serve", ROOT / "serve.py")
site = load("site_builder", ROOT / "cmake" / "site.py")

PAGE = "<!doctype html><title>attnscope</title>" + " " * 4000
MODEL = bytes(range(256)) * 40


class ServedSite(unittest.TestCase):
    isolated = True

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        base = Path(cls.folder.name)
        web, build, cls.site = base / "web", base / "build", base / "site"
        (web / "models" / "tiny").mkdir(parents=True)
        build.mkdir()
        (base / "secret.txt").write_text("not for the web")
        (web / "index.html").write_text(PAGE)
        (web / "small.css").write_text("a{}")
        (web / "深.txt").write_text("深度")
        (web / ".hidden").write_text("not for the web")
        (web / "manifest.webmanifest").write_text("{}")
        (web / "models" / "tiny" / "model.safetensors").write_bytes(MODEL)
        (web / "models" / "tiny" / "config.json").write_text("{}")
        (build / "app.js").write_text("let a = 1;\n" * 500)
        (build / "app.wasm").write_bytes(b"\0asm" + b"\0" * 5000)
        site.assemble(web, cls.site, [("st", build), ("mt", build)])
        os.symlink(base / "secret.txt", cls.site / "link.txt")
        os.symlink(base, cls.site / "out")
        cls.more_files(base)
        cls.faults = []  # what the server would print a traceback of
        fault = lambda *_: cls.faults.append(repr(sys.exc_info()[1]))
        cls.printing = mock.patch.object(socketserver.BaseServer, "handle_error", fault)
        cls.printing.start()
        cls.server = serve.listen("127.0.0.1", 0, cls.isolated, cls.site)
        cls.port = cls.server.server_address[1]
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()
        cls.printing.stop()
        cls.folder.cleanup()

    @classmethod
    def more_files(cls, base):
        pass

    def tearDown(self):
        self.assertEqual(self.faults, [], "exceptions in the server")
        self.faults.clear()

    def ask(self, path, method="GET", **headers):
        """(status, headers, body); in names of headers _ stands for -."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, response.headers, body

    def raw(self, request, limit_s=5):
        """All that the server sends until it closes the connection, for these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=limit_s) as connection:
            connection.sendall(request)
            return read_all(connection)


def read_all(connection):
    answer = b""
    while chunk := connection.recv(1 << 16):
        answer += chunk
    return answer


def head(*lines):
    """The bytes of a request of these lines; each may be bytes."""
    lines = [line if isinstance(line, bytes) else line.encode() for line in lines]
    return b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def statuses(answer):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", answer)]


class Serving(ServedSite):
    def test_types(self):
        for path, kind in {
            "/": "text/html; charset=utf-8",
            "/index.html": "text/html; charset=utf-8",
            "/st/app.js": "text/javascript; charset=utf-8",
            "/mt/app.wasm": "application/wasm",
            "/version.json": "application/json",
            "/small.css": "text/css; charset=utf-8",
            "/manifest.webmanifest": "application/manifest+json",
            "/models/tiny/model.safetensors": "application/octet-stream",
        }.items():
            with self.subTest(path):
                status, headers, _ = self.ask(path)
                self.assertEqual((status, headers["Content-Type"]), (200, kind))
                self.assertEqual(headers["X-Content-Type-Options"], "nosniff")

    def test_isolation_even_where_there_is_nothing(self):
        for path in ("/", "/absent"):
            _, headers, _ = self.ask(path)
            self.assertEqual(headers["Cross-Origin-Opener-Policy"], "same-origin")
            self.assertEqual(headers["Cross-Origin-Embedder-Policy"], "require-corp")
            self.assertEqual(headers["Cross-Origin-Resource-Policy"], "same-origin")

    def test_names_may_be_encoded_and_followed_by_a_query(self):
        self.assertEqual(self.ask("/%E6%B7%B1.txt?v=1")[2].decode(), "深度")

    def test_head_has_no_body(self):
        status, headers, body = self.ask("/index.html", "HEAD")
        self.assertEqual((status, headers["Content-Length"], body), (200, str(len(PAGE)), b""))

    def test_absent_is_404_with_a_page(self):
        status, headers, body = self.ask("/absent")
        self.assertEqual((status, headers["Content-Type"]), (404, "text/html; charset=utf-8"))
        self.assertIn(b"<a href=/>", body)

    def test_other_methods_are_refused(self):
        self.assertEqual(self.ask("/", "POST", Content_Length="0")[0], 501)

    def test_unchanged_is_304(self):
        _, headers, _ = self.ask("/index.html")
        self.assertEqual(headers["Cache-Control"], "no-cache")
        status, _, body = self.ask("/index.html", If_None_Match=headers["ETag"])
        self.assertEqual((status, body), (304, b""))
        self.assertEqual(self.ask("/index.html", If_None_Match='W/"x", "y"')[0], 200)


class Ranges(ServedSite):
    path = "/models/tiny/model.safetensors"

    def check(self, asked, first, last):
        status, headers, body = self.ask(self.path, Range=asked)
        self.assertEqual(status, 206)
        self.assertEqual(headers["Content-Range"], f"bytes {first}-{last}/{len(MODEL)}")
        self.assertEqual(headers["Content-Length"], str(last - first + 1))
        self.assertEqual(body, MODEL[first : last + 1])

    def test_single_ranges(self):
        n = len(MODEL)
        self.check("bytes=0-0", 0, 0)
        self.check("bytes=100-355", 100, 355)
        self.check("bytes=10000-", 10000, n - 1)
        self.check("bytes=-7", n - 7, n - 1)
        self.check("bytes=5-99999999", 5, n - 1)
        self.check("bytes=-99999999", 0, n - 1)

    def test_outside_is_416(self):
        for asked in (f"bytes={len(MODEL)}-", "bytes=-0"):
            status, headers, body = self.ask(self.path, Range=asked)
            self.assertEqual((status, body), (416, b""))
            self.assertEqual(headers["Content-Range"], f"bytes */{len(MODEL)}")

    def test_what_is_no_single_range_gets_everything(self):
        for asked in ("bytes=0-1,4-5", "bytes=9-2", "lines=1-2", "bytes=-", "bytes=x-"):
            with self.subTest(asked):
                status, _, body = self.ask(self.path, Range=asked)
                self.assertEqual((status, body), (200, MODEL))

    def test_if_range(self):
        tag = self.ask(self.path)[1]["ETag"]
        self.assertEqual(self.ask(self.path, Range="bytes=0-3", If_Range=tag)[0], 206)
        self.assertEqual(self.ask(self.path, Range="bytes=0-3", If_Range='"old"')[0], 200)

    def test_a_range_is_of_the_file_itself(self):
        _, headers, body = self.ask("/index.html", Range="bytes=0-8", Accept_Encoding="br, gzip")
        self.assertEqual(body, b"<!doctype")
        self.assertNotIn("Content-Encoding", headers)


class Compression(ServedSite):
    def test_gzip(self):
        status, headers, body = self.ask("/index.html", Accept_Encoding="gzip, deflate")
        self.assertEqual((status, headers["Content-Encoding"]), (200, "gzip"))
        self.assertEqual(headers["Content-Type"], "text/html; charset=utf-8")
        self.assertEqual(headers["Vary"], "Accept-Encoding")
        self.assertEqual(headers["Content-Length"], str(len(body)))
        self.assertEqual(gzip.decompress(body).decode(), PAGE)

    @unittest.skipUnless(shutil.which("brotli"), "no brotli command")
    def test_brotli_is_preferred(self):
        _, headers, _ = self.ask("/st/app.wasm", Accept_Encoding="gzip, deflate, br")
        self.assertEqual(headers["Content-Encoding"], "br")
        self.assertEqual(headers["Content-Type"], "application/wasm")

    def test_only_what_is_accepted(self):
        for accepted in ("", "identity", "gzip;q=0, br;q=0.0"):
            _, headers, body = self.ask("/index.html", Accept_Encoding=accepted)
            self.assertNotIn("Content-Encoding", headers)
            self.assertEqual(body.decode(), PAGE)

    def test_small_and_binary_files_are_left_alone(self):
        for path in ("/small.css", "/models/tiny/model.safetensors"):
            self.assertNotIn("Content-Encoding", self.ask(path, Accept_Encoding="gzip, br")[1])

    def test_each_encoding_has_a_tag_of_its_own(self):
        plain = self.ask("/index.html")[1]["ETag"]
        self.assertNotEqual(plain, self.ask("/index.html", Accept_Encoding="gzip")[1]["ETag"])


class Escapes(ServedSite):
    def test_nothing_outside_is_read(self):
        for path in (
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "/models/../../secret.txt",
            "/%2e%2e%2fsecret.txt",
            "//../secret.txt",
            "/..%5csecret.txt",
            "/link.txt",
            "/out/secret.txt",
            "/.hidden",
            "/%00",
            "/index.html%00.js",
            "/..",
            str(self.site.parent / "secret.txt"),
            "/" + "a" * 5000,
            "/" + "a" * 254,
            "/" + "a/" * 5000,
            "/circle",
            "/hidden.txt",
            "/%zz",
            "/%",
            "/%ff%fe",
        ):
            with self.subTest(path[:40]):
                status, _, body = self.ask(path)
                self.assertEqual(status, 404)
                self.assertNotIn(b"not for the web", body)

    @classmethod
    def more_files(cls, base):
        os.symlink("circle", cls.site / "circle")
        (cls.site / ".kept").write_text("not for the web")
        os.symlink(".kept", cls.site / "hidden.txt")
        # Compressed copies are files of the site as well.
        (base / "secret.gz").write_bytes(gzip.compress(b"not for the web"))
        for name, copy in (
            ("to-outside.txt", base / "secret.gz"),
            ("to-circle.txt", "to-circle.txt.gz"),
            ("to-inside.txt", cls.site / "index.html.gz"),
            ("a" * 253 + ".c", None),  # the copy's name would be too long
        ):
            (cls.site / name).write_text("plain")
            os.utime(cls.site / name, (0, 0))
            if copy:
                os.symlink(copy, cls.site / (name + ".gz"))

    def test_copies_are_of_the_site_too(self):
        for path in ("/to-outside.txt", "/to-circle.txt", "/" + "a" * 253 + ".c"):
            with self.subTest(path[:40]):
                status, headers, body = self.ask(path, Accept_Encoding="gzip")
                self.assertEqual((status, body), (200, b"plain"))
                self.assertNotIn("Content-Encoding", headers)
        self.assertEqual(self.ask("/to-outside.txt.gz")[0], 404)
        _, headers, body = self.ask("/to-inside.txt", Accept_Encoding="gzip")
        self.assertEqual(headers["Content-Encoding"], "gzip")
        self.assertEqual(gzip.decompress(body).decode(), PAGE)


class Requests(ServedSite):
    """What no browser sends."""

    host = "Host: localhost"
    good = head("GET /small.css HTTP/1.1", host)

    def test_numbers_of_thousands_of_digits(self):
        path, many = "/models/tiny/model.safetensors", "9" * 5000
        for asked, wanted in {
            f"bytes={many}-": 416,
            f"bytes={many}-{many}": 416,
            f"bytes=0-{many}": 206,
            f"bytes=-{many}": 206,
            "bytes=" + "0" * 5000 + "5-6": 206,
            f"bytes={many}-5": 200,  # not a range
            "bytes=²-³": 200,
        }.items():
            with self.subTest(asked[:20]):
                request = head(f"GET {path} HTTP/1.1", self.host, "Connection: close",
                               f"Range: {asked}".encode("latin-1"))
                self.assertEqual(statuses(self.raw(request)), [wanted])
        length = head("GET / HTTP/1.1", self.host, "Content-Length: " + many)
        self.assertEqual(statuses(self.raw(length)), [200])

    def test_heads_that_are_too_much(self):
        many = [f"X-{i}: {i}" for i in range(5000)]
        for name, request in {
            "headers": head("GET / HTTP/1.1", self.host, *many),
            "header": head("GET / HTTP/1.1", self.host, "X: " + "x" * 1000000),
            "line": head("GET /" + "x" * 1000000 + " HTTP/1.1", self.host),
            "query": head("GET /?" + "x" * 1000000 + " HTTP/1.1", self.host),
            "garbage": b"\0\xff" * 40000 + b"\r\n\r\n",
            "one word": head("GARBAGE", self.host),
            "no version": head("GET /", self.host),
            "the first version": head("GET / HTTP/0.9", self.host),
            "a version": head("GET / HTTP/" + "1" * 5000 + "." + "1" * 5000, self.host),
            "words": head("GET / / HTTP/1.1", self.host),
            "blanks": head("GET /a\x85b HTTP/1.1".encode("latin-1"), self.host),
        }.items():
            with self.subTest(name):
                answer = self.raw(request)
                self.assertRegex(answer[:16], rb"^HTTP/1\.1 4\d\d ")
                self.assertLess(len(answer), 2000)

    def test_targets_that_are_no_paths(self):
        port = self.port
        for target in ("*", f"http://localhost:{port}/", "//localhost/", "index.html", "/\0", "?"):
            with self.subTest(target):
                request = head(f"GET {target} HTTP/1.1", self.host, "Connection: close")
                self.assertRegex(self.raw(request)[:16], rb"^HTTP/1\.1 4\d\d ")

    def test_a_refusal_repeats_nothing_of_the_request(self):
        for request in (
            head("GET <script> x HTTP/1.1", self.host),
            head("<script> / HTTP/1.1", self.host),
            head("GET / HTTP/1.1", "Host: <script>"),
            head("GET /<script> HTTP/1.1", self.host, "Connection: close"),
        ):
            answer = self.raw(request)
            self.assertGreaterEqual(statuses(answer)[0], 400)
            self.assertNotIn(b"<script>", answer)

    def test_a_body_is_not_the_next_request(self):
        for extra in ("Content-Length: %d" % len(self.good), "Transfer-Encoding: chunked"):
            for method, wanted in (("GET", 200), ("HEAD", 200), ("POST", 501), ("PUT", 501)):
                with self.subTest(f"{method} {extra}"):
                    answer = self.raw(head(f"{method} / HTTP/1.1", self.host, extra) + self.good)
                    self.assertEqual(statuses(answer), [wanted])
                    self.assertIn(b"\r\nConnection: close\r\n", answer)

    def test_a_body_may_be_long(self):
        n = 20000000  # more than the buffers of a connection hold
        request = head("POST / HTTP/1.1", self.host, f"Content-Length: {n}") + b"x" * n
        self.assertEqual(statuses(self.raw(request)), [501])

    def test_nobody_is_asked_to_continue(self):
        answer = self.raw(
            head("POST / HTTP/1.1", self.host, "Content-Length: 9", "Expect: 100-continue")
        )
        self.assertEqual(statuses(answer), [501])

    def test_a_connection_takes_many_requests(self):
        last = head("GET /absent HTTP/1.1", self.host, "Connection: close")
        self.assertEqual(statuses(self.raw(self.good * 50 + last)), [200] * 50 + [404])

    def test_a_file_that_became_shorter_ends_the_connection(self):
        file = self.site / "shrinks.bin"
        file.write_bytes(MODEL)
        size = os.fstat

        def before(number):  # the file's size as it was before a build replaced its contents
            stat = mock.Mock(wraps=size(number))
            stat.st_size, stat.st_mtime, stat.st_mtime_ns = len(MODEL) + 99, 1.0, 1000000000
            return stat

        with mock.patch.object(serve.os, "fstat", before):
            answer = self.raw(head("GET /shrinks.bin HTTP/1.1", self.host) + self.good)
        self.assertEqual(statuses(answer), [200])
        self.assertTrue(answer.endswith(MODEL))

    def test_a_file_that_may_not_be_read_is_404(self):
        with mock.patch.object(serve, "open", mock.Mock(side_effect=PermissionError), create=True):
            self.assertEqual(self.ask("/small.css")[0], 404)

    def test_a_file_that_goes_while_it_is_found_is_404(self):
        file = self.site / "gone.txt"
        file.write_text("gone")
        found = serve.Handler.packed

        def packed(handler, path):
            file.unlink()
            return found(handler, path)

        with mock.patch.object(serve.Handler, "packed", packed):
            self.assertEqual(self.ask("/gone.txt", Accept_Encoding="gzip")[0], 404)


class Hosts(ServedSite):
    def test_only_names_of_this_machine(self):
        for host, wanted in {
            "localhost": 200,
            "LOCALHOST:8000": 200,
            "127.0.0.1": 200,
            "127.0.0.1:1": 200,
            "[::1]:99999": 200,
            "[::1]": 200,
            "evil.example": 403,
            "evil.example:8000": 403,
            "localhost.evil.example": 403,
            "evil-localhost": 403,
            "127.0.0.1.evil.example:80": 403,
            "10.0.0.1": 403,
            "[::2]": 403,
            "": 400,
            "localhost@evil.example": 403,
            "localhost:80:80": 400,
            "local host": 400,
            "::1": 400,
        }.items():
            for method in ("GET", "HEAD"):
                with self.subTest(f"{method} {host}"):
                    request = head(f"{method} / HTTP/1.1", f"Host: {host}", "Connection: close")
                    self.assertEqual(statuses(self.raw(request)), [wanted])

    def test_one_host(self):
        self.assertEqual(statuses(self.raw(head("GET / HTTP/1.1"))), [400])
        two = ("Host: localhost", "Host: localhost")
        self.assertEqual(statuses(self.raw(head("GET / HTTP/1.1", *two))), [400])

    def test_any_name_where_other_machines_may_ask(self):
        with mock.patch.object(self.server, "hosts", None):
            request = head("GET / HTTP/1.1", "Host: lab.example:8000", "Connection: close")
            self.assertEqual(statuses(self.raw(request)), [200])


class Crowds(ServedSite):
    n = 200

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def test_all_of_many_connections_are_answered(self):
        request = head("GET /models/tiny/model.safetensors HTTP/1.1", "Host: localhost")
        most = 0
        connections = [self.connect() for _ in range(self.n)]
        for connection in connections:
            connection.sendall(request)
        for connection in connections:
            most = max(most, threading.active_count())
            with connection, connection.makefile("rb") as answer:
                response = b""
                while not response.endswith(MODEL):
                    chunk = answer.read1()
                    self.assertTrue(chunk, "closed before all was sent")
                    response += chunk
        self.assertEqual(statuses(response), [200])
        self.assertLess(most, serve.MOST_THREADS + 10)

    def test_who_drips_is_dropped(self):
        with mock.patch.object(self.server.RequestHandlerClass, "head_s", 0.5):
            for start in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "):
                with self.subTest(start), self.connect() as connection:
                    connection.sendall(start)
                    begin = time.monotonic()
                    connection.settimeout(0.1)
                    while time.monotonic() < begin + 8:
                        try:
                            if not connection.recv(1):
                                break
                        except TimeoutError:
                            if start:
                                connection.sendall(b"x")
                        except ConnectionError:
                            break
                    self.assertLess(time.monotonic() - begin, 4)

    def test_who_takes_nothing_is_dropped(self):
        large = self.site / "large.bin"
        large.write_bytes(bytes(30000000))  # more than the buffers of a connection hold
        with mock.patch.object(self.server.RequestHandlerClass, "timeout", 0.5):
            connection = self.connect()
            connection.sendall(head("GET /large.bin HTTP/1.1", "Host: localhost"))
            time.sleep(3)
            with connection, self.assertRaises((ConnectionError, AssertionError)):
                self.assertGreaterEqual(len(read_all(connection)), 30000000)

    def test_threads_are_bounded_and_those_who_wait_have_their_turn(self):
        with mock.patch.object(self.server.RequestHandlerClass, "head_s", 1.5):
            idle = [self.connect() for _ in range(serve.MOST_THREADS + 20)]
            time.sleep(0.5)
            self.assertLess(threading.active_count(), serve.MOST_THREADS + 10)
            self.assertEqual(self.ask("/index.html")[0], 200)
            for connection in idle:
                connection.close()


class Security(ServedSite):
    def test_headers(self):
        for path in ("/", "/absent", "/st/app.js"):
            _, headers, _ = self.ask(path)
            self.assertEqual(headers["Referrer-Policy"], "no-referrer")
            self.assertIn("frame-ancestors 'self'", headers["Content-Security-Policy"])
        refused = self.raw(head("GET / HTTP/1.1", "Host: evil.example"))
        self.assertIn(b"\r\nContent-Security-Policy: ", refused)

    def test_the_policy_is_that_of_the_page(self):
        page = (ROOT / "web" / "index.html").read_text()
        meta = re.search(r'Content-Security-Policy"\s+content="([^"]*)"', page)[1]
        rules = lambda policy: {" ".join(rule.split()) for rule in policy.split(";")}
        self.assertEqual(
            rules(serve.POLICY) - rules(meta),
            {"frame-ancestors 'self' http://localhost:* http://127.0.0.1:*"},
        )
        self.assertEqual(rules(meta) - rules(serve.POLICY), set())


class WithoutIsolation(ServedSite):
    isolated = False

    def test_no_isolation_headers(self):
        status, headers, _ = self.ask("/")
        self.assertEqual(status, 200)
        for name in serve.ISOLATION:
            self.assertNotIn(name, headers)


class Ports(unittest.TestCase):
    def test_next_free_port(self):
        with socket.socket() as taken, tempfile.TemporaryDirectory() as folder:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            server = serve.listen("127.0.0.1", port, True, folder)
            self.assertGreater(server.server_address[1], port)
            server.server_close()


class Addresses(unittest.TestCase):
    """What serve.py prints, as it starts."""

    def first_words(self, *arguments):
        code = "import sys, serve; serve.serve(sys.argv[1], 0, True, sys.argv[2])"
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "index.html").write_text(PAGE)
            child = subprocess.Popen(
                [sys.executable, "-c", code, *arguments, folder],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            words = ""
            while "Ctrl-C" not in words and (line := child.stdout.readline()):
                words += line
            address = re.search(r"http://\S+/", words)[0]
            host, port = re.fullmatch(r"http://\[?([^\]]+?)\]?:(\d+)/", address).groups()
            connection = http.client.HTTPConnection(host, int(port), timeout=5)
            connection.request("GET", "/")
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()
            child.kill()
            child.communicate()
        return words

    def test_this_machine_only(self):
        words = self.first_words("127.0.0.1")
        self.assertRegex(words, r"http://127\.0\.0\.1:\d+/")
        self.assertNotIn("Warning", words)
        self.assertNotIn("Warning", self.first_words("localhost"))

    @unittest.skipUnless(socket.has_ipv6, "no IPv6")
    def test_ipv6(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError as error:
            self.skipTest(str(error))
        self.assertRegex(self.first_words("::1"), r"http://\[::1\]:\d+/")

    def test_other_machines_are_warned_of(self):
        with mock.patch.object(serve, "own_address", lambda _: "192.0.2.7"):
            server = serve.listen("0.0.0.0", 0, True, ".")
        with server:
            port = server.server_address[1]
            self.assertEqual(server.here, f"http://127.0.0.1:{port}/")
            self.assertEqual(server.others, f"http://192.0.2.7:{port}/")
            self.assertIsNone(server.hosts)
            printed = []
            with mock.patch.object(serve, "listen", lambda *_: server), mock.patch.object(
                server, "serve_forever", lambda: None
            ), mock.patch("builtins.print", lambda text, **_: printed.append(text)):
                serve.serve("0.0.0.0", 0, True)
            self.assertIn("Warning: with --bind 0.0.0.0", "".join(printed))
            self.assertIn(f"http://192.0.2.7:{port}/", "".join(printed))

    def test_ports_that_are_none(self):
        for port in ("70000", "-1", "x", "9" * 5000):
            done = subprocess.run(
                [sys.executable, "serve.py", "--no-build", f"--port={port}"],
                cwd=ROOT,
                capture_output=True,
                text=True,
            )
            self.assertEqual(done.returncode, 2)
            self.assertIn("is no port", done.stderr)
            self.assertNotIn("Traceback", done.stderr)


class Site(ServedSite):
    def test_version_lists_every_file_once_with_its_size(self):
        version = json.loads((self.site / "version.json").read_text())
        sizes = {file["path"]: file["size"] for file in version["files"]}
        self.assertEqual(len(sizes), len(version["files"]))
        self.assertEqual(sizes["index.html"], len(PAGE))
        hashes = {file["path"]: file["hash"] for file in version["files"]}
        for path, known in hashes.items():
            data = (self.site / path).read_bytes()
            self.assertEqual(base64.b64decode(known), hashlib.sha256(data).digest())
        self.assertIn("st/app.wasm", sizes)
        self.assertFalse(
            [path for path in sizes if path.endswith((".gz", ".br")) or path == "version.json"]
        )
        self.assertNotIn(".hidden", sizes)

    def test_a_change_is_a_new_version_and_what_is_gone_goes(self):
        with tempfile.TemporaryDirectory() as folder:
            web, out = Path(folder, "web"), Path(folder, "site")
            web.mkdir()
            (web / "index.html").write_text(PAGE)
            (web / "old.js").write_text("1;" * 1000)
            site.assemble(web, out, [])
            first = json.loads((out / "version.json").read_text())["version"]
            site.assemble(web, out, [])
            self.assertEqual(json.loads((out / "version.json").read_text())["version"], first)
            (web / "old.js").unlink()
            site.assemble(web, out, [])
            self.assertNotEqual(json.loads((out / "version.json").read_text())["version"], first)
            self.assertEqual([f.name for f in out.iterdir() if f.name.startswith("old.js")], [])

    def test_a_build_that_is_missing_is_said(self):
        with tempfile.TemporaryDirectory() as folder, self.assertRaisesRegex(
            SystemExit, "app.js is missing"
        ):
            site.assemble(Path(folder), Path(folder, "site"), [("st", Path(folder))])


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(failed != 0)
