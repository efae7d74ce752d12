#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cmake/LaminaArchitecture.cmake: what a config.json becomes, what is refused and how, and that it knows every activation function
under the names that arch/gpt2_variant.hpp has; and that examples/run.sh says it in one line. Usage: architecture.py [CMAKE]"""
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CMAKE = sys.argv[1] if len(sys.argv) > 1 else "cmake"
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def describe(folder, config, tensors=()):
    """What stands between the braces of the struct, and of the policies; or the error, in one line."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=folder))
    text = config if isinstance(config, str) else json.dumps(config)
    (folder / "config.json").write_text(text)
    if tensors:
        header = json.dumps({name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}
                             for name, shape in (tensors if isinstance(tensors, dict) else dict.fromkeys(tensors, [0])).items()}).encode()
        (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    done = subprocess.run([CMAKE, "-DNAME=mine", f"-DCONFIG={folder}/config.json", f"-DHEADER={folder}/mine.hpp", "-P",
                           ROOT / "cmake/LaminaArchitecture.cmake"], capture_output=True, text=True)
    if done.returncode != 0:
        return " ".join(done.stderr.split("Call Stack")[0].split()).replace(str(folder) + "/", "")
    written = (folder / "mine.hpp").read_text()
    sizes = re.search(r"architecture\{\s*(.*)\};", written).group(1)
    policies = re.search(r"PolicyList<(.*)>;", written, re.S).group(1)
    return sizes, [word.replace("lamina::", "") for word in re.split(r",\s*(?=lamina::)", policies) if word]


def expect(folder, config, policies, tensors=()):
    found = describe(folder, config, tensors)
    check(found[1] == policies if isinstance(found, tuple) else False, f"{config}: {policies}; found {found}")


def refuse(folder, config, sentence, tensors=()):
    found = describe(folder, config, tensors)
    check(isinstance(found, str) and f"config.json: {sentence}" in found, f"{config}: {sentence}; found {found}")


def activation_names():
    source = (ROOT / "include/lamina/arch/gpt2_variant.hpp").read_text()
    for name, body in re.findall(r"struct (\w+) \{\s*using answers = question::ActivationFunction;(.*?)\n    template", source, re.S):
        yield name, re.findall(r'"(\w+)"', body)


with tempfile.TemporaryDirectory() as root:
    small = ".layers = 12, .heads = 12, .embed = 768, .context = 1024, .vocab = 50257"
    check(describe(root, {}) == (small, []), f"an empty file is GPT-2 small; found {describe(root, {})}")
    aliases = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64, "max_position_embeddings": 32, "vocab_size": 99,
               "n_inner": 100, "unknown": {"nested": [1, 2]}}
    expected = (".layers = 2, .heads = 4, .embed = 64, .context = 32, .vocab = 99, .inner = 100", [])
    check(describe(root, aliases) == expected, f"{aliases}: found {describe(root, aliases)}")
    expect(root, {"n_inner": 3072, "layer_norm_epsilon": 1e-5, "tie_word_embeddings": True, "scale_attn_weights": True}, [])
    expect(root, {"n_inner": None, "layer_norm_epsilon": None, "activation_function": None}, [])

    seen = dict(activation_names())
    check(len(seen) == 5, f"five activation functions; found {seen}")
    for policy, names in seen.items():
        for name in names:
            expect(root, {"activation_function": name}, [] if policy == "GeluNew" else [f"activation::{policy}"])
    refuse(root, {"activation_function": "quick_gelu"}, 'field "activation_function" is "quick_gelu", expected gelu_new, gelu, ')

    expect(root, {"scale_attn_by_inverse_layer_idx": True}, ["attention_scale::InverseRootAndLayer"])
    expect(root, {"scale_attn_by_inverse_layer_idx": True, "scale_attn_weights": False}, ["attention_scale::InverseLayer"])
    expect(root, {"scale_attn_weights": False}, ["attention_scale::One"])

    for written, policy in [("1e-05", []), ("9.999999747378752e-06", []), ("0.00001", []), ("1e12", []), ("1000000000000.0", []),
                            ("1e-6", ["1, -6"]), ("9.999999974752427e-07", ["1, -6"]), ("0.001", ["1, -3"]), ("1.25E-5", ["125, -7"]),
                            ("1", ["1, 0"])]:
        expect(root, '{"layer_norm_epsilon": %s}' % written, [f"norm_epsilon::Decimal<{digits}>" for digits in policy])
    for written in ["0", "-1e-5", '"1e-5"', "1e-40", "true"]:
        refuse(root, '{"layer_norm_epsilon": %s}' % written, 'field "layer_norm_epsilon" is ')

    expect(root, {"tie_word_embeddings": False}, ["head::Untied"])
    expect(root, {"tie_word_embeddings": False}, ["head::UntiedWithBias"], ["lm_head.bias", "lm_head.weight"])
    expect(root, {"tie_word_embeddings": False}, ["head::Untied"], ["lm_head.weight"])
    expect(root, {"tie_word_embeddings": False, "lamina": {"norms": "measured", "lm_head_bias": True}}, ["head::UntiedWithBias"])
    expect(root, {"tie_word_embeddings": False, "lamina": {"norms": "absent", "lm_head_bias": True}}, [])
    refuse(root, {}, 'field "tie_word_embeddings" is true, or missing, beside a tensor "lm_head.bias"', ["lm_head.bias"])

    block = {"n_embd": 8, "n_head": 2, "n_layer": 2, "n_positions": 6, "vocab_size": 11, "n_inner": 20}
    shapes = {"wte.weight": [11, 8], "wpe.weight": [6, 8], "h.0.mlp.c_fc.weight": [8, 20], "h.1.ln_1.weight": [8]}
    for prefix in ["", "transformer."]:
        tensors = {prefix + name: shape for name, shape in shapes.items()}
        expect(root, block, [], tensors)
        for field, tensor, stored in [("vocab_size", "wte", 11), ("n_embd", "wte", 8), ("n_positions", "wpe", 6),
                                      ("n_inner", "h.0.mlp.c_fc", 20)]:
            refuse(root, {**block, field: 14},
                   f'field "{field}" is 14, but "{prefix}{tensor}.weight" of the model.safetensors beside it has {stored} there', tensors)
        for layers in [1, 3]:
            refuse(root, {**block, "n_layer": layers}, f'field "n_layer" is {layers}, but the tensors beside it are of another', tensors)

    refuse(root, {"n_inner": 0}, 'field "n_inner" is 0, expected a whole number of 1 or more')
    refuse(root, {"n_layer": -3}, 'field "n_layer" is -3, expected a whole number')
    refuse(root, {"n_layer": 2.5}, 'field "n_layer" is 2.5, expected a whole number')
    refuse(root, {"n_layer": "12"}, 'field "n_layer" is 12, expected a number')
    refuse(root, {"n_head": 5}, 'field "n_embd" is 768, expected a multiple of "n_head", which is 5')
    refuse(root, {"model_type": "llama"}, 'field "model_type" is "llama", expected "gpt2"')
    refuse(root, {"add_cross_attention": True}, 'field "add_cross_attention" is true, expected false')
    refuse(root, "[1]", "is no JSON object")
    refuse(root, '{"n_layer": ', "is no JSON object")

    folder = pathlib.Path(tempfile.mkdtemp(dir=root))
    (folder / "config.json").write_text('{"activation_function": "quick_gelu"}')
    done = subprocess.run([ROOT / "examples/run.sh", "evaluate", "--weights", folder], capture_output=True, text=True)
    check(done.returncode == 2 and done.stderr == f'run.sh: {folder}/config.json: field "activation_function" is "quick_gelu", '
          "expected gelu_new, gelu, gelu_pytorch_tanh, relu, silu or tanh\n", f"run.sh in one line; found {done.stderr}")
sys.exit(1 if failures else 0)
