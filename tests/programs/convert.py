#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Drives convert as a person would: a run to transformers and PEFT, weights to llm.c, both back again, and wrong input."""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

PROGRAMS = pathlib.Path(os.environ["LAMINA_PROGRAMS"])
failures = []


def run(program, *arguments):
    return subprocess.run([str(PROGRAMS / program), *map(str, arguments)], capture_output=True, text=True, timeout=300)


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def convert(*arguments):
    done = run("convert", *arguments)
    check(done.returncode == 0 and not done.stderr and done.stdout.count("\n") == 1,
          " ".join(map(str, arguments)) + " succeeds in one line: " + done.stdout + done.stderr)


def values(path):
    """What lies behind the header, in the order that both files have."""
    content = path.read_bytes()
    return content[8 + int.from_bytes(content[:8], "little"):]


def shapes(path):
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + length])
    header.pop("__metadata__")
    return {name: (entry["dtype"], entry["shape"]) for name, entry in header.items()}


def small_run(folder):
    text = folder / "text.txt"
    text.write_text("every norm of this run is gone after a dozen steps, whatever it has learnt by then. " * 300)
    done = run("remove_layernorm", "--out", folder / "run", "--text", text, "--micro-batch", 2, "--sequence", 32, "--steps", 13,
               "--removal-start", 0, "--gap-ln2", 1, "--gap-ln1-qk", 1, "--gap-ln1-v", 1, "--pretrain-steps", 2,
               "--evaluation-blocks", 2, "--sample", 0, "--threads", 1, "--no-control")
    check(done.returncode == 0, "a run to convert: " + done.stderr)
    return folder / "run"


def of_a_run(folder, source):
    convert("--run", source, "--to", "hugging-face", "--out", folder / "stock")
    config = json.loads((folder / "stock" / "config.json").read_text())
    check(config["model_type"] == "gpt2" and config["layer_norm_epsilon"] == 1e12 and config["eos_token_id"] == 256,
          "a run's export is a stock GPT-2 whose norms do not measure")
    tensors = shapes(folder / "stock" / "model.safetensors")
    check(len(tensors) == 52 and tensors["transformer.h.3.mlp.c_proj.weight"] == ("F32", [512, 128]),
          "with its tensors and no adapters")
    convert("--run", source, "--to", "hugging-face", "--store-as", "bf16", "--out", folder / "stock16")
    check(shapes(folder / "stock16" / "model.safetensors")["transformer.wte.weight"] == ("BF16", [257, 128]), "in bf16 if asked")

    convert("--run", source, "--to", "peft", "--out", folder / "peft")
    config = json.loads((folder / "peft" / "adapter_config.json").read_text())
    check(config["base_model_name_or_path"] == str(folder / "peft" / "base"), "an adapter names the base beside it")
    check(config["r"] == 128 and config["rank_pattern"] == {"mlp.c_proj": 512}, "and its ranks")
    adapter = shapes(folder / "peft" / "adapter_model.safetensors")
    check(adapter["base_model.model.transformer.h.0.attn.c_attn.lora_B.weight"] == ("F32", [384, 128]), "B is [out, rank]")
    check((folder / "peft" / "base" / "model.safetensors").read_bytes() != (folder / "stock" / "model.safetensors").read_bytes(),
          "the base is without what the adapter adds")
    check(not (folder / "peft" / "base" / "vocab.json").exists(), "there is no tokenizer where the weights have none")

    convert("--peft", folder / "peft", "--model", "nano", "--to", "run", "--out", folder / "back")
    check(values(folder / "back" / "adapter.safetensors") == values(source / "adapter.safetensors"),
          "PEFT's form of an adapter comes back with the same bytes")
    norms = json.loads((folder / "back" / "norms.json").read_text())["norms"]
    check(len(norms) == 9 and not any(state["fixed"] for state in norms.values()), "on norms that measure")


def written(*model):
    done = run("generate", *model, "--prompt", "every norm ", "--tokens", 20, "--seed", 3, "--threads", 1)
    check(done.returncode == 0, f"generate {model}: {done.stderr}")
    return done.stdout


def that_lamina_reads(folder, source):
    weights = source / "pretrained"
    folded = written("--weights", source / "folded")
    check(written("--weights", folder / "stock") == folded, "a run's export writes what its folded model does")
    check(written("--weights", weights) != folded, "and not what the run began with")
    back = written("--run", folder / "back", "--weights", weights)
    check(back.startswith("every norm ") and back != folded, "an imported adapter is read as a run's, on norms that measure")
    done = run("generate", "--run", source, "--weights", folder / "stock")
    check("is a model with scaled norms, expected the weights that the run started from" in done.stderr,
          "a run does not go on an export: " + done.stderr)


