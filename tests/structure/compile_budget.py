#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What including lamina costs, against compile_budget.txt: compile_budget.py check|update [--clang CLANG] COMPILER [FLAG...]

Subjects are the umbrella headers and the README's loop: as it is, with its kernels compiled elsewhere, and for the largest
model. Lines after preprocessing and, with clang, instantiations are repeatable and compared; seconds and peak memory are
measured by `update` only, which refuses what is over the limits.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import house

CHECK = "structure: compile-time budget"
ALLOWED_GROWTH = 1.3  # another standard library, a feature or two; not a stray heavy include
LOOP, WITH_KERNELS, LARGEST = "custom_loop", "custom_loop, kernels compiled", "custom_loop, gpt2_xl"
LARGEST_GROWTH = 1.05  # of instantiations: a model's size is numbers, which must not make the compiler work
LIMITS = {LOOP: {"s": 12}, WITH_KERNELS: {"s": 8, "MB": 400}}
OPTIONS = {WITH_KERNELS: ["-DLAMINA_COMPILED_KERNELS=1"]}
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime, used.ru_maxrss)
"""
TABLE = "compile_budget.txt"
HEADING = """\
# What it costs to compile each subject, written by `compile_budget.py update`. The check allows 1.3 times as many lines
# after preprocessing and instantiations (of classes and functions, counted by clang++); 0: not counted. Seconds (of the
# compiler itself) and MB (peak) are a record of one machine, by COMPILER with -O2.
# subject: lines instantiations seconds MB
"""


def of_largest_model(loop):
    """The loop's text with the architecture of GPT-2 XL."""
    text, replaced = re.subn(r"constexpr Architecture tiny\{[^}]*\};", "constexpr Architecture tiny = gpt2_xl;", loop)
    if replaced != 1:
        sys.exit("examples/custom_loop.cpp: no line `constexpr Architecture tiny{...};` to replace")
    return text


def subjects(root):
    """Name in the table -> text of the unit to compile."""
    umbrellas = {path.name: f"#include <lamina/{path.name}>\n" for path in sorted((root / "include/lamina").glob("*.hpp"))
                 if path.name != "cuda.hpp"}  # nvcc's to compile
    loop = root / "examples/custom_loop.cpp"
    if not loop.exists():
        return umbrellas
    text = loop.read_text(encoding="utf-8")
    return {**umbrellas, LOOP: text, WITH_KERNELS: text, LARGEST: of_largest_model(text)}


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{result.stderr}")
    return result.stdout


def count_lines(compiler, unit):
    shown = run([*compiler, "-std=c++20", "-E", "-P", str(unit)])
    return sum(1 for line in shown.splitlines() if line.strip())


def count_instantiations(clang, unit):
    if not clang:
        return 0
    output = unit.with_suffix(".o")
    # An output to name the trace after, but nothing that has to be generated.
    run([*clang, "-std=c++20", "-ftime-trace", "-ftime-trace-granularity=0", "-Xclang", "-fsyntax-only", "-c", str(unit), "-o",
         str(output)])
    with open(output.with_suffix(".json"), encoding="utf-8") as trace:
        return sum(event["name"] in ("InstantiateClass", "InstantiateFunction") for event in json.load(trace)["traceEvents"])


def measure(options, flags, text, record):
    with tempfile.TemporaryDirectory() as folder:
        unit = pathlib.Path(folder) / "unit.cpp"
        unit.write_text(text, encoding="utf-8")
        seconds = kilobytes = 0.0
        if record:
            # As a grandchild, because the peak is that of the largest child so far.
            measured = [sys.executable, "-c", MEASURE, options.compiler, *flags, "-std=c++20", "-O2", "-c", str(unit), "-o",
                        str(unit.with_suffix(".o"))]
            seconds, kilobytes = map(float, run(measured).split())
        clang = [options.clang, *flags] if options.clang else None
        return {"lines": count_lines([options.compiler, *flags], unit), "instantiations": count_instantiations(clang, unit),
                "s": seconds, "MB": kilobytes / 1024}


def read_table(path):
    table = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            subject, _, numbers = line.partition(":")
            lines, instantiations, *_ = numbers.split()
            table[subject] = {"lines": int(lines), "instantiations": int(instantiations)}
    return table


def main():
    parser = house.arguments(__doc__)
    parser.add_argument("action", choices=("check", "update"))
    parser.add_argument("--clang", default="")
    parser.add_argument("compiler")
    options, flags = parser.parse_known_args()
    path = options.root / "tests/structure" / TABLE
    measured = {name: measure(options, [*flags, *OPTIONS.get(name, [])], text, options.action == "update")
                for name, text in subjects(options.root).items()}
    problems = [f"{name}: {row[what]:.1f} {what} where {limit} are allowed: find what grew"
                for name, row in measured.items() for what, limit in LIMITS.get(name, {}).items() if row[what] > limit]
    small, large = (measured.get(name, {"instantiations": 0})["instantiations"] for name in (LOOP, LARGEST))
    if large > LARGEST_GROWTH * small:
        problems.append(f"{LARGEST}: {large} instantiations where the small model has {small}: something repeats per layer")
    if options.action == "update":
        if not problems:
            rows = [f"{name}: {row['lines']} {row['instantiations']} {row['s']:.1f} {row['MB']:.0f}\n"
                    for name, row in measured.items()]
            path.write_text(HEADING + "".join(rows), encoding="utf-8")
        house.finish(problems)

    if not measured:
        house.skip(CHECK, "there is no umbrella header yet")
    table = read_table(path)
    problems += [f"{TABLE}: {name} is gone; run `compile_budget.py update`" for name in table.keys() - measured.keys()]
    for name, row in measured.items():
        print(f"{name}: {row['lines']} lines, {row['instantiations']} instantiations")
        if name not in table:
            problems.append(f"{TABLE}: no entry for {name}; run `compile_budget.py update`")
            continue
        for what in ("lines", "instantiations"):
            if table[name][what] and row[what] > ALLOWED_GROWTH * table[name][what]:
                problems.append(f"{name}: {row[what]} {what} where {table[name][what]} are in {TABLE}: find the include or "
                                "template that grew, or accept it with `compile_budget.py update`")
    house.finish(problems)


if __name__ == "__main__":
    main()
