#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, then builds and runs every test: under g++, and the small suites under clang++ with sanitizers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

jobs=$(nproc)
started=$SECONDS

# stage "title" command...: runs the command, says how long it took, and passes its exit status on.
stage() {
    local title=$1 before=$SECONDS status=0
    shift
    echo "== $title"
    "$@" || status=$?
    echo "== $title: $((SECONDS - before)) s"
    return "$status"
}

# build_preset preset [target...] [-- configure option...]
build_preset() {
    local preset=$1 targets=()
    shift
    while (($#)) && [[ $1 != -- ]]; do
        targets+=("$1")
        shift
    done
    cmake --preset "$preset" "${@:2}" >/dev/null && cmake --build "build/$preset" --target "${targets[@]:-all}" -- -k 20
}

# test_preset preset: runs its tests, then gives the reason of each that was skipped.
test_preset() {
    local status=0
    ctest --preset "$1" --parallel "$jobs" --no-tests=error --progress || status=$?
    grep -h '^lamina: skipped: ' "build/$1/Testing/Temporary/LastTest.log" || true
    return "$status"
}

sanitizes() { "$1" -fsanitize=address,undefined -x c++ -o /dev/null - <<<'int main() {}' 2>/dev/null; }

stage "dependencies" cmake/install_dependencies.sh tests
stage "build with $(c++ --version | head -n 1)" build_preset tests

# The second compiler also runs the sanitizers, so that one build checks both; where it cannot, each gets its own.
failed=0
if sanitizes clang++; then
    stage "build with clang++, sanitizers on" build_preset asan lamina_small_tests -- -DCMAKE_CXX_COMPILER=clang++
else
    stage "build with sanitizers on" build_preset asan lamina_small_tests
    if command -v clang++ >/dev/null; then
        stage "headers under clang++" build_preset clang lamina_headers_linked_twice
    fi
fi
stage "small suites under the sanitizers" test_preset asan || failed=1
stage "every test" test_preset tests || failed=1

if ((failed)); then
    echo "lamina: tests FAILED after $((SECONDS - started)) s"
else
    echo "lamina: all tests passed in $((SECONDS - started)) s"
fi
exit "$failed"
