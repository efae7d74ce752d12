#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The main job in one command: remove_layernorm, built for the model that the arguments name, which without arguments is nano.
exec "$(dirname "${BASH_SOURCE[0]}")/run.sh" remove_layernorm "$@"
