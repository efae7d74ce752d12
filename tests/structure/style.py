#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fails on what the house style forbids and a machine can see: openings, lengths, names, machine paths, too many macros."""

import re

import house

SOURCES = (".hpp", ".cuh", ".cpp", ".cu")
TEXTS = SOURCES + (".cmake", ".json", ".md", ".py", ".sh", ".txt", ".in")
FOLDERS = ("include", "tests", "examples", "bench", "cmake", "docs", ".ci")
LONGEST_HEADER = 600
WIDEST_LINE = 120
MOST_MACROS = 10
# Spelled in pieces, so that this file passes its own check.
MACHINE_PATH = re.compile("(?<![\\w.}/])/(wo" + "rk|ro" + "ot|ho" + "me)/")
UNFINISHED = re.compile(r"\b(TO" + "DO|FIX" + "ME|X" + r"XX)\b")
NAME = re.compile(r"(?:^|_)(fast|new|helper|util)s?(?:_|$)")


def text_files(root):
    for path in sorted(root.glob("*")):
        if path.is_file() and (path.suffix in TEXTS or path.name == "CMakeLists.txt"):
            yield path
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix in TEXTS and "golden" not in path.parts:
                yield path


def header_problems(path, lines):
    if lines[:1] != ["// SPDX-License-Identifier: MIT"]:
        yield 1, "the first line must be `// SPDX-License-Identifier: MIT`"
    if len(lines) < 2 or not re.match(r"// \S.*", lines[1]):
        yield 2, "the second line must be a comment that says what the header is for"
    if lines.count("#pragma once") != 1:
        yield 1, "a header has one `#pragma once`"
    if len(lines) > LONGEST_HEADER:
        yield len(lines), f"{len(lines)} lines, more than {LONGEST_HEADER}: split the header"
    # clang-format keeps to this in code, but leaves comments as they are: it would tear their tables.
    for number, line in enumerate(lines, start=1):
        if len(line) > WIDEST_LINE:
            yield number, f"{len(line)} columns, more than {WIDEST_LINE}"
    if "using namespace std;" in "\n".join(lines):
        yield 1, "a header must not say `using namespace std`"


def problems(root):
    macros = set()
    for path in text_files(root):
        name = path.relative_to(root)
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            if MACHINE_PATH.search(line):
                yield f"{name}:{number}: a path of one machine"
            if UNFINISHED.search(line):
                yield f"{name}:{number}: an unfinished place"
        if path.suffix in SOURCES and NAME.search(path.stem):
            yield f"{name}: name a file after what it holds"
        if name.parts[0] == "include":
            macros.update(re.findall(r"^\s*#\s*define\s+(\w+)", "\n".join(lines), re.MULTILINE))
            for number, problem in header_problems(path, lines):
                yield f"{name}:{number}: {problem}"
    for macro in sorted(macros):
        if not macro.startswith("LAMINA_"):
            yield f"include: the macro {macro} must be named LAMINA_{macro}"
    if len(macros) >= MOST_MACROS:
        yield f"include: {len(macros)} macros where fewer than {MOST_MACROS} were wanted: {', '.join(sorted(macros))}"


if __name__ == "__main__":
    house.finish(list(problems(house.arguments(__doc__).parse_args().root)))
