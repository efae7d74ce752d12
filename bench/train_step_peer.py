#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The peer of bench/train_step on a GPU: LayerNorm removal's published training step, in PyTorch.

A frozen bf16 GPT-2 of random weights; at each of its four matrices a full-rank adapter in fp32, y = x W + b + (x A) B; fused
AdamW, gradients clipped to global norm 1, tokens of a fixed seed that are the same in every step. Measured is the whole
optimiser step: its micro-batches, the clipping and the update. Nothing is dropped out, in the peer's favour. Needs PyTorch and
nothing else.
"""
import argparse
import contextlib
import dataclasses
import datetime
import json
import math
import pathlib
import sys
import time
import warnings

START = time.perf_counter()  # a time limit counts what PyTorch takes to load

try:
    import torch
    import torch.nn.functional as F
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.checkpoint import checkpoint
except ImportError as error:
    sys.exit(f"train_step_peer: this Python lacks {error.name or error}; give one with torch 2.5 or later")

EPSILON = 1e-5
MOMENTUM = 0.9  # of the moving averages of deviations: the weight of the old value
HEAD_ROWS = 64  # the output matrix gets a multiple of so many rows: rows of 50257 logits are not aligned, which costs much
ATTENTION = {"cudnn": "CUDNN_ATTENTION", "flash": "FLASH_ATTENTION", "efficient": "EFFICIENT_ATTENTION"}


@dataclasses.dataclass(frozen=True)
class Size:
    layers: int
    heads: int
    embed: int
    context: int = 1024
    vocab: int = 50257


SIZES = {"small": Size(12, 12, 768), "medium": Size(24, 16, 1024), "large": Size(36, 20, 1280), "xl": Size(48, 25, 1600),
         "nano": Size(2, 2, 64, context=64, vocab=256)}


class Source:
    """Random tensors on one device, the same for every run there."""

    def __init__(self, device):
        self.device = device
        self.generator = torch.Generator(device).manual_seed(1)

    def normal(self, shape, deviation, dtype=torch.bfloat16):
        return torch.empty(shape, dtype=dtype, device=self.device).normal_(0, deviation, generator=self.generator)

    def tokens(self, shape, vocab):
        return torch.randint(vocab, shape, device=self.device, generator=self.generator)


def mean_deviation(x):
    return (x.var(-1, correction=0) + EPSILON).sqrt().mean()


class AdaptedLinear(torch.nn.Module):
    """y = x W + b + (x A) B; x [B, T, In] and y [B, T, Out] are of one type, the sum is taken in fp32."""

    def __init__(self, source, size_in, size_out, deviation, adapters):
        super().__init__()
        self.under_autocast = adapters == "autocast"
        self.register_buffer("weight", source.normal((size_in, size_out), deviation))
        self.register_buffer("bias", source.normal((size_out,), 0.02))
        self.lora_a = torch.nn.Parameter(torch.eye(size_in, device=source.device))
        # A run starts from zero; that is left behind here, since products with zeros may be quicker.
        self.lora_b = torch.nn.Parameter(source.normal((size_in, size_out), 1e-3, torch.float32))

    def forward(self, x):
        base = F.linear(x, self.weight.t(), self.bias)
        if self.under_autocast:
            adapted = (x @ self.lora_a) @ self.lora_b
        else:
            with torch.autocast(x.device.type, enabled=False):
                adapted = (x.float() @ self.lora_a) @ self.lora_b
        return (base.float() + adapted).to(x.dtype)


class Norm(torch.nn.Module):
    """Layer normalisation in fp32, real or with a fixed divisor; gives y and the mean deviation of x, or None if nobody asks."""

    def __init__(self, source, embed, options):
        super().__init__()
        self.fixed = False
        self.as_published = options.as_published
        self.register_buffer("weight", torch.ones(embed, dtype=torch.bfloat16, device=source.device))
        self.register_buffer("bias", source.normal((embed,), 0.02))
        self.register_buffer("divisor", torch.ones(embed, device=source.device))

    def forward(self, x):
        x = x.float()
        deviation = None
        if self.as_published or not self.fixed:  # a fixed norm has no use for it; the original measures all the same
            with torch.no_grad():
                deviation = mean_deviation(x)
        if self.fixed:
            return (x - x.mean(-1, keepdim=True)) / self.divisor * self.weight.float() + self.bias.float(), deviation
        return F.layer_norm(x, x.shape[-1:], self.weight.float(), self.bias.float(), EPSILON), deviation


class Block(torch.nn.Module):
    """x [B, T, C] -> the same, and the mean deviations that its norms met, in the order of their calls."""

    def __init__(self, source, size, options):
        super().__init__()
        embed, into_stream = size.embed, 0.02 / math.sqrt(2 * size.layers)
        self.heads = size.heads
        self.as_published = options.as_published
        self.ln_1 = Norm(source, embed, options)
        self.c_attn = AdaptedLinear(source, embed, 3 * embed, 0.02, options.adapters)
        self.c_proj = AdaptedLinear(source, embed, embed, into_stream, options.adapters)
        self.ln_2 = Norm(source, embed, options)
        self.c_fc = AdaptedLinear(source, embed, 4 * embed, 0.02, options.adapters)
        self.mlp_c_proj = AdaptedLinear(source, 4 * embed, embed, into_stream, options.adapters)

    def split(self, packed):
        """[B, T, 3C] -> queries, keys and values, each [B, H, T, D]."""
        return [part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in packed.chunk(3, -1)]

    def queries_keys_values(self, x, ends):
        if not self.as_published:
            normed, deviation = self.ln_1(x)
            return self.split(self.c_attn(normed)), [deviation]
        # The original norms x for queries and keys, for values, and for the values at ends of text, and puts all of
        # c_attn to both results, of which it drops one third and two.
        for_keys, first = self.ln_1(x)
        for_values, second = self.ln_1(x)
        for_ends, third = self.ln_1(x)
        for_values = torch.where(ends, for_ends, for_values)
        queries, keys, _ = self.split(self.c_attn(for_keys))
        _, _, values = self.split(self.c_attn(for_values))
        return (queries, keys, values), [first, second, third]

    def forward(self, x, ends):
        heads, deviations = self.queries_keys_values(x, ends)
        mixed = F.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + self.c_proj(mixed.transpose(1, 2).flatten(-2))
        normed, deviation = self.ln_2(x)
        x = x + self.mlp_c_proj(F.gelu(self.c_fc(normed), approximate="tanh"))
        return x, [*deviations, deviation]


def run_block(block, x, ends):
    return block(x, ends)


def run_block_again(block, x, ends):
    return checkpoint(block, x, ends, use_reentrant=False, preserve_rng_state=False)


def run_head(model, x, targets):
    """The mean cross-entropy, and the mean deviation that the last norm met."""
    x, deviation = model.ln_f(x)
    logits = F.linear(x.to(model.wte.dtype), model.wte)[..., :model.vocab]
    return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten()), deviation


class Gpt2(torch.nn.Module):
    """Token ids and targets [B, T] -> the mean cross-entropy, in fp32."""

    def __init__(self, source, size, options):
        super().__init__()
        self.vocab = size.vocab
        self.run_block = run_block_again if options.recompute else run_block
        self.run_head = run_head
        padding = 0 if options.as_published else -size.vocab % HEAD_ROWS
        self.register_buffer("wte", source.normal((size.vocab + padding, size.embed), 0.02))
        self.register_buffer("wpe", source.normal((size.context, size.embed), 0.02))
        self.blocks = torch.nn.ModuleList(Block(source, size, options) for _ in range(size.layers))
        self.ln_f = Norm(source, size.embed, options)
        self.register_buffer("average", torch.ones(2 * size.layers + 1, device=source.device))  # ln_1, ln_2, ..., ln_f

    def compile(self):
        """One block for all of them, and the head: to compile 48 blocks as one graph takes minutes, and gains next to nothing."""
        self.run_block = torch.compile(self.run_block, dynamic=False, fullgraph=True)
        self.run_head = torch.compile(self.run_head, dynamic=False, fullgraph=True)

    def norms(self):
        return [*(norm for block in self.blocks for norm in (block.ln_1, block.ln_2)), self.ln_f]

    @torch.no_grad()
    def fix_norms(self, tokens, targets):
        """Each norm divides by the mean deviation that it meets in these tokens, from now on."""
        def fix(norm, arguments):
            norm.divisor.fill_(mean_deviation(arguments[0].float()))
            norm.fixed = True
        hooks = [norm.register_forward_pre_hook(fix) for norm in self.norms()]
        self(tokens, targets)
        for hook in hooks:
            hook.remove()

    @torch.no_grad()
    def track(self, blocks, final):
        """The original's moving averages, which a run fixes its norms with; blocks: of each, the deviations of its calls."""
        if final is None:
            return
        first = [deviation for calls in blocks for deviation in (calls[0], calls[-1])]
        self.average.lerp_(torch.stack([*first, final]), 1 - MOMENTUM)
        for call in range(1, len(blocks[0]) - 1):  # of ln_1 alone, where it is called again
            self.average[:-1:2].lerp_(torch.stack([calls[call] for calls in blocks]), 1 - MOMENTUM)

    def forward(self, tokens, targets):
        with torch.autocast(tokens.device.type, torch.bfloat16):
            ends = (tokens == self.vocab - 1).unsqueeze(-1)
            x = F.embedding(tokens, self.wte) + self.wpe[:tokens.shape[1]]
            deviations = []
            for block in self.blocks:
                x, of_block = self.run_block(block, x, ends)
                deviations.append(of_block)
            loss, final = self.run_head(self, x, targets)
            self.track(deviations, final)
            return loss


