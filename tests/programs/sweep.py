#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Drives sweep as a person would: a small grid with a run that diverges, one that fails, a sweep killed, resumed and made longer."""
import json
import os
import pathlib
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

PROGRAMS = pathlib.Path(os.environ["LAMINA_PROGRAMS"])
FLAGS = {"micro-batch": 2, "sequence": 32, "steps": 14, "warmup": 1, "removal-start": 1, "gap-ln2": 0, "gap-ln1-qk": 1, "gap-ln1-v": 0,
         "pretrain-steps": 4, "evaluation-blocks": 4, "sample": 0, "control": False, "save-every": 2}
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def run(*arguments):
    return subprocess.run([PROGRAMS / "sweep", *map(str, arguments)], capture_output=True, text=True, timeout=300)


def spec(folder, **changes):
    content = {"flags": FLAGS | {"text": [str(folder / "corpus.txt")]}, "grid": {"learning-rate": [1e-3, "1e6"]}, "seeds": [1, 2]} | changes
    path = folder / "spec.json"
    path.write_text(json.dumps(content))
    return path


def results_in(out):
    return json.loads((out / "results.json").read_text())


def states(out):
    return {point["folder"]: point["state"] for point in results_in(out)["points"]}


GOOD, BAD = "learning-rate=0.001,seed=", "learning-rate=1e6,seed="


def a_grid(folder):
    out = folder / "grid"
    done = run("--spec", spec(folder), "--out", out, "--jobs", 2)
    check(done.returncode == 0, "a sweep with a rate that diverges is a result: " + done.stderr)
    if done.returncode != 0:
        return out
    check(states(out) == {GOOD + "1": "finished", BAD + "1": "diverged", GOOD + "2": "finished", BAD + "2": "diverged"},
          f"each run ended as it must: {states(out)}")
    results = results_in(out)
    good, bad = results["configurations"]
    own = [json.loads((out / (GOOD + str(seed)) / "results.json").read_text()) for seed in (1, 2)]
    for field, name in (("before", "pretrained"), ("removed", "removed"), ("folded", "folded")):
        losses = [one[name]["loss"] for one in own]
        check(abs(good[field]["mean"] - statistics.mean(losses)) < 1e-9, f"{field} is the mean: {good[field]}, {losses}")
        check(abs(good[field]["deviation"] - statistics.stdev(losses)) < 1e-9, f"and its spread: {good[field]}, {losses}")
    check(own[0]["pretrained"] == own[1]["pretrained"] and own[0]["removed"] != own[1]["removed"], "seeds differ after a common start")
    check(good["worst_heldout"]["mean"] >= good["removed"]["mean"], "the worst is no better than the last")
    check(bad["values"] == {"learning-rate": "1e6"} and bad["diverged"] == 2 and "removed" not in bad, f"what diverged has no mean: {bad}")
    check("control" not in good, "without a control there is none")
    table = (out / "table.md").read_text()
    check(done.stdout.endswith(table) and f"{good['removed']['mean']:.4f}" in table, "the table is printed")
    check(len(re.findall(r"^- learning-rate 1e6, seed \d diverged: lamina: .* is not finite in step \d+", table, re.MULTILINE)) == 2,
          "and says why and when the others diverged: " + table)
    texts = [each.text for each in xml.etree.ElementTree.parse(out / "sweep.svg").iter("{http://www.w3.org/2000/svg}text")]
    check("learning-rate 0.001" in texts and "learning-rate 1e6 (2 diverged)" in texts, f"the picture shows both: {texts}")
    return out


def resumed(folder, out):
    """What has ended is not run again; values and seeds may be added, other flags not."""
    refused = run("--spec", spec(folder), "--out", out)
    check(refused.returncode == 2 and f"--out {out} holds a sweep; go on with --resume" in refused.stderr, "nothing is replaced: " + refused.stderr)
    refused = run("--spec", spec(folder, flags=FLAGS | {"clip": 0.5}), "--out", out, "--resume")
    check(refused.returncode == 1 and "sweep.json: was made with other flags" in refused.stderr, "other flags are another sweep: " + refused.stderr)
    before = (out / (GOOD + "1") / "results.json").stat().st_mtime_ns
    done = run("--spec", spec(folder, grid={"learning-rate": [1e-3, "1e6", 0.002]}, seeds=[1, 2, 3]), "--out", out, "--resume")
    check(done.returncode == 0 and "4 of 9 runs have ended before" in done.stdout, f"only what is new runs: {done.stdout} {done.stderr}")
    check((out / (GOOD + "1") / "results.json").stat().st_mtime_ns == before, "what was finished is as it was")
    check([one["finished"] + one["diverged"] for one in results_in(out)["configurations"]] == [3, 3, 3], "all have three seeds")


