#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One command from a fresh clone: builds a program of this folder and runs it, for instance
# `./examples/run.sh evaluate --weights DIR …`. It is built for the model that DIR/config.json describes, whatever its sizes,
# with `--device cuda` for the GPU of this machine, too, and kept: the next start with such a model is immediate.
# With LAMINA_RUN_SH_DRY=1 it prints what CMake would be told, and stops.
set -euo pipefail
source_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
build_dir="$source_dir/build/demo"

program=${1:-}
if [[ ! -f "$source_dir/examples/$program.cpp" ]]; then
    echo "run.sh: name a program first: $(cd "$source_dir/examples" && echo *.cpp | sed 's/\.cpp//g')" >&2
    exit 2
fi
shift

fail() {
    echo "run.sh: $1" >&2
    exit 2
}

# flag NAME: the value of --NAME among the program's arguments, those behind -- included, or in the file of a sweep; the
# program itself judges it.
arguments=("$@")
in_spec=""
flag() {
    local i value
    value=$(sed -n "s/^$1=//p" <<<"$in_spec")
    for ((i = 0; i < ${#arguments[@]}; ++i)); do
        case ${arguments[i]} in
        "--$1") value=${arguments[i + 1]:-} ;;
        "--$1="*) value=${arguments[i]#*=} ;;
        esac
    done
    echo "$value"
}

# field FILE NAME: a word that a file of JSON holds under a name.
field() { sed -n 's/^ *"'"$2"'": *"\([^"]*\)".*/\1/p' "$1" | head -n 1; }

command -v cmake >/dev/null || "$source_dir/cmake/install_dependencies.sh" demo
spec=""
[[ $program != sweep ]] || spec=$(flag spec)
[[ -z $spec || ! -f $spec ]] || in_spec=$(cmake "-DFILE=$spec" -P "$source_dir/cmake/sweep_flags.cmake" 2>&1)
weights=$(flag weights)
run=$(flag run)
[[ -n $weights || -z $run || ! -f $run/pretrained/config.json ]] || weights=$run/pretrained

# The model: what a config.json describes, one that has a name, or nano.
models="$source_dir/examples/models"
model=$(flag model)
if [[ -n $weights && -f $weights/config.json ]]; then
    config=$weights/config.json
elif [[ -f $models/$model.json ]]; then
    config=$models/$model.json
elif [[ -n $model ]]; then
    fail "--model $model: expected $(cd "$models" && echo *.json | sed 's/\.json//g; s/ /, /g'), or --weights DIR with a config.json"
else
    config=$models/nano.json
fi

# How a run adapts it: as the flags say, or the recipe, or the run that is there.
adapter=$(flag adapter) targets=$(flag targets) precision=$(flag precision)
case $(flag recipe) in
*-finetune*) adapter=${adapter:-none} ;;
*-lora-[0-9]*) adapter=${adapter:-$(flag recipe | sed 's/.*-lora-\([0-9]*\).*/\1/')} ;;
esac
if [[ -n $run && -f $run/run.json ]]; then
    adapter=$(field "$run/run.json" adapter) targets=$(field "$run/run.json" targets) precision=$(field "$run/run.json" precision)
fi
adapter=${adapter:-full} targets=${targets:-all} precision=${precision:-default}

cuda=(-DLAMINA_CUDA=OFF)
[[ $(flag device) != cuda ]] || cuda=(-DLAMINA_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES=native)

# describe CONFIG HEADER: what the compiler will be told of a model.
describe() { cmake -DNAME=model "-DCONFIG=$1" "-DHEADER=$2" -P "$source_dir/cmake/LaminaArchitecture.cmake"; }

mkdir -p "$build_dir/models"
scratch=$(mktemp -d "$build_dir/models/.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
if ! describe "$config" "$scratch/model.hpp" 2>"$scratch/problem"; then
    fail "$(sed -n '/lamina_add_architecture:/,/^Call Stack\|^$/p' "$scratch/problem" | grep -v '^Call Stack' | tr -s ' \n' '  ' | sed 's/^ *lamina_add_architecture: //; s/ *$//')"
fi
entry=""
[[ ${config%/*} != "$models" ]] || entry=$(basename "$config" .json)
for known in "$models"/*.json; do
    [[ -z $entry ]] || break
    describe "$known" "$scratch/known.hpp"
    if cmp -s "$scratch/model.hpp" "$scratch/known.hpp"; then entry=$(basename "$known" .json); fi
done
definitions=("-DLAMINA_MODELS=${entry:-$config}" "-DLAMINA_ADAPTERS=$adapter" "-DLAMINA_TARGETS=$targets"
    "-DLAMINA_PRECISION=$precision" "${cuda[@]}")
if [[ -n ${LAMINA_RUN_SH_DRY:-} ]]; then
    printf '%s\n' "${definitions[@]}"
    exit
fi
key=$(printf '%s\n' "$(cat "$scratch/model.hpp")" "$adapter" "$targets" "$precision" "${cuda[@]}" | sha256sum | cut -c1-12)
kept="$build_dir/models/$key"
title="$program for ${entry:-the model of $config}"
[[ $adapter-$targets-$precision == full-all-default ]] || title+=", adapter $adapter, targets $targets, precision $precision"

# A sweep starts the program beside it.
programs=("$program")
[[ $program != sweep ]] || programs=(remove_layernorm sweep)

# is_current PROGRAM: it is there, and nothing that it is made of is newer.
is_current() {
    [[ -x $kept/$1 && -z $(cd "$source_dir" && find include examples cmake CMakeLists.txt -newer "$kept/$1" -type f -print -quit) ]]
}
all_current() {
    local each
    for each in "${programs[@]}"; do is_current "$each" || return; done
}
if ! all_current; then
    echo "run.sh: building $title, once" >&2
    "$source_dir/cmake/install_dependencies.sh" demo >&2
    mkdir -p "$kept"
    if [[ -z $entry ]]; then
        cp "$config" "$scratch/config.json"
        # The head's bias, which a config.json need not tell, is in the description; its tensors stay where they are.
        entry=$kept/config.json
        if grep -q UntiedWithBias "$scratch/model.hpp" && ! grep -q lm_head_bias "$scratch/config.json"; then
            sed '0,/{/s//{"lamina": {"lm_head_bias": true},/' "$scratch/config.json" >"$scratch/with_bias.json"
            mv "$scratch/with_bias.json" "$scratch/config.json"
        fi
        cmp -s "$scratch/config.json" "$entry" || cp "$scratch/config.json" "$entry"
    fi
    (
        flock 9 # two starts at once build one after the other
        cmake -S "$source_dir" -B "$build_dir" -G Ninja -DCMAKE_BUILD_TYPE=Release -DLAMINA_BUILD_TESTS=OFF \
            -DLAMINA_BUILD_BENCHMARKS=OFF "${definitions[@]}" "-DLAMINA_MODELS=$entry" >/dev/null
        cmake --build "$build_dir" --target "${programs[@]}" >&2
        for each in "${programs[@]}"; do
            cp -f "$build_dir/examples/$each" "$kept/.$each"
            mv -f "$kept/.$each" "$kept/$each"
        done
    ) 9>"$build_dir/models/.lock"
else
    echo "run.sh: $title, built before" >&2
fi
rm -rf "$scratch"
exec "$kept/$program" "$@"
