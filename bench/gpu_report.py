#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One Markdown page from a folder of results: lamina's training steps beside the peer's, and whether the checks passed.

Every *.json of the folder is one result: what bench/train_step and bench/train_step_peer.py write, or
{"part": "conformance", "outcome": "passed", "detail": "123 tests", "seconds": 12}. What the page expects and the folder lacks is
listed as not run. A file that is no result is named on the page, and the exit status is then 1.
"""
import argparse
import json
import pathlib
import statistics
import sys

SIZES = ["small", "medium", "large", "xl"]
EXECUTIONS = ["merged", "split", "factored"]
ADAPTERS = ["autocast", "tf32", "fp32"]
FORMS = ["compiled", "eager", "as published"]
PEERS = [f"{adapters}, {form}" for adapters in ADAPTERS for form in FORMS]
PARTS = ["conformance", "parity", "memcheck", "racecheck"]
NOT_RUN = "not run"
NOTHING = "–"
OTHER_STEP = " †"
OTHER_RECOMPUTE = " ‡"
FEW = 5  # steps, below which there are no tenths
REQUIRED = ["size", "tokens_per_step", "micro_batch", "sequence", "accumulation", "seconds", "tokens_per_second", "device"]


class Result:
    """One file of train_step or of its peer."""

    def __init__(self, fields):
        missing = [name for name in REQUIRED if name not in fields]
        if missing:
            raise ValueError(f"field {missing[0]} is missing")
        self.fields = fields
        self.ours = fields["program"] == "train_step"
        self.kind = fields["execution"] if self.ours else f"{fields['adapters']}, {self.form(fields)}"
        self.recompute = {True: "block", False: "none", None: "none"}.get(fields.get("recompute"), fields.get("recompute"))
        self.outcome = fields.get("outcome", "measured")
        self.size = fields["size"]
        self.rate = fields["tokens_per_second"] or 0
        self.device = fields["device"]

    @staticmethod
    def form(fields):
        """The original is eager: compiled, it is listed apart from what it is expected to be."""
        if not fields.get("as_published"):
            return "compiled" if fields.get("compiled") else "eager"
        return "as published" + ", compiled" * bool(fields.get("compiled"))

    def order(self):
        kinds = EXECUTIONS if self.ours else PEERS
        return (not self.ours, kinds.index(self.kind) if self.kind in kinds else len(kinds), -self.rate)

    def mode(self):
        """What sets this result apart from others of its program."""
        fields = self.fields
        said = [self.kind]
        if self.ours:
            products, gradients = fields.get("float_products"), fields.get("gradients")
            said += [fields.get("precision"), products and f"float products {products}", gradients and f"gradients {gradients}"]
        else:
            said += [f"norms {fields.get('norms', 'real')}"]
        said += ["" if self.recompute == "none" else f"recompute {self.recompute}"]
        return ", ".join(str(word) for word in said if word)

    def comparable(self, rival):
        """Whether the rival ran to its end, on the same device and with as long sequences."""
        return (self.ours != rival.ours and self.rate > 0 and rival.rate > 0 and self.device == rival.device
                and self.fields["sequence"] == rival.fields["sequence"] and rival.outcome == "measured"
                and self.outcome in ("measured", "time limit"))


def quickest_rival(result, results):
    """The quickest result that may be compared with this one, among those that recompute the same if there are any, or None."""
    rivals = list(filter(result.comparable, results))
    alike = [rival for rival in rivals if rival.recompute == result.recompute]
    return max(alike or rivals, key=lambda rival: rival.rate, default=None)


def speed_up(result, results):
    other = quickest_rival(result, results)
    if other is None:
        return NOTHING
    ratio = result.rate / other.rate if result.ours else other.rate / result.rate
    same = result.fields["tokens_per_step"] == other.fields["tokens_per_step"]
    return f"{ratio:.2f} ×" + ("" if same else OTHER_STEP) + ("" if result.recompute == other.recompute else OTHER_RECOMPUTE)


def utilisation(result, results):
    """By the 6N convention, which counts the same operations for both programs: the peer's follows from ours by the rates."""
    if result.ours:
        known, share = result.fields.get("mfu_6n"), 1
    else:
        ours = next((other for other in results if result.comparable(other) and other.fields.get("mfu_6n")), None)
        known, share = (ours.fields["mfu_6n"], result.rate / ours.rate) if ours else (None, 1)
    return NOTHING if known is None else f"{100 * known * share:.1f} %"


def seconds_per_step(seconds):
    if not seconds:
        return NOTHING
    if len(seconds) < FEW:
        return f"{statistics.median(seconds):.4g} ({min(seconds):.4g} to {max(seconds):.4g}, all)"
    tenths = statistics.quantiles(seconds, n=10, method="inclusive")
    return f"{statistics.median(seconds):.4g} ({tenths[0]:.4g} to {tenths[-1]:.4g})"


def clock(fields):
    known = fields.get("clock")
    return "{sm_mhz:.0f} MHz, {watts:.0f} W, {celsius:.0f} °C".format(**known) if known else NOTHING


def tokens(fields):
    return "{tokens_per_step} = {accumulation} × {micro_batch} × {sequence}".format(**fields)


def gigabytes(count):
    return NOTHING if count is None else f"{count / 1e9:.2f}"


def against_plan(fields):
    peak, plan = fields.get("peak_bytes"), fields.get("plan_bytes")
    return f"{gigabytes(plan)} ({100 * (peak / plan - 1):+.1f} %)" if peak and plan else NOTHING


def table(header, rows):
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *cells])


COLUMNS = ["program", "mode", "tokens/s", "steps", "seconds per step (p10 to p90)", "speed-up", "TFLOP/s", "MFU", "peak, GB", "plan, GB",
           "tokens per step", "clock, power, temperature", "outcome"]


