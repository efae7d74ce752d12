#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gpu_dependencies.sh DIR [PREFIX]: copies what gpu.sh builds with, headers and small static libraries with the files by
# which CMake finds them, from where Debian's packages put them (PREFIX, else /usr) into DIR, about 15 MB to take along to a
# machine that has no packages.
# gpu_dependencies.sh --check DIR: whether all of it is in DIR.
set -euo pipefail

usage="usage: gpu_dependencies.sh DIR [PREFIX], or gpu_dependencies.sh --check DIR"
packages="libeigen3-dev librange-v3-dev nlohmann-json3-dev libcli11-dev libutf8proc-dev zlib1g-dev libzstd-dev catch2"

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
    include/utf8proc.h include/{zlib,zconf}.h include/{zstd,zstd_errors}.h)
# Static, so that the machine need not know a shared library by this name.
archives=(lib{utf8proc,z,zstd}.a)

if [[ ${1:-} == --check ]]; then
    folder=${2:?$usage}
    [[ -d $folder ]] || fail "$folder is no folder; make it with bench/gpu_dependencies.sh on a machine that has packages"
    for file in "${needed[@]}" "${archives[@]/#/lib/}"; do
        [[ -e $folder/$file ]] || fail "$folder lacks $file; make it anew with bench/gpu_dependencies.sh"
    done
    exit
fi

to=${1:?$usage}
from=${2:-/usr}
for file in "${needed[@]}"; do
    [[ -e $from/$file ]] || fail "$from/$file is not there; install $packages"
done
found=()
for archive in "${archives[@]}"; do
    found+=("$(find "$from/lib" -name "$archive" -print -quit)")
    [[ -n ${found[-1]} ]] || fail "$from/lib has no $archive; install $packages"
done

# Each to the same place below DIR, links as what they point to.
for file in "${needed[@]}"; do
    mkdir -p "$to/$(dirname "$file")"
    cp -rL "$from/$file" "$to/$(dirname "$file")/"
done
# Directly in lib, where CMake looks whatever the machine calls its architecture.
cp -L "${found[@]}" "$to/lib/"
# Version 3 of Catch2 is a library, which its CMake files expect where they were installed; some packages of version 2 have one.
find "$from/lib" -name 'libCatch2*.a' | while read -r library; do
    place=$to/${library#"$from/"}
    mkdir -p "$(dirname "$place")"
    cp -L "$library" "$place"
done
