# SPDX-License-Identifier: MIT
"""Writes what transformers computes of small GPT-2s whose config.json says more than sizes: python variants.py [output folder]."""

import sys
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel

SIZES = {"n_layer": 2, "n_head": 2, "n_embd": 8, "n_positions": 8, "vocab_size": 19}
VARIANTS = {
    "gelu": {"activation_function": "gelu", "n_inner": 20, "layer_norm_epsilon": 1e-3},
    "relu": {"activation_function": "relu", "tie_word_embeddings": False},
    "silu": {"activation_function": "silu", "scale_attn_weights": False},
    "tanh": {"activation_function": "tanh", "scale_attn_by_inverse_layer_idx": True},
    "gelu_pytorch_tanh": {"activation_function": "gelu_pytorch_tanh", "scale_attn_weights": False,
                          "scale_attn_by_inverse_layer_idx": True},
}


def random_model(rng, options):
    end = SIZES["vocab_size"] - 1
    config = GPT2Config(**SIZES, **options, bos_token_id=end, eos_token_id=end, attn_implementation="eager")
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            centre = 1.0 if "ln_" in name and name.endswith("weight") else 0.0
            values = centre + 0.4 * rng.standard_normal(tuple(value.shape))
            value.copy_(torch.from_numpy(values.astype(numpy.float32)))
    return model


def main():
    out = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent) / "gpt2_variants"
    for i, (name, options) in enumerate(VARIANTS.items()):
        rng = numpy.random.default_rng(501 + i)
        model = random_model(rng, options)
        model.save_pretrained(out / name)
        (out / name / "generation_config.json").unlink(missing_ok=True)
        ids = torch.from_numpy(rng.integers(0, SIZES["vocab_size"], (2, 8)))
        model = model.double()
        logits = model(ids).logits
        # transformers takes the loss of logits in float, whatever the model computes in.
        loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        gradients = {f"gradient.{parameter}": value.grad.float().contiguous()
                     for parameter, value in model.named_parameters()}
        save_file({"ids": ids.int(), "logits": logits.detach().contiguous(), "loss": loss.detach(), **gradients},
                  out / name / "expected.safetensors")


if __name__ == "__main__":
    main()
