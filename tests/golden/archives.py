"""Archives of a model, as Python's zipfile, tarfile and gzip write them.

    python tests/golden/archives.py        writes tests/data/archives/

Each has the files of tests/data/models/gpt2 in a folder, beside others that are no part of a model.
twice.zip has config.json twice, links.tar its weights as a link, locked.zip one that is encrypted.
pictures.zip has none of a model, bomb.zip a config.json of 30 MB in 30 kB, single.gz one file.
"""

import gzip
import io
import pathlib
import tarfile
import zipfile

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
OUT = DATA / "archives"
DATE = (2026, 11, 28, 0, 0, 0)


def contents():
    """(path, bytes) of a model and of what lies beside it; a long name among them."""
    model = DATA / "models/gpt2"
    for path in sorted(model.iterdir()):
        if path.name != "expected.safetensors":
            yield f"a model/{path.name}", path.read_bytes()
    yield "__MACOSX/a model/._config.json", b"\0\5\x16\7"
    yield "a model/" + "picture " * 15 + ".png", b"\x89PNG"


def write_zip(name, method, files):
    with zipfile.ZipFile(OUT / name, "w", method, compresslevel=9) as out:
        for path, data in files:
            info = zipfile.ZipInfo(path, DATE)
            info.compress_type = method
            out.writestr(info, data)


def tar_of(form):
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w", format=form) as out:
        folder = tarfile.TarInfo("a model")
        folder.type = tarfile.DIRTYPE
        out.addfile(folder)
        for path, data in contents():
            if form == tarfile.USTAR_FORMAT and len(path) > 100:
                continue
            info = tarfile.TarInfo(path)
            info.size = len(data)
            info.mtime = 10**9 if form != tarfile.PAX_FORMAT else 1e9 + 0.5
            out.addfile(info, io.BytesIO(data))
    return memory.getvalue()


def main():
    OUT.mkdir(exist_ok=True)
    write_zip("deflated.zip", zipfile.ZIP_DEFLATED, contents())
    write_zip("stored.zip", zipfile.ZIP_STORED, contents())
    write_zip("pictures.zip", zipfile.ZIP_STORED, [("a.png", b"\x89PNG"), ("b.png", b"\x89PNG")])
    write_zip("bomb.zip", zipfile.ZIP_DEFLATED, [("m/config.json", bytes(30_000_000))])
    (OUT / "ustar.tar").write_bytes(tar_of(tarfile.USTAR_FORMAT))
    (OUT / "gnu.tar").write_bytes(tar_of(tarfile.GNU_FORMAT))
    (OUT / "pax.tar.gz").write_bytes(gzip.compress(tar_of(tarfile.PAX_FORMAT), 9, mtime=0))
    write_zip("twice.zip", zipfile.ZIP_STORED, [("m/config.json", b"{}")] * 2)
    write_zip("locked.zip", zipfile.ZIP_STORED, [("m/config.json", b"{}")])
    locked = bytearray((OUT / "locked.zip").read_bytes())
    for magic, flag in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # zipfile does not encrypt
        locked[locked.index(magic) + flag] |= 1
    (OUT / "locked.zip").write_bytes(locked)
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w") as out:
        link = tarfile.TarInfo("m/model.safetensors")
        link.type, link.linkname = tarfile.SYMTYPE, "../blobs/1234"
        out.addfile(link)
    (OUT / "links.tar").write_bytes(memory.getvalue())
    (OUT / "single.gz").write_bytes(gzip.compress(b'{"model_type": "gpt2"}', 9, mtime=0))


if __name__ == "__main__":
    main()
