#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles the hot kernels for every architecture and fails if one spills registers or ptxas.txt tells something else:
ptxas.py NVCC INCLUDE... [--update]"""

import re
import subprocess
import tempfile
from pathlib import Path

import house

ARCHITECTURES = ["80", "90", "90a"]
ENTRY = re.compile(r"Compiling entry function '(\w+)' for '(sm_\w+)'")
SPILLS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers(?:.*?, (\d+) bytes smem)?")
KERNEL = re.compile(r"__global__[^;{]*?\b(\w+)\([^()]*(?:\([^()]*\)[^()]*)*\)\s*\{")
# Kernels that a step of GPT-2 in bf16 does not launch, or once per step on little.
COLD = {
    "plain_attention_kernel": "flash attention takes bf16",
    "attention_excess_kernel": "flash attention takes bf16",
    "plain_attention_keys_kernel": "flash attention takes bf16",
    "plain_attention_queries_kernel": "flash attention takes bf16",
    "position_gradient_kernel": "only where embeddings are trained",
    "sum_kernel": "one block on what is left of a sum",
}
HEADING = """# What ptxas makes of the hot kernels in tests/backend/cuda/hot_kernels.cu, by nvcc {version}: registers of a thread,
# static shared memory of a block in bytes, bytes spilled. Written by tests/structure/ptxas.py --update; a test compares.
"""


def version_of(nvcc):
    text = subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"V(\d+\.\d+)", text).group(1)


def compile_kernels(nvcc, includes, source):
    """ptxas's report of every architecture."""
    command = [nvcc, "-std=c++20", "-cubin", "-Xptxas", "-v", *(f"-I{folder}" for folder in includes)]
    report = ""
    with tempfile.TemporaryDirectory() as folder:
        for architecture in ARCHITECTURES:
            target = ["-gencode", f"arch=compute_{architecture},code=sm_{architecture}"]
            result = subprocess.run(
                [*command, *target, str(source), "-o", f"{folder}/{architecture}.cubin"],
                capture_output=True,
                text=True,
                check=False,
            )
            if result.returncode != 0:
                house.finish([f"{source.name} does not compile for sm_{architecture}:\n{result.stderr}"])
            report += result.stderr
    return report


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


def main():
    parser = house.arguments(__doc__)
    parser.add_argument("nvcc")
    parser.add_argument("includes", nargs="+")
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    committed = options.root / "tests" / "structure" / "ptxas.txt"
    source = options.root / "tests" / "backend" / "cuda" / "hot_kernels.cu"
    rows = rows_of(compile_kernels(options.nvcc, options.includes, source))
    version = version_of(options.nvcc)
    text = table(rows, version)
    if options.update:
        committed.write_text(text, encoding="utf-8")
    problems = [f"{name} spills {spilled} bytes on {arch}" for name, arch, _, _, spilled in rows if spilled]
    if not rows:
        problems.append("ptxas reported no kernel")
    hot = {re.match(r"(?:detail::)?(\w+)", row[0]).group(1) for row in rows}
    kernels = kernels_of(options.includes)
    problems += [f"{name} is in neither {source.name} nor COLD in ptxas.py" for name in sorted(kernels - hot - COLD.keys())]
    problems += [f"{name} is COLD in ptxas.py, but no such kernel is left" for name in sorted(COLD.keys() - kernels)]
    stored = committed.read_text(encoding="utf-8") if committed.exists() else ""
    # Another compiler allocates registers otherwise; that none is spilled must hold under each.
    if f"by nvcc {version}:" in stored and stored != text:
        problems.append(f"{committed.name} is not what ptxas says now; look at the difference, then run with --update:\n{text}")
    house.finish(problems)


if __name__ == "__main__":
    main()
