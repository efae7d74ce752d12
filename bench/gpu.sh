#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gpu.sh: on a machine with one GPU, builds, checks and measures lamina's CUDA backend, next to PyTorch, nine minutes at a time.
#
#   --deps DIR         what gpu_dependencies.sh left, where the machine has no packages of its own
#   --out DIR          results (gpu-results); a part that is done there already, of this commit and GPU, is left out
#   --archive FILE     all of them in one file, with the page, written anew after each part (DIR.tar.gz)
#   --again            also measures what is done already
#   --only PART,…      of build parity train peer operations conformance racecheck memcheck report
#   --sizes SIZE,…     of train and peer: small,medium,large,xl
#   --executions E,…   of train: merged,split,factored
#   --adapters MODE,…  of peer: autocast (the default), tf32, fp32
#   --peers FORM,…     of peer: compiled,eager,published; the last is eager too, and not run at an xl that recomputes
#   --recompute MODE   of xl on either side: block (fits 80 GB), or none (fits 141 GB; ours merged alone, the peer with smaller
#                      micro-batches); the default is what the GPU has room for
#   --within SECONDS   all parts together (540); what then is left is for the next run with the same --out
#   --patience N       all parts together may take N times as long, and each N times what it is given here (1)
#   --build DIR        build tree (build/gpu)
#   --jobs N           compilers at the same time (one per core)
#   --for GPU          builds for another machine's, as "NVIDIA H200, 9.0": with --only build; that machine then leaves build out
#   --commit TEXT      what the results say they are of; the commit of the work tree where there is one
#   --dry-run          says what would be run, and runs nothing
#
# It needs nvcc, CMake 3.25, a C++20 compiler and python3; the peer, PyTorch; memcheck and racecheck, compute-sanitizer. What
# fails is noted as failed with its last line, and the rest goes on, unless it is the build; the exit code is then 1, and 2
# where nothing failed but something is left. LAMINA_PYTHON names the Python.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

