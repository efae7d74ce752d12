#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs bench/train_step_peer.py at its smallest on the CPU: every mode learns, repeating what the original repeats changes
nothing, and what is measured is what the file says."""
import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile

PROGRAM = str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "train_step_peer.py")
PYTHON = os.environ.get("LAMINA_ORACLE_PYTHON") or sys.executable
NANO = ["--device", "cpu", "--size", "nano", "--batch", "4", "--accumulation", "2", "--learning-rate", "1e-3"]
SHORT = ["--warm-up", "1", "--steps", "7"]
ADAPTERS = ["autocast", "tf32", "fp32"]
BF16 = 2.0 ** -8  # relative error of rounding to bf16

# The peer's model in fp32 beside GPT-2 written down from its formulas in double: prints the loss of either, how far
# their logits are apart, and the averages that the peer's norms keep.
IN_DOUBLE = """
import contextlib, json, sys, types
sys.path.insert(0, sys.argv[1])
import torch, train_step_peer as peer
fixed, as_published = json.loads(sys.argv[2])
source = peer.Source(torch.device("cpu"))
size = peer.SIZES["nano"]
model = peer.Gpt2(source, size, types.SimpleNamespace(adapters="fp32", as_published=as_published, recompute=False))
ids = source.tokens((3, 33), size.vocab)
tokens, targets = ids[:, :-1], ids[:, 1:]
with torch.no_grad():  # far from what a run begins with, so that every part counts
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        if name.endswith(("lora_a", "lora_b", "norm.weight", "wte")) or ".ln_" in name and name.endswith("weight"):
            value += source.normal(value.shape, 0.1, torch.float32)
        elif name.endswith(("c_attn.weight", "c_fc.weight")):
            value *= 10
peer.torch.autocast = lambda *_, **__: contextlib.nullcontext()
model.float()
if fixed:
    model.fix_norms(tokens, targets)
model.average.fill_(1)
seen = []
cross_entropy = peer.F.cross_entropy
peer.F.cross_entropy = lambda logits, targets: seen.append(logits) or cross_entropy(logits, targets)
with torch.no_grad():
    found = model(tokens, targets).item()
model.double()

def norm(part, x):
    x = x - x.mean(-1, keepdim=True)
    divisor = part.divisor if part.fixed else torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-5)
    return x / divisor * part.weight + part.bias

def linear(part, x):
    return x @ (part.weight + part.lora_a @ part.lora_b) + part.bias

