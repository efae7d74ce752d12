#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fails on a C++ block of README.md or docs/ that is not cut, line by line, from a source that is compiled."""

import re
import textwrap

import house

BLOCK = re.compile(r"^```cpp\n(.*?)^```", re.MULTILINE | re.DOTALL)
FOLDERS = ("examples", "bench", "tests", "include")


def bare(text):
    """Lines without indentation and without empty lines: a block may be cut out of a function."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip()) + "\n"


def problems(root):
    sources = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.[ch]*"))
               if path.suffix in (".cpp", ".hpp", ".cu", ".cuh")]
    compiled = ["\n" + bare(path.read_text(encoding="utf-8")) for path in sources]
    for page in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        if not page.exists():
            continue
        text = page.read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            if not any("\n" + bare(block.group(1)) in source for source in compiled):
                line = text.count("\n", 0, block.start()) + 1
                first = textwrap.shorten(bare(block.group(1)).splitlines()[0], 60)
                yield f"{page.relative_to(root)}:{line}: no compiled source holds this block, which begins `{first}`"


if __name__ == "__main__":
    house.finish(list(problems(house.arguments(__doc__).parse_args().root)))