all_parts=build,parity,train,peer,operations,conformance,racecheck,memcheck,report
parts=$all_parts
sizes=small,medium,large,xl
executions=merged,split,factored
adapters=autocast
peers=compiled,eager,published
out="gpu-results"
archive=
build=build/gpu
jobs=$(nproc)
deps=
gpu=
commit=
recompute=
patience=1
within=540
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
        --deps | --out | --archive | --only | --sizes | --executions | --adapters | --peers | --recompute | --within | --patience | --build | --jobs | --for | --commit)
            (($# > 1)) || fail "$1 needs a value"
            name=${1#--}
            case $name in only) name=parts ;; for) name=gpu ;; esac
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
expect_some --peers "$peers" compiled,eager,published
expect_some --recompute "${recompute:-block}" none,block
[[ $patience =~ ^[1-9][0-9]*$ ]] || fail "--patience is $patience; expected a whole number"
[[ $within =~ ^[1-9][0-9]*$ ]] || fail "--within is $within; expected a whole number of seconds"
if [[ -n $gpu ]]; then
    [[ $parts == build ]] || fail "--for goes with --only build: what is built for another machine is run there"
    [[ $gpu =~ ^[^,]+,\ [0-9]+\.[0-9]$ ]] || fail "--for is $gpu; expected its name and compute capability, as \"NVIDIA H200, 9.0\""
fi
if has "$parts" build && [[ -n $deps ]] && ((!dry_run)); then bench/gpu_dependencies.sh --check "$deps" || exit 1; fi

# find_tool NAME: its path, also where the toolkit is not on PATH; nothing where it is not there. CUDA_PATH comes before the
# newest of several toolkits in /usr/local, or in LAMINA_TOOLKITS.
find_tool() {
    local folder found=
    if command -v "$1"; then return; fi
    for folder in "${LAMINA_TOOLKITS:-/usr/local}"/cuda* "${CUDA_PATH:-}"; do
        if [[ -x $folder/bin/$1 ]]; then found=$folder/bin/$1; fi
    done
    echo "$found"
}

architecture=native
native=ON
nvcc=nvcc
sanitizer=compute-sanitizer
if ((!dry_run)); then
    nvcc=$(find_tool nvcc)
    sanitizer=$(find_tool compute-sanitizer)
    if has "$parts" build && [[ -z $nvcc ]]; then fail "this machine has no nvcc; install the CUDA toolkit, or set CUDA_PATH"; fi
    if [[ -n $gpu ]]; then
        architecture=$(tr -dc 0-9 <<<"${gpu##*,}")-real
        native=OFF
    elif [[ $parts != report ]]; then
        gpu=$(nvidia-smi --query-gpu=name,compute_cap --format=csv,noheader 2>/dev/null | head -n 1) || true
        [[ -n $gpu ]] || fail "this machine has no GPU that nvidia-smi sees"
        architecture=$(tr -dc 0-9 <<<"${gpu##*,}")-real
        echo "GPU: $gpu"
        memory=$(nvidia-smi --query-gpu=memory.total --format=csv,noheader,nounits 2>/dev/null | head -n 1) || true # MiB
        if [[ -z $recompute && $memory =~ ^[0-9]+$ ]] && ((memory >= 140000)); then recompute=none; fi
    fi
fi
recompute=${recompute:-block}
archive=${archive:-${out%/}.tar.gz}
if [[ -z $commit ]]; then commit=$(git describe --always --dirty 2>/dev/null || echo unknown); fi

failed=()
left_out=()
started=$SECONDS
build_failed=0
most=0 # seconds of all parts, were none left out
report_seconds=10
killed_after=5
watcher=
trap '[[ -z $watcher ]] || kill "$watcher" 2>/dev/null || true' EXIT

# read_build: what the programs in the build tree are of, nothing where there are none.
read_build() {
    built_commit=
    built_gpu=
    if [[ -e $build/built_of ]]; then { read -r built_commit && read -r built_gpu; } <"$build/built_of" || true; fi
}
read_build

# watch_gpu FILE: clock, power and temperature, until the watcher is ended.
watch_gpu() {
    nvidia-smi -i 0 --query-gpu=utilization.gpu,clocks.sm,power.draw,temperature.gpu --format=csv,noheader,nounits -lms 500 \
        >"$1" 2>/dev/null &
    watcher=$!
}

unwatch_gpu() {
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    watcher=
}

# obstacle NAME LEFT LEAST: why a part cannot be begun; nothing where it can.
obstacle() {
    local built=1
    case $1 in build | report | peer*) built=0 ;; esac
    if [[ $1 != report ]] && ((build_failed)) || { ((built)) && [[ -z $built_commit ]]; }; then
        echo "not built"
    elif ((built)) && [[ $built_gpu != "$gpu" ]]; then
        echo "built for another GPU, $built_gpu"
    elif (($2 < $3)); then
        echo "left for the next run, since no time is left in this one"
    fi
}

# part NAME SECONDS COMMAND...: runs a command for at most so long; its output goes to a log, its result to a file of that
# name, unless the command wrote that file. The word LIMIT in the command becomes the seconds that it can count on.
part() {
    local name=$1 budget=$(($2 * patience)) stem=$out/${1// /_} of=$built_commit left least before status=0 word why
    local command=()
    most=$((most + budget))
    case $name in
        report) left=$budget ;; # time was kept for it
        *) left=$((within * patience - SECONDS + started - report_seconds * patience - killed_after)) ;;
    esac
    # With less than half of its time a part would likely come to nothing; but a build goes on from where another ended.
    least=$((budget / 2))
    case $name in build) least=5 ;; esac
    case $name in build | peer* | report) of=$commit ;; esac
    if ((!dry_run && !again)) && [[ $name != build && $name != report ]] &&
        "$python" bench/gpu_result.py "done" "$stem.json" "$of" "$gpu" "$budget"; then
        echo "$name: done already"
        return
    fi
    budget=$((budget < left || dry_run ? budget : left))
    for word in "${@:3}"; do
        if [[ $word == LIMIT ]]; then word=$((budget - 3)); fi
        command+=("$word")
    done
    if ((dry_run)); then
        printf '%s (at most %s s):' "$name" "$budget"
        printf ' %q' "${command[@]}"
        printf '\n'
        return
    fi
    why=$(obstacle "$name" "$left" "$least")
    if [[ -n $why ]]; then
        left_out+=("$name")
        echo "$name: not run: $why"
        "$python" bench/gpu_result.py leave "$stem.json" "$name" "$why"
        return
    fi
    rm -f "$stem.json"
    before=$SECONDS
    watch_gpu "$stem.gpu"
    timeout --kill-after="$killed_after" "$budget" "${command[@]}" >"$stem.log" 2>&1 || status=$?
    unwatch_gpu
    "$python" bench/gpu_result.py finish "$stem.json" "$name" "$status" $((SECONDS - before)) "$budget" "$of" "$gpu" ||
        failed+=("$name")
    keep_results
}

