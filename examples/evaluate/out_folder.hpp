// SPDX-License-Identifier: MIT
// The folder of an evaluation: evaluation.json says of what it is, answers/ and pile_losses.npy keep what has been done.
#pragma once

#include "job.hpp"
#include "work.hpp"

#include <filesystem>
#include <string>

namespace evaluate {

[[nodiscard]] std::filesystem::path answers_path(const Job& job, const std::string& task);
[[nodiscard]] std::filesystem::path losses_path(const Job& job);

/// Makes sure that a new evaluation may begin in `job.out`, which is there, and held (common::OutFolder), or empty.
///
/// errors   ArgumentError when it would replace another one or what is of none, without --force, or what it reads
void check_out(const Job& job);

/// Makes `job.out` the folder of this evaluation, or makes sure that it already is, with --resume. Without `job.out` it
/// does nothing.
///
/// errors   FileError when the folder cannot be written, or holds no evaluation, or another one, that --resume asks for
void open_out(const Job& job, const Work& work);

}  // namespace evaluate
