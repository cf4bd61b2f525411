"""test_serve.py - serve.py and cmake/site.py, asked over a real socket.

Run: python3 test_serve.py
"""

import gzip
import http.client
import importlib.util
import json
import os
from pathlib import Path
import shutil
import socket
import sys
import tempfile
import threading
import unittest

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
        cls.server = serve.listen("127.0.0.1", 0, cls.isolated, cls.site)
        cls.port = cls.server.server_address[1]
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()
        cls.folder.cleanup()

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
        ):
            with self.subTest(path[:40]):
                status, _, body = self.ask(path)
                self.assertEqual(status, 404)
                self.assertNotIn(b"not for the web", body)


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


class Site(ServedSite):
    def test_version_lists_every_file_once_with_its_size(self):
        version = json.loads((self.site / "version.json").read_text())
        sizes = {file["path"]: file["size"] for file in version["files"]}
        self.assertEqual(len(sizes), len(version["files"]))
        self.assertEqual(sizes["index.html"], len(PAGE))
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
