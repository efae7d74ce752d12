#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gpu_dependencies.sh DIR [PREFIX]: copies what gpu.sh builds with, headers and two small static libraries with the files by
# which CMake finds them, from where Debian's packages put them (PREFIX, else /usr) into DIR, about 14 MB to take along to a
# machine that has no packages.
set -euo pipefail

to=${1:?usage: gpu_dependencies.sh DIR [PREFIX]}
from=${2:-/usr}
packages="libeigen3-dev librange-v3-dev nlohmann-json3-dev libcli11-dev libutf8proc-dev catch2"

# copy FILE...: each to the same place below DIR, links as what they point to.
copy() {
    for file in "$@"; do
        if [[ ! -e $from/$file ]]; then
            echo "gpu_dependencies.sh: $from/$file is not there; install $packages" >&2
            exit 1
        fi
        mkdir -p "$to/$(dirname "$file")"
        cp -rL "$from/$file" "$to/$(dirname "$file")/"
    done
}

copy include/eigen3/{Eigen,signature_of_eigen3_matrix_library} share/eigen3/cmake
copy include/{range,concepts,meta,std} lib/cmake/range-v3
copy include/nlohmann share/cmake/nlohmann_json
copy include/CLI share/cmake/CLI11
copy include/catch2 lib/cmake/Catch2
# Static, so that the machine need not know a shared library by this name; Catch2's own is empty of what we use in
# version 2, but its CMake files insist on it.
for library in libutf8proc.a libCatch2WithMain.a; do
    found=$(find "$from/lib" -name "$library" -print -quit)
    if [[ -n $found ]]; then
        mkdir -p "$to/lib"
        cp -L "$found" "$to/lib/"
    fi
done
copy include/utf8proc.h
