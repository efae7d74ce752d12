# SPDX-License-Identifier: MIT
"""The 40-step removal run: frozen model, full-rank adapters, AdamW, clipping, warm-up and cosine, norms switched on schedule."""

import torch
from transformers.optimization import get_cosine_with_min_lr_schedule_with_warmup

from oracle import CONVOLUTIONS, Gpt2WithAdapters, NormOptions, auxiliary_loss, shifted_cross_entropy

HYPERPARAMETERS = {
    "steps": 40,
    "warmup_steps": 4,
    "learning_rate": 4e-3,
    "min_learning_rate": 2e-3,
    "beta1": 0.9,
    "beta2": 0.999,
    "epsilon": 1e-8,
    "weight_decay": 0.01,
    "max_grad_norm": 1.0,
    "accumulation": 2,
    "momentum": 0.9,
}

# start: update at which block 0 switches; gap: updates between blocks, 0 for all blocks at once, None for a norm without block.
SCHEDULE = {
    "ln2": {"start": 6, "gap": 2},
    "ln1qk": {"start": 12, "gap": 2},
    "ln1v": {"start": 18, "gap": 3},
    "lnf": {"start": 27, "gap": None},
    "eot": {"start": 29, "gap": 0},
    "bos": {"start": 32, "gap": 2},
}

# bos_scope: the norms whose first-position treatment the bos switch of a block ends.
RUNS = {
    "constant": {"mode": "constant"},
    "freeze": {"mode": "freeze"},
    "track": {"mode": "track"},
    "freeze_auxiliary": {"mode": "freeze", "auxiliary_weight": 0.1},
    "constant_bos": {"mode": "constant", "bos_treatment": True, "bos_scope": "ln_1"},
    "freeze_bos": {"mode": "freeze", "bos_treatment": True, "average_skips_first": True, "bos_scope": "ln_1"},
    "freeze_bos_average_all": {"mode": "freeze", "bos_treatment": True, "bos_scope": "ln_1"},
    "freeze_bos_everywhere": {"mode": "freeze", "bos_treatment": True, "average_skips_first": True, "bos_scope": "all"},
    "freeze_bos_auxiliary": {
        "mode": "freeze",
        "bos_treatment": True,
        "average_skips_first": True,
        "bos_scope": "ln_1",
        "auxiliary_weight": 0.1,
    },
}


def with_defaults(run):
    return {
        "bos_treatment": False,
        "average_skips_first": False,
        "bos_scope": "ln_1",
        "auxiliary_weight": 0.0,
    } | run


def fired(schedule, step, layers):
    """(switch, block) pairs that fire before this update, in order; block is None for lnf."""
    for switch, when in schedule.items():
        passed = step - when["start"]
        if when["gap"] is None:
            if passed == 0:
                yield switch, None
        elif when["gap"] == 0:
            if passed == 0:
                yield from ((switch, i) for i in range(layers))
        elif passed >= 0 and passed % when["gap"] == 0 and passed // when["gap"] < layers:
            yield switch, passed // when["gap"]


def apply_switch(model, switch, block, bos_scope):
    norms = model.norms
    if switch == "ln2":
        norms[f"h.{block}.ln_2"].fake["qk"] = True
    elif switch == "ln1qk":
        norms[f"h.{block}.ln_1"].fake["qk"] = True
    elif switch == "ln1v":
        norms[f"h.{block}.ln_1"].fake["v"] = True
    elif switch == "lnf":
        norms["ln_f"].fake["qk"] = True
    elif switch == "eot":
        norms[f"h.{block}.ln_1"].forget_end_of_text()
    elif switch == "bos":
        norms[f"h.{block}.ln_1"].forget_first_position()
        if bos_scope == "all":
            norms[f"h.{block}.ln_2"].forget_first_position()
            if block == model.layers - 1:
                norms["ln_f"].forget_first_position()


def full_rank_adapters(hugging_face_model):
    adapters = {}
    for name, weight in hugging_face_model.transformer.named_parameters():
        base = name.removesuffix(".weight")
        if name != base and base.endswith(CONVOLUTIONS):
            adapters[f"{base}.lora_A"] = torch.eye(weight.shape[0], dtype=weight.dtype, requires_grad=True)
            adapters[f"{base}.lora_B"] = torch.zeros_like(weight, requires_grad=True)
    return adapters


def train(hugging_face_model, batches, initial, end_of_text, run):
    """Runs all updates; batches is [updates][micro-batches] of id tensors [B, T]. Returns what removal_run.json records."""
    h = HYPERPARAMETERS
    run = with_defaults(run)
    options = NormOptions(run["mode"], h["momentum"], run["bos_treatment"], run["average_skips_first"])
    adapters = full_rank_adapters(hugging_face_model)
    model = Gpt2WithAdapters(hugging_face_model, adapters, initial, end_of_text, options)
    optimizer = torch.optim.AdamW(
        adapters.values(),
        lr=h["learning_rate"],
        betas=(h["beta1"], h["beta2"]),
        eps=h["epsilon"],
        weight_decay=h["weight_decay"],
        foreach=False,
    )
    scheduler = get_cosine_with_min_lr_schedule_with_warmup(
        optimizer, h["warmup_steps"], h["steps"], min_lr=h["min_learning_rate"]
    )
    record = {key: [] for key in ("loss", "cross_entropy", "auxiliary", "grad_norm", "learning_rate", "fired")}
    for step, micro_batches in enumerate(batches):
        switches = list(fired(SCHEDULE, step, model.layers))
        for switch, block in switches:
            apply_switch(model, switch, block, run["bos_scope"])
        cross_entropy = auxiliary = 0.0
        for ids in micro_batches:
            logits, last = model.forward(ids)
            labels = ids.masked_fill(ids == end_of_text, -100)
            share = shifted_cross_entropy(logits, labels) / h["accumulation"]
            cross_entropy += share.item()
            if run["auxiliary_weight"] > 0:
                extra = run["auxiliary_weight"] * auxiliary_loss(last, ids, end_of_text) / h["accumulation"]
                auxiliary += extra.item()
                share = share + extra
            share.backward()
        norm = torch.nn.utils.clip_grad_norm_(adapters.values(), h["max_grad_norm"], foreach=False)
        record["learning_rate"].append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        record["loss"].append(cross_entropy + auxiliary)
        record["cross_entropy"].append(cross_entropy)
        record["auxiliary"].append(auxiliary)
        record["grad_norm"].append(norm.item())
        record["fired"].append([s if b is None else f"{s} {b}" for s, b in switches])
    record["final_norms"] = {
        name: {
            "real_average_std": norm.average.item(),
            "real_bos_std": norm.bos.item(),
            "average_divisor": norm.divisors["average"].tolist(),
            "bos_divisor": norm.divisors["bos"].tolist(),
        }
        for name, norm in model.norms.items()
    }
    record["final_adapter_l2"] = {name: value.detach().double().norm().item() for name, value in adapters.items()}
    return record