def attention(block, x):
    batch, length, embed = x.shape
    queries, keys, values = linear(block.c_attn, x).split(embed, -1)
    mixed = torch.zeros_like(x)
    for head in range(size.heads):
        of_head = slice(head * embed // size.heads, (head + 1) * embed // size.heads)
        scores = queries[..., of_head] @ keys[..., of_head].transpose(1, 2) / (embed // size.heads) ** 0.5
        scores += torch.full((length, length), -torch.inf).triu(1)
        mixed[..., of_head] = scores.exp() / scores.exp().sum(-1, keepdim=True) @ values[..., of_head]
    return linear(block.c_proj, mixed)

def mlp(block, x):
    x = linear(block.c_fc, x)
    return linear(block.mlp_c_proj, 0.5 * x * (1 + torch.tanh(0.7978845608028654 * (x + 0.044715 * x ** 3))))

with torch.no_grad():
    x = model.wte[tokens] + model.wpe[torch.arange(32)]
    for block in model.blocks:
        x = x + attention(block, norm(block.ln_1, x))
        x = x + mlp(block, norm(block.ln_2, x))
    logits = norm(model.ln_f, x) @ model.wte.T
    wanted = (logits.exp().sum(-1).log() - logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1)).mean().item()
print(json.dumps({"found": found, "wanted": wanted, "logits": logits.abs().max().item(),
                  "apart": (seen[0] - logits.flatten(0, 1)).abs().max().item(), "average": model.average.tolist()}))
"""
# How many graphs are compiled for a model of six blocks.
COMPILES = """
import sys, types
sys.path.insert(0, sys.argv[1])
import torch, train_step_peer as peer
torch._dynamo.reset()
size = peer.Size(6, 2, 64, context=64, vocab=256)
source = peer.Source(torch.device("cpu"))
model = peer.Gpt2(source, size, types.SimpleNamespace(adapters="autocast", as_published=False, recompute=False))
real = torch.compile
torch.compile = lambda *arguments, **options: real(*arguments, **options, backend="aot_eager")  # kernels are not asked for
model.compile()
ids = source.tokens((2, 33), size.vocab)
model(ids[:, :-1], ids[:, 1:]).backward()
print(torch._dynamo.utils.counters["stats"]["unique_graphs"])
"""
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def run(*arguments, memory=resource.RLIM_INFINITY):
    return subprocess.run([PYTHON, PROGRAM, *arguments], capture_output=True, text=True, timeout=250,
                          env={**os.environ, "OMP_NUM_THREADS": "1"},
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, resource.RLIM_INFINITY)))


def result(*arguments, memory=resource.RLIM_INFINITY, ends_well=True):
    """What a run with these flags writes, and says; nothing measured is one line on standard error, and exit code 1."""
    with tempfile.TemporaryDirectory(prefix="lamina-train-step-peer-") as scratch:
        path = pathlib.Path(scratch) / "result.json"
        done = run(*NANO, *arguments, "--json", str(path), memory=memory)
        if ends_well:
            check(done.returncode == 0 and path.exists(), " ".join(arguments) + " succeeds: " + done.stderr)
        else:
            check(done.returncode == 1 and re.fullmatch("train_step_peer: .*; 0 steps were measured\n", done.stderr) is not None,
                  " ".join(arguments) + f" fails with one line: {done.stderr!r}")
        check([entry.name for entry in path.parent.iterdir()] == ["result.json"], "nothing but the result is left")
        return json.loads(path.read_text()) if path.exists() else None, done.stdout


def fields(found, adapters, norms):
    said = f"{adapters}, norms {norms}: "
    wanted = {"program": "train_step_peer", "size": "nano", "adapters": adapters, "norms": norms, "as_published": False,
              "compiled": False, "recompute": False, "micro_batch": 4, "sequence": 64, "accumulation": 2, "tokens_per_step": 512,
              "device": "CPU", "attention": "left to PyTorch", "compile_seconds": None, "peak_bytes": None, "outcome": "measured"}
    for name, value in wanted.items():
        check(name in found and found[name] == value, f"{said}{name} is {value}, found {found.get(name)}")
    seconds = found["seconds"]
    check(len(seconds) == 7 and len(found["warm_up_seconds"]) == 1 and all(value > 0 for value in seconds), said + "seven steps are timed")
    tenths = statistics.quantiles(seconds, n=10, method="inclusive")
    for name, value in [("median_seconds", statistics.median(seconds)), ("p10_seconds", tenths[0]), ("p90_seconds", tenths[-1]),
                        ("tokens_per_second", 512 / statistics.median(seconds))]:
        check(abs(found[name] - value) < 1e-9 * value, f"{said}{name} is {value}, found {found[name]}")
    check(found["torch"] and found["date"], said + "torch and the date are told")


def learns(found, said):
    """Untrained logits are near zero, so the loss begins near ln 256; eight updates of Adam lower it every time."""
    losses = found["losses"]
    check(len(losses) == 8 and abs(losses[0] - 5.545) < 0.05, f"{said} begins like an untrained model: {losses}")
    check(all(after < before for before, after in zip(losses, losses[1:])), f"{said}: the loss falls at every step: {losses}")
    check(losses[-1] < losses[0] - 0.2, f"{said}: and by more than a fifth of a nat: {losses}")


def same_run(found, other, said):
    """The first loss is of the same sums in the same order. A gradient is rounded to bf16 on its way down twice instead of once
    per block, which errs in its norm by that much for each of two blocks, and once more for the sum. A first step of Adam
    changes each weight by the learning rate whatever its gradient, so the loss after it errs by such a part of its fall."""
    check(found["losses"][0] == other["losses"][0], f"{said}: the first loss is the same: {found['losses'][0]}, {other['losses'][0]}")
    norms = found["gradient_norms"][0], other["gradient_norms"][0]
    check(abs(norms[0] - norms[1]) <= 3 * BF16 * norms[0], f"{said}: so is the first gradient's norm: {norms}")
    fall = found["losses"][0] - found["losses"][1]
    check(abs(found["losses"][1] - other["losses"][1]) <= 3 * BF16 * fall, f"{said}: and the loss after it: "
          f"{found['losses'][1]}, {other['losses'][1]}")


def every_mode():
    found = {(adapters, norms): result(*SHORT, "--adapters", adapters, "--norms", norms)[0]
             for adapters in ADAPTERS for norms in ("real", "fixed")}
    for (adapters, norms), one in found.items():
        fields(one, adapters, norms)
        learns(one, f"{adapters}, norms {norms}")
    for adapters in ADAPTERS:
        check(found[adapters, "real"]["losses"][1:] != found[adapters, "fixed"]["losses"][1:], f"{adapters}: fixed norms are others")
    check(found["autocast", "real"]["losses"] != found["fp32", "real"]["losses"], "autocast rounds the adapters' products")
    check(found["tf32", "real"]["losses"] == found["fp32", "real"]["losses"], "TF32 is fp32 on a CPU")
    return found


def repetitions(plain):
    for adapters, norms in [("autocast", "real"), ("fp32", "fixed")]:
        published, _ = result(*SHORT, "--adapters", adapters, "--norms", norms, "--as-published")
        said = f"as published, {adapters}, norms {norms}"
        check(published["as_published"] is True, said + " is told")
        same_run(plain[adapters, norms], published, said)
    recomputed, _ = result(*SHORT, "--recompute")
    check(recomputed["losses"] == plain["autocast", "real"]["losses"], "recomputing blocks changes no loss")


def compiled(plain):
    """Fused kernels round intermediate values to bf16 less often, so sums differ by a rounding here and there: in each of two
    blocks, and once in the head."""
    for arguments in ([], ["--recompute"]):
        found, said = result("--warm-up", "1", "--steps", "2", "--compile", *arguments)
        said_of = " ".join(["compiled", *arguments])
        check(found["compiled"] is True and found["compile_seconds"] > 0 and "compiled in " in said, said_of + " is told: " + said)
        for now, before in zip(found["losses"], plain["autocast", "real"]["losses"]):
            check(abs(now - before) <= 3 * BF16 * before, f"{said_of} computes the same: {found['losses']}")
    done = subprocess.run([PYTHON, "-c", COMPILES, str(pathlib.Path(PROGRAM).parent)], capture_output=True, text=True, timeout=250)
    check(done.stdout == "3\n", "six blocks take as many graphs as two: the first block's, whose input is bf16 and needs no "
          f"gradient, the others', and the head's; found {done.stdout!r} {done.stderr[-300:]!r}")


def is_gpt2():
    """fp32 errs by 2^-24 in each of some twenty operations in a row, in sums of up to 256 terms: by 20 · 16 · 2^-24 of the
    largest logit, and the loss by no more than its logits twice (once in the sum, once at the target) and its own rounding. Of an average that begins as one, a call leaves 0.9: the original calls ln_1 thrice, all others once."""
    moved = {}
    for fixed, as_published in [(False, False), (True, False), (False, True), (True, True)]:
        done = subprocess.run([PYTHON, "-c", IN_DOUBLE, str(pathlib.Path(PROGRAM).parent), json.dumps([fixed, as_published])],
                              capture_output=True, text=True, timeout=250)
        said = f"norms {'fixed' if fixed else 'real'}{', as published' * as_published}"
        if done.returncode != 0:
            check(False, f"{said}: GPT-2 in double: {done.stderr}")
            continue
        answer = json.loads(done.stdout)
        bar = 20 * 16 * 2.0 ** -24 * answer["logits"]
        check(answer["logits"] > 1, f"{said}: the logits are not all alike: {answer}")
        check(answer["apart"] <= bar, f"{said}: it is GPT-2: {answer}")
        check(abs(answer["found"] - answer["wanted"]) <= 2 * bar, f"{said}: and the loss is that of GPT-2: {answer}")
        moved[fixed, as_published] = [1 - average for average in answer["average"]]
    check(moved.get((True, False)) == [0] * 5, f"fixed norms are not averaged: {moved}")
    ratios = [repeated / once for once, repeated in zip(moved.get((False, False), []), moved.get((False, True), []))]
    check(len(ratios) == 5 and all(abs(ratio - wanted) < 1e-4 for ratio, wanted in zip(ratios, [2.71, 1, 2.71, 1, 1])),
          f"the original's averages move as often as it calls its norms: {ratios}")
    check(all(moved.get((True, True), [0])), f"and where they are fixed too: {moved}")


def other_endings():
    late, said = result("--warm-up", "1", "--steps", "1", "--time-limit", "0.001", ends_well=False)
    check(late["outcome"] == "time limit" and late["seconds"] == [] and late["tokens_per_second"] is None,
          "a limit that has passed ends a run before its first step")
    check(said.endswith("outcome: time limit\n"), "and is told: " + said)
    # The tokens alone are more than the address space may hold.
    full, said = result("--warm-up", "1", "--steps", "1", "--batch", "100000000", memory=32_000_000_000, ends_well=False)
    check(full["outcome"] == "out of memory" and full["seconds"] == [], "memory that does not suffice is an outcome")
    check(said.endswith("outcome: out of memory\n"), "and is told: " + said)


def wrong_flags():
    for arguments, sentence in [(["--sequence", "65"], "--sequence is 65, expected at most 64"), (["--batch", "0"], "0 is not positive"),
                                (["--as-published", "--recompute"], "the original never recomputes"), (["--size", "huge"], "huge")]:
        done = run(*NANO, *arguments)
        said = " ".join(arguments)
        check(done.returncode != 0 and not done.stdout, said + " is refused")
        last = done.stderr.splitlines()[-1] if done.stderr else ""
        check(last.startswith("train_step_peer.py: error: ") and sentence in last, f"{said}: {sentence!r} is said; found {done.stderr!r}")


lacking = subprocess.run([PYTHON, "-c", "import torch"], capture_output=True, text=True, timeout=250)
if "No module named 'torch'" in lacking.stderr:
    print("lamina: skipped: programs: train_step_peer: this Python has no package torch; set LAMINA_ORACLE_PYTHON")
    sys.exit(0)
is_gpt2()
modes = every_mode()
if not failures:
    repetitions(modes)
    compiled(modes)
    other_endings()
wrong_flags()
sys.exit(1 if failures else 0)
