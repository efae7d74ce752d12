#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gpu_dependencies.sh DIR [PREFIX]: copies what gpu.sh builds with, headers and small static libraries with the files by
# which CMake finds them, from where Debian's packages put them (PREFIX, else /usr) into DIR, about 14 MB to take along to a
# machine that has no packages.
# gpu_dependencies.sh --check DIR: whether all of it is in DIR.
set -euo pipefail

usage="usage: gpu_dependencies.sh DIR [PREFIX], or gpu_dependencies.sh --check DIR"
packages="libeigen3-dev librange-v3-dev nlohmann-json3-dev libcli11-dev libutf8proc-dev catch2"

fail() {
    echo "gpu_dependencies.sh: $*" >&2
    exit 1
}

# Where the packages of different releases differ, what is looked for is what both have.
needed=(include/eigen3/{Eigen,signature_of_eigen3_matrix_library} share/eigen3/cmake
    include/{range,concepts,meta,std} lib/cmake/range-v3
    include/nlohmann share/cmake/nlohmann_json
    include/CLI share/cmake/CLI11
    include/catch2 lib/cmake/Catch2
    include/utf8proc.h)

if [[ ${1:-} == --check ]]; then
    folder=${2:?$usage}
    [[ -d $folder ]] || fail "$folder is no folder; make it with bench/gpu_dependencies.sh on a machine that has packages"
    for file in "${needed[@]}" lib/libutf8proc.a; do
        [[ -e $folder/$file ]] || fail "$folder lacks $file; make it anew with bench/gpu_dependencies.sh"
    done
    exit
fi

to=${1:?$usage}
from=${2:-/usr}
for file in "${needed[@]}"; do
    [[ -e $from/$file ]] || fail "$from/$file is not there; install $packages"
done
# Static, so that the machine need not know a shared library by this name.
utf8proc=$(find "$from/lib" -name libutf8proc.a -print -quit)
[[ -n $utf8proc ]] || fail "$from/lib has no libutf8proc.a; install $packages"

# Each to the same place below DIR, links as what they point to.
for file in "${needed[@]}"; do
    mkdir -p "$to/$(dirname "$file")"
    cp -rL "$from/$file" "$to/$(dirname "$file")/"
done
# Directly in lib, where CMake looks whatever the machine calls its architecture.
cp -L "$utf8proc" "$to/lib/"
# Version 3 of Catch2 is a library, which its CMake files expect where they were installed; some packages of version 2 have one.
find "$from/lib" -name 'libCatch2*.a' | while read -r library; do
    place=$to/${library#"$from/"}
    mkdir -p "$(dirname "$place")"
    cp -L "$library" "$place"
done