def killed(folder, whole):
    """A sweep that is killed takes its runs along, and goes on with what they had saved, to the same numbers."""
    out = folder / "killed"
    command = ["--spec", spec(folder, grid={"learning-rate": [1e-3]}), "--out", out, "--threads", 1]
    sweep = subprocess.Popen([PROGRAMS / "sweep", *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    saved = out / (GOOD + "1") / "checkpoint-removal"
    deadline = time.time() + 120
    while time.time() < deadline and sweep.poll() is None and not saved.exists():
        time.sleep(0.001)
    sweep.send_signal(signal.SIGKILL)
    sweep.wait()
    check(saved.exists() and states(out)[GOOD + "2"] == "waiting", "it is killed in its first run")
    done = run(*command, "--resume")
    check(done.returncode == 0 and set(states(out).values()) == {"finished"}, "it goes on: " + done.stderr)
    check(results_in(out)["configurations"][0]["removed"] == results_in(whole)["configurations"][0]["removed"], "to the same numbers")


def failing(folder):
    """A run that fails for another reason than its numbers is tried again by the next start."""
    out = folder / "failing"
    program = folder / "remove_layernorm"
    program.write_text(f'#!/bin/sh\ncase "$*" in *seed=2*--threads*) echo "remove_layernorm: no luck" >&2; exit 1 ;; esac\n'
                       f'exec {PROGRAMS}/remove_layernorm "$@"\n')
    program.chmod(0o755)
    command = ["--spec", spec(folder, grid={"learning-rate": [1e-3]}), "--out", out]
    done = run(*command, "--program", program)
    check(done.returncode == 1 and "1 of 2 runs failed; --resume tries them again" in done.stderr, "it is told: " + done.stderr)
    check("- learning-rate 0.001, seed 2 failed: no luck" in (out / "table.md").read_text(), "with the reason")
    done = run(*command, "--resume")
    check(done.returncode == 0 and set(states(out).values()) == {"finished"}, "it is tried again: " + done.stderr)


def preset(folder):
    done = run("--preset", "published-rates", "--out", folder / "preset", "--", "--steps", 2)
    check("runs with learning-rate 1e-4 cannot be started: --steps 2 end before the last removal" in done.stderr, "the preset is a grid: " + done.stderr)
    check(not (folder / "preset").exists(), "nothing is left of what cannot begin")


def bad_input(folder):
    for changes, sentence in [
            ({"flags": {"learning-rat": 1}}, "learning-rat is no flag of remove_layernorm"),
            ({"flags": {"clip": -1}}, "--clip is -1, expected 0 to 1e+06"),
            ({"flags": {"--clip": 1}}, 'field "flags.--clip" is written with dashes'),
            ({"flags": {"seed": 1}}, 'field "flags.seed" is the sweep\'s own; give "seeds"'),
            ({"flags": {"out": "x"}}, 'field "flags.out" is not for the runs of a sweep'),
            ({"flags": {"clip": {"a": 1}}}, 'field "flags.clip" is no value of a flag'),
            ({"flags": {"learning-rate": 1}}, 'field "grid.learning-rate" is among the flags of every run as well'),
            ({"grid": {"clip": 1}}, 'field "grid.clip" is no list of values'), ({"grid": {"clip": []}}, 'field "grid.clip" is no list of values'),
            ({"grid": {"clip": [1, 1]}}, "two runs of the sweep would be called clip=1,seed=1"),
            ({"grid": {"clip": list(range(20000))}}, "the grid has more than 10000 combinations"),
            ({"seeds": []}, 'field "seeds" is empty'), ({"seeds": [1, 1]}, 'field "seeds" has one of them twice'), ({"seeds": [-1]}, 'field "seeds'),
            ({"colours": 1}, 'field "colours" is none of flags, grid and seeds')]:
        done = run("--spec", spec(folder, **changes), "--out", folder / "bad")
        check(done.returncode in (1, 2) and sentence in done.stderr and done.stderr.count("\n") == 1, f"{changes}: {done.stderr!r}")
        check(not (folder / "bad").exists(), f"{changes}: nothing is written")
    (folder / "there").mkdir()
    (folder / "there" / "notes").write_text("mine")
    for arguments, sentence in [(["--out", folder / "there"], "holds notes, which is of no sweep"),
                                (["--out", folder / "bad", "--resume"], "does not exist, so there is no sweep to go on with"),
                                (["--out", folder / "bad", "--program", folder / "none"], "none: is not there"),
                                (["--out", folder / "bad", "--", "--learning-rate", "1"], "--learning-rate is given twice"),
                                (["--out", folder / "bad", "--", "word"], '"word" behind -- is no flag of remove_layernorm')]:
        done = run("--spec", spec(folder), *arguments)
        check(done.returncode in (1, 2) and sentence in done.stderr and done.stderr.count("\n") == 1, f"{arguments}: {done.stderr!r}")
    done = run("--out", folder / "bad")
    check(done.returncode == 2 and "needs --spec FILE or --preset published-rates" in done.stderr, "something to sweep over is asked for: " + done.stderr)


with tempfile.TemporaryDirectory() as name:
    root = pathlib.Path(name)
    chooser = random.Random(1)
    (root / "corpus.txt").write_text(" ".join(chooser.choice("the norm of every row is fixed for good".split()) for _ in range(6000)) + "\n")
    whole = a_grid(root)
    if not failures:
        killed(root, whole)
        resumed(root, whole)
        failing(root)
    preset(root)
    bad_input(root)
sys.exit(1 if failures else 0)
