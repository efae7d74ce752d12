#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs tutorial_lora: the adapters learn the text, the model writes of it, and what is saved is as good and plain."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

MOST_LINES = 40  # what docs/tutorial-lora.md promises to go through
ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ["LAMINA_PROGRAMS"]).resolve() / "tutorial_lora"
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def tensors_of(folder):
    """The names of the tensors that a folder of Hugging Face has."""
    data = (folder / "model.safetensors").read_bytes()
    return set(json.loads(data[8:8 + int.from_bytes(data[:8], "little")])) - {"__metadata__"}


with tempfile.TemporaryDirectory() as name:
    out = pathlib.Path(name)
    done = subprocess.run([PROGRAM], cwd=out, capture_output=True, timeout=800)
    printed = done.stdout.decode(errors="replace")
    check(done.returncode == 0, "it succeeds: " + done.stderr.decode(errors="replace"))
    losses = [float(loss) for loss in re.findall(r"^ *\d+  loss (\S+)$", printed, re.MULTILINE)]
    check(len(losses) == 6 and losses[0] > 2 and losses[-1] < 0.7, f"the text is new to the base, and adapters learn it: {losses}")
    check(re.search(r"^This is the .{48,}$", printed, re.MULTILINE), "it writes after the prompt")
    saved = re.search(r"^saved: loss (\S+)$", printed, re.MULTILINE)
    check(saved and float(saved.group(1)) < 0.7, "what was merged and saved is as good as what was trained")
    check(tensors_of(out / "lamina-tutorial/merged") == tensors_of(out / "lamina-tutorial/base"), "what is saved has no adapters")

source = (ROOT / "examples/tutorial_lora.cpp").read_text(encoding="utf-8")
main = source[source.index("int main()"):].splitlines()
check(len(main) <= MOST_LINES, f"main has at most {MOST_LINES} lines: {len(main)}")
page = (ROOT / "docs/tutorial-lora.md").read_text(encoding="utf-8")
shown = {line.strip() for block in re.findall(r"```cpp\n(.*?)```", page, re.DOTALL) for line in block.splitlines()}
left_out = [line for line in main[3:-1] if line.strip() and line.strip() not in shown]  # after where it writes and pretrains
check(not left_out, f"the page shows every line of main: {left_out}")
if failures:
    print(printed)
sys.exit(1 if failures else 0)
