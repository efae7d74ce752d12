#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles the hot kernels for every architecture and fails if one spills registers, or if ptxas.txt or sass.txt, which has
the instructions of their main loops, tells something else: ptxas.py NVCC INCLUDE... [--update]"""

import difflib
import re
import subprocess
import tempfile
from pathlib import Path

import house
import sass

ARCHITECTURES = ["80", "90", "90a"]
COUNTED = ["80", "90"]
ENTRY = re.compile(r"Compiling entry function '(\w+)' for '(sm_\w+)'")
SPILLS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers(?:.*?, (\d+) bytes smem)?")
KERNEL = re.compile(r"__global__[^;{]*?\b(\w+)\([^()]*(?:\([^()]*\)[^()]*)*\)\s*\{")
# Kernels that a step of GPT-2 in bf16 does not launch, or once per step on little.
COLD = {
    "plain_attention_kernel": "flash attention takes bf16",
    "attention_delta_kernel": "flash attention takes bf16",
    "plain_attention_keys_kernel": "flash attention takes bf16",
    "plain_attention_queries_kernel": "flash attention takes bf16",
    "position_gradient_kernel": "only where embeddings are trained",
    "sum_kernel": "one block on what is left of a sum",
}
HEADING = """# What ptxas makes of the hot kernels in tests/backend/cuda/hot_kernels.cu, by nvcc {version}: registers of a thread,
# static shared memory of a block in bytes, bytes spilled. Written by tests/structure/ptxas.py --update; a test compares.
"""


LOOPS_HEADING = """# What a warp issues in a trip through the main loops of the hot kernels, by nvcc {version}, and all warps of a block for
# 64 x 64 scores, where a kernel makes scores. Where flash attention has two loops, the one with fewer instructions is for
# tiles of which nothing is hidden. Written by tests/structure/ptxas.py --update; a test compares.
"""


def version_of(nvcc):
    text = subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"V(\d+\.\d+)", text).group(1)


def compile_kernels(nvcc, includes, source):
    """ptxas's report of every architecture, and the machine code by architecture."""
    command = [nvcc, "-std=c++20", "-cubin", "-Xptxas", "-v", *(f"-I{folder}" for folder in includes)]
    report, cubins = "", {}
    with tempfile.TemporaryDirectory() as folder:
        for architecture in ARCHITECTURES:
            target = ["-gencode", f"arch=compute_{architecture},code=sm_{architecture}"]
            cubin = Path(folder) / f"{architecture}.cubin"
            result = subprocess.run(
                [*command, *target, str(source), "-o", str(cubin)], capture_output=True, text=True, check=False
            )
            if result.returncode != 0:
                house.finish([f"{source.name} does not compile for sm_{architecture}:\n{result.stderr}"])
            report += result.stderr
            cubins[architecture] = cubin.read_bytes()
    return report, cubins


def kernels_of(includes):
    """The names of all kernels in the headers of backend/cuda."""
    headers = [header for folder in includes for header in Path(folder).glob("lamina/backend/cuda/*.hpp")]
    return {name for header in headers for name in KERNEL.findall(header.read_text(encoding="utf-8"))}


def readable(names):
    """The demangled names without what is the same in all: the return type, the namespace, the arguments."""
    result = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True)
    short = [re.sub(r"^void |lamina::cuda::|lamina::|\(anonymous namespace\)::", "", line) for line in
             result.stdout.splitlines()]
    return [re.sub(r"\([^()]*(?:\([^()]*\)[^()]*)*\)$", "", name) for name in short]


def rows_of(report):
    """(kernel, architecture, registers, shared bytes, spilled bytes), sorted."""
    found, entry, spilled = [], None, 0
    for line in report.splitlines():
        if match := ENTRY.search(line):
            entry, spilled = match.groups(), 0
        elif match := SPILLS.search(line):
            spilled = int(match.group(2)) + int(match.group(3))
        elif (match := USED.search(line)) and entry:
            found.append((*entry, int(match.group(1)), int(match.group(2) or 0), spilled))
            entry = None
    names = readable([row[0] for row in found])
    return sorted((name, *row[1:]) for name, row in zip(names, found))


def table(rows, version):
    lines = [f"{arch:8} {registers:4} {shared:6} {spilled:4}  {name}" for name, arch, registers, shared, spilled in rows]
    return HEADING.format(version=version) + "\n".join(lines) + "\n"


def loops_table(cubins, version):
    lines = [
        (name, number, sass.line(f"sm_{architecture}", name, number, trip, tile))
        for architecture in COUNTED
        for name, number, trip, tile in sass.rows_of(cubins[architecture], readable)
    ]
    return LOOPS_HEADING.format(version=version) + "\n".join([sass.heading(), *(line for *_, line in sorted(lines))]) + "\n"


def main():
    parser = house.arguments(__doc__)
    parser.add_argument("nvcc")
    parser.add_argument("includes", nargs="+")
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    folder = options.root / "tests" / "structure"
    source = options.root / "tests" / "backend" / "cuda" / "hot_kernels.cu"
    report, cubins = compile_kernels(options.nvcc, options.includes, source)
    rows = rows_of(report)
    version = version_of(options.nvcc)
    texts = {"ptxas.txt": table(rows, version), "sass.txt": loops_table(cubins, version)}
    if options.update:
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    problems = [f"{name} spills {spilled} bytes on {arch}" for name, arch, _, _, spilled in rows if spilled]
    if not rows:
        problems.append("ptxas reported no kernel")
    hot = {re.match(r"(?:detail::)?(\w+)", row[0]).group(1) for row in rows}
    kernels = kernels_of(options.includes)
    problems += [f"{name} is in neither {source.name} nor COLD in ptxas.py" for name in sorted(kernels - hot - COLD.keys())]
    problems += [f"{name} is COLD in ptxas.py, but no such kernel is left" for name in sorted(COLD.keys() - kernels)]
    problems += [
        f"{name} is in KERNELS of sass.py, but has no main loop in {source.name}"
        for name in sorted(sass.KERNELS)
        if f"{name}<" not in texts["sass.txt"]
    ]
    for name, text in texts.items():
        stored = (folder / name).read_text(encoding="utf-8") if (folder / name).exists() else ""
        # Another compiler allocates registers and chooses instructions otherwise; that none spills must hold under each.
        if f"by nvcc {version}" in stored and stored != text:
            problems.append(f"{name} is not what nvcc makes now; look at the difference, then run with --update:")
            problems += difflib.unified_diff(stored.splitlines(), text.splitlines(), "committed", "now", "", "", 0, "")
    house.finish(problems)


if __name__ == "__main__":
    main()
