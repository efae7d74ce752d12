#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether other people's tools read what lamina writes, and lamina what they write: transformers, PEFT, and a reader and a
writer of llm.c's checkpoints that share nothing with lamina's.

    interop.py check PROGRAM        both directions, with tests/interop/model_files as PROGRAM
    interop.py goldens FOLDER       writes tests/golden/interop
"""
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import warnings

try:
    import numpy
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from safetensors.torch import load_file, save_file
    from transformers import GPT2Config, GPT2LMHeadModel, GPT2Model
    from transformers.utils import logging
except ImportError as error:
    print("lamina: skipped: interop: this Python has no package", error.name)
    sys.exit(0)

warnings.simplefilter("ignore")
logging.set_verbosity_error()
HERE = pathlib.Path(__file__).resolve().parent
DOCS = HERE.parent.parent / "docs" / "interop.md"
GOLDEN = HERE.parent / "golden" / "interop"
SIZE = dict(n_layer=2, n_head=2, n_embd=8, n_positions=8, vocab_size=40)
NORMS = ["h.0.ln_1", "h.0.ln_2", "h.1.ln_1", "h.1.ln_2", "ln_f"]
LLM_C_ORDER = ["ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias", "attn.c_proj.weight", "attn.c_proj.bias",
               "ln_2.weight", "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias"]
IDS = (torch.arange(16, dtype=torch.int32) * 7 % 40).reshape(2, 8)

# What PEFT makes: name -> the model it is made for and its configuration.
ADAPTERS = {
    "peft_default": (GPT2LMHeadModel, dict()),
    "peft_rank_4": (GPT2LMHeadModel, dict(r=4, lora_alpha=8, target_modules=["c_attn", "c_proj", "c_fc"])),
    "peft_patterns": (GPT2LMHeadModel, dict(r=3, lora_alpha=5, use_rslora=True, target_modules=["c_attn", "c_proj"],
                                            rank_pattern={"mlp.c_proj": 2}, alpha_pattern={"attn.c_proj": 12})),
    "peft_wide": (GPT2LMHeadModel, dict(r=20, lora_alpha=7, target_modules=["attn.c_proj", "mlp.c_fc"])),
    "peft_one_layer": (GPT2LMHeadModel, dict(r=2, lora_alpha=16, target_modules=["c_fc"], layers_to_transform=[1])),
    "peft_regex": (GPT2LMHeadModel, dict(r=1, lora_alpha=3, target_modules=r".*\.0\.attn\.c_(attn|proj)")),
    "peft_without_head": (GPT2Model, dict(r=2, lora_alpha=4, target_modules=["c_attn", "c_fc"])),
}
GOLDEN_ADAPTERS = ["peft_default", "peft_rank_4", "peft_patterns"]

# What PEFT can make and lamina's adapters cannot be: name -> configuration and what is said of it.
REFUSED = {
    "peft_dora": (dict(use_dora=True), 'field "use_dora" is true'),
    "peft_biases": (dict(bias="all"), 'field "bias" is "all"'),
    "peft_whole_layers": (dict(modules_to_save=["ln_f"]), 'field "modules_to_save" is ["ln_f"]'),
    "peft_embedding": (dict(target_modules=["c_attn", "wte"]), "lora_embedding"),
    "peft_pissa": (dict(init_lora_weights="pissa"), 'field "init_lora_weights" is "pissa"'),
}

failures = []


def check(condition, what):
    print("ok     " if condition else "FAILED ", what)
    if not condition:
        failures.append(what)


def close(left, right, bar, what):
    difference = (torch.as_tensor(left).double() - torch.as_tensor(right).double()).abs().max().item()
    check(difference <= bar, f"{what}: logits differ by {difference:.2g}, at most {bar:.0e}")  # False for NaN


@torch.no_grad()
def logits(model):
    return model.eval()(IDS.long()).logits


@torch.no_grad()
def randomise(parameters, seed):
    generator = torch.Generator().manual_seed(seed)
    for parameter in parameters:
        parameter += 0.2 * torch.randn(parameter.shape, generator=generator)


def new_base():
    torch.manual_seed(1)
    model = GPT2LMHeadModel(GPT2Config(**SIZE, bos_token_id=39, eos_token_id=39))
    randomise(model.parameters(), 2)
    return model


def save_base(folder):
    new_base().save_pretrained(folder)
    (folder / "generation_config.json").unlink()


def make_adapter(base, folder, kind, options):
    """A PEFT adapter with random values; returns the logits with it."""
    body = kind.from_pretrained(base)
    model = get_peft_model(body, LoraConfig(task_type=None if kind is GPT2Model else "CAUSAL_LM", **options))
    randomise((value for name, value in sorted(model.named_parameters()) if "lora_" in name), 3)
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    config = json.loads((folder / "adapter_config.json").read_text())
    config["target_modules"] = sorted(config["target_modules"]) if isinstance(options.get("target_modules"), list) \
        else config["target_modules"]  # PEFT writes a set, whose order changes
    config["base_model_name_or_path"] = "base"
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    if kind is GPT2Model:
        with torch.no_grad():
            return model.eval()(IDS.long()).last_hidden_state @ body.wte.weight.T
    return logits(model)


def make_scaled(base, folder):
    """A model without norms as the original exports one; returns its logits, computed without norms."""
    model = GPT2LMHeadModel.from_pretrained(base)
    divisors = {name: 0.7 + 0.3 * place for place, name in enumerate(NORMS)}
    for name, divisor in divisors.items():
        norm = model.transformer.get_submodule(name)

        def fixed(x, norm=norm, divisor=divisor):
            return (x - x.mean(-1, keepdim=True)) / divisor * norm.weight + norm.bias
        norm.forward = fixed
    expected = logits(model)
    with torch.no_grad():
        for name, divisor in divisors.items():
            norm = model.transformer.get_submodule(name)
            del norm.forward
            norm.weight *= 1e6 / divisor
    model.config.layer_norm_epsilon = 1e12
    model.config._name_or_path = ""
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    return expected


def write_llm_c(state, path, bf16):
    """state: a GPT2LMHeadModel's state_dict."""
    tensors = {name.removeprefix("transformer."): value for name, value in state.items()}
    layers, vocab, width = SIZE["n_layer"], SIZE["vocab_size"], SIZE["n_embd"]
    padded = -(-vocab // 128) * 128
    body = [torch.cat([tensors["wte.weight"], torch.zeros(padded - vocab, width)]), tensors["wpe.weight"]]
    for kind in LLM_C_ORDER:
        for layer in range(layers):
            value = tensors[f"h.{layer}.{kind}"]
            body.append(value.T if value.dim() == 2 else value)
    body += [tensors["ln_f.weight"], tensors["ln_f.bias"]]
    header = [20240326, 5 if bf16 else 3, SIZE["n_positions"], vocab, layers, SIZE["n_head"], width, padded]
    flat = torch.cat([value.reshape(-1) for value in body])
    data = flat.bfloat16().view(torch.int16).numpy() if bf16 else flat.numpy()
    path.write_bytes(struct.pack("<256i", *header, *[0] * 248) + data.tobytes())


def read_llm_c(path):
    """A GPT2LMHeadModel from such a file."""
    content = path.read_bytes()
    magic, version, positions, vocab, layers, heads, width, padded = struct.unpack("<8i", content[:32])
    assert magic == 20240326 and version in (3, 5) and padded % 128 == 0, (magic, version, padded)
    raw = numpy.frombuffer(content, dtype=numpy.int16 if version == 5 else numpy.float32, offset=1024)
    values = torch.from_numpy(raw.copy())
    values = values.view(torch.bfloat16).float() if version == 5 else values
    used = 0

    def take(*shape):
        nonlocal used
        count = int(numpy.prod(shape))
        used += count
        return values[used - count:used].reshape(shape)
    state = {"wte.weight": take(padded, width)}
    assert not state["wte.weight"][vocab:].any()
    state["wte.weight"] = state["wte.weight"][:vocab]
    state["wpe.weight"] = take(positions, width)
    shapes = {"attn.c_attn.weight": (3 * width, width), "attn.c_attn.bias": (3 * width,), "attn.c_proj.weight": (width, width),
              "mlp.c_fc.weight": (4 * width, width), "mlp.c_fc.bias": (4 * width,), "mlp.c_proj.weight": (width, 4 * width)}
    for kind in LLM_C_ORDER:
        for layer in range(layers):
            value = take(*shapes.get(kind, (width,)))
            state[f"h.{layer}.{kind}"] = value.T if value.dim() == 2 else value
    state["ln_f.weight"], state["ln_f.bias"] = take(width), take(width)
    assert used == len(values), (used, len(values))
    model = GPT2LMHeadModel(GPT2Config(n_layer=layers, n_head=heads, n_embd=width, n_positions=positions, vocab_size=vocab))
    model.load_state_dict({"transformer." + name: value for name, value in state.items()}, strict=False)
    return model


def write_sources(folder, adapters):
    """Everything that lamina is to read; returns the logits of each."""
    expected = {}
    save_base(folder / "base")
    base = GPT2LMHeadModel.from_pretrained(folder / "base")
    expected["base"] = logits(base)
    for name in adapters:
        expected[name] = make_adapter(folder / "base", folder / name, *ADAPTERS[name])
    expected["scaled"] = make_scaled(folder / "base", folder / "scaled")
    for name in ("llm_c_f32", "llm_c_bf16"):
        path = folder / (name + ".bin")
        write_llm_c(base.state_dict(), path, name.endswith("bf16"))
        expected[name] = logits(read_llm_c(path))
    return expected


def run(program, *arguments):
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def lamina_reads(program, folder):
    expected = write_sources(folder, ADAPTERS)
    for name in ADAPTERS:
        check((expected[name] - expected["base"]).abs().max() > 0.05, f"{name} changes its base")
    for name, wanted in expected.items():
        done = run(program, "read", folder, name, folder / (name + ".out"))
        if done.returncode != 0:
            check(False, f"lamina reads {name}: {done.stderr.strip()}")
            continue
        close(load_file(folder / (name + ".out"))["logits"], wanted, 1e-4, f"lamina reads {name}")
    for name, (options, sentence) in REFUSED.items():
        make_adapter(folder / "base", folder / name, GPT2LMHeadModel, options)
        done = run(program, "read", folder, name, folder / (name + ".out"))
        one_line = done.stderr.count("\n") == 1
        check(done.returncode != 0 and one_line and sentence in done.stderr, f"lamina refuses {name}: {done.stderr.strip()}")


def documented_loader():
    """The Python of docs/interop.md, as a module's namespace."""
    block = re.search(r"^```python\n(.*?)^```", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL).group(1)
    namespace = {}
    exec(compile(block, str(DOCS), "exec"), namespace)  # our own page
    return namespace


def others_read(program, folder):
    save_base(folder / "base")
    done = run(program, "write", folder)
    if done.returncode != 0:
        check(False, "lamina writes: " + done.stderr.strip())
        return
    wanted = load_file(folder / "logits.safetensors")

    def stock(name):
        model, report = GPT2LMHeadModel.from_pretrained(folder / name, output_loading_info=True)
        check(not any(report.values()), f"transformers has nothing to say about {name}: {report}")
        return model
    check((wanted["removed"] - wanted["measured"]).abs().max() > 0.05, "fixed norms change a model")
    close(logits(stock("scaled")), wanted["removed"], 1e-3, "transformers reads a model whose norms are scaled")
    in_16_bits = GPT2LMHeadModel.from_pretrained(folder / "scaled_bf16", torch_dtype=torch.float32)
    reread = run(program, "read", folder, "scaled_bf16", folder / "scaled_bf16.out")
    check(reread.returncode == 0, "lamina reads its own bf16 folder: " + reread.stderr)
    close(logits(in_16_bits), load_file(folder / "scaled_bf16.out")["logits"], 1e-3, "and the same in bf16")
    close(documented_loader()["load_folded"](folder / "folded").logits(IDS.long()), wanted["removed"], 1e-4,
          "the loader of docs/interop.md reads a folded model")
    for base, adapter, name in [("base", "peft_full", "measured"), ("scaled_base", "peft_full", "removed"),
                                ("base", "peft_low", "low_rank")]:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model = PeftModel.from_pretrained(stock(base), folder / adapter)
        check(not said, f"PEFT has nothing to say about {adapter} on {base}: {[str(one.message) for one in said]}")
        close(logits(model), wanted[name], 1e-4, f"PEFT reads {adapter} onto {base}")
        close(logits(model.merge_and_unload()), wanted[name], 1e-4, f"PEFT merges {adapter} into {base}")
    written = json.loads((folder / "peft_full" / "adapter_config.json").read_text())
    golden = json.loads((GOLDEN / "peft_full_config.json").read_text())
    check(written == golden, "adapter_config.json at full rank is the golden one")
    close(logits(read_llm_c(folder / "llm_c_f32.bin")), wanted["measured"], 1e-4, "llm.c's layout, fp32")
    reread = run(program, "read", folder, "llm_c_bf16", folder / "llm_c_bf16.out")
    check(reread.returncode == 0, "lamina reads its own bf16 checkpoint: " + reread.stderr)
    in_16_bits = logits(read_llm_c(folder / "llm_c_bf16.bin"))
    close(in_16_bits, load_file(folder / "llm_c_bf16.out")["logits"], 1e-4, "llm.c's layout, bf16")
    close(in_16_bits, wanted["measured"], 0.2, "llm.c's layout, bf16 against the model that was not rounded")


def write_goldens(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    expected = write_sources(folder, GOLDEN_ADAPTERS)
    save_file({"ids": IDS, **{name: value.contiguous() for name, value in expected.items()}}, folder / "expected.safetensors")
    widths = dict(r=8, lora_alpha=8, rank_pattern={"mlp.c_proj": 32}, alpha_pattern={"mlp.c_proj": 32})
    config = dict(peft_type="LORA", task_type="CAUSAL_LM", base_model_name_or_path="base", bias="none", fan_in_fan_out=True,
                  inference_mode=True, init_lora_weights=True, lora_dropout=0.0, modules_to_save=None, use_dora=False,
                  use_rslora=False, target_modules=["c_attn", "c_fc", "c_proj"], **widths)
    (folder / "peft_full_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    if sys.argv[1:2] == ["goldens"] and len(sys.argv) == 3:
        write_goldens(pathlib.Path(sys.argv[2]))
        return 0
    if sys.argv[1:2] != ["check"] or len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="lamina-interop-") as scratch:
        for name, direction in [("read", lamina_reads), ("written", others_read)]:
            folder = pathlib.Path(scratch) / name
            folder.mkdir()
            direction(sys.argv[2], folder)
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
