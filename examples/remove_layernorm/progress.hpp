// SPDX-License-Identifier: MIT
// Progress: one live line on a terminal, one line now and then elsewhere.
#pragma once

#include "../common/live_line.hpp"

#include <lamina/train/trainer.hpp>

#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>

namespace remove_layernorm {

class Progress {
public:
    /// `norms` of 0 says that none are to be removed.
    Progress(std::string phase, std::size_t steps, std::size_t norms)
        : phase_(std::move(phase)), steps_(steps), norms_(norms) {}

    void show(const lamina::train::StepReport& report, std::size_t norms_left) {
        seconds_ += report.seconds;
        tokens_ += report.tokens;
        ++done_here_;
        const bool last = report.update + 1 == steps_;
        if (!line_.live() && !last && report.update % every() != 0 && report.problem.empty()) return;
        line_.show(line_of(report, norms_left));
        if (last || !report.problem.empty()) line_.end();
        if (!report.problem.empty()) std::printf("  %s\n", report.problem.c_str());
        std::fflush(stdout);
    }

    void show_heldout(double loss) {
        line_.end();
        std::printf("%-8s held-out loss %.4f\n", phase_.c_str(), loss);
        std::fflush(stdout);
    }

private:
    [[nodiscard]] std::size_t every() const { return steps_ < 20 ? 1 : steps_ / 10; }

    [[nodiscard]] std::string line_of(const lamina::train::StepReport& report, std::size_t norms_left) const {
        const double each = seconds_ / static_cast<double>(done_here_);
        char text[160];
        std::snprintf(text, sizeof text, "%-8s step %zu/%zu  loss %.4f  lr %.2e  grad norm %.3f", phase_.c_str(),
                      report.update + 1, steps_, report.loss, report.rate, report.gradient_norm);
        std::string line = text;
        if (norms_ != 0) {
            line += "  norms left " + std::to_string(norms_left) + '/' + std::to_string(norms_);
        }
        std::snprintf(text, sizeof text, "  %.0f tok/s  ETA ", static_cast<double>(tokens_) / seconds_);
        return line + text + common::minutes(each * static_cast<double>(steps_ - report.update - 1));
    }

    std::string phase_;
    std::size_t steps_;
    std::size_t norms_;
    common::LiveLine line_;
    double seconds_ = 0;
    std::size_t tokens_ = 0;
    std::size_t done_here_ = 0;
};

}  // namespace remove_layernorm
