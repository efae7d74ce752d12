#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Drives generate: with every kind of model that a small run of remove_layernorm leaves, and with wrong input."""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "structure"))
import transcripts  # noqa: E402

PROGRAMS = pathlib.Path(os.environ["LAMINA_PROGRAMS"])
TINY = ["--micro-batch", "2", "--sequence", "32", "--steps", "16", "--removal-start", "1", "--gap-ln2", "1", "--gap-ln1-qk", "1",
        "--gap-ln1-v", "1", "--pretrain-steps", "60", "--evaluation-blocks", "4", "--sample", "1", "--threads", "1"]
CONTEXT = 128
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def run(*arguments):
    return subprocess.run([PROGRAMS / "generate", *map(str, arguments)], capture_output=True, timeout=120)


def written(*arguments):
    """The text and how many tokens it took."""
    done = run("--threads", 1, *arguments)
    speed = done.stderr.decode()
    check(done.returncode == 0, f"generate {arguments} succeeds: {speed}")
    found = re.fullmatch(r"(1 token|\d+ tokens) read in [\d.]+ s, (\d+) written in [\d.]+ s(: [\d.]+ tokens/s)?\n", speed)
    check(found is not None, "the speed is told in one line: " + speed)
    count = int(found.group(2)) if found else 0
    check(found is None or (found.group(3) is not None) == (count > 1), "there is a rate where a pass was timed: " + speed)
    return done.stdout.decode("utf-8"), count  # raises unless it is UTF-8


def kinds(folder):
    texts = []
    for model in [["--run", folder], ["--run", folder, "--weights", folder / "pretrained"], ["--weights", folder / "folded"],
                  ["--weights", folder / "pretrained"], ["--weights", folder / "pretrained", "--model", "nano"]]:
        text, count = written(*model, "--prompt", "the norm of ", "--tokens", 20, "--seed", 3)
        check(text.startswith("the norm of ") and text.endswith("\n"), f"{model}: the prompt comes first: {text!r}")
        check(count == 20, f"{model}: 20 tokens are written, not {count}")
        texts.append(text)
    check(texts[0] == texts[1] == texts[2], f"a run and its folded model write the same: {texts[:3]}")
    check(texts[3] == texts[4] != texts[0], "the weights it started from write something else")


def drawing(weights):
    model = ["--weights", weights, "--prompt", "x", "--tokens", 60]
    drawn, _ = written(*model, "--seed", 1)
    check(written(*model, "--seed", 1)[0] == drawn, "the same seed writes the same")
    check(written(*model, "--seed", 2)[0] != drawn, "another seed writes something else")
    greedy, _ = written(*model, "--greedy")
    check(greedy != drawn, "the most probable tokens are not what is drawn")
    for flags in [["--temperature", 0], ["--top-k", 1], ["--top-p", 1e-9], ["--temperature", 1e-9]]:
        check(written(*model, *flags)[0] == greedy, f"{flags} is greedy")
    check(written("--weights", weights, "--tokens", 5)[1] == 5, "without a prompt a document begins")
    check(written("--weights", weights, "--tokens", 1, "--seed", 2)[1] == 1, "one token needs no pass but the prompt's")
    check("\ufffd" in written("--weights", weights, "--tokens", 200, "--temperature", 5)[0], "bytes that are no UTF-8 are replaced")


def beyond_the_context(weights):
    """One byte is one token: what is written after the context was full follows from what was kept of it."""
    model = ["--weights", weights, "--greedy"]
    text, count = written(*model, "--prompt", "x", "--tokens", 2 * CONTEXT)
    check(count == 2 * CONTEXT and len(text) == 2 * CONTEXT + 2, f"it writes beyond the context: {text!r}")
    full, kept = CONTEXT + 1, CONTEXT // 2
    check(len(set(text[full:])) > 2, f"the model has learned more than one byte: {text!r}")
    after = written(*model, "--prompt", text[full - kept:full], "--tokens", 40)[0]
    check(text[full - kept:].startswith(after.rstrip("\n")), f"the second half of the context becomes the first: {text!r}, {after!r}")


