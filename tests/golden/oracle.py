# SPDX-License-Identifier: MIT
"""The removal method on GPT-2 in plain PyTorch: low-rank or full-rank adapters and norms that can be made fake."""

from dataclasses import dataclass

import torch

CONVOLUTIONS = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
EPSILON = 1e-5


@dataclass(frozen=True)
class NormOptions:
    """What all norms of a model share.

    mode                    'constant' (the divisor never moves), 'freeze' (it follows the moving average in calls whose path is
                            real) or 'track' (it follows in every call)
    bos_treatment           position 0 has a divisor of its own
    average_skips_first     with bos_treatment: the moving average leaves position 0 out
    """

    mode: str = "constant"
    momentum: float = 0.9
    bos_treatment: bool = False
    average_skips_first: bool = False


class SwitchableNorm:
    """A LayerNorm that can become (x - mean) / divisor * weight + bias, separately for its two users QK and V.

    Divisors are vectors over positions. Every call moves the two averages, whatever the norm does with them.
    """

    def __init__(self, weight, bias, initial, positions, options):
        self.weight, self.bias, self.options = weight, bias, options
        self.fake = {"qk": False, "v": False}
        self.bos_treatment = options.bos_treatment
        self.average = weight.new_tensor(initial["average"])
        self.bos = weight.new_tensor(initial["bos"])
        self.divisors = {name: weight.new_empty(positions) for name in ("average", "bos")}
        self._refresh()

    def _refresh(self):
        self.divisors["average"] = torch.full_like(self.divisors["average"], self.average.item())
        if self.bos_treatment:
            self.divisors["average"][0] = self.bos
            self.divisors["bos"] = torch.full_like(self.divisors["bos"], self.bos.item())
        else:
            self.divisors["bos"] = self.divisors["average"].clone()

    @torch.no_grad()
    def _observe(self, x):
        by_position = deviation(x).mean(dim=0)
        first = 1 if self.bos_treatment and self.options.average_skips_first else 0
        average = by_position[first:].mean()
        bos = by_position[0] if self.bos_treatment else average
        keep = self.options.momentum
        self.average = keep * self.average + (1 - keep) * average
        self.bos = keep * self.bos + (1 - keep) * bos

    def __call__(self, x, path="qk", divisor="average"):
        self._observe(x)
        if not self.fake[path]:
            if self.options.mode != "constant":
                self._refresh()
            return torch.nn.functional.layer_norm(x, x.shape[-1:], self.weight, self.bias, EPSILON)
        if self.options.mode == "track":
            self._refresh()
        scale = self.divisors[divisor][: x.shape[1], None]
        return (x - x.mean(dim=-1, keepdim=True)) / scale * self.weight + self.bias

    def forget_end_of_text(self):
        self.divisors["bos"] = self.divisors["average"].clone()

    def forget_first_position(self):
        self.bos_treatment = False
        for vector in self.divisors.values():
            vector[0] = vector[1].item()


def deviation(x):
    """sqrt(population variance + epsilon) of every token: [B, T, C] -> [B, T]."""
    return torch.sqrt(x.var(dim=-1, correction=0) + EPSILON)


class Gpt2WithAdapters:
    """A frozen Hugging Face GPT2LMHeadModel whose four matrices per block each gain an adapter: y = xW + b + (xA)B.

    adapters  name ('h.0.attn.c_attn.lora_A', ...) -> tensor; empty for none
    initial   norm name ('h.0.ln_1', ..., 'ln_f') -> {'average': float, 'bos': float}
    """

    def __init__(self, hugging_face_model, adapters, initial, end_of_text, options=NormOptions()):
        config = hugging_face_model.config
        self.layers, self.heads, self.width = config.n_layer, config.n_head, config.n_embd
        self.end_of_text, self.adapters = end_of_text, adapters
        self.frozen = {
            name.removeprefix("transformer."): value.detach()
            for name, value in hugging_face_model.named_parameters()
        }
        self.norms = {
            name: SwitchableNorm(
                self.frozen[f"{name}.weight"], self.frozen[f"{name}.bias"], initial[name], config.n_positions, options
            )
            for name in norm_names(config.n_layer)
        }

    def _convolution(self, name, x):
        y = x @ self.frozen[f"{name}.weight"] + self.frozen[f"{name}.bias"]
        if f"{name}.lora_A" in self.adapters:
            y = y + (x @ self.adapters[f"{name}.lora_A"]) @ self.adapters[f"{name}.lora_B"]
        return y

    def _attention(self, name, x_qk, x_v):
        batch, length, width = x_qk.shape
        q, k, _ = self._convolution(f"{name}.c_attn", x_qk).split(width, dim=-1)
        v = self._convolution(f"{name}.c_attn", x_v)[..., 2 * width :]
        q, k, v = (t.reshape(batch, length, self.heads, -1).transpose(1, 2) for t in (q, k, v))
        scores = q @ k.transpose(-1, -2) / (width // self.heads) ** 0.5
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        weights = scores.masked_fill(future, float("-inf")).softmax(dim=-1)
        mixed = (weights @ v).transpose(1, 2).reshape(batch, length, width)
        return self._convolution(f"{name}.c_proj", mixed)

    def forward(self, ids):
        """ids [B, T] -> logits [B, T, V] and the input of the last norm [B, T, C]."""
        ends = (ids == self.end_of_text)[..., None]
        x = self.frozen["wte.weight"][ids] + self.frozen["wpe.weight"][: ids.shape[1]]
        for i in range(self.layers):
            ln_1, ln_2 = self.norms[f"h.{i}.ln_1"], self.norms[f"h.{i}.ln_2"]
            x_qk = ln_1(x, "qk")
            x_v = ln_1(x, "v")
            x_v = torch.where(ends, ln_1(x, "v", divisor="bos"), x_v)
            x = x + self._attention(f"h.{i}.attn", x_qk, x_v)
            inner = torch.nn.functional.gelu(self._convolution(f"h.{i}.mlp.c_fc", ln_2(x)), approximate="tanh")
            x = x + self._convolution(f"h.{i}.mlp.c_proj", inner)
        return self.norms["ln_f"](x) @ self.frozen["wte.weight"].T, x


def norm_names(layers):
    return [f"h.{i}.ln_{j}" for i in range(layers) for j in (1, 2)] + ["ln_f"]


def shifted_cross_entropy(logits, labels):
    """Mean over predictions of the next label; labels equal to -100 are left out."""
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1), ignore_index=-100
    )


def auxiliary_loss(last_norm_input, ids, end_of_text):
    """Mean squared distance of every token's deviation from that of the ordinary tokens (neither first nor end of text)."""
    s = deviation(last_norm_input)
    ordinary = ids != end_of_text
    ordinary[:, 0] = False
    target = s.detach()[ordinary].mean() if ordinary.any() else s.new_tensor(1.0)
    return ((s - target) ** 2).mean()