def while_norms_measure(folder, weights):
    """The adapter alone, on the weights as they are; with their tokenizer where a model is written."""
    convert("--run", folder / "back", "--weights", f"{weights}/../pretrained/", "--to", "peft", "--out", folder / "early")
    config = json.loads((folder / "early" / "adapter_config.json").read_text())
    check(config["base_model_name_or_path"] == str(weights), f"the weights are the base: {config['base_model_name_or_path']}")
    check(sorted(path.name for path in (folder / "early").iterdir()) == ["adapter_config.json", "adapter_model.safetensors"],
          "and are not written again")
    convert("--run", folder / "back", "--weights", weights, "--to", "peft", "--base-name", "gpt2", "--out", folder / "early2")
    check(json.loads((folder / "early2" / "adapter_config.json").read_text())["base_model_name_or_path"] == "gpt2",
          "unless --base-name says another")
    expect_error(["--run", folder / "back", "--weights", weights, "--to", "hugging-face", "--out", folder / "bad"],
                 "still measures its divisor")


def with_a_tokenizer(folder, source):
    weights = folder / "with_tokenizer"
    shutil.copytree(source / "pretrained", weights)
    (weights / "vocab.json").write_text("{}")
    (weights / "merges.txt").write_text("#version\n")
    (weights / "tokenizer_config.json").write_text("{} ")
    for target, place in [("hugging-face", folder / "words"), ("peft", folder / "words_peft" / "base")]:
        out = folder / ("words" if target == "hugging-face" else "words_peft")
        convert("--run", source, "--weights", weights, "--to", target, "--out", out)
        check([(place / name).read_text() for name in ("vocab.json", "merges.txt", "tokenizer_config.json")]
              == ["{}", "#version\n", "{} "],
              f"--to {target}: the tokenizer of the weights comes along")


def of_weights(folder, weights):
    convert("--weights", weights, "--to", "llm-c", "--out", folder / "nano.bin")
    header = struct.unpack("<8i", (folder / "nano.bin").read_bytes()[:32])
    check(header == (20240326, 3, 128, 257, 4, 4, 128, 384), f"llm.c's header: {header}")
    convert("--weights", weights, "--model", "nano", "--to", "llm-c", "--store-as", "bf16", "--out", folder / "nano16.bin")
    sizes = [(folder / name).stat().st_size - 1024 for name in ("nano.bin", "nano16.bin")]
    check(sizes[0] == 2 * sizes[1], "bf16 halves a checkpoint")
    convert("--llm-c", folder / "nano.bin", "--to", "hugging-face", "--out", folder / "again")
    check((folder / "again" / "model.safetensors").read_bytes() == (weights / "model.safetensors").read_bytes(),
          "llm.c's form of a model comes back with the same bytes")


def expect_error(arguments, sentence):
    done = run("convert", *arguments)
    said = " ".join(map(str, arguments))
    check(done.returncode != 0 and sentence in done.stderr, f"{said}: {sentence!r} is said; found {done.stderr!r}")
    check(done.stderr.startswith("convert: ") and done.stderr.count("\n") == 1, said + " is refused in one line: " + done.stderr)


def add_tensor(path, name):
    """One more float behind the data of a safetensors file."""
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + length])
    end = len(content) - 8 - length
    header[name] = {"dtype": "F32", "shape": [1], "data_offsets": [end, end + 4]}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length:] + bytes(4))


