// SPDX-License-Identifier: MIT
// The folder of a run: everything in it belongs to the one set of settings that its run.json holds, and was made in the
// places that it lists.
#pragma once

#include "job.hpp"

#include <lamina/io/json_file.hpp>

#include <string>

namespace remove_layernorm {

/// Where this part of a run is made, as far as it decides bits: the CPU with so many threads, or cuda with its way of
/// multiplying floats.
[[nodiscard]] lamina::io::Json place_of(const Job& job);

/// Begins a new run in `job.out`, or makes sure that the run there is the one to be continued, and notes the place.
/// The folder is there, and held (common::OutFolder).
///
/// errors   ArgumentError when a new run, without --force, would replace a finished one, the checkpoints of an
///          unfinished one or what is of no run; FileError when the folder cannot be written, or holds no run, or one
///          of other settings or of another number of threads, that `--resume` asks for
void open_run_folder(const Job& job);

/// The first setting in which `stored` differs from `now`, with both values; empty if there is none.
[[nodiscard]] std::string difference(const lamina::io::Json& stored, const lamina::io::Json& now);

}  // namespace remove_layernorm
