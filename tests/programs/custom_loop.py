#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs custom_loop: the README's loop learns, loses its norms and folds, and prints what the README shows."""
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "structure"))
import transcripts  # noqa: E402

# Sums are in another order on another machine, and training doubles the difference every few steps.
EARLY, LATE, UNTIL = 0.01, 0.1, 100
PROGRAM = str(pathlib.Path(os.environ["LAMINA_PROGRAMS"]) / "custom_loop")
done = subprocess.run([PROGRAM], capture_output=True, text=True, timeout=200)


def read(text):
    """(loss, norms left) of each line, and the loss of the folded model."""
    lines = re.findall(r"^ *(\d+)  loss (\S+)  norms left (\d+)$", text, re.MULTILINE)
    last = re.search(r"^folded: loss (\S+)$", text, re.MULTILINE)
    return [(int(step), float(loss), int(left)) for step, loss, left in lines], last and float(last.group(1))


table, folded = read(done.stdout)
steps = [(loss, left) for _, loss, left in table]
shown, shown_folded = read(transcripts.shown("custom_loop"))

failures = []
if done.returncode != 0:
    failures.append("it succeeds: " + done.stderr)
if len(steps) < 2 or steps[-1][0] > steps[0][0] - 3:
    failures.append("its loss falls by 3 nats or more")
if not steps or steps[0][1] != 5 or steps[-1][1] != 0:
    failures.append("its five norms go")
if not folded or folded > steps[-1][0] + 1:
    failures.append("the folded model is as good")
if [(step, left) for step, _, left in table] != [(step, left) for step, _, left in shown]:
    failures.append("it prints the steps and norms that the README shows")
elif folded is None or any(abs(loss - of_readme) > (EARLY if step <= UNTIL else LATE)
         for (step, loss, _), (_, of_readme, _) in zip(table, shown)) or abs(folded - shown_folded) > LATE:
    failures.append("it prints the losses that the README shows; where others are right, run tests/structure/transcripts.py update")
for failure in failures:
    print("FAILED:", failure)
if failures:
    print(done.stdout)
sys.exit(1 if failures else 0)
