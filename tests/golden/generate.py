# SPDX-License-Identifier: MIT
"""Writes every golden file of this folder: python generate.py [output folder]. README.md describes them."""

import copy
import json
import struct
import sys
from pathlib import Path

import numpy
import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.utils import logging

import removal
from oracle import Gpt2WithAdapters, NormOptions, norm_names, shifted_cross_entropy

CONFIGURATIONS = {
    "tiny": {"n_layer": 2, "n_head": 2, "n_embd": 16, "n_positions": 12, "vocab_size": 61},
    "mid": {"n_layer": 3, "n_head": 4, "n_embd": 24, "n_positions": 24, "vocab_size": 97},
    "micro": {"n_layer": 1, "n_head": 1, "n_embd": 8, "n_positions": 8, "vocab_size": 33},
}
END_OF_TEXT = 96  # of "mid"


# Random numbers come from numpy, whose generators are stable across versions.


def normal(rng, shape, scale=1.0, centre=0.0):
    return torch.from_numpy((centre + scale * rng.standard_normal(shape)).astype(numpy.float32))


def random_ids(rng, shape, vocabulary):
    return torch.from_numpy(rng.integers(0, vocabulary, shape))


def random_model(seed, sizes):
    rng = numpy.random.default_rng(seed)
    end = sizes["vocab_size"] - 1
    config = GPT2Config(**sizes, bos_token_id=end, eos_token_id=end, attn_implementation="eager")
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for name, value in model.transformer.named_parameters():
            if "ln_" in name:
                value.copy_(normal(rng, value.shape, 0.2, 1.0 if name.endswith("weight") else 0.0))
            else:
                value.copy_(normal(rng, value.shape, 0.1 if name.endswith("bias") else 0.2))
    return model


# Checkpoints


