#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The real lm-evaluation-harness on a Hugging Face folder and local copies of its data, offline; see README.md.

Tasks, templates, document functions, metrics, groups and standard errors are the package's own. Replaced is one function: where
it would download a data set, it gets the local files.
"""
import csv
import json
import math
import os
import pathlib
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("TQDM_DISABLE", "1")

MASK64 = (1 << 64) - 1


def json_lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def mmlu_documents(folder, split, subject):
    """One subject in the layout of the authors' archive, with the fields of cais/mmlu."""
    with open(pathlib.Path(folder) / split / f"{subject}_{split}.csv", encoding="utf-8", newline="") as file:
        return [{"question": row[0], "subject": subject, "choices": row[1:5], "answer": "ABCD".index(row[5])}
                for row in csv.reader(file)]


def subjects(folder):
    return sorted(path.name.removesuffix("_test.csv") for path in (pathlib.Path(folder) / "test").glob("*_test.csv"))


class LocalData:
    """Stands in for datasets.load_dataset."""

    def __init__(self, hellaswag=None, mmlu=None):
        self.hellaswag, self.mmlu = hellaswag, mmlu

    def __call__(self, path, name=None, **_):
        import datasets
        if path == "Rowan/hellaswag":
            fields = ("activity_label", "ctx_a", "ctx_b", "endings", "label")
            rows = [{field: str(row[field]) if field == "label" else row[field] for field in fields}
                    for row in json_lines(self.hellaswag)]
            rows = datasets.Dataset.from_list(rows)
            return datasets.DatasetDict({"train": rows, "validation": rows})
        if path == "cais/mmlu":
            return datasets.DatasetDict({split: datasets.Dataset.from_list(mmlu_documents(self.mmlu, split, name))
                                         for split in ("dev", "test")})
        raise FileNotFoundError(f"no local copy of {path}")


class Counter:
    """What goes through the model, and how long scoring takes, tokenising included."""

    def __init__(self, model):
        import lm_eval.models.huggingface as huggingface
        self.reset()
        call, score, join = model._model_call, model.loglikelihood, huggingface.pad_and_concat

        def counted_call(inputs, *rest, **named):
            self.padded += inputs.numel()
            self.passes += 1
            return call(inputs, *rest, **named)

        def counted_join(length, inputs, *rest, **named):
            self.tokens += sum(each.numel() for each in inputs)
            return join(length, inputs, *rest, **named)

        def timed_score(requests, *rest, **named):
            start = time.perf_counter()
            scores = score(requests, *rest, **named)
            self.seconds += time.perf_counter() - start
            self.requests += len(requests)
            return scores

        model._model_call, model.loglikelihood, huggingface.pad_and_concat = counted_call, timed_score, counted_join

    def reset(self):
        self.requests = self.passes = 0
        self.tokens = self.padded = 0  # without and with the padding of batches
        self.seconds = 0.0


def tokenizer_files(folder):
    """Under the hub's names or OpenAI's."""
    for vocabulary, merges in (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")):
        if (pathlib.Path(folder) / vocabulary).exists():
            return {"vocab_file": str(pathlib.Path(folder) / vocabulary), "merges_file": str(pathlib.Path(folder) / merges)}
    raise FileNotFoundError(f"{folder}: no tokenizer")


def load(folder, batch_size=1, tokenizer_folder=None):
    """The harness's own wrapper around transformers' GPT-2, float32, on the CPU."""
    import torch
    from lm_eval.models.huggingface import HFLM
    from transformers import GPT2LMHeadModel, GPT2TokenizerFast
    model = GPT2LMHeadModel.from_pretrained(folder, torch_dtype=torch.float32)
    tokenizer = GPT2TokenizerFast(**tokenizer_files(tokenizer_folder or folder))
    return HFLM(pretrained=model.eval(), tokenizer=tokenizer, backend="causal", batch_size=batch_size, device="cpu")


def evaluate(model, tasks, data, **options):
    """The harness's result, samples included."""
    import lm_eval
    import lm_eval.api.task
    lm_eval.api.task.datasets.load_dataset = data
    return lm_eval.simple_evaluate(model=model, tasks=tasks, log_samples=True, **options)


def fnv1a_bytes(data):
    """64-bit FNV-1a, in hexadecimal."""
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 & MASK64
    return f"{value:016x}"


def fnv1a(strings):
    """Of the strings' UTF-8, each followed by a zero byte."""
    return fnv1a_bytes(b"".join(string.encode() + b"\0" for string in strings))


def argmax(values):
    return max(range(len(values)), key=lambda i: (values[i], -i))


def item_of(model, sample, whole):
    """One document as the harness asked and answered it, by the fields of `compact`; with `whole`, its tokens too."""
    contexts, continuations = zip(*sample["arguments"])
    assert len(set(contexts)) == 1
    pairs = [model._encode_pair(context, continuation) for context, continuation in sample["arguments"]]
    context = pairs[0][0]
    assert all(other == context for other, _ in pairs)
    scores = [response[0] for response in sample["filtered_resps"]]
    item = [fnv1a([contexts[0], *continuations]), [len(context), *(len(continuation) for _, continuation in pairs)],
            [round(score, 5) for score in scores], argmax(scores), int(sample["acc"])]
    if "acc_norm" in sample:
        choices = sample["doc"]["choices"]
        assert [" " + choice for choice in choices] == list(continuations)
        item += [argmax([score / float(len(choice)) if choice else -math.inf for score, choice in zip(scores, choices)]),
                 int(sample["acc_norm"])]
    if whole:
        item += [context, [continuation for _, continuation in pairs]]
    return item


def compact(model, result, whole=False):
    """What a golden keeps of a result."""
    scores = {name: {key.removesuffix(",none"): value for key, value in fields.items() if key.endswith(",none")}
              for name, fields in result["results"].items()}
    items = {}
    for task, samples in result["samples"].items():
        samples = sorted(samples, key=lambda sample: sample["doc_id"])
        assert [sample["doc_id"] for sample in samples] == list(range(len(samples)))
        items[task] = [item_of(model, sample, whole) for sample in samples]
    norm = any("acc_norm" in fields for fields in scores.values())
    fields = ["hash", "tokens", "scores", "prediction", "acc", *(["prediction_norm", "acc_norm"] if norm else []),
              *(["context_ids", "continuation_ids"] if whole else [])]
    return {"fields": fields, "results": scores, "items": items}


def write(path, golden):
    """JSON with one line per result and per item."""
    tight = {"separators": (",", ":")}
    lines = ['{"fields": ' + json.dumps(golden["fields"]) + ',\n"results": {',
             ",\n".join(f"{json.dumps(name)}: {json.dumps(fields)}" for name, fields in golden["results"].items()),
             '},\n"items": {']
    tasks = [f"{json.dumps(task)}: [\n" + ",\n".join(json.dumps(item, **tight) for item in items) + "\n]"
             for task, items in golden["items"].items()]
    pathlib.Path(path).write_text("\n".join(lines) + "\n" + ",\n".join(tasks) + "\n}}\n", encoding="utf-8")
