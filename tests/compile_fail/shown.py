#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the compile-time errors in the pages with the compiler's: shown.py check|update COMPILER [FLAG...]

Below `<!-- error: CASE -->`, CASE being a file of this folder, a page shows what g++ 12 says to it: the error and the notes that
give values, without line numbers and without how the template was reached. Another compiler is asked for the sentence only.
"""

import pathlib
import re
import subprocess
import sys

import harness

FOLDER = pathlib.Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
BLOCK = re.compile(r"^<!-- error: (\S+) -->\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MESSAGE = re.compile(r"^(?:.*/)?(include/lamina/\S+?):\d+:\d+: (error|note): (.*)$")
WRITTEN_FOR = "12"


def excerpt(said):
    """The error and the notes with values, each with the code under it, as a page shows them."""
    kept, lines = False, []
    for line in said.splitlines():
        message = MESSAGE.match(line)
        if message:
            path, kind, text = message.groups()
            kept = kind == "error" or "evaluated to" in text
            line = f"{path}: {kind}: {text}"
        elif not line.startswith(" "):
            kept = False
        if kept:
            lines.append(re.sub(r"^ +\d* \|", "      |", line))
    # The code under a note repeats what the note says.
    first_note = next((i for i, line in enumerate(lines) if ": note: " in line), len(lines))
    return "\n".join(lines[:first_note] + [line for line in lines[first_note:] if ": note: " in line]) + "\n"


def said_by(compiler_and_flags, case):
    command = [*compiler_and_flags, *harness.COMPILE, "-fsyntax-only", "-fmessage-length=0", "-DLAMINA_EXPECT_FAILURE", str(FOLDER / case)]
    done = subprocess.run(command, capture_output=True, text=True, env=harness.ENVIRONMENT, check=False)
    return done.stderr


def is_written_for(compiler):
    done = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
    version = subprocess.run([compiler, "-dumpversion"], capture_output=True, text=True, check=True).stdout
    return "clang" not in done.stdout and version.split(".")[0].strip() == WRITTEN_FOR


def problem(page, shown, said, exactly):
    """What is wrong with a block, or None."""
    if exactly and shown != excerpt(said):
        return f"{page}: shows\n{shown}where the compiler says\n{excerpt(said)}run tests/compile_fail/shown.py update"
    sentence = re.search(r"error: (?:static assertion failed: )?(.*)", shown)
    if sentence is None or sentence.group(1) not in said:
        return f"{page}: shows\n{shown}but the compiler says\n{said}"
    return None


def main():
    action, compiler_and_flags = sys.argv[1], sys.argv[2:]
    exactly = is_written_for(compiler_and_flags[0])
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    shown = [(page, block) for page in pages for block in BLOCK.finditer(page.read_text(encoding="utf-8"))]
    problems = [] if shown else ["no page shows an error below <!-- error: CASE -->"]
    for page, block in shown:
        said = said_by(compiler_and_flags, block.group(1))
        if action == "update":
            text = page.read_text(encoding="utf-8")
            page.write_text(text.replace(block.group(2), excerpt(said)), encoding="utf-8")
        elif found := problem(page.relative_to(ROOT), block.group(2), said, exactly):
            problems.append(found)
    return "\n".join(problems) or None


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("check", "update"):
        sys.exit(__doc__)
    sys.exit(main())
