#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs what an outside project has built: the example, and where it is there, the one with compiled kernels.
set -euo pipefail
./example
if [[ -x with_kernels ]]; then
    ./with_kernels
fi
