#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every command of docs/reproduce.md: its flags parse, its recipe is one, and where the build has the model, on weights of the true
shape, it starts as far as the corpus."""
import json
import os
import pathlib
import re
import shlex
import struct
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ["LAMINA_PROGRAMS"])
PAGE = (SOURCE / "docs" / "reproduce.md").read_text()
GPT2 = json.loads((SOURCE / "examples" / "models" / "gpt2.json").read_text())
# Table rows that need a run, and a recipe of theirs.
ROWS = {"LoRA checkpoint-600": "gpt2-lora-64-1e-3", "LoRA checkpoint-100": "gpt2-lora-full-3e-4",
        "LoRA checkpoint-700": "gpt2-medium-lora-64-1e-3-short", "LoRA checkpoint-1904": "gpt2-large-lora-64-conservative",
        "LoRA checkpoint-3400": "gpt2-xl-lora-64-from-600-v4"}
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def run(program, *arguments, folder=None):
    return subprocess.run([PROGRAMS / program, *arguments], cwd=folder, capture_output=True, text=True, timeout=120)


def commands():
    """The words of each command, with what the page sets put in."""
    lines = "".join(line[4:] + "\n" for line in PAGE.splitlines() if line.startswith("    ")).replace("\\\n", " ")
    values = {}
    for line in filter(None, map(str.strip, lines.splitlines())):
        if assignment := re.fullmatch(r'(\w+)="(.*)"', line):
            values[assignment[1]] = assignment[2]
        else:
            yield shlex.split(re.sub(r"\$(\w+)", lambda name: values[name[1]], line))


def value_of(words, flag):
    return words[words.index(flag) + 1] if flag in words else None


def without(words, *flags):
    """The words less flags that have one value."""
    return [word for i, word in enumerate(words) if word not in flags and (i == 0 or words[i - 1] not in flags)]


def tensors():
    width, layers = GPT2["n_embd"], GPT2["n_layer"]
    shapes = {"wte.weight": [GPT2["vocab_size"], width], "wpe.weight": [GPT2["n_positions"], width]}
    for i in range(layers):
        for name, inputs, outputs in [("attn.c_attn", width, 3 * width), ("attn.c_proj", width, width), ("mlp.c_fc", width, 4 * width),
                                      ("mlp.c_proj", 4 * width, width)]:
            shapes |= {f"h.{i}.{name}.weight": [inputs, outputs], f"h.{i}.{name}.bias": [outputs]}
        for name in ("ln_1", "ln_2"):
            shapes |= {f"h.{i}.{name}.weight": [width], f"h.{i}.{name}.bias": [width]}
    return shapes | {"ln_f.weight": [width], "ln_f.bias": [width]}


def write_weights(folder):
    """Zeros that take no room on the disk: a dry run reads the header alone."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(GPT2))
    header, end = {}, 0
    for name, shape in tensors().items():
        start, end = end, end + 4 * shape[0] * (shape[1] if len(shape) == 2 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)


