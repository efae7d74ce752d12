#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gpu.sh: on a machine with one GPU, builds, checks and measures lamina's CUDA backend, next to PyTorch, in under nine minutes.
#
#   --deps DIR         what gpu_dependencies.sh left, where the machine has no packages of its own
#   --out DIR          results (gpu-results); a part that is done there already is left out
#   --again            also measures what is done already
#   --only PART,…      of build conformance parity memcheck racecheck operations train peer report
#   --sizes SIZE,…     of train and peer: small,medium,large,xl
#   --executions E,…   of train: merged,split,factored
#   --adapters MODE,…  of peer: autocast (the default), tf32, fp32
#   --recompute MODE   of xl on either side: block (the default, fits 80 GB), or none with smaller micro-batches, merged alone
#   --patience N       all parts together may take N times nine minutes, and each N times what it is given here (1)
#   --build DIR        build tree (build/gpu)
#   --jobs N           compilers at the same time (one per core)
#   --commit TEXT      what the results say they are of; the commit of the work tree where there is one
#   --dry-run          says what would be run, and runs nothing
#
# It needs nvcc, CMake 3.25, a C++20 compiler and python3; the peer, PyTorch; memcheck and racecheck, compute-sanitizer. What
# fails is noted as failed with its last line, and the rest goes on; the exit code is then 1. LAMINA_PYTHON names the Python.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

all_parts=build,conformance,parity,memcheck,racecheck,operations,train,peer,report
parts=$all_parts
sizes=small,medium,large,xl
executions=merged,split,factored
adapters=autocast
out="gpu-results"
build=build/gpu
jobs=$(nproc)
deps=
commit=
recompute=block
patience=1
within=540 # seconds, of all parts
again=0
dry_run=0
python=${LAMINA_PYTHON:-python3}

fail() {
    echo "gpu.sh: $*" >&2
    exit 1
}

