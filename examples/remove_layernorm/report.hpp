// SPDX-License-Identifier: MIT
// The files that a run leaves: results.json, the table, and the loss curve drawn from the metric logs.
#pragma once

#include "job.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

namespace remove_layernorm {

/// Held-out losses, nats per token.
struct Results {
    double pretrained = 0;
    std::optional<double> control;
    double removed = 0;
    double folded = 0;
    double max_logit_difference = 0;
    std::size_t layer_norms_before = 0;
    std::size_t layer_norms_after = 0;
    std::size_t steps = 0;
    double seconds = 0;
};

/// Markdown in the style of the published table.
[[nodiscard]] std::string results_table(const Results& results);

/// Writes results.json, results.md and loss.svg into the run's folder. The curve is read back from the metric logs, so
/// a resumed run draws all of it.
void write_report(const Job& job, const Results& results);

/// The log of one phase: metrics.jsonl for the removal, metrics-PHASE.jsonl for the others.
[[nodiscard]] std::filesystem::path metric_path(const Job& job, const std::string& phase);

}  // namespace remove_layernorm
