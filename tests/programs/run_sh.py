#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What run.sh builds for: the adaptation that each recipe trains, that flags name, that a run had, and that a sweep's file asks for."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = str(pathlib.Path(os.environ["LAMINA_PROGRAMS"]) / "remove_layernorm")
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def asked(program, *arguments):
    """What CMake would be told, by name."""
    done = subprocess.run([SOURCE / "examples" / "run.sh", program, *map(str, arguments)], capture_output=True, text=True,
                          env={**os.environ, "LAMINA_RUN_SH_DRY": "1"}, timeout=60)
    check(done.returncode == 0, f"{program} {arguments}: {done.stderr}")
    return dict(re.findall(r"^-DLAMINA_(\w+)=(.*)$", done.stdout, re.MULTILINE))


def recipe(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=True).stdout


def trained(name):
    """The adapter that a recipe says it trains, as the build has it."""
    what = re.search(r"^trained +(.*)$", recipe("--recipe", name, "--print"), re.MULTILINE)[1]
    rank = re.fullmatch(r"adapters of rank (\d+) on frozen weights", what)
    return rank[1] if rank else {"every parameter": "none", "full-rank adapters on frozen weights": "full"}[what]


def of_recipes():
    names = recipe("--list-recipes").split()
    found = set()
    for name in [*names, "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"]:
        adapter = asked("remove_layernorm", "--recipe", name)["ADAPTERS"]
        check(adapter == trained(name), f"{name}: run.sh builds for {adapter}, the recipe trains {trained(name)}")
        found.add(adapter)
    check({"full", "none", "64", "128", "256"} <= found, f"all kinds are among them: {found}")


def of_flags(folder):
    built = asked("remove_layernorm", "--model", "gpt2", "--recipe=gpt2-finetune-aux", "--adapter", "8", "--targets=c_attn,mlp.c_proj",
                  "--precision", "all-bf16")
    check(built == {"MODELS": "gpt2", "ADAPTERS": "8", "TARGETS": "c_attn,mlp.c_proj", "PRECISION": "all-bf16", "CUDA": "OFF"},
          f"flags win over the recipe: {built}")
    run = folder / "run"
    (run / "pretrained").mkdir(parents=True)
    (run / "pretrained" / "config.json").write_bytes((SOURCE / "examples" / "models" / "nano.json").read_bytes())
    (run / "run.json").write_text(json.dumps({"model": "nano", "adapter": "4", "targets": "c_fc", "precision": "fp32"}, indent=2))
    for program in ("generate", "evaluate", "convert"):
        built = asked(program, "--run", run)
        check(built == {"MODELS": "nano", "ADAPTERS": "4", "TARGETS": "c_fc", "PRECISION": "fp32", "CUDA": "OFF"},
              f"{program} is built for what the run had: {built}")


def of_sweeps(folder):
    spec = folder / "sweep.json"
    flags = {"model": "gpt2", "recipe": "gpt2-lora-64-1e-3", "text": ["a", "b"], "precision": "fp32"}
    spec.write_text(json.dumps({"flags": flags, "grid": {"clip": [0.5, 1]}, "seeds": [1]}))
    built = asked("sweep", "--spec", spec)
    check(built["MODELS"] == "gpt2" and built["ADAPTERS"] == "64" and built["PRECISION"] == "fp32", f"its file is read: {built}")
    spec.write_text(json.dumps({"grid": {"adapter": [4, "none"]}, "seeds": [1]}))
    built = asked("sweep", "--spec", spec)
    check(built["ADAPTERS"] == "4;none" and built["MODELS"] == "nano", f"all adapters of a grid are built: {built}")
    built = asked("sweep", "--preset", "published-rates", "--", "--model", "gpt2", "--adapter", "64")
    check(built["MODELS"] == "gpt2" and built["ADAPTERS"] == "64", f"so are the flags behind --: {built}")
    spec.write_text("{")
    check(asked("sweep", "--spec", spec)["ADAPTERS"] == "full", "what is wrong with the file is for the program to say")


with tempfile.TemporaryDirectory() as name:
    of_recipes()
    of_flags(pathlib.Path(name))
    of_sweeps(pathlib.Path(name))
sys.exit(1 if failures else 0)
