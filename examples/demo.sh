#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One command from a fresh clone: builds remove_layernorm and runs it; arguments are handed to the program. Only the model
# that they name is built, which without arguments is nano.
set -euo pipefail
source_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
build_dir="$source_dir/build/demo"

model=nano
previous=""
for argument in "$@"; do
    [[ $previous != --model ]] || model=$argument
    [[ $argument != --model=* ]] || model=${argument#--model=}
    previous=$argument
done

case $model in
    nano | gpt2 | gpt2-medium | gpt2-large | gpt2-xl) ;;
    *) model=nano ;; # the program says what is wrong
esac

"$source_dir/cmake/install_dependencies.sh" demo
cmake -S "$source_dir" -B "$build_dir" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DLAMINA_BUILD_TESTS=OFF -DLAMINA_BUILD_BENCHMARKS=OFF "-DLAMINA_MODELS=$model" >/dev/null
cmake --build "$build_dir" --target remove_layernorm
exec "$build_dir/examples/remove_layernorm" "$@"
