#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the training benchmarks where they take no time: single operations on few tokens, memory that does not suffice, an
estimate that needs no GPU, and flags that make no sense."""
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "structure"))
import transcripts  # noqa: E402

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FOLDER = pathlib.Path(os.environ.get("LAMINA_BENCHMARKS", ""))
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def run(program, *arguments, memory=resource.RLIM_INFINITY):
    return subprocess.run([str(FOLDER / program), *arguments], capture_output=True, text=True, timeout=600,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, resource.RLIM_INFINITY)))


def single_operations():
    with tempfile.TemporaryDirectory(prefix="lamina-benchmarks-") as scratch:
        path = pathlib.Path(scratch) / "operations.json"
        done = run("operations", "--size", "small,medium", "--batch", "1", "--sequence", "8", "--only", "norm", "--seconds", "0.01",
                   "--commit", "abc", "--json", str(path))
        check(done.returncode == 0, "operations are measured: " + done.stderr)
        found = json.loads(path.read_text())
    wanted = [(size, name) for size in ("small", "medium")
              for name in ("norm real", "norm real backward", "norm fixed", "norm fixed backward")]
    rows = found["operations"]
    check([(row["size"], row["operation"]) for row in rows] == wanted, f"those that were asked for, of each size: {rows}")
    check(found["program"] == "operations" and found["device"] == "CPU" and found["commit"] == "abc", f"and where: {found}")
    for row in rows:
        width = 768 if row["size"] == "small" else 1024
        # Rows and statistics are read and written in fp32, gain and bias read in bf16; a live norm's backward reads y, x and
        # the base, a fixed one's not x.
        passes, statistics, weights = {"norm real": (2, 2, 2), "norm fixed": (2, 3, 2), "norm real backward": (4, 2, 1),
                                       "norm fixed backward": (3, 1, 1)}[row["operation"]]
        counted = passes * 8 * width * 4 + statistics * 8 * 4 + weights * width * 2
        check(row["bytes"] == counted and row["flops"] == 0, f"their bytes are counted: {row}")
        check(0 < row["least_seconds"] <= row["seconds"] <= row["most_seconds"] and row["calls"] >= 5, f"and their time: {row}")
        check(f"{row['size']:7} {row['operation']} " in done.stdout, f"the table has them too: {done.stdout}")
    check(found["outcome"] == "measured", f"to the end: {found}")


def operations_that_are_killed():
    with tempfile.TemporaryDirectory(prefix="lamina-benchmarks-") as scratch:
        path = pathlib.Path(scratch) / "operations.json"
        command = [str(FOLDER / "operations"), "--batch", "1", "--sequence", "8", "--only", "norm", "--seconds", "0.5", "--repetitions",
                   "1000000", "--json", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            while not running.stdout.readline().startswith("small "):
                pass
            running.kill()
        found = json.loads(path.read_text())
    check(found["outcome"] == "interrupted" and 1 <= len(found["operations"]) < 4, f"a run that is killed leaves what it has: {found}")


def products_of_split():
    with tempfile.TemporaryDirectory(prefix="lamina-benchmarks-") as scratch:
        path = pathlib.Path(scratch) / "operations.json"
        done = run("operations", "--batch", "1", "--sequence", "8", "--only", "split", "--seconds", "0.01", "--json", str(path))
        check(done.returncode == 0, "the products of split execution are measured: " + done.stderr)
        rows = json.loads(path.read_text())["operations"]
    found = {row["operation"]: row for row in rows}
    operations = {}
    for layer, width, out in [("c_attn", 768, 2304), ("c_proj", 768, 768), ("c_fc", 768, 3072), ("mlp c_proj", 3072, 768)]:
        for of_pass in ("forward", "d_x"):
            for factor in ("A B", "W"):
                operations[f"split {of_pass} {layer}, {factor}"] = 2 * 8 * width * out
        operations[f"split A B {layer}"] = 2 * width * width * out
    check({name: row["flops"] for name, row in found.items()} == operations, f"two products of each layer and pass, and A B: {found}")
    # What the adapter adds lies in fp32 and is written; W lies in bf16, and its product joins what is there.
    check(found["split forward c_attn, A B"]["bytes"] == 4 * (8 * 768 + 768 * 2304 + 8 * 2304), "and the bytes of A B")
    check(found["split forward c_attn, W"]["bytes"] == 4 * (8 * 768 + 2 * 8 * 2304) + 2 * (768 * 2304 + 2304), "and of W")


def too_little_memory():
    with tempfile.TemporaryDirectory(prefix="lamina-benchmarks-") as scratch:
        path = pathlib.Path(scratch) / "result.json"
        # Parameters alone take over a gigabyte.
        done = run("train_step", "--threads", "1", "--execution", "factored", "--batch", "1", "--sequence", "8", "--json", str(path),
                   memory=1_000_000_000)
        check(done.returncode == 1 and done.stderr.count("\n") == 1 and done.stderr.startswith("train_step: "),
              "memory that does not suffice is one line: " + done.stderr)
        found = json.loads(path.read_text()) if path.exists() else {}
    check(found.get("outcome") == "out of memory" and found["seconds"] == [] and found["tokens_per_second"] is None,
          f"and an outcome: {found}")
    check(list(found) == ["program", "size", "device", "execution", "precision", "float_products", "recompute", "gradients",
                          "tokens_per_step", "micro_batch", "sequence", "accumulation", "seconds", "tokens_per_second",
                          "tokens_per_second_p10", "tokens_per_second_p90", "tokens_per_second_of_recipe", "micro_batch_seconds",
                          "once_seconds", "tflops_executed", "mfu_6n", "peak_bytes", "plan_bytes", "scratch_bytes",
                          "commit", "date", "outcome"], f"with every field: {found}")
    check(found.get("plan_bytes", 0) > 1_000_000_000, f"the plan says what it takes: {found}")


SHORT = ["train_step", "--threads", "1", "--execution", "factored", "--batch", "1", "--sequence", "8", "--accumulation", "1"]


def too_little_time():
    with tempfile.TemporaryDirectory(prefix="lamina-benchmarks-") as scratch:
        path = pathlib.Path(scratch) / "result.json"
        done = run(*SHORT, "--time-limit", "0.001", "--json", str(path))
        check(done.returncode == 1 and done.stderr == "train_step: no step was measured: time limit\n",
              "a limit that has passed before the first step is an error: " + done.stderr)
        found = json.loads(path.read_text()) if path.exists() else {}
        check(found.get("outcome") == "time limit" and found.get("seconds") == [], f"and an outcome: {found}")


def is_killed():
    """What was measured until then is there."""
    with tempfile.TemporaryDirectory(prefix="lamina-benchmarks-") as scratch:
        path = pathlib.Path(scratch) / "result.json"
        process = subprocess.Popen([str(FOLDER / SHORT[0]), *SHORT[1:], "--steps", "1000000", "--json", str(path)], stdout=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 250
            while not path.exists() and process.poll() is None and time.monotonic() < until:
                time.sleep(0.1)
        finally:
            process.kill()
            process.wait()
        found = json.loads(path.read_text()) if path.exists() else {}
    check(found.get("outcome") == "interrupted" and found.get("seconds") and found.get("tokens_per_second"),
          f"a killed run leaves its steps: {found}")


def estimate():
    done = run("roofline")
    check(done.returncode == 0, "steps are estimated: " + done.stderr)
    check(transcripts.shown("roofline") == done.stdout.rstrip("\n") + "\n", "docs/performance.md has what roofline prints: " + done.stdout)
    for size, width, layers in [("small", 768, 12), ("medium", 1024, 24), ("large", 1280, 36), ("xl", 1600, 48)]:
        text = done.stdout[done.stdout.index(size + ":"):]
        rows = {row[0].strip(): float(row[1]) for row in re.findall(r"^  (\w[\w ,]*?) +[\d.]+ +([\d.e+]+) +[\d.e+]+ +\d+$", text, re.MULTILINE)[::-1]}
        # y, d_x and d_W of four layers, but for the first d_x; the head's two products, the vocabulary padded.
        blocks, head = (72 * layers - 6) * width * width, 4 * 50304 * width
        check(abs(rows["products of blocks"] / blocks - 1) < 1e-4, f"{size}: {rows['products of blocks']}, expected {blocks}")
        check(abs(rows["products of the head"] / head - 1) < 1e-4, f"{size}: {rows['products of the head']}, expected {head}")
    # What it takes of attention's kernels is what they are.
    header = (REPOSITORY / "bench" / "roofline" / "estimate.hpp").read_text()
    table = (REPOSITORY / "tests" / "structure" / "sass.txt").read_text()
    for name, kernel in [("forward", r"flash_attention_kernel<detail::FlashForwardShape<2u, 4u>"), ("of_keys", "flash_attention_keys_kernel"),
                         ("of_queries", "flash_attention_queries_kernel")]:
        counts = [tuple(map(int, row)) for row in re.findall(rf"^sm_90 .*\| +(\d+) +(\d+) +(\d+) .*{kernel}", table, re.MULTILINE)]
        taken = tuple(map(int, re.search(rf"tile_{name}\{{(\d+), (\d+), (\d+)\}}", header).groups()))
        check(counts and taken == min(counts), f"tile_{name} is {taken}, sass.txt has {counts}")


def wrong_flags():
    for arguments, sentence in [(["--sequence", "1025"], "--sequence 1025: expected at most 1024"),
                                (["--size", "huge"], '--size is "huge", expected nano, small, medium, large or xl'),
                                (["--execution", "none"], '--execution is "none", expected merged, split or factored'),
                                (["--force"], "--force requires --json"),
                                (["--size", "xl"], "--size xl: expected small with --device cpu"),
                                (["--recompute", "block"], "--recompute block: expected none with --device cpu --size small "),
                                (["--float-products", "tf32"], "--float-products: is a choice of cuda alone"),
                                (["--algorithms", "file"], "--algorithms is a choice of cuda alone"),
                                (["--time-limit", "0"], "--time-limit is 0, expected more than 0")]:
        done = run("train_step", *arguments)
        check(done.returncode == 2 and done.stderr.startswith("train_step: ") and sentence in done.stderr
              and done.stderr.count("\n") == 1, f"{arguments}: {sentence!r} is said; found {done.stderr!r}")


def results_are_kept():
    with tempfile.TemporaryDirectory(prefix="lamina-benchmarks-") as scratch:
        path = pathlib.Path(scratch) / "result.json"
        path.write_text("earlier")
        for program in ("operations", "train_step"):
            done = run(program, "--json", str(path))
            check(done.returncode == 2 and done.stderr == f"{program}: --json {path} exists; give another file, or --force to replace it\n",
                  f"{program} keeps what is there: {done.stderr}")
        check(path.read_text() == "earlier", "as it was")
        done = run("operations", "--batch", "1", "--sequence", "8", "--only", "norm fixed", "--seconds", "0.01", "--json", str(path), "--force")
        check(done.returncode == 0 and json.loads(path.read_text())["outcome"] == "measured", "unless it is asked to replace it: " + done.stderr)


if not (FOLDER / "train_step").exists():
    print("lamina: skipped: programs: benchmarks: the programs of bench/ were not built")
    sys.exit(0)
single_operations()
operations_that_are_killed()
products_of_split()
results_are_kept()
too_little_memory()
too_little_time()
is_killed()
estimate()
wrong_flags()
sys.exit(1 if failures else 0)
