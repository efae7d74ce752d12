#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs custom_loop: the README's loop learns, loses its norms and folds."""
import os
import pathlib
import re
import subprocess
import sys

PROGRAM = str(pathlib.Path(os.environ["LAMINA_PROGRAMS"]) / "custom_loop")
done = subprocess.run([PROGRAM], capture_output=True, text=True, timeout=200)
steps = [(float(loss), int(left)) for loss, left in re.findall(r"loss (\S+)  norms left (\d+)", done.stdout)]
folded = re.search(r"^folded: loss (\S+)$", done.stdout, re.MULTILINE)

failures = []
if done.returncode != 0:
    failures.append("it succeeds: " + done.stderr)
if len(steps) < 2 or steps[-1][0] > steps[0][0] - 3:
    failures.append("its loss falls by 3 nats or more")
if not steps or steps[0][1] != 5 or steps[-1][1] != 0:
    failures.append("its five norms go")
if not folded or float(folded.group(1)) > steps[-1][0] + 1:
    failures.append("the folded model is as good")
for failure in failures:
    print("FAILED:", failure)
if failures:
    print(done.stdout)
sys.exit(1 if failures else 0)
