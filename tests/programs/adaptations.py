#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs that adapt nano otherwise than at full rank, for all that this build has: removed, resumed, folded, written with, evaluated
and converted."""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

PROGRAMS = pathlib.Path(os.environ["LAMINA_PROGRAMS"])
WORDS = "the quick norm of a layer divides every row by its own deviation until it is fixed".split()
TINY = ["--micro-batch", "2", "--accumulation", "2", "--sequence", "32", "--warmup", "2", "--steps", "16", "--removal-start", "1",
        "--gap-ln2", "1", "--gap-ln1-qk", "1", "--gap-ln1-v", "1", "--evaluation-blocks", "4", "--sample", "8", "--threads", "1"]
# The recipe says what trains, but for the rank, which is another one here.
RUNS = {"4": ["--recipe", "gpt2-lora-64-1e-3", "--adapter", "4"], "64": ["--recipe", "gpt2-medium-lora-64-1e-3"],
        "none": ["--recipe", "gpt2-finetune-aux"]}
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def run(program, *arguments):
    return subprocess.run([PROGRAMS / program, *map(str, arguments)], capture_output=True, text=True, timeout=300)


def succeeds(program, *arguments):
    done = run(program, *arguments)
    check(done.returncode == 0, f"{program} {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def built(which):
    """The flags that choose what this build has of an adaptation; nothing where it has none."""
    done = run("remove_layernorm", *RUNS[which], *TINY, "--dry-run")
    if done.returncode == 0:
        check("training takes 0.0" in done.stdout, f"{which}: a dry run says what it takes: {done.stdout[-200:]}")
        return True
    check(f"this build has no nano on cpu with {'no adapters' if which == 'none' else 'adapters of rank ' + which}; ./examples/run.sh "
          f"remove_layernorm --adapter {which} … builds one" in done.stderr, f"{which}: the program says what builds it: {done.stderr}")
    return False


def loss_of(folder, pile, *model):
    out = folder / "evaluation"
    succeeds("evaluate", *model, "--pile", pile, "--out", out, "--force", "--threads", 1)
    return json.loads((out / "results.json").read_text())["results"]["pile10k"]["loss,none"] if not failures else 0.0


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in [folder / "adapter.safetensors", folder / "norms.json", *folder.glob("trained/*")]
            if path.is_file()}


def same_text(first, *others):
    texts = [succeeds("generate", *model, "--prompt", "the norm ", "--tokens", 12, "--greedy", "--threads", 1) for model in (first, *others)]
    return all(text == texts[0] for text in texts)


def adapted(folder, weights, text, pile, which):
    out, again, stock, peft = (folder / f"{which}-{name}" for name in ("out", "again", "stock", "peft"))
    flags = ["--weights", weights, "--text", text, "--no-control", *RUNS[which], *TINY]
    succeeds("remove_layernorm", "--out", out, *flags)
    if failures:
        return
    results, settings = (json.loads((out / name).read_text()) for name in ("results.json", "run.json"))
    check(settings["adapter"] == which, f"{which}: the run tells its adapter: {settings}")
    check(results["layer_norms_after"] == 0 and results["folded"]["max_logit_difference"] < 1e-3, f"{which}: it folds: {results}")
    check(results["removed"]["loss"] != results["pretrained"]["loss"], f"{which}: it trains")
    check((out / "trained").is_dir() == (which == "none") != (out / "adapter.safetensors").is_file(), f"{which}: what trained is saved")
    auxiliary = ["auxiliary" in json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    check(all(auxiliary) if which == "none" else not any(auxiliary), f"{which}: the auxiliary loss is the recipe's")

    succeeds("remove_layernorm", "--out", again, *flags, "--stop-after", 5)
    succeeds("remove_layernorm", "--out", again, *flags, "--resume")
    check(bytes_of(out) == bytes_of(again) and len(bytes_of(out)) >= 2, f"{which}: stopped and resumed it has the same bytes")

    with_weights = ["--run", out, "--weights", weights]
    succeeds("convert", *with_weights, "--to", "hugging-face", "--out", stock)
    losses = [loss_of(folder, pile, *model) for model in (with_weights, ["--weights", out / "folded"], ["--weights", stock])]
    check(max(losses) - min(losses) < 1e-3, f"{which}: the run, folded and converted are one model: {losses}")
    check(same_text(with_weights, ["--weights", out / "folded"], ["--weights", stock]), f"{which}: and write the same")
    if which == "none":
        refused = run("convert", *with_weights, "--to", "peft", "--out", peft)
        check("trained every parameter, so it has no adapter for --to peft" in refused.stderr, f"nothing is left for PEFT: {refused.stderr}")
    else:
        succeeds("convert", *with_weights, "--to", "peft", "--out", peft)
        check(json.loads((peft / "adapter_config.json").read_text())["r"] == int(which), f"{which}: PEFT has the rank")


with tempfile.TemporaryDirectory() as name:
    root = pathlib.Path(name)
    chooser = random.Random(1)
    corpus = root / "corpus.txt"
    corpus.write_text(" ".join(chooser.choice(WORDS) for _ in range(7000)) + "\n")
    pile = root / "pile.jsonl"
    pile.write_text("".join(json.dumps({"text": " ".join(chooser.choice(WORDS) for _ in range(60)), "meta": {"pile_set_name": "Pile-CC"}})
                            + "\n" for _ in range(40)))
    found = [which for which in RUNS if built(which)]
    if not found and not failures:
        print("lamina: skipped: programs: adaptations: the build has full-rank adapters only (LAMINA_ADAPTERS)")
        sys.exit(0)
    begun = root / "begun"
    succeeds("remove_layernorm", "--out", begun, "--text", corpus, "--pretrain-steps", 4, "--no-control", "--stop-after", 1, *TINY)
    for which in found:
        adapted(root, begun / "pretrained", corpus, pile, which)
sys.exit(1 if failures else 0)
