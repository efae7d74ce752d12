#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""remove_layernorm on GPT-2 small in its true shapes, random weights: loads, evaluates, trains, folds, within its memory plan."""
import array
import json
import os
import pathlib
import random
import re
import resource
import struct
import subprocess
import sys
import tempfile

PROGRAM = str(pathlib.Path(os.environ["LAMINA_PROGRAMS"]) / "remove_layernorm")
LAYERS, WIDTH, CONTEXT, VOCAB = 12, 768, 1024, 50257
NEEDED = 9 << 30  # bytes of memory and of disk
failures = []


def skip(reason):
    print("lamina: skipped: programs: remove_layernorm_gpt2: " + reason)
    sys.exit(0)


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def tensors():
    """Name and shape, as in the published files."""
    yield "wte.weight", [VOCAB, WIDTH]
    yield "wpe.weight", [CONTEXT, WIDTH]
    for i in range(LAYERS):
        for name, shape in [("ln_1.weight", [WIDTH]), ("ln_1.bias", [WIDTH]), ("attn.c_attn.weight", [WIDTH, 3 * WIDTH]),
                            ("attn.c_attn.bias", [3 * WIDTH]), ("attn.c_proj.weight", [WIDTH, WIDTH]),
                            ("attn.c_proj.bias", [WIDTH]), ("ln_2.weight", [WIDTH]), ("ln_2.bias", [WIDTH]),
                            ("mlp.c_fc.weight", [WIDTH, 4 * WIDTH]), ("mlp.c_fc.bias", [4 * WIDTH]),
                            ("mlp.c_proj.weight", [4 * WIDTH, WIDTH]), ("mlp.c_proj.bias", [WIDTH])]:
            yield f"h.{i}.{name}", shape
    yield "ln_f.weight", [WIDTH]
    yield "ln_f.bias", [WIDTH]


def write_weights(path):
    """F32, without padding of the header, as the published file of this size is."""
    header, offset = {}, 0
    for name, shape in tensors():
        size = 4
        for extent in shape:
            size *= extent
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    numbers = random.Random(1)
    noise = array.array("f", [numbers.gauss(0, 0.02) for _ in range(99991)]).tobytes()  # a prime: rows are not alike
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, entry in header.items():
            size = entry["data_offsets"][1] - entry["data_offsets"][0]
            if re.search(r"ln_.*weight", name):
                file.write(array.array("f", [1.0]).tobytes() * (size // 4))
            else:
                file.write((noise * (size // len(noise) + 1))[:size])


def write_tokenizer(folder):
    """A vocabulary of GPT-2's size and form whose merges are pairs of bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = [chr(byte) for byte in plain] + [chr(256 + i) for i in range(256 - len(plain))]
    pairs = [(a, b) for a in alphabet for b in alphabet][:VOCAB - 257]
    words = alphabet + [a + b for a, b in pairs] + ["<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in pairs))


def run_on(folder):
    weights, out = folder / "weights", folder / "out"
    weights.mkdir()
    write_weights(weights / "model.safetensors")
    write_tokenizer(weights)
    (weights / "config.json").write_text(json.dumps({
        "model_type": "gpt2", "n_layer": LAYERS, "n_head": 12, "n_embd": WIDTH, "n_positions": CONTEXT, "n_ctx": CONTEXT,
        "vocab_size": VOCAB, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05}))
    text = folder / "corpus.txt"
    text.write_text("The divisor of a norm is a number that follows the text until it stops. " * 400)
    done = subprocess.run(
        [PROGRAM, "--model", "gpt2", "--weights", str(weights), "--text", str(text), "--out", str(out), "--steps", "2",
         "--micro-batch", "4", "--accumulation", "1", "--sequence", "256", "--removal-start", "0", "--gap-ln2", "0",
         "--gap-ln1-qk", "0", "--gap-ln1-v", "0", "--evaluation-blocks", "1", "--sample", "4", "--no-control"],
        capture_output=True, text=True, errors="replace", timeout=900)
    print(done.stdout[-1500:])
    check(done.returncode == 0, "it runs to the end: " + done.stderr)
    if done.returncode != 0:
        return
    results = json.loads((out / "results.json").read_text())
    check(results["layer_norms_before"] == 25 and results["layer_norms_after"] == 0, "25 norms before, none after")
    # Random weights of deviation 0.02 predict next to nothing: log 50257 is 10.8.
    check(9 < results["pretrained"]["loss"] < 13, "the loss before is that of random weights")
    check(results["folded"]["max_logit_difference"] < 1e-3, "folding changes no logit by more than 1e-3")
    planned = float(re.search(r"planned ([0-9.]+) GB", done.stdout).group(1)) * 1e9
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"peak {peak / 1e9:.3f} GB, planned {planned / 1e9:.3f} GB, difference {100 * (peak / planned - 1):+.1f} %")
    check(abs(peak / planned - 1) <= 0.05, "peak memory is within 5 % of the plan")


def without_tokenizer(root):
    """A model without a tokenizer is refused text before its weights are looked at."""
    for flags, code, sentence in [(["--text", __file__], 1, "no tokenizer here: expected tokenizer.json, or vocab.json and merges.txt"),
                                  (["--tokens", __file__, "--prompt", "a"], 2, f"--prompt is text, and {root} has no tokenizer")]:
        done = subprocess.run([PROGRAM, "--model", "gpt2", "--weights", str(root), "--out", str(root / "none"), *flags],
                              capture_output=True, text=True)
        check(done.returncode == code and sentence in done.stderr and done.stderr.count("\n") == 1,
              f"{flags} without a tokenizer: {done.stderr}")


with tempfile.TemporaryDirectory() as name:
    root = pathlib.Path(name)
    disk = os.statvfs(root)
    free = int(re.search(r"MemAvailable: *(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1)) * 1024
    if free < NEEDED:
        skip(f"needs {NEEDED >> 30} GiB of free memory")
    if disk.f_bavail * disk.f_frsize < NEEDED:
        skip(f"needs {NEEDED >> 30} GiB of free disk for temporary files")
    probe = [PROGRAM, "--model", "gpt2", "--weights", str(root), "--text", str(root)]
    if "but this build has" in subprocess.run(probe, capture_output=True, text=True).stderr:
        skip("remove_layernorm is built without gpt2")
    without_tokenizer(root)
    run_on(root)
sys.exit(1 if failures else 0)