def write_hub_style(model, folder):
    """The form of the original checkpoints: no prefix, causal masks in the file, header not padded."""
    tensors = {name: value.contiguous() for name, value in model.transformer.state_dict().items()}
    positions = model.config.n_positions
    for i in range(model.config.n_layer):
        tensors[f"h.{i}.attn.bias"] = torch.ones(positions, positions).tril()[None, None]
    model.save_pretrained(folder)
    path = folder / "model.safetensors"
    save_file(tensors, path, metadata={"format": "pt"})
    remove_header_padding(path)
    config = json.loads((folder / "config.json").read_text())
    config |= {"n_ctx": positions, "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}}}
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def remove_header_padding(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = content[8 : 8 + length].rstrip(b" ")
    if len(header) % 4 == 0:
        header += b" "
    path.write_bytes(struct.pack("<Q", len(header)) + header + content[8 + length :])


def write_expected_logits(folder, seed, batch, length):
    model, report = GPT2LMHeadModel.from_pretrained(
        folder, torch_dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    assert not report["missing_keys"] and not report["mismatched_keys"], report
    ids = random_ids(numpy.random.default_rng(seed), (batch, length), model.config.vocab_size)
    with torch.no_grad():
        output = model.eval()(ids, labels=ids)
    save_file(
        {"ids": ids.int(), "logits": output.logits.contiguous(), "loss": output.loss},
        folder / "expected.safetensors",
    )


def write_checkpoints(out):
    models = {name: random_model(101 + i, sizes) for i, (name, sizes) in enumerate(CONFIGURATIONS.items())}
    with torch.no_grad():
        models["mid"].transformer.wpe.weight[0] *= 6  # as in trained models, position 0 is an outlier

    models["tiny"].save_pretrained(out / "gpt2_tiny")
    write_hub_style(models["mid"], out / "gpt2_mid")
    models["micro"].save_pretrained(out / "gpt2_micro")
    for suffix, dtype in (("bf16", torch.bfloat16), ("f16", torch.float16)):
        copy.deepcopy(models["micro"]).to(dtype).save_pretrained(out / f"gpt2_micro_{suffix}")
    redundant = load_file(out / "gpt2_micro_f16/model.safetensors")
    redundant["lm_head.weight"] = redundant["transformer.wte.weight"].clone()
    save_file(redundant, out / "gpt2_micro_f16/model.safetensors", metadata={"format": "pt"})

    write_expected_logits(out / "gpt2_tiny", 201, batch=3, length=12)
    write_expected_logits(out / "gpt2_mid", 202, batch=2, length=23)
    for name in ("gpt2_micro", "gpt2_micro_bf16", "gpt2_micro_f16"):
        write_expected_logits(out / name, 203, batch=2, length=7)
    return models


# Gradients


def ids_with_ends(rng, shape, end):
    ids = random_ids(rng, shape, end)
    ids[torch.from_numpy(rng.random(shape) < 0.1)] = end
    return ids


def write_parameter_gradients(model, out):
    model = copy.deepcopy(model).double()
    end = model.config.eos_token_id
    ids = ids_with_ends(numpy.random.default_rng(301), (3, 11), end)
    labels = ids.masked_fill(ids == end, -100)
    loss = model(ids, labels=labels).loss
    loss.backward()
    gradients = {name: value.grad.contiguous() for name, value in model.transformer.named_parameters()}
    save_file(gradients, out / "parameters.safetensors")
    save_file({"ids": ids.int(), "labels": labels.int(), "loss": loss.detach()}, out / "parameters_batch.safetensors")


def random_adapters(rng, model, rank):
    adapters = {}
    for name, b in removal.full_rank_adapters(model).items():
        if name.endswith("lora_B"):
            inner = rank or b.shape[0]
            a = normal(rng, (b.shape[0], inner), 0.05 if rank is None else 0.3)
            if rank is None:
                a += torch.eye(inner)
            adapters[name.replace("lora_B", "lora_A")] = a
            adapters[name] = normal(rng, (inner, b.shape[1]), 0.03 if rank is None else 0.1)
    return adapters


def norm_cases(layers):
    """case -> (first position treated apart, fake paths)"""
    ln_1 = [f"h.{i}.ln_1.{path}" for i in range(layers) for path in ("qk", "v")]
    everything = ln_1 + [f"h.{i}.ln_2" for i in range(layers)] + ["ln_f"]
    return {
        "real": (False, []),
        "fake": (False, everything),
        "mixed": (False, ["h.0.ln_1.qk", "h.0.ln_1.v", "h.1.ln_1.qk", "h.0.ln_2", "h.1.ln_2"]),
        "fake_bos": (True, everything),
    }


def write_adapter_gradients(model, initial, out):
    rng = numpy.random.default_rng(302)
    ids = ids_with_ends(rng, (3, 20), END_OF_TEXT)
    labels = ids.masked_fill(ids == END_OF_TEXT, -100)
    save_file({"ids": ids.int(), "labels": labels.int()}, out / "adapters_batch.safetensors")
    base = copy.deepcopy(model).double()
    layers = model.config.n_layer
    cases = {}
    for kind, rank in (("full", None), ("rank4", 4)):
        stored = random_adapters(rng, model, rank)
        save_file(stored, out / f"adapters_{kind}.safetensors")
        for case, (bos_treatment, fake) in norm_cases(layers).items():
            if rank is None and bos_treatment:
                continue
            adapters = {name: value.double().requires_grad_() for name, value in stored.items()}
            options = NormOptions("constant", 0.9, bos_treatment)
            oracle = Gpt2WithAdapters(base, adapters, initial, END_OF_TEXT, options)
            for path in fake:
                norm, _, user = path.rpartition(".")
                if user in ("qk", "v"):
                    oracle.norms[norm].fake[user] = True
                else:
                    oracle.norms[path].fake["qk"] = True
            loss = shifted_cross_entropy(oracle.forward(ids)[0], labels)
            loss.backward()
            assert all(value.grad.abs().max() > 0 for value in adapters.values())
            file = f"adapters_{kind}_{case}.safetensors"
            save_file({name: value.grad.float() for name, value in adapters.items()}, out / file)
            cases[f"{kind}_{case}"] = {
                "adapters": f"adapters_{kind}.safetensors",
                "gradients": file,
                "rank": rank,
                "bos_treatment": bos_treatment,
                "loss": loss.item(),
                "fake": fake,
            }
    write_json(out / "adapters.json", {"end_of_text": END_OF_TEXT, "divisors": initial, "cases": cases})


# The removal run


def training_batches():
    """40 updates of 2 micro-batches [3, 24]: noisy arithmetic progressions with an end of text now and then."""
    rng = numpy.random.default_rng(401)
    updates, micro_batches, batch, length = removal.HYPERPARAMETERS["steps"], 2, 3, 24
    ids = numpy.empty((updates, micro_batches, batch, length), dtype=numpy.int64)
    for row in ids.reshape(-1, length):
        value, end_chance = rng.integers(0, 24), rng.choice([0.0, 0.05, 0.2])
        for t in range(length):
            row[t] = value
            if rng.random() < end_chance:
                row[t] = END_OF_TEXT
            value = rng.integers(0, 24) if rng.random() < 0.15 else (value * 5 + 1) % 24
    return torch.from_numpy(ids)


def measured_deviations(model, ids):
    """Starting divisors, rounded: mean deviation of every norm's input, over positions 1.. and over position 0."""
    options = NormOptions(momentum=0.0, bos_treatment=True, average_skips_first=True)
    ones = {name: {"average": 1.0, "bos": 1.0} for name in norm_names(model.config.n_layer)}
    oracle = Gpt2WithAdapters(model, {}, ones, END_OF_TEXT, options)
    oracle.forward(ids)
    return {
        name: {"average": round(norm.average.item() * 1.2, 3), "bos": round(norm.bos.item() * 0.9, 3)}
        for name, norm in oracle.norms.items()
    }


def short(value):
    """Floats with the 9 digits that identify a float32."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, list):
        return [short(item) for item in value]
    if isinstance(value, dict):
        return {key: short(item) for key, item in value.items()}
    return value


def write_removal_run(model, batches, initial, path):
    runs = {}
    for name, run in removal.RUNS.items():
        record = removal.train(model, batches, initial, END_OF_TEXT, run)
        exact = removal.train(copy.deepcopy(model).double(), batches, initial, END_OF_TEXT, run)
        spread = max(abs(a - b) for a, b in zip(record["loss"], exact["loss"]))
        print(
            f"{name:24} loss {record['loss'][0]:.4f} -> {record['loss'][-1]:.4f}  "
            f"float32 vs float64 at most {spread:.1e}  "
            f"clipped {sum(n > removal.HYPERPARAMETERS['max_grad_norm'] for n in record['grad_norm'])}/40"
        )
        assert spread < 1e-4
        assert name == "constant" or abs(record["loss"][-1] - runs["constant"]["loss"][-1]) > 5e-3
        runs[name] = short(removal.with_defaults(run) | record | {"loss_float64": exact["loss"]})
    document = {
        "weights": "gpt2_mid",
        "config": CONFIGURATIONS["mid"] | {"end_of_text": END_OF_TEXT},
        "hyperparameters": removal.HYPERPARAMETERS,
        "schedule": removal.SCHEDULE,
        "initial_divisors": initial,
        "ids": batches.tolist(),
        "runs": runs,
    }
    write_json(path, document)


# Optimiser


def write_adamw(path):
    """Two tensors, five updates: clip by the common norm, then AdamW with a learning rate that starts at 0."""
    rng = numpy.random.default_rng(501)
    start = [normal(rng, 7), normal(rng, (2, 3))]
    gradients = [[normal(rng, p.shape, scale) for p in start] for scale in (0.05, 1.0, 3.0, 0.3, 1e-6)]
    rates = [0.0, 0.01, 0.02, 0.02, 0.005]
    cases = []
    for dtype in (torch.float64, torch.float32):
        for decay in (0.0, 0.1):
            parameters = [p.to(dtype).clone().requires_grad_() for p in start]
            optimizer = torch.optim.AdamW(parameters, betas=(0.9, 0.95), eps=1e-8, weight_decay=decay, foreach=False)
            updates = []
            for step, rate in zip(gradients, rates):
                for parameter, gradient in zip(parameters, step):
                    parameter.grad = gradient.to(dtype).clone()
                total = torch.nn.utils.clip_grad_norm_(parameters, 1.0, foreach=False)
                optimizer.param_groups[0]["lr"] = rate
                optimizer.step()
                state = [optimizer.state[p] for p in parameters]
                updates.append(
                    {
                        "learning_rate": rate,
                        "grad_norm": total.item(),
                        "clipped": [p.grad.flatten().tolist() for p in parameters],
                        "parameters": [p.detach().flatten().tolist() for p in parameters],
                        "first_moment": [s["exp_avg"].flatten().tolist() for s in state],
                        "second_moment": [s["exp_avg_sq"].flatten().tolist() for s in state],
                    }
                )
            cases.append({"scalar": str(dtype).removeprefix("torch."), "weight_decay": decay, "updates": updates})
    document = {
        "beta1": 0.9,
        "beta2": 0.95,
        "epsilon": 1e-8,
        "max_grad_norm": 1.0,
        "shapes": [[7], [2, 3]],
        "start": [p.flatten().tolist() for p in start],
        "gradients": [[g.flatten().tolist() for g in step] for step in gradients],
        "cases": cases,
    }
    write_json(path, document)


# Formats


def write_safetensors_samples(out):
    out.mkdir(exist_ok=True)
    tensors = {
        "b.f32": torch.tensor([[0.5, -1.25, 3e38], [-0.0, 1e-45, float("inf")]]),
        "a.f32": torch.arange(5, dtype=torch.float32),
        "f16": torch.tensor([1.0, -2.5, 65504.0], dtype=torch.float16),
        "bf16": torch.tensor([[1.0], [-3.140625]], dtype=torch.bfloat16),
        "i64": torch.tensor([2**62, -1, 0]),
        "i32": torch.tensor([-(2**31), 7], dtype=torch.int32),
        "f64": torch.tensor([[0.1]], dtype=torch.float64),
        "u8": torch.tensor([0, 127, 255], dtype=torch.uint8),
        "i8": torch.tensor([-128], dtype=torch.int8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(2.5),
        "empty": torch.empty(0, 4),
        "name with \"quotes\", \\ and \u00e9": torch.tensor([1.0]),
    }
    save_file(tensors, out / "mixed.safetensors", metadata={"format": "pt"})
    save_file({"only": torch.tensor([1.0, 2.0])}, out / "without_metadata.safetensors")
    save_file({}, out / "without_tensors.safetensors")
    (out / "unpadded.safetensors").write_bytes((out / "mixed.safetensors").read_bytes())
    remove_header_padding(out / "unpadded.safetensors")
    names = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
    names |= {torch.int64: "I64", torch.int32: "I32", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}
    description = {
        name: {
            "dtype": names[value.dtype],
            "shape": list(value.shape),
            "bytes": value.reshape(-1).view(torch.uint8).numpy().tobytes().hex() if value.numel() else "",
        }
        for name, value in tensors.items()
    }
    write_json(out / "mixed.json", description)


def write_json(path, document):
    """Nested objects get a line per key, lists stay on one line."""

    def text(value, indent):
        if isinstance(value, dict) and value:
            inner = " " * (indent + 1)
            lines = [f"{inner}{json.dumps(key)}: {text(item, indent + 1)}" for key, item in value.items()]
            return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
        return json.dumps(value, separators=(",", ":"), allow_nan=False)

    path.write_text(text(document, 0) + "\n")


def check_oracle_against_hugging_face(models):
    """The oracle without adapters and with real norms is GPT-2; with B = 0 adapters too."""
    for name, model in models.items():
        initial = {norm: {"average": 1.0, "bos": 1.0} for norm in norm_names(model.config.n_layer)}
        ids = random_ids(numpy.random.default_rng(601), (2, model.config.n_positions), model.config.vocab_size)
        exact = copy.deepcopy(model).double()
        for adapters in ({}, removal.full_rank_adapters(exact)):
            oracle = Gpt2WithAdapters(exact, adapters, initial, model.config.eos_token_id)
            difference = (oracle.forward(ids)[0] - exact(ids).logits).abs().max().item()
            assert difference < 1e-12, (name, difference)


def main():
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    logging.set_verbosity_error()
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    torch.manual_seed(1)

    models = write_checkpoints(out)
    check_oracle_against_hugging_face(models)
    gradients = out / "gradients"
    gradients.mkdir(parents=True, exist_ok=True)
    batches = training_batches()
    initial = measured_deviations(models["mid"], batches[0, 0])
    write_parameter_gradients(models["tiny"], gradients)
    write_adapter_gradients(models["mid"], initial, gradients)
    write_removal_run(models["mid"], batches, initial, out / "removal_run.json")
    write_adamw(out / "adamw.json")
    write_safetensors_samples(out / "safetensors")


if __name__ == "__main__":
    main()
