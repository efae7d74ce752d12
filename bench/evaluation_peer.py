#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The peer of bench/evaluation: the real lm-evaluation-harness on the same model and items. Prints one line of JSON.

Time is that of scoring: requests to tokens, through the model, to log-likelihoods; reading the data and building the prompts
are left out, in the harness's favour. Before it counts, some items are scored to warm up. Needs a Python with
tests/oracle/requirements.txt.
"""
import argparse
import contextlib
import json
import logging
import math
import pathlib
import sys
import types

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "oracle"))
import harness


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="Hugging Face folder of a GPT-2, tokenizer included")
    parser.add_argument("--hellaswag", help="validation set, JSON Lines")
    parser.add_argument("--mmlu", help="folder with dev/ and test/")
    parser.add_argument("--tokenizer", help="folder with encoder.json and vocab.bpe, or vocab.json and merges.txt (default: the model's)")
    parser.add_argument("--hellaswag-items", type=int, default=100, help="the first so many (default 100)")
    parser.add_argument("--mmlu-items", type=int, default=2, help="the first so many of each subject (default 2)")
    parser.add_argument("--subjects", help="of MMLU, with commas between (default: all in the folder)")
    parser.add_argument("--shots", type=int, default=0, help="MMLU examples before the question (default 0)")
    parser.add_argument("--batch", type=int, default=16, help="default 16")
    parser.add_argument("--threads", type=int, default=1, help="default 1")
    parser.add_argument("--count", action="store_true", help="count tokens only: nothing goes through the model, and no time is told")
    return parser.parse_args()


def leave_out_model(model):
    """Every log-likelihood becomes 0 and costs nothing."""
    import lm_eval.models.huggingface as huggingface
    import torch
    vocab = model.model.config.vocab_size
    model._model_call = lambda inputs, **_: torch.zeros(1, 1, 1).expand(*inputs.shape, vocab)
    huggingface.F = types.SimpleNamespace(log_softmax=lambda logits, **_: logits)


def measure(model, counter, tasks, data, **options):
    counter.reset()
    result = harness.evaluate(model, tasks, data, **options)
    samples = [sample for of_task in result["samples"].values() for sample in of_task]
    return {"items": len(samples), "log_likelihoods": math.fsum(score for sample in samples for score, _ in sample["filtered_resps"]),
            "seconds": counter.seconds, "requests": counter.requests, "passes": counter.passes,
            "tokens": counter.tokens, "padded_tokens": counter.padded}


def main():
    options = parse()
    logging.disable(logging.WARNING)  # one line for every prompt that is cut off
    import torch
    torch.set_num_threads(options.threads)
    model = harness.load(options.folder, options.batch, options.tokenizer)
    if options.count:
        leave_out_model(model)
    counter = harness.Counter(model)
    data = harness.LocalData(options.hellaswag, options.mmlu)
    parts = {}
    if options.hellaswag:
        if not options.count:
            measure(model, counter, ["hellaswag"], data, limit=4)
        parts["hellaswag"] = measure(model, counter, ["hellaswag"], data, limit=options.hellaswag_items)
    if options.mmlu:
        subjects = options.subjects.split(",") if options.subjects else harness.subjects(options.mmlu)
        tasks = [f"mmlu_{subject}" for subject in subjects]
        if not options.count:
            measure(model, counter, tasks[:1], data, limit=1, num_fewshot=options.shots)
        parts["mmlu"] = measure(model, counter, tasks, data, limit=options.mmlu_items, num_fewshot=options.shots)
    total = {key: sum(part[key] for part in parts.values()) for key in next(iter(parts.values()))}
    for part in (*parts.values(), total):
        if options.count:
            del part["seconds"]
        else:
            part["items_per_second"] = part["items"] / part["seconds"]
    return {"batch": options.batch, "threads": options.threads, "shots": options.shots, **total, **parts}


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # the harness prints as it likes
        answer = main()
    print(json.dumps(answer))
