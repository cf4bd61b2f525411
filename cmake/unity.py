#!/usr/bin/env python3
"""Divides C++ files into groups, each of which can be compiled as one file.

    unity.py SIZE FILE...      prints "GROUP FILE" for each file

Two files can share a group unless one defines a file-local name (in an unnamed namespace, or by
`static`, `using` or #define at the top level) that the other also defines, calls, or uses as a type
or constant. Names are found by clang-format's layout (a declaration starts in the first column),
not by a parser; a missed conflict is a compiler error, never a different program. Files go to the
first group with room, in the order given, so that an edit rarely moves other files.
"""

import re
import sys

LOCAL = re.compile(r"^namespace \{\n(.*?)^\}  // namespace$", re.S | re.M)
TYPE = re.compile(r"^(?:template <.*>\s+)?(?:struct|class|union|enum(?: class)?) (\w+)", re.M)
ALIAS = re.compile(r"^(?:using|namespace) (\w+) =", re.M)
NOT_VALUES = r"(?!return|using|namespace|template|else|struct|class|union|enum)"
VALUE = re.compile(rf"^{NOT_VALUES}\w[^\n(={{;\[]*[\s&*>](\w+)\s*[(={{;\[]", re.M)
CONSTANTS = re.compile(r"^(?:static |inline )*const(?:expr)? .*?;", re.S | re.M)
CONSTANT = re.compile(r"\b(k[A-Z]\w*)(?:\[.*?\])*\s*[={]")
STATIC = re.compile(r"^static [^\n(={;\[]*[\s&*>](\w+)\s*[(={;\[]", re.M)
MACRO = re.compile(r"^#define (\w+)", re.M)
USED = re.compile(r"(?<![\w.:>~])(\w+(?=\()|k[A-Z]\w*|[A-Z]\w*)")


def local_names(text):
    local = "\n".join(LOCAL.findall(text))
    names = set(TYPE.findall(local) + VALUE.findall(local))
    for constants in CONSTANTS.findall(local):
        names.update(CONSTANT.findall(constants))
    return names.union(STATIC.findall(text), MACRO.findall(text), ALIAS.findall(text))


def main():
    size, files = int(sys.argv[1]), sys.argv[2:]
    groups = []
    for file in files:
        with open(file, encoding="utf-8") as opened:
            text = opened.read()
        names = local_names(text)
        words = names.union(USED.findall(text))
        for group in groups:
            if group["files"] < size and not (names & group["words"] or words & group["names"]):
                break
        else:
            group = {"number": len(groups), "files": 0, "names": set(), "words": set()}
            groups.append(group)
        group["files"] += 1
        group["names"] |= names
        group["words"] |= words
        print(group["number"], file)


if __name__ == "__main__":
    main()
