#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What including lamina costs, against compile_budget.txt: compile_budget.py check|update [--clang CLANG] COMPILER [FLAG...]

Subjects are the umbrella headers and the programs in budget/. Lines after preprocessing and, with clang, instantiations
are repeatable and compared; seconds and peak memory are recorded by `update` only.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import house

CHECK = "structure: compile-time budget"
ALLOWED_GROWTH = 1.3  # another standard library, a feature or two; not a stray heavy include
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
TABLE = "compile_budget.txt"
HEADING = """\
# What it costs to compile each subject, written by `compile_budget.py update`. The check allows 1.3 times as many lines
# after preprocessing and instantiations (of classes and functions, counted by clang++); 0: not counted. Seconds and MB (peak,
# of COMPILER, without optimisation) are a record of one machine.
# subject lines instantiations seconds MB
"""


def subjects(root):
    """Name in the table -> text of the unit to compile."""
    umbrellas = {path.name: f"#include <lamina/{path.name}>\n" for path in sorted((root / "include/lamina").glob("*.hpp"))
                 if path.name != "cuda.hpp"}  # nvcc's to compile
    programs = {f"budget/{path.name}": path.read_text(encoding="utf-8")
                for path in sorted((root / "tests/structure/budget").glob("*.cpp"))}
    return {**umbrellas, **programs}


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
    run([*clang, "-std=c++20", "-ftime-trace", "-ftime-trace-granularity=0", "-c", str(unit), "-o", str(output)])
    with open(output.with_suffix(".json"), encoding="utf-8") as trace:
        return sum(event["name"] in ("InstantiateClass", "InstantiateFunction") for event in json.load(trace)["traceEvents"])


def measure(options, flags, text, record):
    with tempfile.TemporaryDirectory() as folder:
        unit = pathlib.Path(folder) / "unit.cpp"
        unit.write_text(text, encoding="utf-8")
        lines = count_lines([options.compiler, *flags], unit)
        seconds = megabytes = 0.0
        if record:
            before = time.perf_counter()
            # As a grandchild, because the peak is that of the largest child so far.
            measured = [sys.executable, "-c", PEAK, options.compiler, *flags, "-std=c++20", "-c", str(unit), "-o",
                        str(unit.with_suffix(".o"))]
            megabytes = int(run(measured)) / 1024
            seconds = time.perf_counter() - before
        clang = [options.clang, *flags] if options.clang else None
        return {"lines": lines, "instantiations": count_instantiations(clang, unit), "s": seconds, "MB": megabytes}


def read_table(path):
    table = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            subject, lines, instantiations, *_ = line.split()
            table[subject] = {"lines": int(lines), "instantiations": int(instantiations)}
    return table


def main():
    parser = house.arguments(__doc__)
    parser.add_argument("action", choices=("check", "update"))
    parser.add_argument("--clang", default="")
    parser.add_argument("compiler")
    options, flags = parser.parse_known_args()
    path = options.root / "tests/structure" / TABLE
    measured = {name: measure(options, flags, text, options.action == "update")
                for name, text in subjects(options.root).items()}
    if options.action == "update":
        rows = [f"{name} {row['lines']} {row['instantiations']} {row['s']:.1f} {row['MB']:.0f}\n"
                for name, row in measured.items()]
        path.write_text(HEADING + "".join(rows), encoding="utf-8")
        return

    if not measured:
        house.skip(CHECK, "there is no umbrella header yet")
    table = read_table(path)
    problems = [f"{TABLE}: {name} is gone; run `compile_budget.py update`" for name in table.keys() - measured.keys()]
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
