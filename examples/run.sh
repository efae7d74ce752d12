#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One command from a fresh clone: builds a program of this folder and runs it, for instance
# `./examples/run.sh evaluate --weights gpt2/ …`. Where the arguments name a model, only that size is built; with
# `--device cuda` for the GPU of this machine, too.
set -euo pipefail
source_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
build_dir="$source_dir/build/demo"

program=${1:-}
if [[ ! -f "$source_dir/examples/$program.cpp" ]]; then
    echo "run.sh: name a program first: $(cd "$source_dir/examples" && echo *.cpp | sed 's/\.cpp//g')" >&2
    exit 2
fi
shift

models="nano;gpt2;gpt2-medium;gpt2-large;gpt2-xl"
cuda=(-DLAMINA_CUDA=OFF)
previous=""
for argument in "$@"; do
    named=""
    [[ $previous != --model ]] || named=$argument
    [[ $argument != --model=* ]] || named=${argument#--model=}
    [[ -z $named || ";$models;" != *";$named;"* ]] || models=$named # otherwise the program says what is wrong
    if [[ $argument == --device=cuda || ($previous == --device && $argument == cuda) ]]; then
        cuda=(-DLAMINA_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES=native)
    fi
    previous=$argument
done

"$source_dir/cmake/install_dependencies.sh" demo
cmake -S "$source_dir" -B "$build_dir" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DLAMINA_BUILD_TESTS=OFF -DLAMINA_BUILD_BENCHMARKS=OFF "-DLAMINA_MODELS=$models" "${cuda[@]}" >/dev/null
cmake --build "$build_dir" --target "$program"
exec "$build_dir/examples/$program" "$@"
