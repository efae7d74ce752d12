#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing of lamina's dependencies on Debian and Ubuntu: install_dependencies.sh demo|tests
set -euo pipefail

case "${1:-}" in
    demo | tests) purpose=$1 ;;
    *)
        echo "usage: $0 demo|tests" >&2
        exit 2
        ;;
esac

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q '^install ok installed'; }

missing=() # must be there
wanted=()  # make more available: a faster product, a second compiler
need_command() { command -v "$1" >/dev/null || missing+=("$2"); }
want_command() { command -v "$1" >/dev/null || wanted+=("$2"); }
need() { installed "$1" || missing+=("$1"); }
want() { installed "$1" || wanted+=("$1"); }

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    echo "install_dependencies.sh knows apt only; docs/dependencies.md lists what CMake will look for" >&2
    exit 0
fi

need_command g++ g++
need_command cmake cmake
need_command ninja ninja-build
need libeigen3-dev
need librange-v3-dev
need nlohmann-json3-dev
need libutf8proc-dev
need zlib1g-dev
need libzstd-dev
need libcli11-dev
want libdnnl-dev
if [[ $purpose == tests ]]; then
    need catch2
    need_command python3 python3
    want_command curl curl
    want_command clang++ clang
    want_command clang-format-14 clang-format-14
fi

as_root=()
if [[ $(id -u) != 0 ]]; then as_root=(sudo); fi
install_packages() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

if ((${#missing[@]} + ${#wanted[@]})); then
    echo "installing: ${missing[*]} ${wanted[*]}"
    "${as_root[@]}" apt-get update -qq || echo "apt-get update failed; trying with the package lists that are there" >&2
fi
if ((${#missing[@]})); then
    install_packages "${missing[@]}"
fi
for package in "${wanted[@]}"; do
    install_packages "$package" || echo "$package is not available here; going on without it" >&2
done

# The sanitizers' run-time library of clang is a package of its own, named after clang's version.
if [[ $purpose == tests ]] && command -v clang++ >/dev/null; then
    runtime="libclang-rt-$(clang++ -dumpversion | cut -d. -f1)-dev"
    if ! clang++ -fsanitize=address -x c++ -o /dev/null - <<<'int main() {}' 2>/dev/null; then
        install_packages "$runtime" || echo "$runtime is not available here; g++ will run the sanitizers" >&2
    fi
fi

version=$(cmake --version | head -n 1 | grep -o '[0-9.]*$')
if [[ $(printf '%s\n' 3.25 "$version" | sort -V | head -n 1) != 3.25 ]]; then
    echo "CMake $version is too old, lamina needs 3.25: \`python3 -m pip install cmake\` brings a current one" >&2
    exit 1
fi
