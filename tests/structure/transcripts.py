#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the pages show of programs' output: transcripts.py check, or transcripts.py update PROGRAMS [--demo LOG]

A ```text block stands below `<!-- output: COMMAND -->` or `<!-- error: CASE -->`. For each output of the README, and of another
page whose program is one of bench/, a test of the program says with `shown(COMMAND)` that it compares; errors are
tests/compile_fail/shown.py's. The check fails on a block without such a comment, on an output that no test asks for, and on a
picture of the demo that does not end as the table says.
`update` writes what the programs in the folder PROGRAMS print into the README. What the demo and the programs after it print is
written only with the LOG of the demo, in the folder where it ran, and then the picture is its picture:
    ./examples/demo.sh --force | tee demo.log
    cmake --build build/demo
    tests/structure/transcripts.py update build/demo/examples --demo demo.log
"""

import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import house

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"(?:^<!-- (output|error): (.*?) -->\n)?^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"[-+]?\b\d+(?:\.\d+)?(?:e[-+]\d+)?\b")
PICTURE = "docs/demo.svg"
# The rows of the demo's table whose losses the picture ends with.
DRAWN = ("control (LoRA, norms kept)", "LN removed")


def pages(root):
    return [path for path in [root / "README.md", *sorted((root / "docs").rglob("*.md"))] if path.exists()]


def shown(command, root=ROOT):
    """The block below this command, of the README or, where that has none, of another page."""
    for page in pages(root):
        for kind, what, text in BLOCK.findall(page.read_text(encoding="utf-8")):
            if (kind, what) == ("output", command):
                return text
    sys.exit(f"no page has a block below <!-- output: {command} -->")


def shown_command(program, root=ROOT):
    """The command below which the README shows what this program prints."""
    for kind, what, _ in BLOCK.findall((root / "README.md").read_text(encoding="utf-8")):
        if kind == "output" and what.split()[0] == program:
            return what
    sys.exit(f"README.md: no output of {program}")


def shape(text):
    """The text with every number and the width of every column left open."""
    return [re.sub(r"\s+", " ", re.sub(r"-{2,}", "--", NUMBER.sub("#", line))).strip() for line in text.splitlines() if line.strip()]


def table_row(text, name):
    """The cells of a row of a Markdown table, less its name."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[0] == name:
            return cells[1:]
    return []


def picture_problems(root, table):
    path = root / PICTURE
    if not path.exists():
        yield f"{PICTURE}: the README shows it, but it does not exist"
        return
    texts = re.findall(r">([^<]*)</text>", path.read_text(encoding="utf-8"))
    for name in DRAWN:
        loss = (table_row(table, name) or ["no row"])[0]
        if loss not in texts:
            yield f"{PICTURE}: does not end at {loss}, the loss of \"{name}\" in the README; run transcripts.py update"


def problems(root):
    tests = "".join(path.read_text(encoding="utf-8") for path in sorted((root / "tests/programs").glob("*.py")))
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            kind, what, shows = block.groups()
            place = f"{page.relative_to(root)}:{text.count(chr(10), 0, block.start()) + 1}"
            if kind is None:
                yield f"{place}: say above this block what prints it: <!-- output: COMMAND --> or <!-- error: CASE -->"
            elif kind == "output" and (page.name == "README.md" or (root / "bench" / f"{what.split(' ')[0]}.cpp").exists()):
                if not re.search(rf"shown(?:_command)?\(\"{re.escape(what.split(' ')[0])}\b", tests):
                    yield f"{place}: no test of tests/programs asks for what is shown of `{what}`"
                if what == "demo" and PICTURE in text:
                    yield from picture_problems(root, shows)


def printed(command, programs, demo_log):
    """What the README shows of a command; None where it follows from a demo that has not run."""
    if demo_log is None and (command == "demo" or "lamina-out" in command):
        return None
    if command == "demo":
        return demo_log[demo_log.index("| model "):].rstrip("\n") + "\n"
    command, _, part = command.partition(", ")
    name, *arguments = shlex.split(command)
    done = subprocess.run([programs / name, *arguments], capture_output=True, text=True, check=True)
    if part == "second card":
        return re.split(r"\n\n(?=  \w+::)", done.stdout)[2].rstrip("\n") + "\n"
    lines = (line.rstrip() for line in (done.stdout + done.stderr).splitlines())
    return "\n".join(lines) + "\n"


def update(root, programs, demo_log):
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")

    def anew(block):
        kind, what, _ = block.groups()
        output = printed(what, programs, demo_log) if kind == "output" else None
        return block.group(0) if output is None else f"<!-- output: {what} -->\n```text\n{output}```"

    readme.write_text(BLOCK.sub(anew, text), encoding="utf-8")
    if demo_log is not None:
        shutil.copyfile("lamina-out/loss.svg", root / PICTURE)


def main():
    parser = house.arguments(__doc__)
    parser.add_argument("action", choices=("check", "update"))
    parser.add_argument("programs", nargs="?", type=pathlib.Path)
    parser.add_argument("--demo", type=pathlib.Path)
    options = parser.parse_args()
    if options.action == "check":
        house.finish(list(problems(options.root)))
    if options.programs is None:
        parser.error("update: name the folder of the programs")
    update(options.root, options.programs.resolve(), options.demo.read_text(encoding="utf-8") if options.demo else None)


if __name__ == "__main__":
    main()
