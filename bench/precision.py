#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same removal on nano in three precisions: bench/precision.py [--rates 1e-3,3e-3,1e-2] [--out DIR] [--jobs N]

Pretrains nano once on this machine's C++ headers, then removes its norms from that model at each rate with everything in float,
with frozen weights in bf16, and with everything in bf16. Prints the tables of docs/experiments/precision.md: held-out losses on
the way, when the training loss leaves that of float, and what a step after the last norm has gone changed of what is stored.
"""
import argparse
import array
import concurrent.futures
import json
import pathlib
import shutil
import struct
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[1]
PRECISIONS = ("fp32", "frozen-bf16", "all-bf16")
LATE = 200  # a step after the last norm has gone
WIDTHS = {"F32": "I", "BF16": "H"}
# A quarter of nano's batch, so that all of it is minutes on two cores.
SMALL = ["--micro-batch", 4, "--evaluation-blocks", 32, "--sample", 0, "--seed", 1, "--no-control", "--threads", 1]


def program(arguments, precision):
    if arguments.programs:
        return [str(arguments.programs / f"remove_layernorm-{precision}")]
    return [str(SOURCE / "examples" / "run.sh"), "remove_layernorm", "--precision", precision]


def run(command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True)


def tensors(path):
    """Name and stored bits of each tensor, as unsigned numbers."""
    content = path.read_bytes()
    start = 8 + struct.unpack_from("<Q", content)[0]
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            yield name, entry["shape"], array.array(WIDTHS[entry["dtype"]], content[start + first:start + last])


def kind(name):
    for suffix, what in ((".exp_avg_sq", "second moments"), (".exp_avg", "first moments"), (".lora_A", "A"), (".lora_B", "B")):
        if name.endswith(suffix):
            return what
    return None


def unchanged(before, after):
    """By kind, the share of the numbers whose bits a step left as they were; of A also the diagonal alone, which starts at one."""
    counts = {}
    later = {name: bits for name, _, bits in tensors(after)}
    for name, shape, bits in tensors(before):
        what = kind(name)
        if what is None:
            continue
        pairs = [(what, bits, later[name])]
        if what == "A":
            diagonal = slice(None, None, shape[1] + 1)
            pairs.append(("diagonal of A", bits[diagonal], later[name][diagonal]))
        for label, old, new in pairs:
            same, count = counts.get(label, (0, 0))
            counts[label] = (same + sum(map(int.__eq__, old, new)), count + len(old))
    return {label: same / count for label, (same, count) in counts.items()}


def removal(arguments, rate, precision):
    """One removal, with a look at what step LATE changes; what it came to."""
    out = arguments.out / f"{precision}-{rate}"
    flags = [*program(arguments, precision), "--weights", arguments.out / "start" / "pretrained", "--learning-rate", rate, "--out", out, *SMALL]
    if not (out / "results.json").exists():
        shutil.rmtree(out, ignore_errors=True)
        done = run([*flags, "--stop-after", LATE])
        if done.returncode == 0:
            shutil.copy(out / "checkpoint-removal" / "trainer.safetensors", out / "before.safetensors")
            done = run([*flags, "--resume", "--stop-after", LATE + 1])
        if done.returncode == 0:
            shutil.copy(out / "checkpoint-removal" / "trainer.safetensors", out / "after.safetensors")
            done = run([*flags, "--resume"])
        (out / "problem.txt").write_text(done.stderr.strip().splitlines()[-1] if done.returncode else "")
    metrics = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    results = json.loads((out / "results.json").read_text()) if (out / "results.json").exists() else None
    stuck = unchanged(out / "before.safetensors", out / "after.safetensors") if (out / "after.safetensors").exists() else {}
    return {"rate": rate, "precision": precision, "metrics": metrics, "results": results, "stuck": stuck, "problem": (out / "problem.txt").read_text()}


def table(headings, rows):
    lines = [headings, ["---"] + ["---:"] * (len(headings) - 1), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def loss_rows(runs):
    for one in runs:
        by_step = {line["step"] + 1: line["heldout_loss"] for line in one["metrics"] if "heldout_loss" in line}
        on_the_way = [f"{by_step[step]:.4f}" if by_step.get(step) is not None else "" for step in (60, 120, 180)]
        ends = [f"{one['results'][name]['loss']:.4f}" for name in ("removed", "folded")] if one["results"] else [one["problem"], ""]
        apart = f"{one['results']['folded']['max_logit_difference']:.1e}" if one["results"] else ""
        yield [f"{one['rate']}, {one['precision']}", *on_the_way, *ends, apart]


def first_apart(one, reference, nats):
    """The first step whose training loss is so far from the reference's."""
    for mine, others in zip(one["metrics"], reference["metrics"]):
        if mine["loss"] is None or abs(mine["loss"] - others["loss"]) > nats:
            return f"{mine['step']}"
    return "none"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", default="1e-3,3e-3,1e-2", type=lambda text: text.split(","))
    parser.add_argument("--out", default=pathlib.Path("lamina-precision"), type=pathlib.Path)
    parser.add_argument("--programs", type=pathlib.Path, help="folder with remove_layernorm-PRECISION; default: run.sh builds them")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    start = arguments.out / "start"
    if not (start / "pretrained" / "config.json").exists():
        begun = run([*program(arguments, "fp32"), "--out", start, "--stop-after", 1, *SMALL])
        if begun.returncode != 0:
            sys.exit(begun.stderr)
    if not arguments.programs:
        for precision in PRECISIONS:  # builds one at a time
            run([*program(arguments, precision), "--list-recipes"])
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        runs = list(pool.map(lambda pair: removal(arguments, *pair), [(rate, each) for rate in arguments.rates for each in PRECISIONS]))
    before = next(one["results"]["pretrained"]["loss"] for one in runs if one["results"])
    print(f"Held-out loss before: {before:.4f}.\n")
    print(table(["rate, precision", "step 60", "120", "180", "removed", "folded", "folding moves a logit by"], list(loss_rows(runs))))
    reference = {one["rate"]: one for one in runs if one["precision"] == "fp32"}
    rows = [[f"{one['rate']}, {one['precision']}", *(first_apart(one, reference[one["rate"]], nats) for nats in (0.001, 0.01, 0.1))]
            for one in runs if one["precision"] != "fp32"]
    print(table(["first step whose training loss is apart from fp32's by", "0.001", "0.01", "0.1"], rows))
    kinds = ["A", "diagonal of A", "B", "first moments", "second moments"]
    rows = [[f"{one['rate']}, {one['precision']}", *(f"{100 * one['stuck'][what]:.1f} %" if what in one["stuck"] else "" for what in kinds)]
            for one in runs]
    print(table([f"what step {LATE} left as it was", *kinds], rows))


if __name__ == "__main__":
    main()
