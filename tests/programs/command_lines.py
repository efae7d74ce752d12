#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What all command lines have in common: help that fits a terminal, and one line about what is wrong, for every flag."""
import os
import pathlib
import re
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
WITHOUT_FLAGS = {"custom_loop", "tutorial_lora"}  # which the documentation shows whole
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def programs():
    for variable, folder in [("LAMINA_PROGRAMS", "examples"), ("LAMINA_BENCHMARKS", "bench")]:
        place = pathlib.Path(os.environ.get(variable, ""))
        for source in sorted((SOURCE / folder).glob("*.cpp")):
            if source.stem in WITHOUT_FLAGS or (folder == "bench" and not (place / source.stem).exists()):
                continue
            yield place / source.stem


def run(program, *arguments):
    return subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def flags_in(text):
    """The flags that help lists, each with what it says of its value."""
    return re.findall(r"^  (?:-\w, )?(--[\w-]+)(?:, --[\w-]+)*(?: (\S+(?: \.\.\.)?))?(?:  .*)?$", text, re.MULTILINE)


def help_of(program):
    done = run(program, "--help")
    name = program.name
    check(done.returncode == 0 and not done.stderr and f"\nUsage: {name} [flags]\n" in done.stdout, f"{name} has help: {done.stderr}")
    wide = [line for line in done.stdout.split("\n") if len(line) > 80]
    check(not wide, f"{name}: help fits 80 columns: {wide}")
    check(re.fullmatch(r"[\n\x20-\x7e]*", done.stdout) is not None, f"{name}: help is plain text")
    for technical in (r"\bENUM\b", r"\bUINT\b", r"\bINT\b", r"\bFLOAT\b", r" in \{", r" in \[", r"value in", r"\[\w+\]$"):
        shown = [line for line in done.stdout.split("\n") if re.search(technical, line) and not line.startswith("Usage: ")]
        check(not shown, f"{name}: help has no {technical}: {shown}")
    with open("/dev/full", "wb") as full:
        to_full = subprocess.run([program, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    check(to_full.returncode == 1 and to_full.stderr == f"{name}: standard output: cannot be written: No space left on device\n",
          f"{name}: help that nobody gets is a failure: {to_full.returncode}, {to_full.stderr!r}")
    return done.stdout


def refused(program, arguments, *words):
    done = run(program, *arguments)
    said = f"{program.name} {' '.join(arguments)}"
    check(done.returncode == 2 and not done.stdout, f"{said}: exit code {done.returncode}, expected 2")
    check(done.stderr.startswith(program.name + ": ") and done.stderr.count("\n") == 1 and len(done.stderr) <= 160,
          f"{said}: one short line: {done.stderr!r}")
    for word in words:
        check(word in done.stderr, f"{said}: {word!r} is said; found {done.stderr!r}")


def wrong_values(program, text):
    for flag, value in flags_in(text):
        if not value:
            continue
        refused(program, [flag], flag, "lacks its value")
        if value == "N":
            for wrong in ("-1", "1.5", "many", "9" * 20, ""):
                refused(program, [flag, wrong], f"{flag} is ", wrong[:20], ", expected ")
        elif value == "X":
            for wrong in ("nan", "-inf", "x", "1e999"):
                refused(program, [flag, wrong], f'{flag} is "{wrong}", expected a number')
        elif "|" in value:
            refused(program, [flag, "\x1bsomething"], flag + r' is "\x1bsomething", expected ', *value.split(",")[0].split("|"))


found = 0
for path in programs():
    text = help_of(path)
    wrong_values(path, text)
    found += len(flags_in(text))
    refused(path, ["--no-such-flag"], "--no-such-flag is no flag of " + path.name)
    refused(path, ["word"], "word is no flag of " + path.name)
check(found > 80, f"flags are found in help: {found}")
sys.exit(1 if failures else 0)
