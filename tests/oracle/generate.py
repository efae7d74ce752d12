#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes golden/*.json: what lm-evaluation-harness and transformers say of the packed model. See README.md.

  generate.py [OUT_FOLDER]
"""
import json
import math
import pathlib
import sys
import tempfile

import harness
import model

SYNTHETIC = model.HERE / "synthetic"
SHARED = {"hellaswag": model.DATA / "hellaswag" / "hellaswag_val_original_1000.jsonl", "mmlu": model.DATA / "mmlu"}
PILE = model.DATA / "pile" / "pile_sample.jsonl"
PILE_BLOCKS = 8
PILE_LEFT_OUT = {"OpenWebText2", "Books3", "BookCorpus2"}


def task_goldens(oracle):
    """(file name, golden) of each."""
    local = harness.LocalData(**SHARED)
    made_up = harness.LocalData(SYNTHETIC / "hellaswag.jsonl", SYNTHETIC / "mmlu")
    made_up_mmlu = [f"mmlu_{subject}" for subject in harness.subjects(SYNTHETIC / "mmlu")]

    def run(tasks, data, whole=False, **options):
        return harness.compact(oracle, harness.evaluate(oracle, tasks, data, **options), whole)

    yield "synthetic_hellaswag.json", run(["hellaswag"], made_up, whole=True)
    yield "synthetic_mmlu.json", run(made_up_mmlu, made_up, whole=True)
    yield "synthetic_mmlu_2shot.json", run(made_up_mmlu, made_up, whole=True, num_fewshot=2)
    yield "hellaswag.json", run(["hellaswag"], local, limit=model.HELLASWAG_ITEMS)
    yield "mmlu.json", run(["mmlu"], local, limit=model.MMLU_ITEMS)
    yield "mmlu_5shot.json", run(["mmlu"], local, limit=2, num_fewshot=5)


def quantiles(losses, numpy):
    """The median, and what 50, 90, 95 and 99 % of the tokens lie between."""
    ranges = [[share, *(float(numpy.quantile(losses, (1 + sign * share) / 2)) for sign in (-1, 1))] for share in (0.5, 0.9, 0.95, 0.99)]
    return {"median": float(numpy.quantile(losses, 0.5)), "ranges": ranges}


def pile_golden(oracle):
    """The Pile-10k measure (docs/evaluation.md, "Pile-10k") on the first blocks of a sample of the Pile."""
    import numpy
    import torch
    rows = harness.json_lines(PILE)
    texts = [rows[i]["text"] for i in numpy.random.default_rng(42).permutation(len(rows))
             if rows[i].get("meta", {}).get("pile_set_name") not in PILE_LEFT_OUT]
    ids = []
    for text in texts:
        ids += oracle.tokenizer(text + "<|endoftext|>")["input_ids"]
    blocks = torch.tensor(ids[:len(ids) // 1024 * 1024]).view(-1, 1024)
    losses = []
    with torch.no_grad():
        for block in blocks[:PILE_BLOCKS]:
            logits = oracle.model(block[None]).logits[0, :-1]
            losses.append(torch.nn.functional.cross_entropy(logits, block[1:], reduction="none"))
    losses = torch.stack(losses).double().numpy()
    mean = float(losses.mean())
    return {"rows": len(rows), "kept": len(texts), "tokens": len(ids), "blocks": len(losses),
            "hashes": [harness.fnv1a_bytes(block.to(torch.int32).numpy().tobytes()) for block in blocks[:PILE_BLOCKS]],
            "block_means": [round(float(block.mean()), 6) for block in losses], "mean": mean, "perplexity": math.exp(mean),
            **quantiles(losses.ravel(), numpy), "first_losses": [round(float(loss), 5) for loss in losses[0, :32]]}


def model_facts(folder):
    """What the unpacked model is, so that whoever unpacks it otherwise knows; and what computed the goldens."""
    from importlib.metadata import version
    tensors = model.read_safetensors(folder / "model.safetensors")
    return {"weights": harness.fnv1a_bytes(b"".join(tensors[name][2] for name in sorted(tensors))), "tensors": len(tensors),
            **{package: version(package) for package in ("lm_eval", "transformers", "torch", "numpy")}}


def main(out):
    import torch
    torch.set_num_threads(1)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model.unpack(folder)
        oracle = harness.load(folder)
        for file, golden in (("model.json", model_facts(folder)), ("pile.json", pile_golden(oracle))):
            (out / file).write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")
        for file, golden in task_goldens(oracle):
            harness.write(out / file, golden)
            print(f"{file}: {sum(map(len, golden['items'].values()))} items, {(out / file).stat().st_size} bytes", flush=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else model.HERE / "golden")