while (($#)); do
    case $1 in
        --again) again=1 ;;
        --dry-run) dry_run=1 ;;
        --deps | --out | --only | --sizes | --executions | --adapters | --recompute | --patience | --build | --jobs | --commit)
            (($# > 1)) || fail "$1 needs a value"
            name=${1#--}
            [[ $name == only ]] && name=parts
            printf -v "$name" %s "$2"
            shift
            ;;
        *) fail "$1 is no option; the first lines of bench/gpu.sh list them" ;;
    esac
    shift
done

# has LIST WORD: whether a list with commas between has the word.
has() { [[ ,$1, == *,$2,* ]]; }

# expect_some NAME LIST ALLOWED
expect_some() {
    local word
    for word in ${2//,/ }; do has "$3" "$word" || fail "$1 has $word; expected some of ${3//,/ }"; done
}
expect_some --only "$parts" "$all_parts"
expect_some --sizes "$sizes" small,medium,large,xl
expect_some --executions "$executions" merged,split,factored
expect_some --adapters "$adapters" autocast,tf32,fp32
expect_some --recompute "$recompute" none,block
[[ $patience =~ ^[1-9][0-9]*$ ]] || fail "--patience is $patience; expected a whole number"

# find_tool NAME: its path, also where the toolkit is not on PATH; nothing where it is not there.
find_tool() { command -v "$1" || ls "${CUDA_PATH:-/usr/local/cuda}/bin/$1" 2>/dev/null || true; }

architecture=native
nvcc=nvcc
sanitizer=compute-sanitizer
if ((!dry_run)); then
    nvcc=$(find_tool nvcc)
    sanitizer=$(find_tool compute-sanitizer)
    if has "$parts" build && [[ -z $nvcc ]]; then fail "this machine has no nvcc; install the CUDA toolkit, or set CUDA_PATH"; fi
    if [[ $parts != report ]]; then
        gpu=$(nvidia-smi --query-gpu=name,compute_cap --format=csv,noheader 2>/dev/null | head -n 1) || true
        [[ -n ${gpu:-} ]] || fail "this machine has no GPU that nvidia-smi sees"
        architecture=$(tr -dc 0-9 <<<"${gpu##*,}")-real
        echo "GPU: $gpu"
    fi
fi
if [[ -z $commit ]]; then commit=$(git describe --always --dirty 2>/dev/null || echo unknown); fi

failed=()
started=$SECONDS
seconds_taken=

# note NAME OUTCOME DETAIL: leaves the result of a part that writes none itself.
note() {
    "$python" - "$out/${1// /_}.json" "$1" "$2" "$3" "$seconds_taken" <<'PYTHON'
import json, sys
path, part, outcome, detail, seconds = sys.argv[1:]
with open(path, "w", encoding="utf-8") as file:
    json.dump({"part": part, "outcome": outcome, "detail": detail, "seconds": int(seconds)}, file)
PYTHON
}

# part NAME SECONDS COMMAND...: runs a command for at most so long; its output goes to a log, its result to a file of that
# name, unless the command wrote that file.
part() {
    local name=$1 budget=$(($2 * patience)) status=0 before=$SECONDS stem=$out/${1// /_}
    shift 2
    if ((dry_run)); then
        printf '%s (at most %s s):' "$name" "$budget"
        printf ' %q' "$@"
        printf '\n'
        return
    fi
    if ((!again)) && grep -qE '"outcome": *"(passed|measured)"' "$stem.json" 2>/dev/null; then
        echo "$name: done already"
        return
    fi
    rm -f "$stem.json"
    local left=$((within * patience - SECONDS + started))
    if ((left < 5)); then
        failed+=("$name")
        seconds_taken=0
        note "$name" "not run" "no time was left"
        echo "$name: not run, no time is left"
        return
    fi
    budget=$((budget < left ? budget : left))
    timeout --kill-after=5 "$budget" "$@" >"$stem.log" 2>&1 || status=$?
    seconds_taken=$((SECONDS - before))
    local last
    last=$(grep -v '^[[:space:]=]*$' "$stem.log" | tail -n 1 | tr -d '\r') || true
    if ((status == 124 || status == 137)); then last="stopped after $budget s; $last"; fi
    # A suite that finds nothing to run on says so and is content; here that is a failure.
    if grep -q '^lamina: skipped: ' "$stem.log"; then status=1; fi
    if ((status)); then
        failed+=("$name")
        [[ -e $stem.json ]] || note "$name" failed "$last"
        echo "$name: FAILED after $seconds_taken s: $last"
    else
        [[ -e $stem.json ]] || note "$name" passed "$last"
        echo "$name: $seconds_taken s: $last"
    fi
}

# build_programs: configures and compiles what the parts run, in one command, so that it has one budget. Always, since the
# results may have come from another machine.
build_programs() {
    local generator=() again=1
    if command -v ninja >/dev/null; then generator=(-G Ninja); fi
    # shellcheck disable=SC2016 # expanded by the shell that this starts
    part build 170 bash -c 'cmake "${@:3}" -B "$1" && cmake --build "$1" --parallel "$2" --target train_step operations lamina_tests_cuda' \
        build "$build" "$jobs" "${generator[@]}" -S . -DCMAKE_BUILD_TYPE=Release -DLAMINA_CUDA=ON -DLAMINA_BUILD_EXAMPLES=OFF \
        -DCMAKE_CUDA_ARCHITECTURES="$architecture" -DCMAKE_CUDA_COMPILER="$nvcc" ${deps:+-DCMAKE_PREFIX_PATH="$(realpath -m "$deps")"}
}

tests=$build/tests/lamina_tests_cuda

# shape_of SIZE: sequences of 1024 tokens in a micro-batch, micro-batches in a step, measured steps, and the most seconds
# for each execution of ours and for the peer, which compiles for most of them.
shape_of() {
    case $1 in
        small) echo 16 32 5 20 50 ;;
        medium) echo 16 16 4 20 60 ;;
        large) echo 16 16 3 25 75 ;;
        xl) if [[ $recompute == none ]]; then echo 8 16 2 30 100; else echo 16 8 2 30 100; fi ;;
    esac
}

# suffix SIZE: tells the files of an XL that keeps its activations from the others.
suffix() { if [[ $1 == xl && $recompute == none ]]; then echo " kept"; fi; }

