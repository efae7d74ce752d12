#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether lamina computes what transformers does under the config.json files that people have: random weights of their true
shapes, there and back. Also without norms, as a folder whose norms are scaled.

    configurations.py CONFIG PROGRAM     a file of tests/interop/configurations, and configurations.cpp built for it
"""
import gc
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import GPT2Config, GPT2LMHeadModel
    from transformers.utils import logging
except ImportError as error:
    print("lamina: skipped: interop: this Python has no package", error.name)
    sys.exit(0)

logging.set_verbosity_error()
BAR = 1e-4  # of logits that are a few units wide
# What a configuration would be taken for if these fields were not read.
OF_GPT2 = dict(activation_function="gelu_new", layer_norm_epsilon=1e-5, scale_attn_weights=True,
               scale_attn_by_inverse_layer_idx=False)

failures = []


def check(condition, what):
    print("ok     " if condition else "FAILED ", what)
    if not condition:
        failures.append(what)


def largest(left, right):
    return (left.double() - right.double()).abs().max().item()


def close(left, right, what):
    difference = largest(left, right)
    check(difference <= BAR, f"{what}: logits differ by {difference:.2g}, at most {BAR:.0e}")  # False for NaN


@torch.no_grad()
def logits(model, ids):
    return model.eval()(ids.long()).logits.float()


@torch.no_grad()
def randomise(model):
    """Weights under which every field of a configuration matters: layers that keep the size of what they get, heads that
    prefer some tokens, gains and biases."""
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            parameter += 0.2 * torch.randn(parameter.shape)
        elif ".h." in name:
            parameter *= 1 / (parameter.std() * parameter.shape[0] ** 0.5)
        else:
            parameter *= 5


def make(config, folder):
    """Writes a folder with this very config.json; the logits of its texts, and whether GPT-2's own would be the same."""
    settings = json.loads(config.read_text())
    torch.manual_seed(1)
    model = GPT2LMHeadModel(GPT2Config(**settings))
    randomise(model)
    model.save_pretrained(folder)
    shutil.copyfile(config, folder / "config.json")
    vocab = settings["vocab_size"]
    ids = torch.randint(vocab, (2, min(40, settings["n_positions"])), dtype=torch.int32)
    save_file({"ids": ids}, folder / "ids.safetensors")
    expected = logits(model, ids)
    wrong = {name: value for name, value in OF_GPT2.items() if settings.get(name, value) != value}
    for name, value in wrong.items():
        other = GPT2LMHeadModel(GPT2Config(**{**settings, name: value}))
        other.load_state_dict(model.state_dict())
        difference = largest(logits(other, ids), expected)
        check(difference > 10 * BAR, f"{name} {settings[name]} is not {value}: logits differ by {difference:.2g}")
    return ids, expected


def load(folder):
    gc.collect()
    model, report = GPT2LMHeadModel.from_pretrained(folder, output_loading_info=True)
    check(not any(report.values()), f"transformers has nothing to say about {folder.name}: {report}")
    return model


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    torch.use_deterministic_algorithms(True)
    with tempfile.TemporaryDirectory(prefix="lamina-configurations-") as scratch:
        folder, out = pathlib.Path(scratch) / "base", pathlib.Path(scratch) / "out"
        out.mkdir()
        ids, expected = make(pathlib.Path(sys.argv[1]), folder)
        done = subprocess.run([sys.argv[2], folder, out], capture_output=True, text=True)
        if done.returncode != 0:
            check(False, "lamina reads and writes: " + done.stderr.strip())
            return 1
        shutil.rmtree(folder)
        ours = load_file(out / "logits.safetensors")
        close(ours["measured"], expected, "lamina against transformers")
        close(logits(load(out / "saved"), ids), ours["measured"], "transformers of what lamina saved")
        shutil.rmtree(out / "saved")
        difference = largest(ours["measured"], ours["removed"])
        check(difference > 10 * BAR, f"fixed norms change the model: logits differ by {difference:.2g}")
        close(logits(load(out / "scaled"), ids), ours["removed"], "transformers of the model whose norms are scaled")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
