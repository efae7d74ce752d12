#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The main job in one command: remove_layernorm, built for the size that the arguments name, which without arguments is nano.
set -euo pipefail
model=(--model nano)
for argument in "$@"; do
    [[ $argument != --model && $argument != --model=* ]] || model=()
done
exec "$(dirname "${BASH_SOURCE[0]}")/run.sh" remove_layernorm "${model[@]}" "$@"
