#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes original_runs/ of recorded runs: original_runs.py RECORDINGS [FOLDER]. Needs nothing but Python.

RECORDINGS has a folder per run with case.txt, original.json, train_ids.bin, train_labels.bin, eval_ids.bin,
eval_labels.bin and adapters_{initial,final}.safetensors, and the model in base/. What several runs share is kept once,
what can be computed is left out; both are checked."""

import json
import struct
import sys
from array import array
from pathlib import Path

END_OF_TEXT = 50256
IGNORED = -100
RUNS = {
    "full_constant": "A_full_constant",
    "low_track": "B_low_track",
    "full_freeze": "C_full_freeze",
    "low_freeze": "C_low_freeze",
    "low_freeze_auxiliary": "D_low_freeze_aux",
}
# Of each final full-rank factor every seventh element, which is in no step with rows or columns.
STRIDE = {"full": 7, "low": 1}
CODES = {"F32": "f", "F64": "d", "I32": "i"}


def read_safetensors(path):
    """{name: (shape, values)} of a file of F32."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            raise SystemExit(f"{path}: {name} is {entry['dtype']}, expected F32")
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = entry["shape"], array("f", data[begin:end])
    return tensors


def write_safetensors(path, tensors):
    """From {name: (type, shape, values)}."""
    header, chunks, at = {}, [], 0
    for name, (kind, shape, values) in tensors.items():
        chunk = array(CODES[kind], values).tobytes()
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + len(chunk)]}
        chunks.append(chunk)
        at += len(chunk)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(chunks))


def read_case(path):
    case, starts = {}, {}
    for line in path.read_text(encoding="utf-8").splitlines():
        key, *values = line.split()
        if key == "std":
            place, layer, average, first = values
            name = ["h.{}.ln_1", "h.{}.ln_2", "ln_f"][int(place)].format(layer)
            starts[name] = {"average": float(average), "first_position": float(first)}
        elif key.startswith("phase_"):
            case[key] = {"start": int(values[0]), "gap": int(values[1])}
        else:
            case[key] = values[0] if key == "mode" else float(values[0])
    return case, starts


def read_ids(folder, what):
    """Token ids; their labels, of which the last of a sequence has none, are the same with the ends of text left out."""
    ids, labels = (array("i", (folder / f"{what}_{kind}.bin").read_bytes()) for kind in ("ids", "labels"))
    expected = array("i", (IGNORED if token == END_OF_TEXT else token for token in ids))
    if labels != expected:
        raise SystemExit(f"{folder}: labels of {what} are not the ids without ends of text")
    return ids


def check_identity(tensors):
    for name, (shape, values) in tensors.items():
        rows, columns = shape
        diagonal = name.endswith("lora_A")
        expected = [float(diagonal and i == j) for i in range(rows) for j in range(columns)]
        if values.tolist() != expected:
            raise SystemExit(f"{name} does not start as the identity or 0")


def record(folder, stride):
    original = json.loads((folder / "original.json").read_text(encoding="utf-8"))
    steps = original["steps"]
    norms = list(steps[0]["norms"])
    for step in steps:
        for name, norm in step["norms"].items():
            if len({norm[key] for key in ("divisor", "first", "eot", "eot0")}) != 1:
                raise SystemExit(f"{folder}: step {step['step']}: {name} has more than one divisor")
    per_norm = [len(steps), len(norms)]

    def of_norms(key):
        return "F32", per_norm, [step["norms"][name][key] for step in steps for name in norms]

    losses = [loss for evaluation in original["evals"] for loss in evaluation["losses"]]
    tensors = {
        "rate": ("F64", [len(steps)], [step["rate"] for step in steps]),
        "loss": ("F64", [len(steps)], [step["loss"] for step in steps]),
        "gradient_norm": ("F32", [len(steps)], [step["grad_norm"] for step in steps]),
        "average": of_norms("average"),
        "first_position_average": of_norms("bos"),
        "divisor": of_norms("divisor"),
        "evaluation": ("F32", [len(original["evals"]), len(losses) // len(original["evals"])], losses),
    }
    for name, (_, values) in read_safetensors(folder / "adapters_final.safetensors").items():
        kept = values[::stride]
        tensors[name] = "F32", [len(kept)], kept
    return original["args"]["rev"], norms, tensors


def main():
    recordings = Path(sys.argv[1])
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "original_runs"
    out.mkdir(exist_ok=True)

    base = read_safetensors(recordings / "base" / "model.safetensors")
    base = {name.removeprefix("transformer."): tensor for name, tensor in base.items()}
    (_, width), table = base.pop("wte.weight")  # the tests draw it again

    shared = {}

    def same_in_all(key, value):
        if shared.setdefault(key, value) != value:
            raise SystemExit(f"{key} differs from run to run")

    runs = {}
    for name, recorded in RUNS.items():
        folder = recordings / recorded
        rank = name.split("_")[0]
        case, starts = read_case(folder / "case.txt")
        initial = read_safetensors(folder / "adapters_initial.safetensors")
        if rank == "full":
            check_identity(initial)
        else:
            same_in_all("initial", initial)
        revision, norms, tensors = record(folder, STRIDE[rank])
        write_safetensors(out / f"{name}.safetensors", tensors)
        for key, value in (("norms", norms), ("starts", starts)):
            same_in_all(key, value)
        for what in ("train", "eval"):
            same_in_all(what, read_ids(folder, what))
        runs[name] = {"revision": revision, "stride": STRIDE[rank], **case}

    # Drawing may not give the same bits, which matters most in what is read as an input.
    used = sorted(set(shared["train"]) | set(shared["eval"]))
    rows = [table[token * width + i] for token in used for i in range(width)]
    tensors = {name: ("F32", *tensor) for name, tensor in base.items()}
    tensors |= {"wte.ids": ("I32", [len(used)], used), "wte.rows": ("F32", [len(used), width], rows)}
    write_safetensors(out / "base.safetensors", tensors)

    steps, accumulation, batch, length = (int(case[key]) for key in ("steps", "ga", "batch", "seq"))
    evaluated = shared["eval"][: len(shared["eval"]) // int(case["steps"] / case["eval_every"])]
    if evaluated * (len(shared["eval"]) // len(evaluated)) != shared["eval"]:
        raise SystemExit("evaluations are not of the same sequences")
    ids = {
        "train": ("I32", [steps, accumulation, batch, length], shared["train"]),
        "evaluation": ("I32", [len(evaluated) // length, length], evaluated),
    }
    write_safetensors(out / "ids.safetensors", ids)
    write_safetensors(
        out / "low_initial.safetensors", {name: ("F32", *tensor) for name, tensor in shared["initial"].items()}
    )
    text = {"norms": shared["norms"], "starts": shared["starts"], "runs": runs}
    (out / "runs.json").write_text(json.dumps(text, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
