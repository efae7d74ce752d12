// SPDX-License-Identifier: MIT
// The files that a sweep leaves: table.md, results.json and sweep.svg, after each run anew.
#pragma once

#include "outcome.hpp"
#include "plan.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace sweep {

/// A sweep and what has come of each of its points so far, in their order.
struct Sweep {
    Plan plan;
    std::vector<Configuration> configurations;
    std::vector<Point> points;
    std::vector<Outcome> outcomes;
    std::filesystem::path out;
};

/// Means over the seeds that finished, each with their sample standard deviation where there are two or more; below it,
/// what did not finish, and why. Markdown.
[[nodiscard]] std::string table_of(const Sweep& sweep);

/// Writes all three into the sweep's folder.
void write_report(const Sweep& sweep);

/// Of each point that an earlier start found diverged, state and reason; they will diverge again.
void recall_divergences(Sweep& sweep);

}  // namespace sweep