# keep_results: whatever happens to the machine next, what is finished is in one file.
keep_results() { "$python" bench/gpu_result.py archive "$out" "$archive" || echo "$archive: not written"; }

# build_programs: configures and compiles what the parts run, in one command, so that it has one budget. Always, since the
# results may have come from another machine.
build_programs() {
    local generator=()
    if command -v ninja >/dev/null; then generator=(-G Ninja); fi
    ((dry_run)) || rm -f "$build/built_of"
    # shellcheck disable=SC2016 # expanded by the shell that this starts
    part build 170 bash -c 'cmake "${@:3}" -B "$1" && cmake --build "$1" --parallel "$2" --target train_step operations lamina_tests_cuda' \
        build "$build" "$jobs" "${generator[@]}" -S . -DCMAKE_BUILD_TYPE=Release -DLAMINA_CUDA=ON -DLAMINA_BUILD_EXAMPLES=OFF \
        -DLAMINA_WARNINGS_AS_ERRORS=OFF -DLAMINA_NATIVE="$native" \
        -DCMAKE_CUDA_ARCHITECTURES="$architecture" -DCMAKE_CUDA_COMPILER="$nvcc" ${deps:+-DCMAKE_PREFIX_PATH="$(realpath -m "$deps")"}
    ((dry_run)) && return
    if ((${#failed[@]} + ${#left_out[@]})); then build_failed=1; else printf '%s\n%s\n' "$commit" "$gpu" >"$build/built_of"; fi
    read_build
}

tests=$build/tests/lamina_tests_cuda

# suite NAME SECONDS FILTER [WRAPPER...]: the tests that Catch2 finds by the filter.
suite() {
    local strict=()
    # Version 2 calls a run without any test a success; version 3 does not, and does not know the flag.
    if [[ $("$tests" --libidentify 2>/dev/null || true) =~ version:\ *2\. ]]; then strict=(--warn NoTests); fi
    part "$1" "$2" "${@:4}" "$tests" "$3" "${strict[@]}"
}

# shape_of SIZE: sequences of 1024 tokens in a micro-batch, and micro-batches in a step.
shape_of() {
    case $1 in
        small) echo 16 32 ;;
        medium | large) echo 16 16 ;;
        xl) echo 16 8 ;;
    esac
}

# seconds_of SIZE KIND: at most, for a warm-up and five steps of each execution of ours and of each form of the peer. Compiling
# takes some twenty of them.
seconds_of() {
    # shellcheck disable=SC2034 # read by their names
    local small medium large xl
    # shellcheck disable=SC2034
    case $2 in
        compiled) small=50 medium=60 large=80 xl=100 ;;
        eager) small=35 medium=45 large=70 xl=95 ;;
        published) small=45 medium=60 large=90 xl=110 ;;
        *) small=20 medium=22 large=30 xl=35 ;;
    esac
    echo "${!1}"
}

# suffix SIZE: tells the files of an XL that keeps its activations from the others.
suffix() { if [[ $1 == xl && $recompute == none ]]; then echo " kept"; fi; }

# train SIZE EXECUTION: factored adapters are multiplied in float with every token, so they get fewer of them, and TF32.
train() {
    local batch accumulation products=bf16x6 kept=() name
    read -r batch accumulation <<<"$(shape_of "$1")"
    if [[ $2 == factored ]]; then
        accumulation=2
        products=tf32
    fi
    if [[ $1 == xl ]]; then kept=(--recompute "$recompute"); fi
    name="train $1 $2$(suffix "$1")"
    part "$name" "$(seconds_of "$1" "$2")" "$build/bench/train_step" --device cuda --size "$1" --execution "$2" "${kept[@]}" \
        --float-products "$products" --batch "$batch" --sequence 1024 --accumulation "$accumulation" --steps 5 --warm-up 1 \
        --time-limit LIMIT --commit "$built_commit" --json "$out/${name// /_}.json"
}

