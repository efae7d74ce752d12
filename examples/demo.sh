#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One command from a fresh clone: builds remove_layernorm and runs it; arguments are handed to the program. Without arguments
# only the nano model is built, which is all that the demonstration needs.
set -euo pipefail
source_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
build_dir="$source_dir/build/demo"

"$source_dir/cmake/install_dependencies.sh" demo
models=nano
[ $# -eq 0 ] || models="nano;gpt2;gpt2_medium;gpt2_large;gpt2_xl"
cmake -S "$source_dir" -B "$build_dir" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DLAMINA_BUILD_TESTS=OFF -DLAMINA_BUILD_BENCHMARKS=OFF "-DLAMINA_MODELS=$models" >/dev/null
cmake --build "$build_dir" --target remove_layernorm
exec "$build_dir/examples/remove_layernorm" "$@"