def row(result, results):
    fields = result.fields
    executed = fields.get("tflops_executed")
    return ["lamina" if result.ours else "peer", result.mode(), f"{result.rate:.0f}" if result.rate else NOTHING, len(fields["seconds"]),
            seconds_per_step(fields["seconds"]), speed_up(result, results), NOTHING if executed is None else f"{executed:.0f}",
            utilisation(result, results), gigabytes(fields.get("peak_bytes")), against_plan(fields),
            tokens(fields), clock(fields), result.outcome]


def missing_rows(size, results, parts):
    """What gpu.sh noted of a part that left no result, or that it was not run."""
    noted = {part["part"].replace("published", "as published"): part["outcome"] for part in parts}
    for program, kinds, ours in [("lamina", EXECUTIONS, True), ("peer", PEERS, False)]:
        run = {result.kind for result in results if result.ours == ours}
        for kind in kinds:
            name = f"{'train' if ours else 'peer'} {size} {kind.replace(',', '')}"
            if kind not in run:
                yield [program, kind, *[NOTHING] * (len(COLUMNS) - 3), noted.get(name, NOT_RUN)]


def size_section(size, results, parts):
    if not results and not any(f" {size} " in part["part"] for part in parts):
        return f"### {size}\n\n{NOT_RUN}"
    rows = [row(result, results) for result in sorted(results, key=Result.order)]
    return f"### {size}\n\n" + table(COLUMNS, [*rows, *missing_rows(size, results, parts)])


def parts_section(parts):
    rows = []
    for name in [*PARTS, *sorted({part["part"] for part in parts} - set(PARTS))]:
        of_name = [part for part in parts if part["part"] == name]
        rows += [[name, part["outcome"], part.get("detail", ""), part.get("seconds", NOTHING)] for part in of_name]
        if not of_name:
            rows.append([name, NOT_RUN, "", NOTHING])
    return table(["part", "outcome", "detail", "seconds"], rows)


def commits_apart(results):
    """Which results of lamina are not of the newest one's commit, if there are several."""
    ours = [result for result in results if result.ours and result.fields.get("commit")]
    if len({result.fields["commit"] for result in ours}) < 2:
        return ""
    newest = max(ours, key=lambda result: str(result.fields.get("date"))).fields["commit"]
    older = [f"{result.size} {result.kind} ({result.fields['commit']})" for result in ours if result.fields["commit"] != newest]
    return f" Of another commit than {newest}: {', '.join(older)}."


def sources(results):
    """Which device, versions and days the numbers are from."""
    def all_of(name, of):
        return ", ".join(sorted({str(result.fields[name]) for result in of if result.fields.get(name)})) or "unknown"
    days = sorted(str(result.fields["date"])[:10] for result in results if result.fields.get("date"))
    ours, peers = [result for result in results if result.ours], [result for result in results if not result.ours]
    return (f"Device: {all_of('device', results)}. lamina at commit {all_of('commit', ours)}; the peer with torch "
            f"{all_of('torch', peers)}. Measured {' to '.join(dict.fromkeys([days[0], days[-1]])) if days else 'at an unknown date'}."
            + commits_apart(results))


LEGEND = """Speed-up: of lamina over the quickest peer, and, in the peer's rows, of the quickest lamina over that peer; on the same device,
with the same sequence length, over rivals that were measured to their end. TFLOP/s are those executed. MFU is by the 6N convention,
against the dense bf16 peak of the device. Steps are those measured; of fewer than five, all of which the range then spans, quantiles would
say nothing. Peak is the most that was taken of the whole device, the CUDA context and other programs included; PyTorch's memory counts as
reserved. Clock, power and temperature are medians while the device was busy.

Tokens per step are micro-batches × sequences × tokens, and fewer for larger models, so rates of different sizes are not of like steps; †
marks a comparison of steps with different numbers of tokens, over which the work done once per step is spread, ‡ one in which only
one side recomputes activations, since no other rival was measured."""


def page(results, parts, unreadable):
    sizes = [*SIZES, *sorted({result.size for result in results} - set(SIZES))]
    sections = ["# lamina on a GPU", sources(results) if results else f"Training steps: {NOT_RUN}.", "## Training steps", LEGEND,
                *(size_section(size, [result for result in results if result.size == size], parts) for size in sizes),
                "## Parts", parts_section(parts)]
    if unreadable:
        sections += ["## Not understood", "\n".join(f"- {name}: {reason}" for name, reason in unreadable)]
    return "\n\n".join(sections) + "\n"


def read(folder):
    results, parts, unreadable = [], [], []
    for path in sorted(folder.glob("*.json")):
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(fields, dict):
                raise ValueError("is no JSON object")
            if fields.get("program") in ("train_step", "train_step_peer"):
                results.append(Result(fields))
            elif "part" in fields and "outcome" in fields:
                parts.append(fields)
            else:
                raise ValueError("is neither a training step nor a part with its outcome")
        except KeyError as error:
            unreadable.append((path.name, f"field {error.args[0]} is missing"))
        except ValueError as error:  # of JSON and of UTF-8 too
            unreadable.append((path.name, " ".join(str(error).split())))
    return results, parts, unreadable


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="with the results")
    parser.add_argument("page", type=pathlib.Path, help="Markdown file to write")
    options = parser.parse_args()
    if not options.folder.is_dir():
        sys.exit(f"gpu_report: {options.folder} is no folder; give one with results")
    results, parts, unreadable = read(options.folder)
    options.page.write_text(page(results, parts, unreadable), encoding="utf-8")
    for name, reason in unreadable:
        print(f"gpu_report: {options.folder / name}: {reason}", file=sys.stderr)
    sys.exit(1 if unreadable else 0)


if __name__ == "__main__":
    main()
