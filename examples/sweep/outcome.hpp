// SPDX-License-Identifier: MIT
// Outcome: what a run of a sweep has come to, as its folder tells.
#pragma once

#include "plan.hpp"

#include "../common/loss_chart.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sweep {

enum class State {
    waiting,   ///< not begun, or interrupted
    finished,  ///< it has a folded model
    diverged,  ///< a number became NaN or infinite, as it will again
    failed,    ///< something else was wrong, which may be put right
};

[[nodiscard]] const char* name_of(State state);

/// Held-out losses, nats per token.
struct Outcome {
    State state = State::waiting;
    std::string reason{};  ///< of what is neither waiting nor finished
    std::optional<double> before{};
    std::optional<double> control{};
    std::optional<double> removed{};
    std::optional<double> folded{};
    std::optional<double> worst{};  ///< that was measured while norms went and after
    std::optional<double> seconds{};
    std::vector<common::LossPoint> curve{};     ///< of the removal's training loss
    std::vector<common::LossPoint> held_out{};  ///< of what was measured on its way
};

/// Whether the folder has a run that has ended well.
[[nodiscard]] bool is_finished(const std::filesystem::path& folder);

/// What the folder of a run holds so far.
///
/// errors   FileError when what is there cannot be read
[[nodiscard]] Outcome read_outcome(const std::filesystem::path& folder);

/// How a run that is not finished is begun or continued: by --resume where it has a checkpoint, by --force where it has
/// none but has been begun, and, because they decide its bits, with as many threads as it had.
///
/// errors   FileError when its run.json cannot be read
[[nodiscard]] std::vector<std::string> starting_flags(const std::filesystem::path& folder, std::size_t threads);

}  // namespace sweep
