"""Writes tests/data/unicode_classes.json: characters as the tokenizers library classifies them.

    python tests/golden/unicode_classes.py          needs tokenizers
    python tests/golden/unicode_classes.py --table  the rows of src/text/tokenizer_drift.cpp; needs
                                                    a C compiler and .deps/utf8proc

The library's tables are older than utf8proc's for marks, punctuation and controls, and newer for
lower case. The file has ranges of code points [first, last] for each class, among them characters
that NFKD decomposes, and "lower" with the lower case of each character that has one.
"""

import ctypes
import json
import pathlib
import subprocess
import sys
import tempfile

from tokenizers import normalizers, pre_tokenizers

ROOT = pathlib.Path(__file__).parents[2]
OUT = ROOT / "tests" / "data" / "unicode_classes.json"
MN, CC, CF, CO = 6, 26, 27, 29  # utf8proc_category_t
PUNCTUATION = range(12, 19)
COMPAT, STABLE, COMPOSE, DECOMPOSE = 1 << 2, 1 << 1, 1 << 3, 1 << 4


def bert(**on):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**off, **on})


def ranges(codes):
    out = []
    for c in sorted(codes):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def classes():
    strip, clean = bert(strip_accents=True), bert(clean_text=True)
    split, lower = pre_tokenizers.BertPreTokenizer(), normalizers.Lowercase()
    nfd, nfkd = normalizers.NFD(), normalizers.NFKD()
    found = {"nonspacing": set(), "punctuation": set(), "control": set(), "lower": {}}
    plain = set()
    for c in range(1, 0x110000):
        if 0xD800 <= c < 0xE000:
            continue
        char = chr(c)
        if nfd.normalize_str(char) == char and strip.normalize_str("a" + char) == "a":
            found["nonspacing"].add(c)
        if len(split.pre_tokenize_str("a" + char + "b")) == 3:
            found["punctuation"].add(c)
        if clean.normalize_str("a" + char) == "a":
            found["control"].add(c)
        small = lower.normalize_str(char)
        if small != char and len(small) == 1:
            found["lower"][c] = ord(small)
        if nfkd.normalize_str(char) == char:
            plain.add(c)
    return found, plain


def utf8proc():
    folder = ROOT / ".deps" / "utf8proc"
    library = pathlib.Path(tempfile.mkdtemp()) / "utf8proc.so"
    source = folder / "utf8proc.c"
    flags = ["-shared", "-fPIC", "-O1", "-DUTF8PROC_EXPORTS", f"-I{folder}"]
    subprocess.run(["cc", *flags, "-o", library, source], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.utf8proc_map.argtypes = [
        ctypes.c_char_p,
        ctypes.c_ssize_t,
        ctypes.POINTER(ctypes.c_char_p),
        ctypes.c_int,
    ]
    return loaded


def decomposed(library, char):
    text, out = char.encode(), ctypes.c_char_p()
    library.utf8proc_map(text, len(text), ctypes.byref(out), STABLE | COMPAT | DECOMPOSE)
    return out.value.decode()


def all_codes():
    return (c for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000)


def print_table(found, plain, library):
    category = {c: library.utf8proc_category(c) for c in all_codes()}
    ours = {
        "nonspacing": {c for c in category if category[c] == MN},
        "punctuation": {c for c in category if category[c] in PUNCTUATION},
        "control": {c for c in category if category[c] in (CC, CF, CO) and chr(c) not in "\t\n\r"},
    }
    for name, codes in ours.items():
        drift = {c for c in found[name] ^ codes if c > 0x7F}
        if name == "nonspacing":  # others are decomposed first
            drift = {c for c in drift if normalizers.NFD().normalize_str(chr(c)) == chr(c)}
        print(name, ", ".join(f"{{0x{a:X}, 0x{b:X}}}" for a, b in ranges(drift)))
    lower = {c: s - c for c, s in found["lower"].items() if library.utf8proc_tolower(c) != s}
    print("lower", ", ".join(f"0x{c:X}: {d}" for c, d in lower.items()))
    print("plain", ranges(c for c in plain if decomposed(library, chr(c)) != chr(c)))


def main():
    found, plain = classes()
    if "--table" in sys.argv[1:]:
        return print_table(found, plain, utf8proc())
    out = {k: ranges(v) if isinstance(v, set) else v for k, v in found.items()}
    out["decomposed"] = ranges(c for c in all_codes() if c not in plain)
    OUT.write_text(json.dumps(out, separators=(",", ":")) + "\n")


main()
