#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures two steps of GPT-2 small on the CPU, and holds what is printed against what is written, and both against the seconds."""
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

PROGRAM = pathlib.Path(os.environ.get("LAMINA_BENCHMARKS", "")) / "train_step"
SEQUENCE, ACCUMULATION = 8, 2
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def close(a, b, relative=1e-9):
    return abs(a - b) <= relative * abs(b)


def numbers_of_line(text, start):
    """Those after the first words of the one line that begins with them."""
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith(start)]
    check(len(lines) == 1, f"one line begins with {start!r}: {text}")
    return [float(number) for number in re.findall(r"[-+]?\d+\.?\d*", lines[0][len(start):])] if len(lines) == 1 else [0.0] * 9


if not PROGRAM.exists():
    print("lamina: skipped: programs: train_step_gpt2: the programs of bench/ were not built")
    sys.exit(0)
with tempfile.TemporaryDirectory(prefix="lamina-train-step-") as scratch:
    path = pathlib.Path(scratch) / "result.json"
    done = subprocess.run([str(PROGRAM), "--execution", "factored", "--batch", "1", "--sequence", str(SEQUENCE), "--accumulation",
                           str(ACCUMULATION), "--steps", "2", "--json", str(path)], capture_output=True, text=True, timeout=600)
    check(done.returncode == 0, "steps are measured: " + done.stderr)
    if failures:
        sys.exit(1)
    found = json.loads(path.read_text())

seconds = sorted(found["seconds"])
tokens = SEQUENCE * ACCUMULATION
check(len(seconds) == 2 and found["tokens_per_step"] == tokens, f"as many steps as were asked for: {found}")
check(close(found["tokens_per_second"], tokens / statistics.median(seconds)), f"tokens per second are the median step's: {found}")
for field, share in [("tokens_per_second_p10", 0.9), ("tokens_per_second_p90", 0.1)]:
    check(close(found[field], tokens / (seconds[0] + share * (seconds[1] - seconds[0]))), f"{field} is that quantile's: {found}")
check(found["mfu_6n"] is None, "no peak is assumed of a CPU")

printed = numbers_of_line(done.stdout, "tokens/s:")
# One decimal is printed.
for number, expected in zip(printed, [found["tokens_per_second"], tokens / seconds[1], tokens / seconds[0]]):
    check(abs(number - expected) <= 0.0501, f"tokens per second and their range are printed: {printed}, expected {expected}")
median, least, most, tflop, gflops, percent = numbers_of_line(done.stdout, "together")[:6]
check(abs(median - statistics.median(seconds)) <= 0.00501 and abs(least - seconds[0]) <= 0.00501 and abs(most - seconds[1]) <= 0.00501,
      f"the seconds of a step are printed: {done.stdout}")
check(abs(gflops / 1e3 - found["tflops_executed"]) <= 0.0000501, f"and its rate: {gflops}, {found['tflops_executed']}")
products = [numbers_of_line(done.stdout, what)[0] for what in ("x W, 1024 x 768 x 3072", "x W, 1024 x 3072 x 768",
                                                               "dy W^T, 1024 x 3072 x 768", "x^T dy, 768 x 1024 x 3072",
                                                               "A B, 3072 x 3072 x 768")]
check(abs(percent - 100 * gflops / max(products)) <= 0.6, f"as a share of the best product: {percent} of {max(products)}")
# Of the four linear layers of a block, in C², W and B have 3 + 1 + 4 + 4 and A, which is square, 1 + 1 + 1 + 16. Per token and block
# 2 (12 + 19 + 12) forward, 2 (12 + 19 + 12 + 19 + 12) backward; 2 V C each way of the head. Attention over eight tokens, and the
# gradient of the first layer's input, which nobody wants, are less than a hundredth.
operations = tokens * (12 * 768**2 * 2 * (43 + 74) + 4 * 50257 * 768)
check(close(found["tflops_executed"] * 1e12 * statistics.median(seconds), operations, 0.01), "the rate is the plan's operations by time")
check(abs(tflop - operations / 1e12) <= 0.0051, f"which are printed: {tflop}")
peak, plan = numbers_of_line(done.stdout, "peak resident memory:")[:2]
check(abs(peak - found["peak_bytes"] / 1e9) <= 0.000501 and abs(plan - found["plan_bytes"] / 1e9) <= 0.000501, "so is the memory")
check(found["plan_bytes"] > 1e9 and found["peak_bytes"] > 0.5 * found["plan_bytes"], f"which a run takes: {found}")
sys.exit(1 if failures else 0)
