#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs what an outside project has built: the example, a model of its own, and where it is there, the example with compiled
# kernels.
set -euo pipefail
./example
./own_model
if [[ -x with_kernels ]]; then
    ./with_kernels
fi