def as_the_readme_shows(folded):
    """A model that learned something else writes something else, but reads and writes as much, and says so in these words."""
    command = transcripts.shown_command("generate")
    shown = transcripts.shown(command)
    done = run(*[folded if word == "lamina-out/folded" else word for word in shlex.split(command)[1:]])
    prompt = re.search(r"--prompt \"(.*?)\"", command).group(1)
    check(done.returncode == 0 and done.stdout.decode().startswith(prompt) and shown.startswith(prompt), "the README's prompt comes first")
    counts = [re.findall(r"(\d+) (?:tokens read|written)", text) for text in (done.stderr.decode(), shown)]
    check(counts[0] == counts[1] and len(counts[0]) == 2, f"the README shows how much is read and written: {counts}")
    said = [transcripts.shape(text)[-1] for text in (done.stderr.decode(), shown)]
    check(said[0] == said[1], f"and the words: {said}")


def tokenizer_json(more=()):
    """Bytes behind an end of text, as many tokens as the model has, and `more` that merges make."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = [chr(byte) for byte in plain] + [chr(256 + i) for i in range(256 - len(plain))]
    words = ["<|endoftext|>", *alphabet, *("".join(pair) for pair in more)]
    end = {"id": 0, "content": "<|endoftext|>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
           "special": True}
    return json.dumps({"version": "1.0", "added_tokens": [end], "normalizer": None,
                       "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
                       "model": {"type": "BPE", "vocab": {word: i for i, word in enumerate(words)}, "merges": list(more)}})


def with_a_tokenizer(root, pretrained, corpus):
    """The files of a tokenizer are read even where a model has as many tokens as there are bytes, and go with its folded form."""
    weights, finished = root / "own", root / "own_run"
    shutil.copytree(pretrained, weights)
    (weights / "tokenizer.json").write_text(tokenizer_json())
    subprocess.run([PROGRAMS / "remove_layernorm", "--out", finished, "--weights", weights, "--text", corpus, "--no-control",
                    *TINY], check=True, capture_output=True, timeout=300)
    folded = finished / "folded"
    check((folded / "tokenizer.json").read_text() == tokenizer_json(), "the tokenizer goes with the folded model")
    config = json.loads((folded / "config.json").read_text())
    check(config["eos_token_id"] == 0, f"its end of text is the tokenizer's: {config['eos_token_id']}")
    for model in [["--weights", folded], ["--run", finished, "--weights", weights],
                  ["--weights", pretrained, "--tokenizer", weights]]:
        done = run(*model, "--prompt", "ab<|endoftext|>", "--tokens", 3)
        check(done.returncode == 0 and done.stderr.startswith(b"3 tokens read"), f"{model}: {done.stderr}")
    done = run("--weights", pretrained, "--prompt", "ab<|endoftext|>", "--tokens", 3)
    check(done.stderr.startswith(b"15 tokens read"), f"bytes know no token but bytes: {done.stderr}")
    (weights / "tokenizer.json").write_text(tokenizer_json([["a", "b"]]))
    expect_error("a tokenizer of more tokens", ["--weights", weights],
                 "own: is not this model's: the tokenizer needs 258 tokens, expected at most 257, as the model has")
    (weights / "tokenizer.json").write_text(tokenizer_json().replace('"BPE"', '"Unigram"'))
    expect_error("another kind of tokenizer", ["--weights", weights], 'tokenizer.json: field "model.type" is "Unigram"')
    expect_error("no tokenizer", ["--weights", pretrained, "--tokenizer", root], "no tokenizer here: expected tokenizer.json")


def expect_error(name, arguments, sentence):
    done = run(*arguments)
    lines = done.stderr.decode().splitlines()
    check(done.returncode != 0 and not done.stdout, name + ": it fails and writes nothing")
    check(len(lines) == 1 and sentence in lines[0], f"{name}: one line says {sentence!r}; found {lines}")


def bad_input(root, folder):
    pretrained = ["--weights", folder / "pretrained"]
    expect_error("no model", [], "give --weights DIR or --run DIR")
    expect_error("no folder", ["--weights", root / "nowhere"], "nowhere")
    expect_error("other size", [*pretrained, "--model", "gpt2"], "describes nano, but --model is gpt2")
    expect_error("unfinished run", ["--run", folder / "pretrained"], "no finished run of remove_layernorm")
    expect_error("folded under a run", ["--run", folder, "--weights", folder / "folded"], "is a folded model")
    expect_error("negative temperature", [*pretrained, "--temperature", "-1"], "temperature is -1")
    expect_error("top-p of 0", [*pretrained, "--top-p", "0"], "top-p is 0")
    expect_error("greedy with a temperature", [*pretrained, "--greedy", "--temperature", "1"], "excludes")
    expect_error("no tokens", [*pretrained, "--tokens", "0"], "--tokens")
    for flag in ["--top-k", "--seed", "--threads"]:
        expect_error("negative " + flag, [*pretrained, flag, "-1"], flag)
    expect_error("threads beyond reason", [*pretrained, "--threads", "1025"], "1025")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PROGRAMS / "generate", *map(str, pretrained), "--tokens", "3"], stdout=full,
                              stderr=subprocess.PIPE, timeout=120)
    check(done.returncode == 1 and done.stderr.startswith(b"generate: standard output: cannot be written: "),
          f"a full disk is an error: {done.returncode}, {done.stderr}")
    expect_error("long prompt", [*pretrained, "--prompt", "x" * (CONTEXT + 1)],
                 f"--prompt has {CONTEXT + 1} tokens, expected at most {CONTEXT}, the context of nano")
    moved = root / "moved"
    shutil.copytree(folder, moved, ignore=shutil.ignore_patterns("pretrained"))
    expect_error("run without its weights", ["--run", moved], "give them with --weights")
    other = root / "other"
    shutil.copytree(folder / "pretrained", other)
    config = json.loads((other / "config.json").read_text())
    for changes, sentence in [({"n_layer": 5}, "field \"n_layer\" is 5, expected 4 as in nano; ./examples/run.sh generate --weights"),
                              ({"lamina": {"norms": "fixed"}}, "give the run with --run")]:
        (other / "config.json").write_text(json.dumps({**config, **changes}))
        expect_error(str(changes), ["--weights", other], sentence)
    pickle = root / "pickle"
    pickle.mkdir()
    shutil.copy(folder / "pretrained" / "config.json", pickle)
    (pickle / "pytorch_model.bin").write_bytes(b"\x80\x02}q\x00.")
    expect_error("pickled weights", ["--weights", pickle],
                 "has no model.safetensors; pytorch_model.bin is a pickle, which can run any program and is not read; convert it: "
                 'python3 -c "import sys; from transformers import AutoModelForCausalLM as M; d = sys.argv[1]; '
                 f'M.from_pretrained(d).save_pretrained(d, safe_serialization=True)" {pickle}')
    expect_error("a file for a folder", ["--weights", folder / "pretrained" / "model.safetensors"],
                 "is a safetensors file, expected a folder with config.json and model.safetensors")
    (pickle / "config.json").unlink()
    (pickle / "config.json").symlink_to("../../blobs/4d7a")
    expect_error("a cache without its blobs", ["--weights", pickle], 'config.json: is a symbolic link to "../../blobs/4d7a", which')
    (other / "config.json").unlink()
    expect_error("no config", ["--weights", other], "give --model")
    expect_error("unknown size", ["--weights", other, "--model", "gpt5"], "--model is gpt5, but this build has nano")
    check(written("--weights", other, "--model", "nano", "--tokens", 3)[1] == 3, "--model tells the size where there is no config.json")
    (other / "config.json").write_text(json.dumps(config))
    weights = other / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    expect_error("truncated weights", ["--weights", other], "model.safetensors")
    weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 3\n")
    expect_error("a pointer for weights", ["--weights", other], "model.safetensors: is a Git-LFS pointer in place of the file")


with tempfile.TemporaryDirectory() as name:
    root = pathlib.Path(name)
    corpus = root / "corpus.txt"
    corpus.write_text("the norm of a layer divides every row by its deviation until it is fixed. " * 500)
    finished = root / "run"
    subprocess.run([PROGRAMS / "remove_layernorm", "--out", finished, "--text", corpus, *TINY], check=True, capture_output=True,
                   timeout=300)
    kinds(finished)
    drawing(finished / "pretrained")
    beyond_the_context(finished / "pretrained")
    as_the_readme_shows(finished / "folded")
    with_a_tokenizer(root, finished / "pretrained", corpus)
    bad_input(root, finished)
sys.exit(1 if failures else 0)
