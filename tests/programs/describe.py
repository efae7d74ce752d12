#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Drives describe: the cards hold the published numbers, and wrong flags end in one line."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "structure"))
import transcripts  # noqa: E402

PROGRAM = str(pathlib.Path(os.environ["LAMINA_PROGRAMS"]) / "describe")
PARAMETERS = {"gpt2": "124439808", "gpt2-medium": "354823168", "gpt2-large": "774030080", "gpt2-xl": "1557611200"}
ADAPTERS = {"gpt2": "219414528", "gpt2-medium": "780140544", "gpt2-large": "1828454400", "gpt2-xl": "3809280000"}
failures = []


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def rows(text, label):
    """What stands after the label, for each line that begins with it."""
    return [line.split(label, 1)[1].split() for line in text.splitlines() if line.strip().startswith(label)]


def cards_of(model):
    done = run("--model", model, "--batch", "2", "--sequence", "128")
    check(done.returncode == 0 and not done.stderr, model + " is described")
    check(done.stdout.startswith(model + ":") and "2 x 128 tokens" in done.stdout, model + " has a heading")
    check(rows(done.stdout, "in all")[0][0] == PARAMETERS[model], model + " has the published number of parameters")
    check(rows(done.stdout, "adapter parameters")[0][0] == ADAPTERS[model], model + " has the published adapters")
    check(rows(done.stdout, "contains LayerNorm") == [["yes"], ["yes"], ["yes"], ["no"]], model + ": only the folded one has no norm")
    for kept, _, recomputed, _ in rows(done.stdout, "activations, per token"):
        check(float(recomputed) < float(kept) / 2, model + ": recomputing blocks saves memory")
    for kept, _, recomputed, _ in rows(done.stdout, "backward, per token"):
        check(float(recomputed) > float(kept), model + ": recomputing blocks costs operations")


def wrong_flags():
    for arguments in (["--model", "gpt3"], ["--bogus"], ["--batch", "0"], ["--sequence", "1025"], ["--batch", "many"]):
        done = run(*arguments)
        said = " ".join(arguments)
        check(done.returncode != 0 and not done.stdout, said + " is refused")
        check(done.stderr.startswith("describe: ") and done.stderr.count("\n") == 1, said + " is refused in one line: " + done.stderr)


check(transcripts.shown("describe --model gpt2, second card") in run("--model", "gpt2").stdout,
      "the README shows a card as it is; run tests/structure/transcripts.py update")
for model in PARAMETERS:
    cards_of(model)
check(all(name + ":" in run().stdout for name in PARAMETERS), "without flags every size is described")
wrong_flags()
sys.exit(1 if failures else 0)
