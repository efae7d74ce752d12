#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, then builds and runs every test, each once: the suites under clang++, which compiles them in a
# third of the time, the small ones with sanitizers; the programs and all else under g++, as most people build them.
# With names of rooms, such as `nn io`, those of these rooms only; each is the label of its tests in CTest, so that
# compile_fail, consumer, cuda, headers, programs and structure are rooms, too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

jobs=$(nproc)
started=$SECONDS

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# core_seconds: sets `used`, the seconds of all cores that this shell's finished children have taken.
core_seconds() {
    times >"$scratch/times" # in a pipe they would be another shell's
    used=$(awk 'NR == 2 { split($1 "m" $2, part, /[ms]+/); printf "%d", 60 * (part[1] + part[3]) + part[2] + part[4] }' "$scratch/times")
}

# stage "title" command...: runs the command, says how long it took, and passes its exit status on.
stage() {
    local title=$1 before=$SECONDS used_before status=0
    shift
    core_seconds
    used_before=$used
    echo "== $title"
    "$@" || status=$?
    core_seconds
    echo "== $title: $((SECONDS - before)) s, $((used - used_before)) core-seconds"
    return "$status"
}

sanitizes() { "$1" -fsanitize=address,undefined -x c++ -o /dev/null - <<<'int main() {}' 2>/dev/null; }

# configure preset: with ccache for both compilers where it is installed. Without a GPU nvcc compiles the suite alone; the
# programs' parts for one are read by g++, and run on the emulator (cuda.cmake).
configure() {
    local preset=$1 launcher=() compiler=c++ sanitized=OFF on_gpu=OFF
    if nvidia-smi -L >/dev/null 2>&1; then on_gpu=ON; fi
    if command -v clang++ >/dev/null; then compiler=clang++; fi
    if sanitizes "$compiler"; then sanitized=ON; fi
    if command -v ccache >/dev/null; then
        # What CMake says of precompiled headers under ccache: it knows the date of one only, and what clang++ notes in it.
        export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache)
    fi
    case $preset in
    suites) cmake --preset suites -DCMAKE_CXX_COMPILER="$compiler" -DLAMINA_TEST_SANITIZED="$sanitized" "${launcher[@]}" ;;
    *) cmake --preset "$preset" -DLAMINA_TEST_SUITES=OFF -DLAMINA_CUDA_PROGRAMS="$on_gpu" "${launcher[@]}" ;;
    esac >/dev/null
}

# build preset [target...]
build() { cmake --build "build/$1" --target "${@:2}" -- -k 20; }

# test_preset preset [ctest option...]: runs its tests, then gives the reason of each that was skipped.
test_preset() {
    local status=0
    ctest --preset "$1" --parallel "$jobs" --no-tests=error --progress "${@:2}" || status=$?
    grep -h '^lamina: skipped: ' "build/$1/Testing/Temporary/LastTest.log" || true
    return "$status"
}

configure_both() { configure suites && configure tests; }

# What takes seconds and stops most mistakes: the checks of the sources, and the smallest suite.
quick_checks() {
    configure_both && build suites lamina_tests_core &&
        ctest --test-dir build/suites -R '^core/' --parallel "$jobs" --output-on-failure --progress &&
        ctest --test-dir build/tests -R '^structure: (includes|every|house|format)' --parallel "$jobs" --output-on-failure --progress
}

# rooms_of preset: the names of its rooms.
rooms_of() { sed -n 's/^build lamina_room_\([a-z_]*\):.*/\1/p' "build/$1/build.ninja"; }

# test_rooms preset room...: builds and tests those of the rooms that the preset has.
test_rooms() {
    local preset=$1 rooms
    shift
    mapfile -t rooms < <(comm -12 <(printf '%s\n' "$@" | sort -u) <(rooms_of "$preset" | sort -u))
    if ((${#rooms[@]} == 0)); then return 0; fi
    stage "build of ${rooms[*]}" build "$preset" "${rooms[@]/#/lamina_room_}" &&
        stage "tests of ${rooms[*]}" test_preset "$preset" --label-regex "$(IFS='|' && echo "^(${rooms[*]})\$")"
}

finish() {
    core_seconds
    echo "lamina: $1 after $((SECONDS - started)) s, $used core-seconds"
    exit "$2"
}

stage "dependencies" cmake/install_dependencies.sh tests

if (($#)); then
    stage "configure" configure_both
    unknown=$(comm -23 <(printf '%s\n' "$@" | sort -u) <({ rooms_of suites; rooms_of tests; } | sort -u) | head -n 1)
    if [[ -n $unknown ]]; then
        echo "run.sh: there is no room \"$unknown\"; there are: $({ rooms_of suites; rooms_of tests; } | sort -u | paste -sd ' ')" >&2
        exit 2
    fi
    failed=0
    test_rooms suites "$@" || failed=1
    test_rooms tests "$@" || failed=1
    if ((failed)); then finish "tests FAILED" 1; fi
    finish "the tests of $* passed" 0
fi

stage "quick checks" quick_checks || finish "quick checks FAILED" 1
failed=0
stage "build of the suites" build suites all
stage "suites" test_preset suites || failed=1
stage "build of programs and checks with $(c++ --version | head -n 1)" build tests all
stage "programs and checks" test_preset tests || failed=1
if ((failed)); then finish "tests FAILED" 1; fi
finish "all tests passed" 0
