# SPDX-License-Identifier: MIT
"""What the structure checks share: where the sources are, and how a check reports."""

import argparse
import pathlib
import re
import sys

INCLUDE = re.compile(r"^\s*#\s*include\s*([<\"])([^>\"]+)[>\"]")


def arguments(description):
    """A parser with the option that every check has; the self-test points it at a made-up tree."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    return parser


def headers(root):
    """Every public and internal header, sorted."""
    return sorted(path for path in (root / "include").rglob("*") if path.suffix in (".hpp", ".cuh"))


def includes(path):
    """(line number, opening character, name) of each #include."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if match := INCLUDE.match(line):
            yield number, match.group(1), match.group(2)


def finish(problems):
    """Prints the problems and leaves with the exit status that CTest reads."""
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


def skip(check, reason):
    """Ends a check that cannot run here; the words are those of CTest's skip expression."""
    print(f"lamina: skipped: {check}: {reason}")
    sys.exit(0)
