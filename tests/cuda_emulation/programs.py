#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Drives programs with --device cuda where the GPU is the emulator: a removal is the same job as on the CPU, up to rounding,
one that begins on either device goes on on the other, and its evaluation is the same on both. Usage: programs.py
REMOVE_LAYERNORM EVALUATE"""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TINY = ["--micro-batch", "1", "--accumulation", "1", "--sequence", "24", "--steps", "14", "--removal-start", "1", "--gap-ln2", "1",
        "--gap-ln1-qk", "1", "--gap-ln1-v", "1", "--pretrain-steps", "2", "--evaluation-blocks", "1", "--sample", "4",
        "--threads", "1", "--save-every", "6", "--no-control",
        "--non-finite", "roll-back"]
# Products by parts, which are the GPU's own choice, would be most of what the emulator does; models have them in parity_cuda.cpp.
ON_EMULATOR = ["--float-products", "fp32"]
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def with_quickest(algorithm):
    """As if this algorithm of the emulator took less time than the others: 11 to 15, the first being 11."""
    return {**os.environ, "LAMINA_EMULATED_QUICKEST": str(algorithm)} if algorithm else None


def run(out, text, device, *more, quickest=None):
    command = [sys.argv[1], "--out", out, "--text", text, "--device", device, *TINY, *(ON_EMULATOR if device == "cuda" else []), *more]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=280, check=False, env=with_quickest(quickest))


def results_of(out):
    return json.loads((out / "results.json").read_text())


def losses_of(out):
    return [json.loads(line)["loss"] for line in (out / "metrics.jsonl").read_text().splitlines()]


def same(one, other, what):
    """Training in float from the same start: fourteen steps amplify roundings of 6e-8 to about 2e-5."""
    ours, theirs = losses_of(one), losses_of(other)
    check(len(ours) == len(theirs) == 14, f"{what}: fourteen steps; found {len(ours)} and {len(theirs)}")
    worst = max(abs(a - b) for a, b in zip(ours, theirs))
    check(worst < 1e-4, f"{what}: losses differ by {worst}")
    for phase in ["pretrained", "removed", "folded"]:
        a, b = (results_of(out)[phase]["loss"] for out in (one, other))
        check(abs(a - b) < 1e-4, f"{what}: {phase} {a} and {b}")
    check(results_of(one)["folded"]["max_logit_difference"] < 1e-3, f"{what}: the folded model agrees with the removed one")
    check(results_of(one)["layer_norms_after"] == 0, f"{what}: no norm is left")


def halted(out, text, device, quickest=None):
    """A run that stands still after its first checkpoint, at step 6, however quick the others are."""
    for _ in range(20):
        shutil.rmtree(out, ignore_errors=True)
        command = [sys.argv[1], "--out", out, "--text", text, "--device", device, *TINY, *(ON_EMULATOR if device == "cuda" else [])]
        running = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=with_quickest(quickest))
        while running.poll() is None and not (out / "checkpoint-removal").exists():
            time.sleep(0.001)
        running.send_signal(signal.SIGSTOP)
        if running.poll() is None and step_of(out) == 6:
            return running
        running.send_signal(signal.SIGKILL)
        running.wait()
    sys.exit(f"a run on {device} was not stopped before it ended")


def step_of(out):
    return json.loads((out / "checkpoint-removal" / "state.json").read_text())["update"]


def killed(out, text, device):
    """What is left of a run that was killed after its first checkpoint."""
    running = halted(out, text, device)
    running.send_signal(signal.SIGKILL)
    running.wait()


def evaluated(root, run_folder, device):
    """Losses of the Pile, and log-probabilities of HellaSwag's endings."""
    out = root / ("evaluation-" + device)
    command = [sys.argv[2], "--run", run_folder, "--weights", run_folder / "pretrained", "--device", device, "--threads", "1", "--limit", "2",
               *(ON_EMULATOR if device == "cuda" else []),
               "--pile", root / "pile.jsonl", "--hellaswag", root / "hellaswag.jsonl", "--out", out]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=280, check=False)
    check(done.returncode == 0, f"an evaluation on {device}: {done.stderr}")
    if done.returncode != 0:
        return []
    pile = results_of(out)["results"]["pile10k"]
    answers = [json.loads(line) for line in (out / "answers" / "hellaswag.jsonl").read_text().splitlines()]
    return [pile["loss,none"], pile["median,none"], *(number for answer in answers for number in answer["log_probabilities"])]