# train SIZE EXECUTION: factored adapters are multiplied in float with every token, so they get fewer of them, and TF32.
train() {
    local batch accumulation steps seconds peer_seconds products=bf16x6 kept=()
    read -r batch accumulation steps seconds peer_seconds <<<"$(shape_of "$1")"
    if [[ $2 == factored ]]; then
        accumulation=2
        products=tf32
    fi
    if [[ $1 == xl ]]; then kept=(--recompute "$recompute"); fi
    local name
    name="train $1 $2$(suffix "$1")"
    part "$name" "$seconds" "$build/bench/train_step" --device cuda --size "$1" --execution "$2" "${kept[@]}" \
        --float-products "$products" --batch "$batch" --sequence 1024 --accumulation "$accumulation" --steps "$steps" \
        --warm-up 1 --time-limit $((seconds * patience - 3)) --commit "$commit" --json "$out/${name// /_}.json"
}

# peer SIZE ADAPTERS: the same tokens per step as ours, merged or split, and recomputing what they do.
peer() {
    local batch accumulation steps seconds peer_seconds kept=()
    read -r batch accumulation steps seconds peer_seconds <<<"$(shape_of "$1")"
    if [[ $1 == xl && $recompute == block ]]; then kept=(--recompute); fi
    local name
    name="peer $1 $2$(suffix "$1")"
    part "$name" "$peer_seconds" "$python" bench/train_step_peer.py --size "$1" --adapters "$2" --compile "${kept[@]}" \
        --batch "$batch" --sequence 1024 --accumulation "$accumulation" --steps "$steps" --warm-up 1 \
        --time-limit $((peer_seconds * patience - 3)) --json "$out/${name// /_}.json"
}

# Ours and theirs by turns, so that a clock that drifts is the same for both.
measure_size() {
    local ours=() theirs=() turn
    if has "$parts" train; then IFS=, read -r -a ours <<<"$executions"; fi
    if has "$parts" train && [[ -n $(suffix "$1") ]]; then ours=(merged); fi
    if has "$parts" peer; then IFS=, read -r -a theirs <<<"$adapters"; fi
    for ((turn = 0; turn < ${#ours[@]} || turn < ${#theirs[@]}; ++turn)); do
        if ((turn < ${#ours[@]})); then train "$1" "${ours[turn]}"; fi
        if ((turn < ${#theirs[@]})); then peer "$1" "${theirs[turn]}"; fi
    done
}

((dry_run)) || mkdir -p "$out/operations"
echo "parts: ${parts//,/ }; results in $out; each part with the time that it is given at most"
if has "$parts" build; then build_programs; fi
if has "$parts" conformance; then part conformance 30 "$tests" '~[parity]'; fi
if has "$parts" parity; then part parity 20 "$tests" '[parity]'; fi
# The products are the library's own kernels, which are slow to check and not ours: they are left out. Races are looked for
# where threads share memory.
if has "$parts" memcheck; then
    part memcheck 40 "$sanitizer" --tool memcheck --error-exitcode 9 "$tests" '[conformance]~[matmul]~[affine]'
fi
if has "$parts" racecheck; then
    part racecheck 30 "$sanitizer" --tool racecheck --error-exitcode 9 "$tests" \
        '[attention],[normalise],[loss],[sum_rows],[rows],[embedding]'
fi
if has "$parts" operations; then
    part operations 35 "$build/bench/operations" --device cuda --size "$sizes" --float-products bf16x6 --seconds 0.1 \
        --commit "$commit" --json "$out/operations/operations.json"
fi
for size in ${sizes//,/ }; do measure_size "$size"; done
if has "$parts" report; then
    again=1
    part report 10 "$python" bench/gpu_report.py "$out" "$out/report.md"
fi
((dry_run)) && exit 0
echo "all parts: $((SECONDS - started)) s"
if ((${#failed[@]})); then
    printf 'failed: %s\n' "$(printf '%s, ' "${failed[@]}" | sed 's/, $//')"
    exit 1
fi
