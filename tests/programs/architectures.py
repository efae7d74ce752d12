#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs architectures: every one of them learns, a run too short to learn fails, and wrong flags end in one line."""
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "structure"))
import transcripts  # noqa: E402

PROGRAM = str(pathlib.Path(os.environ["LAMINA_PROGRAMS"]) / "architectures")
failures = []


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=250)


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def losses(text):
    return [(float(before), float(after)) for before, after in re.findall(r"\s(\d+\.\d{3})\s+(\d+\.\d{3})\s", text)]


def weights(text):
    return re.findall(r"\s(\d{4,})\s+\d+\.\d{3}\s", text)


learned = run()
check(learned.returncode == 0, "it succeeds: " + learned.stdout + learned.stderr)
check(len(losses(learned.stdout)) == 3, "it trains three architectures")
check(all(after < before - 1.5 for before, after in losses(learned.stdout)), "the loss of each falls by 1.5 nats or more")
shown = transcripts.shown("architectures")
check(transcripts.shape(learned.stdout) == transcripts.shape(shown), "the README shows its lines, but for the numbers: " + learned.stdout)
check(weights(learned.stdout) == weights(shown), "and its numbers of weights")

short = run("--steps", "1")
check(short.returncode != 0 and short.stdout.count("did not learn") == 3, "a single step is not taken for learning")

for arguments in (["--bogus"], ["--steps", "0"], ["--steps", "some"]):
    refused = run(*arguments)
    said = " ".join(arguments)
    check(refused.returncode != 0 and not refused.stdout, said + " is refused")
    check(refused.stderr.startswith("architectures: ") and refused.stderr.count("\n") == 1, said + " is refused in one line")
sys.exit(1 if failures else 0)