def evaluations(root, run_folder):
    text = "the deviation of a row is fixed. " * 20
    (root / "pile.jsonl").write_text("".join(json.dumps({"text": text[i:], "meta": {"pile_set_name": "Made up"}}) + "\n" for i in range(3)))
    question = {"ind": 1, "activity_label": "Norms", "ctx_a": "A row is divided.", "ctx_b": "it", "ctx": "A row is divided. it", "label": 1,
                "endings": ["is a quick layer.", "has a deviation of one.", "divides.", "is fixed by its own."]}
    (root / "hellaswag.jsonl").write_text("".join(json.dumps({**question, "ind": i}) + "\n" for i in range(2)))
    cpu, cuda = (evaluated(root, run_folder, device) for device in ("cpu", "cuda"))
    check(len(cpu) == len(cuda) == 2 + 2 * 4, f"every number is there: {len(cpu)} and {len(cuda)}")
    # A model's float logits are good to some 2^-20 of themselves.
    check(all(abs(a - b) <= 1e-5 * abs(b) for a, b in zip(cuda, cpu)), f"evaluations agree: {cuda} and {cpu}")


with tempfile.TemporaryDirectory() as name:
    root = pathlib.Path(name)
    chooser = random.Random(1)
    words = "the quick norm of a layer divides every row by its own deviation until it is fixed".split()
    corpus = root / "corpus.txt"
    corpus.write_text(" ".join(chooser.choice(words) for _ in range(6000)) + "\n")
    whole = root / "whole"
    done = run(whole, corpus, "cpu")
    check(done.returncode == 0, "a removal on the CPU: " + done.stderr)
    for before, after in [("cuda", "cpu"), ("cpu", "cuda")]:
        if not failures:
            out = root / before
            killed(out, corpus, before)
            done = run(out, corpus, after, "--resume")
            check(done.returncode == 0 and "continues at step 6" in done.stdout, f"{before}, then {after}: {done.stderr}{done.stdout}")
            places = [place["device"] for place in json.loads((out / "run.json").read_text())["places"]]
            check(places == [before, after], f"the run says where it was made: {places}")
        if not failures:
            same(out, whole, f"{before}, then {after}")
    if not failures:
        # Algorithms are chosen by their time until the first checkpoint, and travel with it: who goes on from it makes the same bits
        # as the run that was never stopped, of products that are met later, too: those of values with another norm than queries and
        # keys, and of folding.
        running = halted(root / "once", corpus, "cuda", quickest=12)
        shutil.copytree(root / "once", root / "again")
        running.send_signal(signal.SIGCONT)
        check(running.wait(280) == 0, "a run that stood still goes on")
        done = run(root / "again", corpus, "cuda", "--resume", quickest=15)
        check(done.returncode == 0 and "not with the same bits" not in done.stdout, f"cuda, then cuda: {done.stderr}{done.stdout}")
        same(root / "once", whole, "cuda, then cuda")
        check(losses_of(root / "once") == losses_of(root / "again"), "who goes on from a checkpoint has the same losses")
        ends = [{path.relative_to(out): path.read_bytes() for path in sorted(out.rglob("*.safetensors"))}
                for out in (root / "once", root / "again")]
        check(len(ends[0]) > 2 and ends[0] == ends[1], f"who goes on from a checkpoint ends in the same bytes: {list(ends[0])}")
    if not failures:
        evaluations(root, whole)
sys.exit(1 if failures else 0)
