#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs bench/gpu_report.py on made-up results: the numbers land in their columns, and what is missing or broken is said."""
import json
import pathlib
import subprocess
import sys
import tempfile

PROGRAM = str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "gpu_report.py")
STEP = dict(tokens_per_step=524288, micro_batch=16, sequence=1024, accumulation=32, device="Made-up GPU")
OURS = dict(STEP, program="train_step", size="small", execution="merged", precision="frozen bf16", recompute="none",
            gradients="stored", seconds=[1.0, 1.1, 1.1, 1.1, 1.3], tokens_per_second=500000.0, tflops_executed=365.4, mfu_6n=0.40,
            float_products="bf16x6", peak_bytes=22_000_000_000, plan_bytes=20_000_000_000, commit="abc123", date="2026-02-03T04:05:06",
            clock={"sm_mhz": 1755.0, "watts": 650.4, "celsius": 61.0, "samples": 9}, outcome="measured")
PEER = dict(STEP, program="train_step_peer", size="small", adapters="autocast", norms="real", as_published=False, compiled=True,
            recompute=False, seconds=[2.5], tokens_per_second=200000.0, peak_bytes=40_000_000_000, torch="2.9.9",
            date="2026-02-04T00:00:00", outcome="measured")
NO_MEMORY = dict(PEER, size="xl", seconds=[], tokens_per_second=None, peak_bytes=79_000_000_000, outcome="out of memory")
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def report(files):
    """The process, and the page's lines, of a folder with these files."""
    with tempfile.TemporaryDirectory(prefix="lamina-gpu-report-") as scratch:
        folder = pathlib.Path(scratch) / "results"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
        page = pathlib.Path(scratch) / "page.md"
        done = subprocess.run([sys.executable, PROGRAM, str(folder), str(page)], capture_output=True, text=True, timeout=60)
        check(page.exists(), "a page is written: " + done.stderr)
        return done, page.read_text(encoding="utf-8").splitlines() if page.exists() else []


def section(lines, heading):
    """The lines under a heading, up to the next."""
    after = lines[lines.index(heading) + 1:] if heading in lines else []
    return after[:next((place for place, line in enumerate(after) if line.startswith("#")), len(after))]


def rows(lines, heading):
    """The cells of the table under a heading, without its header."""
    return [line.strip("| ").split(" | ") for line in section(lines, heading) if line.startswith("|")][2:]


def expect(found, wanted, what):
    check(found == wanted, f"{what}: {wanted}, found {found}")


def a_full_table():
    done, lines = report({
        "a.json": OURS, "b.json": PEER,
        "c.json": dict(OURS, execution="split", tokens_per_second=300000.0, mfu_6n=0.24, gradients="streamed", recompute="block",
                       seconds=[1.1, 1.3], outcome="time limit"),
        "d.json": dict(PEER, adapters="fp32", compiled=False, as_published=True, norms="fixed", tokens_per_second=25000.0,
                       tokens_per_step=65536, accumulation=4),
        "e.json": NO_MEMORY,
        "f.json": {"part": "conformance", "outcome": "passed", "detail": "123 | tests", "seconds": 12},
        "g.json": {"part": "memcheck", "outcome": "failed", "detail": "an address", "seconds": 3.5},
        "h.json": {"part": "graph", "outcome": "passed"},
        "i.json": {"part": "peer small tf32 published", "outcome": "failed", "detail": "it broke", "seconds": 9},
        "j.json": {"part": "train large merged", "outcome": "failed", "detail": "it broke", "seconds": 9}})
    check(done.returncode == 0 and not done.stderr, "whole results are reported: " + done.stderr)
    nothing = ["–"] * 10
    hot, step = "1755 MHz, 650 W, 61 °C", "524288 = 32 × 16 × 1024"
    not_run = [["lamina", "factored"], *(["peer", f"{adapters}, {form}"] for adapters in ("autocast", "tf32", "fp32")
                                         for form in ("compiled", "eager", "as published")
                                         if (adapters, form) not in (("autocast", "compiled"), ("fp32", "as published")))]
    expect(rows(lines, "### small"), [
        ["lamina", "merged, frozen bf16, float products bf16x6, gradients stored", "500000", "5", "1.1 (1.04 to 1.22)", "2.50 ×", "365",
         "40.0 %", "22.00", "20.00 (+10.0 %)", step, hot, "measured"],
        ["lamina", "split, frozen bf16, float products bf16x6, gradients streamed, recompute block", "300000", "2", "1.2 (1.1 to 1.3, all)",
         "1.50 × ‡", "365", "24.0 %", "22.00", "20.00 (+10.0 %)", step, hot, "time limit"],
        ["peer", "autocast, compiled, norms real", "200000", "1", "2.5 (2.5 to 2.5, all)", "2.50 ×", "–", "16.0 %", "40.00", "–", step, "–",
         "measured"],
        ["peer", "fp32, as published, norms fixed", "25000", "1", "2.5 (2.5 to 2.5, all)", "20.00 × †", "–", "2.0 %", "40.00", "–",
         "65536 = 4 × 16 × 1024", "–", "measured"],
        *([*names, *nothing, "failed" if names[1] == "tf32, as published" else "not run"] for names in not_run)], "the table of small")
    expect(rows(lines, "### large")[0], ["lamina", "merged", *nothing, "failed"], "a size whose only result is a failure")
    expect(rows(lines, "### xl")[0], ["peer", "autocast, compiled, norms real", "–", "0", "–", "–", "–", "–", "79.00", "–", step, "–",
                                      "out of memory"], "what ran out of memory")
    expect(section(lines, "### medium"), ["", "not run", ""], "a size without results")
    expect(rows(lines, "## Parts"), [["conformance", "passed", "123 \\| tests", "12"], ["parity", "not run", "", "–"],
                                     ["memcheck", "failed", "an address", "3.5"], ["racecheck", "not run", "", "–"],
                                     ["graph", "passed", "", "–"], ["peer small tf32 published", "failed", "it broke", "9"],
                                     ["train large merged", "failed", "it broke", "9"]], "the parts")
    check("Device: Made-up GPU. lamina at commit abc123; the peer with torch 2.9.9. Measured 2026-02-03 to 2026-02-04." in lines,
          "where the numbers are from: " + lines[2])