def write_tokenizer(folder):
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = [chr(byte) for byte in plain] + [chr(256 + i) for i in range(256 - len(plain))]
    pairs = [(a, b) for a in alphabet for b in alphabet][:GPT2["vocab_size"] - 257]
    words = alphabet + [a + b for a, b in pairs] + ["<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in pairs))


def printed(name):
    return run("remove_layernorm", "--recipe", name, "--print").stdout


def removal(words, folder, has_gpt2):
    """`words` are what follows the program's name."""
    weights, recipe = value_of(words, "--weights"), value_of(words, "--recipe")
    model = weights.removeprefix("published/")
    done = run("remove_layernorm", *without(words, "--weights"), "--print")
    check(done.returncode == 0 and done.stdout == printed(recipe), f"the flags of {recipe} parse: {done.stderr}")
    check(re.search(rf"^model +{model}, ", done.stdout, re.MULTILINE), f"{recipe} is a recipe of {model}: {done.stdout[:200]}")
    updates = int(re.search(r"^updates +(\d+)", done.stdout, re.MULTILINE)[1])
    check(int(value_of(words, "--stop-after") or 1) < updates, f"{recipe} stops on its way, if it does: {words}")
    if model != "gpt2" or not has_gpt2:
        return
    done = run("remove_layernorm", *words, "--micro-batch", "1", "--dry-run", folder=folder)
    adapter = {"every parameter": "none", "full-rank adapters on frozen weights": "full", "adapters of rank 64 on frozen weights": "64"}[
        re.search(r"^trained +(.*)$", printed(recipe), re.MULTILINE)[1]]
    if done.returncode == 0:
        check(f"{recipe}" in done.stdout and re.search(r"on cpu with .*: training takes \d+\.\d+ GB$", done.stdout.strip()),
              f"{recipe} starts: {done.stdout[-200:]}")
    else:
        known = f"run.sh remove_layernorm --adapter {adapter} … builds one" in done.stderr and adapter != "full"
        check(known or "GiB; lower --micro-batch" in done.stderr.replace(" free", ""), f"{recipe} starts, or is told what it lacks: {done.stderr}")


def evaluation(words, outs, folder):
    """Without data, an evaluation whose flags fit stops at a model's folder."""
    check("--run" not in words or value_of(words, "--run") in outs, f"the run is one of the page's: {words}")
    said = run("evaluate", *words, folder=folder).stderr
    stops = [f"{value_of(words, flag)}: is missing, expected" for flag in ("--run", "--weights")] + ["as in nano; ", "which this build has; "]
    check(any(each in said for each in stops), f"its flags parse: {words}: {said}")


def sweep(words, folder, has_gpt2):
    dashes = words.index("--")
    fixed = words[dashes + 1:]
    for rate in ("1e-4", "3e-4", "6e-4", "1e-3", "3e-3"):
        one = run("remove_layernorm", *without(fixed, "--weights"), "--learning-rate", rate, "--print").stdout
        check(one.split("\n", 2)[2] == printed(f"gpt2-lora-full-{rate}").split("\n", 2)[2], f"the sweep's run at {rate} is the recipe of that rate")
    if not has_gpt2:
        return
    done = run("sweep", *words, "--micro-batch", "1", folder=folder)
    check("corpus.txt" in done.stderr + done.stdout or "GiB" in done.stderr, f"the sweep starts: {done.stderr} {done.stdout}")


def memory():
    """The page's table is what describe says."""
    cards = run("describe", "--batch", "1", "--sequence", "1024").stdout
    for model, *shown in re.findall(r"^\| (gpt2\S*) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", PAGE, re.MULTILINE):
        peaks = re.findall(r"^    peak +([\d.]+) MB", cards.split(f"\n{model}:" if model != "gpt2" else "gpt2:", 1)[1], re.MULTILINE)
        every, full, rank_64 = (f"{float(peak) / 1000:.1f}" for peak in peaks[:3])
        check(shown == [full, rank_64, every], f"{model} takes what the page says: {shown}, {[full, rank_64, every]}")


with tempfile.TemporaryDirectory() as name:
    root = pathlib.Path(name)
    write_weights(root / "published" / "gpt2")
    write_tokenizer(root / "published" / "gpt2")
    probe = run("remove_layernorm", "--weights", "published/gpt2", "--text", "x", "--micro-batch", "1", "--dry-run", folder=root)
    has_gpt2 = "which this build has" not in probe.stderr and " as in nano" not in probe.stderr
    outs, recipes, started = set(), [], 0
    for script, *words in commands():
        started += 1
        if script.endswith("fetch_gpt2.sh"):
            check(words == ["gpt2", "published"], f"what is fetched is the small size: {words}")
            continue
        check(script == "./examples/run.sh" and (SOURCE / "examples" / f"{words[0]}.cpp").exists(), f"run.sh has this program: {words}")
        if words[0] == "remove_layernorm":
            removal(words[1:], root, has_gpt2)
            outs.add(value_of(words, "--out"))
            recipes.append(value_of(words, "--recipe"))
        elif words[0] == "evaluate":
            evaluation(words[1:], outs, root)
        else:
            sweep(words[1:], root, has_gpt2)
    check(started > 20, f"the page has its commands: {started}")
    for row, recipe in ROWS.items():
        check(row in PAGE and recipe in recipes, f"the row {row} has its command")
    for size in ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"):
        check({f"{size}-finetune", f"{size}-finetune-aux"} <= set(recipes), f"full fine-tuning of {size} has its commands")
memory()
sys.exit(1 if failures else 0)