def attention_seconds(backend, shape, device):
    """Forward and backward once, by the median of ten; queries, keys and values as the model has them."""
    queries, keys, values, d_mixed = (torch.randn(shape, dtype=torch.bfloat16, device=device).transpose(1, 2) for _ in range(4))
    leaves = [part.requires_grad_() for part in (queries, keys, values)]
    seconds = []
    with sdpa_kernel(backend):
        for repetition in range(13):
            torch.cuda.synchronize()
            start = time.perf_counter()
            mixed = F.scaled_dot_product_attention(*leaves, is_causal=True)
            torch.autograd.grad(mixed, leaves, d_mixed)
            torch.cuda.synchronize()
            if repetition >= 3:
                seconds.append(time.perf_counter() - start)
    return quantile(seconds, 0.5)


def choose_attention(options, size, device):
    """The backend to use, or None where the choice is PyTorch's, and its name."""
    if options.attention != "auto":
        return getattr(SDPBackend, ATTENTION[options.attention]), options.attention
    if device.type != "cuda":
        return None, "left to PyTorch"
    shape = (options.batch, options.sequence, size.heads, size.embed // size.heads)
    timed = {}
    for name, member in ATTENTION.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # why a backend is unavailable: one line each, said below in one word
                timed[name] = attention_seconds(getattr(SDPBackend, member), shape, device)
            print(f"attention by {name}: {1e3 * timed[name]:.3f} ms forward and backward, one block", flush=True)
        except torch.cuda.OutOfMemoryError:
            raise
        except RuntimeError:
            print(f"attention by {name}: unavailable", flush=True)
    torch.cuda.empty_cache()  # what was tried and not chosen is no part of the peak
    if not timed:
        return None, "left to PyTorch"
    best = min(timed, key=timed.get)
    return getattr(SDPBackend, ATTENTION[best]), best


def peak_memory():
    """Bytes: the most that was taken of the whole device, as bench/train_step tells it, and the most that tensors held. The
    first is what PyTorch reserved at its peak, and what the device has given away besides: to the CUDA context and to others."""
    if not torch.cuda.is_initialized():
        return None, None
    try:
        free, total = torch.cuda.mem_get_info()
    except RuntimeError:  # a device that failed answers nothing
        return None, None
    besides = total - free - torch.cuda.memory_reserved()
    return torch.cuda.max_memory_reserved() + besides, torch.cuda.max_memory_allocated()


def quantile(values, share):
    """By linear interpolation; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


class Run:
    """One model and what is needed to step it."""

    def __init__(self, options, device, backend):
        size = SIZES[options.size]
        torch.backends.cuda.matmul.allow_tf32 = options.adapters == "tf32"
        self.attention_backend = contextlib.nullcontext if backend is None else lambda: sdpa_kernel(backend)
        self.device = device
        source = Source(device)
        ids = source.tokens((options.accumulation, options.batch, options.sequence + 1), size.vocab)
        self.batches = [(row[:, :-1].contiguous(), row[:, 1:].contiguous()) for row in ids]
        model = Gpt2(source, size, options)
        if options.norms == "fixed":
            model.fix_norms(*self.batches[0])
        self.parameters = list(model.parameters())
        # Everything that is trained is decayed, identities included, as published.
        self.optimizer = torch.optim.AdamW(self.parameters, lr=options.learning_rate, betas=(0.9, 0.999), eps=1e-8,
                                           weight_decay=0.01, fused=device.type == "cuda")
        if options.compile:
            model.compile()
        self.model = model
        if device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def synchronize(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def compile(self):
        """Seconds of the first micro-batch, forward and backward, whose gradients are dropped; compiling is nearly all of it."""
        start = time.perf_counter()
        with self.attention_backend():
            self.model(*self.batches[0]).backward()
        self.optimizer.zero_grad(set_to_none=True)
        self.synchronize()
        return time.perf_counter() - start

    def step(self):
        """Seconds, mean loss and gradient norm of one optimiser step."""
        self.synchronize()
        start = time.perf_counter()
        total = 0
        with self.attention_backend():
            for tokens, targets in self.batches:
                loss = self.model(tokens, targets) / len(self.batches)
                loss.backward()
                total = total + loss.detach()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.synchronize()
        return time.perf_counter() - start, float(total), float(norm)


class Report:
    """What is told: lines for people, and one JSON object that is written anew after each step, lest a killed run say nothing."""

    def __init__(self, options, device):
        self.path = options.json
        settings = {"program": "train_step_peer", "size": options.size, "adapters": options.adapters, "norms": options.norms,
                    "as_published": options.as_published, "compiled": options.compile, "recompute": options.recompute,
                    "micro_batch": options.batch, "sequence": options.sequence, "accumulation": options.accumulation,
                    "tokens_per_step": options.batch * options.sequence * options.accumulation,
                    "steps": options.steps, "warm_up": options.warm_up, "learning_rate": options.learning_rate,
                    "time_limit": options.time_limit}
        machine = {"device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU", "torch": torch.__version__,
                   "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")}
        self.result = {**settings, **machine, "attention": None, "compile_seconds": None, "warm_up_seconds": [], "seconds": [],
                       "losses": [], "gradient_norms": [], "outcome": "interrupted"}
        print(f"GPT-2 {options.size}, adapters in {options.adapters}, norms {options.norms}"
              + ", as published" * options.as_published + (", compiled" if options.compile else ", eager")
              + ", blocks recomputed" * options.recompute)
        print(f"{options.accumulation} micro-batches of {options.batch} x {options.sequence} tokens per optimiser step; "
              f"{options.warm_up} warm-up steps, {options.steps} measured")
        print(f"{machine['device']}, torch {machine['torch']}", flush=True)

    def add(self, warm_up, seconds, loss, norm):
        self.result["warm_up_seconds" if warm_up else "seconds"].append(seconds)
        self.result["losses"].append(loss)  # of all steps, those of the warm-up first
        self.result["gradient_norms"].append(norm)
        rate = self.result["tokens_per_step"] / seconds
        print(f"{'warm-up' if warm_up else 'step'}: {seconds:.4f} s   {rate:.0f} tokens/s   loss {loss:.4f}   norm {norm:.4g}",
              flush=True)
        self.write("interrupted")

    def write(self, outcome):
        result = self.result
        median = quantile(result["seconds"], 0.5)
        peak, peak_allocated = peak_memory()
        result.update(median_seconds=median, p10_seconds=quantile(result["seconds"], 0.1),
                      p90_seconds=quantile(result["seconds"], 0.9),
                      tokens_per_second=result["tokens_per_step"] / median if median else None,
                      peak_bytes=peak, peak_allocated_bytes=peak_allocated, outcome=outcome)
        if self.path:
            beside = self.path.with_name(self.path.name + ".partial")
            beside.write_text(json.dumps(result, indent=1) + "\n")
            beside.replace(self.path)

    def finish(self, outcome):
        self.write(outcome)
        result = self.result
        if result["seconds"]:
            print("step: median {median_seconds:.4f} s, p10 {p10_seconds:.4f}, p90 {p90_seconds:.4f}; {tokens_per_second:.0f} tokens/s"
                  .format(**result))
        if result["peak_bytes"] is not None:
            print(f"peak memory: {result['peak_bytes'] / 1e9:.3f} GB of the device, "
                  f"{result['peak_allocated_bytes'] / 1e9:.3f} GB of them in tensors")
        print(f"outcome: {outcome}", flush=True)


def measure(options, device, report):
    """How it ended."""
    backend, report.result["attention"] = choose_attention(options, SIZES[options.size], device)
    print(f"attention: {report.result['attention']}", flush=True)
    run = Run(options, device, backend)
    if options.compile:
        report.result["compile_seconds"] = run.compile()
        print(f"compiled in {report.result['compile_seconds']:.1f} s", flush=True)
    last = 0
    for step in range(options.warm_up + options.steps):
        if options.time_limit is not None and time.perf_counter() - START + last > options.time_limit:
            return "time limit"
        last, loss, norm = run.step()
        report.add(step < options.warm_up, last, loss, norm)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            return "diverged"
    return "measured"


def is_out_of_memory(error):
    """Compiling wraps the error, and the CPU has no type for it."""
    said = str(error).lower()
    return (isinstance(error, torch.cuda.OutOfMemoryError)
            or any(words in said for words in ("out of memory", "can't allocate memory", "alloc_failed")))


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return value


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="small", help="default small")
    parser.add_argument("--adapters", choices=["autocast", "tf32", "fp32"], default="autocast",
                        help="their products under bf16 autocast (default, as published), or of fp32 values in TF32 or fp32")
    parser.add_argument("--norms", choices=["real", "fixed"], default="real", help="default real")
    parser.add_argument("--as-published", action="store_true",
                        help="as the original repeats itself: norms and c_attn for each path of attention, averages of fixed "
                             "norms too; and without rows that align the output matrix")
    parser.add_argument("--attention", choices=["auto", *ATTENTION], default="auto", help="default auto: the quickest here")
    parser.add_argument("--compile", action="store_true", help="torch.compile (default: eager)")
    parser.add_argument("--recompute", action="store_true", help="keep the blocks' inputs only, and compute the rest again")
    parser.add_argument("--batch", type=positive, default=8, help="sequences in a micro-batch (default 8)")
    parser.add_argument("--sequence", type=positive, help="tokens in a sequence (default: the context)")
    parser.add_argument("--accumulation", type=positive, default=8, help="micro-batches per optimiser step (default 8)")
    parser.add_argument("--steps", type=positive, default=5, help="measured (default 5)")
    parser.add_argument("--warm-up", type=positive, default=2, help="steps before those (default 2)")
    parser.add_argument("--learning-rate", type=float, default=3e-4, help="default 3e-4")
    parser.add_argument("--time-limit", type=float, metavar="SECONDS",
                        help="since the start: no step is begun that would end later (default: none)")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="default cuda")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the result there as well")
    options = parser.parse_args()
    context = SIZES[options.size].context
    options.sequence = options.sequence or context
    if options.sequence > context:
        parser.error(f"--sequence is {options.sequence}, expected at most {context}")
    if options.as_published and options.recompute:
        parser.error("--recompute does not go with --as-published: the original never recomputes")
    return options


def first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def main():
    options = parse()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("train_step_peer: this machine has no CUDA device that PyTorch sees; give --device cpu with --size nano")
    device = torch.device(options.device)
    report = Report(options, device)
    try:
        outcome = measure(options, device, report)
    except RuntimeError as error:
        outcome = "out of memory" if is_out_of_memory(error) else f"failed: {first_line(error)}"
    report.finish(outcome)
    if outcome.startswith("failed") or not report.result["seconds"]:
        sys.exit(f"train_step_peer: {outcome}; {len(report.result['seconds'])} steps were measured")


if __name__ == "__main__":
    main()
