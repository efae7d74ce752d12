#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fails if lamina/cuda.hpp, preprocessed, reaches a library that nvcc cannot compile: cuda_umbrella.py COMPILER [FLAG...]"""

import re
import subprocess
import tempfile

import house

CHECK = "structure: cuda.hpp reaches neither Eigen nor range-v3"
UNWANTED = re.compile(r"(?:^|[\s/])((?:Eigen|range/v3|utf8proc)[\w/.]*)")


def main():
    parser = house.arguments(__doc__)
    parser.add_argument("compiler")
    options, flags = parser.parse_known_args()
    if not (options.root / "include" / "lamina" / "cuda.hpp").exists():
        house.skip(CHECK, "there is no lamina/cuda.hpp yet")
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as unit:
        unit.write("#include <lamina/cuda.hpp>\n")
        unit.flush()
        command = [options.compiler, *flags, "-std=c++20", "-M", unit.name]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0 and "cuda_runtime" in result.stderr:
        house.skip(CHECK, "the headers of the CUDA toolkit were not found")
    if result.returncode != 0:
        house.finish([f"lamina/cuda.hpp does not preprocess:\n{result.stderr}"])
    reached = sorted(set(UNWANTED.findall(result.stdout)))
    house.finish([f"lamina/cuda.hpp reaches {name}" for name in reached])


if __name__ == "__main__":
    main()
