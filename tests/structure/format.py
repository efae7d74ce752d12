#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fails on a source that clang-format would change. Other versions format differently, so only version 14 is asked."""

import re
import shutil
import subprocess

import house

VERSION = "14"
FOLDERS = ("include", "tests", "examples", "bench")
SUFFIXES = (".hpp", ".cuh", ".cpp", ".cu")


def formatter():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        if program := shutil.which(name):
            shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
            if re.search(rf"version {VERSION}\.", shown):
                return program
    return None


def main():
    root = house.arguments(__doc__).parse_args().root
    program = formatter()
    if program is None:
        house.skip("structure: format", f"clang-format {VERSION} was not found")
    sources = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*")) if path.suffix in SUFFIXES]
    if sources:
        command = [program, "--dry-run", "-Werror", "--style=file", *map(str, sources)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False).stderr
        places = sorted(set(re.findall(r"^(.*?):\d+:\d+: error", shown, re.MULTILINE)))
        house.finish([f"{place}: run clang-format -i" for place in places])


if __name__ == "__main__":
    main()