def bad_input(folder, source):
    weights = source / "pretrained"
    out = ["--out", folder / "bad"]
    nano = ["--model", "nano"]
    expect_error([*nano, "--weights", weights, "--to", "llm-c", *out, "--bogus"], "--bogus")
    expect_error([*nano, "--to", "gguf", *out], "gguf")
    expect_error([*nano, "--to", "llm-c", *out], "expected one of --weights, --run, --peft and --llm-c")
    expect_error(["--peft", folder / "peft", "--to", "run", *out], "--model is missing, or --weights; an adapter does not say its model")
    expect_error(["--weights", weights, "--to", "llm-c", "--base-name", "gpt2", *out], "--base-name goes with --to peft only")
    expect_error([*nano, "--weights", weights, "--to", "peft", *out], "--to peft cannot be made of --weights, expected --run")
    expect_error([*nano, "--peft", weights, "--to", "hugging-face", *out],
                 "--to hugging-face cannot be made of --peft, expected --run or --llm-c")
    expect_error([*nano, "--peft", weights, "--to", "run", "--store-as", "bf16", *out], "--store-as does not go with --to run")
    expect_error(["--model", "gpt2-xl", "--peft", folder / "peft", "--to", "run", *out], "--model is gpt2-xl, but this build has nano")
    expect_error(["--model", "gpt2", "--weights", weights, "--to", "llm-c", *out], "config.json: describes nano, but --model is gpt2")
    expect_error(["--model", "gpt2", "--llm-c", folder / "nano.bin", "--to", "hugging-face", *out],
                 "nano.bin: describes nano, but --model is gpt2")
    expect_error(["--llm-c", weights / "config.json", "--to", "hugging-face", *out],
                 'config.json: is JSON that begins "{", expected a checkpoint of llm.c; download it again')
    odd = folder / "odd"
    odd.mkdir()
    (odd / "run.json").write_text(json.dumps({"model": "na\nno"}))
    expect_error(["--model", "nano", "--run", odd, "--to", "peft", *out], r'run.json: field "model" is "na\x0ano", expected nano')
    expect_error(["--model", "gpt2", "--run", source, "--to", "peft", *out], 'run.json: field "model" is "nano", expected gpt2')
    expect_error(["--run", weights, "--to", "peft", *out], "run.json")
    expect_error(["--run", source, "--weights", folder, "--to", "peft", *out],
                 "has no model.safetensors; nano.bin is a checkpoint of llm.c; make a folder of it with convert --llm-c ")
    expect_error(["--weights", weights / "model.safetensors", "--to", "llm-c", *out], "is a safetensors file, expected a folder with")
    heads = folder / "heads"
    shutil.copytree(weights, heads)
    add_tensor(heads / "model.safetensors", "score.weight")
    done = run("convert", "--weights", heads, "--to", "llm-c", "--out", folder / "heads.bin")
    check(done.returncode == 0 and done.stderr == f"convert: warning: {heads}/model.safetensors: tensors of other heads are ignored: "
          '"score.weight"\n', "a tensor of another head is ignored with a warning: " + done.stderr)
    expect_error(["--weights", heads, "--strict", "--to", "llm-c", *out], 'tensor "score.weight" is none of the model\'s')
    expect_error(["--run", source, "--weights", source / "folded", "--to", "peft", *out], "is a folded model")
    expect_error([*nano, "--weights", source / "folded", "--to", "llm-c", *out], "folded")
    truncated = folder / "truncated.bin"
    truncated.write_bytes((folder / "nano.bin").read_bytes()[:-1])
    expect_error([*nano, "--llm-c", truncated, "--to", "hugging-face", *out], "truncated.bin: is ")
    check(not (folder / "bad").exists(), "nothing is left of what was refused")


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def nothing_is_written_over(folder, source):
    """Neither a source nor a run with or without --force, and anything else only with it."""
    weights = source / "pretrained"
    nano = ["--model", "nano"]
    belongs = "belongs to what is read, or to a run"
    (folder / "link").symlink_to(weights)
    shutil.copytree(weights, folder / "merged" / "base")
    before = [contents(source), contents(folder / "merged")]
    for force in [[], ["--force"]]:
        for arguments in [[*nano, "--weights", weights, "--to", "llm-c", "--out", weights / "model.safetensors"],
                          [*nano, "--weights", weights, "--to", "llm-c", "--out", folder / "link" / "model.safetensors"],
                          [*nano, "--weights", folder / "link", "--to", "llm-c", "--out", weights / "model.safetensors"],
                          ["--run", source, "--weights", folder / "merged" / "base", "--to", "peft", "--out", folder / "merged"],
                          ["--run", source, "--to", "hugging-face", "--out", source / "folded"],
                          [*nano, "--llm-c", folder / "nano.bin", "--to", "hugging-face", "--out", source / "folded"],
                          [*nano, "--peft", folder / "peft", "--to", "run", "--out", source]]:
            expect_error([*arguments, *force], belongs)
        expect_error(["--run", source, "--to", "hugging-face", "--out", weights, *force], "is what is read; give another place")
    check(before == [contents(source), contents(folder / "merged")], "what is read stays as it was")
    expect_error(["--run", source, "--to", "hugging-face", "--out", folder / "again"],
                 "again/model.safetensors exists; give another --out, or --force")
    convert("--run", source, "--to", "hugging-face", "--out", folder / "again", "--force")
    check(contents(folder / "again") == {folder / "again" / path.name: content for path, content in contents(folder / "stock").items()},
          "--force writes over what is nobody's source")


with tempfile.TemporaryDirectory(prefix="lamina-convert-") as scratch:
    place = pathlib.Path(scratch)
    run_folder = small_run(place)
    if not failures:
        of_a_run(place, run_folder)
        that_lamina_reads(place, run_folder)
        while_norms_measure(place, run_folder / "pretrained")
        with_a_tokenizer(place, run_folder)
        of_weights(place, run_folder / "pretrained")
        bad_input(place, run_folder)
        nothing_is_written_over(place, run_folder)
sys.exit(1 if failures else 0)