# peer SIZE ADAPTERS FORM: the same tokens per step as ours, merged or split, and recomputing what they do.
peer() {
    local batch accumulation flags=() name
    read -r batch accumulation <<<"$(shape_of "$1")"
    if [[ $1 == xl ]]; then
        case $recompute in
            none) batch=8 accumulation=16 ;; # more does not fit
            block)
                if [[ $3 == published ]]; then return; fi # the original never recomputes, and would not fit
                flags=(--recompute)
                ;;
        esac
    fi
    case $3 in
        compiled) flags+=(--compile) ;;
        published) flags+=(--as-published) ;;
    esac
    name="peer $1 $2 $3$(suffix "$1")"
    part "$name" "$(seconds_of "$1" "$3")" "$python" bench/train_step_peer.py --size "$1" --adapters "$2" "${flags[@]}" \
        --batch "$batch" --sequence 1024 --accumulation "$accumulation" --steps 5 --warm-up 1 \
        --time-limit LIMIT --json "$out/${name// /_}.json"
}

# turn SIZE N [ours]: ours and theirs one after the other, so that a clock that drifts is the same for both; each once.
turned=
turn() {
    local ours=() theirs=() adapter form
    if has "$parts" train; then IFS=, read -r -a ours <<<"$executions"; fi
    if has "$parts" train && [[ -n $(suffix "$1") ]]; then ours=(merged); fi
    if has "$parts" peer; then
        for adapter in ${adapters//,/ }; do
            for form in ${peers//,/ }; do theirs+=("$adapter $form"); done
        done
    fi
    if (($2 < ${#ours[@]})) && ! has "$turned" "ours $1 $2"; then train "$1" "${ours[$2]}"; fi
    turned+=",ours $1 $2"
    if [[ ${3:-} == ours ]]; then return; fi
    # shellcheck disable=SC2086 # two words
    if (($2 < ${#theirs[@]})) && ! has "$turned" "theirs $1 $2"; then peer "$1" ${theirs[$2]}; fi
    turned+=",theirs $1 $2"
}

((dry_run)) || mkdir -p "$out/operations"
echo "parts: ${parts//,/ }; results in $out; each part with the time that it is given at most"
if has "$parts" build; then build_programs; fi
if has "$parts" parity; then suite parity 20 '[parity]'; fi
# What matters most comes first, should time run out: every size of ours as it is used, and the peer compiled of the first.
for size in ${sizes//,/ }; do turn "$size" 0 ours; done
turn "${sizes%%,*}" 0
if has "$parts" operations; then
    part operations 45 "$build/bench/operations" --device cuda --size "$sizes" --float-products bf16x6 --seconds 0.1 \
        --commit "$built_commit" --json "$out/operations/operations.json" --force
fi
if has "$parts" conformance; then suite conformance 30 '~[parity]'; fi
# Races are looked for where threads share memory. Products are the library's kernels, which are slow to check and not ours; a
# few small ones stay, since our own kernels that prepare their operands are reached through them alone.
if has "$parts" racecheck; then
    suite racecheck 30 '[attention],[normalise],[loss],[sum_rows],[rows],[embedding]' "$sanitizer" --tool racecheck --error-exitcode 9
fi
if has "$parts" memcheck; then
    suite memcheck 40 '[conformance]~[matmul]~[affine],[operands]' "$sanitizer" --tool memcheck --error-exitcode 9
fi
# The rest of all sizes by turns.
for n in {0..8}; do
    for size in ${sizes//,/ }; do turn "$size" "$n"; done
done
if has "$parts" report; then part report $report_seconds "$python" bench/gpu_report.py "$out" "$out/report.md"; fi
if ((dry_run)); then
    echo "at most $most s in all, $((within * patience)) s in one run"
    exit 0
fi
echo "all parts: $((SECONDS - started)) s"
list() { printf '%s, ' "$@" | sed 's/, $/\n/'; }
if ((${#left_out[@]})); then echo "not run: $(list "${left_out[@]}")"; fi
if ((${#failed[@]})); then
    echo "failed: $(list "${failed[@]}")"
    exit 1
fi
if ((${#left_out[@]})); then exit 2; fi
