"""Prints measure x reference x largest difference, of every row that attnscope has.

    python3 tests/golden/references.py --table [build/native/unit_tests]  needs nothing but Python

The references are the committed goldens: every published formula written once more in NumPy over
what transformers computes in float64 (head_measures.py, attributions.py), and what TransformerLens
itself says (by_transformer_lens.py). The program of the unit tests compares, this collects.
Differences are parts of the largest value where that is above 1. "-": the row has no meaning there,
and the sentences below the table say why, as the program says them. Exits with 1 where a difference
is above 1e-5.
"""

import argparse
import collections
import os
import pathlib
import subprocess
import sys

KINDS = ["causal", "bidirectional", "padded causal", "padded", "cross"]
TOLERANCE = 1e-5
CASES = [
    "head scores are NumPy's of the published formulas",
    "attributions and circuits are what their definitions say",
    "attributions and circuits of a trained Llama are what their definitions say",
    "TransformerLens says the same",
]


def gather(program):
    args = [program, "--no-colors", "-tc=" + ",".join(case.replace(",", "\\,") for case in CASES)]
    run = subprocess.run(
        args, env={**os.environ, "ATTNSCOPE_TABLE": "1"}, stdout=subprocess.PIPE, text=True
    )
    worst, refusals, rows = collections.defaultdict(dict), {}, []
    for line in run.stdout.splitlines():
        words = line.split("\t")
        if words[0] == "difference":
            _, reference, measure, weights, kind, apart = words
            key = (kind if reference == "definition" else reference, weights)
            worst[measure][key] = max(worst[measure].get(key, 0.0), float(apart))
        elif words[0] == "refusal":
            refusals.setdefault((words[1], words[2]), words[3])
        elif words[0] == "row":
            rows.append(words[1])
        elif line.startswith("SKIPPED"):
            print(line)
    return worst, refusals, rows, run.returncode


def table(worst, refusals):
    columns = [(kind, "random") for kind in KINDS] + [
        ("causal", "real"),
        ("TransformerLens", "random"),
        ("TransformerLens", "real"),
    ]
    print("| measure | " + " | ".join(f"{kind}, {weights}" for kind, weights in columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    largest = {}
    for measure, found in worst.items():
        cells = []
        for column in columns:
            if column in found:
                cells.append(f"{found[column]:.1e}")
                largest[column] = max(largest.get(column, (0, "")), (found[column], measure))
            else:
                cells.append("-" if (measure, column[0]) in refusals else "")
        print(f"| {measure} | " + " | ".join(cells) + " |")
    print(
        "| **largest** | "
        + " | ".join("{:.1e} {}".format(*largest[c]) if c in largest else "" for c in columns)
        + " |"
    )
    reasons = collections.defaultdict(set)
    for (measure, kind), sentence in refusals.items():
        if not any((kind, weights) in worst[measure] for weights in ("random", "real")):
            reasons[(kind, sentence.split(": ", 1)[-1])].add(measure)
    for (kind, reason), measures in sorted(reasons.items()):
        print(f"\n{kind}: {reason}: {', '.join(sorted(measures))}")
    return largest


def main():
    root = pathlib.Path(__file__).parents[2]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--table",
        nargs="?",
        const=str(root / "build/native/unit_tests"),
        required=True,
        metavar="PROGRAM",
    )
    worst, refusals, all_rows, code = gather(parser.parse_args().table)
    largest = table(worst, refusals)
    rows = len(worst)
    over = [m for m, found in worst.items() if max(found.values(), default=1) > TOLERANCE]
    print(
        f"\n{rows} measures; the largest difference is {max(v for v, _ in largest.values()):.1e}, "
        f"{TOLERANCE:.0e} is allowed"
    )
    for measure in over:
        print(f"too far: {measure}")
    without = [row for row in all_rows if row not in worst]
    if without:
        print(f"without a reference here: {', '.join(without)}")
    sys.exit(1 if over or code or not rows else 0)


main()
