// SPDX-License-Identifier: MIT
// Progress: one live line on a terminal, one line now and then elsewhere.
#pragma once

#include <lamina/train/trainer.hpp>

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>

namespace remove_layernorm {

class Progress {
public:
    Progress(std::string phase, std::size_t steps, std::size_t norms)
        : phase_(std::move(phase)), steps_(steps), norms_(norms), live_(isatty(STDOUT_FILENO) != 0) {}

    void show(const lamina::train::StepReport& report) {
        seconds_ += report.seconds;
        tokens_ += report.tokens;
        ++done_here_;
        const bool last = report.update + 1 == steps_;
        if (!live_ && !last && report.update % every() != 0 && report.problem.empty()) return;
        const double left =
            seconds_ / static_cast<double>(done_here_) * static_cast<double>(steps_ - report.update - 1);
        char line[240];
        std::snprintf(
            line, sizeof line,
            "%-8s step %zu/%zu  loss %.4f  lr %.2e  grad norm %.3f  norms left %zu/%zu  %.0f tok/s  ETA %zu:%02zu",
            phase_.c_str(), report.update + 1, steps_, report.loss, report.rate, report.gradient_norm,
            report.norms_left, norms_, static_cast<double>(tokens_) / seconds_, static_cast<std::size_t>(left) / 60,
            static_cast<std::size_t>(left) % 60);
        std::printf("%s%s%s", live_ ? "\r\033[K" : "", line, live_ && !last ? "" : "\n");
        if (!report.problem.empty()) std::printf("%s  %s\n", live_ ? "\n" : "", report.problem.c_str());
        std::fflush(stdout);
    }

private:
    [[nodiscard]] std::size_t every() const { return steps_ < 20 ? 1 : steps_ / 10; }

    std::string phase_;
    std::size_t steps_;
    std::size_t norms_;
    bool live_;
    double seconds_ = 0;
    std::size_t tokens_ = 0;
    std::size_t done_here_ = 0;
};

}  // namespace remove_layernorm
