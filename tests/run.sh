#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, then builds and runs every test: under g++, and the small suites under clang++ with sanitizers.
# With names of rooms, such as `nn io`, those of these rooms only, under g++; each is the label of its tests in CTest, so
# that compile_fail, consumer, cuda, headers, programs and structure are rooms, too.
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

# configure preset [configure option...]: with ccache for both compilers where it is installed.
configure() {
    local preset=$1 launcher=()
    shift
    if command -v ccache >/dev/null; then
        # What CMake says of precompiled headers under ccache: it knows the date of one only, and what clang++ notes in it.
        export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache)
    fi
    cmake --preset "$preset" "${launcher[@]}" "$@" >/dev/null
}

# build preset [target...]
build() { cmake --build "build/$1" --target "${@:2}" -- -k 20; }

# configure_and_build preset target [configure option...]
configure_and_build() { configure "$1" "${@:3}" && build "$1" "$2"; }

# test_preset preset [ctest option...]: runs its tests, then gives the reason of each that was skipped.
test_preset() {
    local status=0
    ctest --preset "$1" --parallel "$jobs" --no-tests=error --progress "${@:2}" || status=$?
    grep -h '^lamina: skipped: ' "build/$1/Testing/Temporary/LastTest.log" || true
    return "$status"
}

sanitizes() { "$1" -fsanitize=address,undefined -x c++ -o /dev/null - <<<'int main() {}' 2>/dev/null; }

# What takes seconds and stops most mistakes: the checks of the sources, and the smallest suite.
quick_checks() {
    configure tests && build tests lamina_tests_core &&
        ctest --test-dir build/tests -R '^(core/|structure: (includes|every|house|format))' --parallel "$jobs" --output-on-failure --progress
}

finish() {
    core_seconds
    echo "lamina: $1 after $((SECONDS - started)) s, $used core-seconds"
    exit "$2"
}

stage "dependencies" cmake/install_dependencies.sh tests

if (($#)); then
    labels=$(IFS='|' && echo "^($*)\$")
    stage "configure" configure tests
    for room in "$@"; do
        if ! grep -q "^build lamina_room_$room:" build/tests/build.ninja; then
            echo "run.sh: there is no room \"$room\"; there are: $(grep -o '^build lamina_room_[a-z_]*:' build/tests/build.ninja |
                sed 's/.*lamina_room_//; s/:$//' | sort | paste -sd ' ')" >&2
            exit 2
        fi
    done
    stage "build" build tests "${@/#/lamina_room_}"
    stage "tests of $*" test_preset tests --label-regex "$labels" || finish "tests FAILED" 1
    finish "the tests of $* passed" 0
fi

stage "quick checks" quick_checks || finish "quick checks FAILED" 1
stage "build with $(c++ --version | head -n 1)" build tests all

# The second compiler also runs the sanitizers, so that one build checks both; where it cannot, each gets its own.
failed=0
if sanitizes clang++; then
    stage "build with clang++, sanitizers on" configure_and_build asan lamina_small_tests -DCMAKE_CXX_COMPILER=clang++
else
    stage "build with sanitizers on" configure_and_build asan lamina_small_tests
    if command -v clang++ >/dev/null; then
        stage "headers under clang++" configure_and_build clang lamina_headers_linked_twice
    fi
fi
stage "small suites under the sanitizers" test_preset asan || failed=1
stage "every test" test_preset tests || failed=1
if ((failed)); then finish "tests FAILED" 1; fi
finish "all tests passed" 0
