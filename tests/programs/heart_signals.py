#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench/heart_signals.py: windows, scale, stride and rate of what it writes, and what it refuses."""
import array
import pathlib
import subprocess
import sys
import tempfile

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "bench/heart_signals.py"
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def run(folder, lines, *flags):
    """The windows that are written, or the complaint."""
    (folder / "signal.csv").write_text("".join(f"{line}\n" for line in lines))
    done = subprocess.run([sys.executable, SCRIPT, folder / "signal.csv", folder / "out.bin", *flags], capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr
    tokens = array.array("H", (folder / "out.bin").read_bytes()).tolist()
    return [tokens[i:i + 500] for i in range(0, len(tokens), 500)]


with tempfile.TemporaryDirectory() as root:
    folder = pathlib.Path(root)
    ramp = [i / 499 for i in range(500)]
    wanted = [round(100 * i / 499) for i in range(500)]
    check(run(folder, ramp) == [wanted], "a ramp is 0 to 100")
    check(run(folder, [f"{7 - 3 * value}\r" for value in ramp]) == [wanted[::-1]], "each window has its own scale")
    check(run(folder, ["time,value", *[f"12,{value}" for value in ramp]]) == [wanted], "the last column, without its title")
    check(run(folder, [5] * 500 + ramp + ramp[:499]) == [wanted], "flat windows and what is left at the end are passed over")
    moved = run(folder, ramp + ramp, "--stride", "250", "--first", "250")
    check(len(moved) == 2 and moved[0][249:251] == [100, 0] and moved[1] == wanted, f"windows overlap; found {len(moved)}")
    check(run(folder, ramp + ramp, "--end", "600") == [wanted], "--end")
    doubled = run(folder, [value for value in ramp for _ in range(2)] * 2, "--hertz", "100")
    check(len(doubled) == 1 and max(abs(a - b) for a, b in zip(doubled[0], wanted)) <= 1, "half the rate is every second sample")
    check("has 499 samples, expected 500 that differ" in run(folder, ramp[:499]), "too short a signal")
    check("--stride" in run(folder, ramp, "--stride", "0"), "no stride")
sys.exit(1 if failures else 0)