def only_like_with_like():
    for odd in (dict(device="Another GPU"), dict(sequence=512), dict(outcome="interrupted"), dict(outcome="diverged")):
        _, lines = report({"a.json": OURS, "b.json": dict(PEER, **odd)})
        expect([cells[5] for cells in rows(lines, "### small")[:2]], ["–", "–"], f"no speed-up between results with {odd}")
        expect(rows(lines, "### small")[1][7], "–", f"nor an MFU by that of another, with {odd}")
    quicker = dict(PEER, adapters="tf32", tokens_per_second=250000.0)
    _, lines = report({"a.json": OURS, "b.json": PEER, "c.json": quicker})
    expect(rows(lines, "### small")[0][5], "2.00 ×", "lamina is measured against the quickest peer")
    _, lines = report({"a.json": OURS, "b.json": PEER, "c.json": dict(quicker, outcome="time limit")})
    expect(rows(lines, "### small")[0][5], "2.50 ×", "among those that ran to their end")
    _, lines = report({"a.json": dict(OURS, recompute="block"), "b.json": dict(PEER, recompute=True), "c.json": quicker})
    expect([cells[5] for cells in rows(lines, "### small")[:3]], ["2.50 ×", "2.50 ×", "2.00 × ‡"], "and that recompute the same, if any")


def results_of_several_commits():
    _, lines = report({"a.json": OURS, "b.json": dict(OURS, execution="split", commit="later", date="2026-02-05T00:00:00")})
    check(lines[2].endswith(" Of another commit than later: small merged (abc123)."), "an older commit is told: " + lines[2])


def nothing_and_nonsense():
    done, lines = report({})
    check(done.returncode == 0 and "Training steps: not run." in lines, "an empty folder makes a page")
    expect([cells[1] for cells in rows(lines, "## Parts")], ["not run"] * 4, "whose parts were not run")
    broken = {"a.json": OURS, "b.json": '{"program": ', "c.json": "[]", "d.json": {"part": "parity"},
              "e.json": {name: value for name, value in OURS.items() if name != "seconds"},
              "f.json": {name: value for name, value in OURS.items() if name != "execution"}}
    done, lines = report(broken)
    said = section(lines, "## Not understood")
    check(done.returncode == 1 and done.stderr.count("\n") == 5, "each broken file is told in one line: " + done.stderr)
    check([line[2:8] for line in said if line] == sorted(broken)[1:], f"and named on the page: {said}")
    check("- e.json: field seconds is missing" in said and "- f.json: field execution is missing" in said, f"with its fault: {said}")
    check(rows(lines, "### small")[0][2] == "500000", "and the others are reported")
    done = subprocess.run([sys.executable, PROGRAM, "no such folder", "page.md"], capture_output=True, text=True, timeout=60)
    check(done.returncode == 1 and done.stderr == "gpu_report: no such folder is no folder; give one with results\n",
          "a folder that is not there is refused: " + done.stderr)


a_full_table()
only_like_with_like()
results_of_several_commits()
nothing_and_nonsense()
sys.exit(1 if failures else 0)
