// SPDX-License-Identifier: MIT
// Progress: how many items of a task are done, how fast, and when the rest will be.
#pragma once

#include "../common/live_line.hpp"

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace evaluate {

/// A bar on a terminal; elsewhere one line per tenth of the work.
class Progress {
public:
    /// `done` of the `items` were done by an earlier run.
    Progress(std::string task, std::string_view unit, std::size_t items, std::size_t done)
        : task_(std::move(task)), unit_(unit), items_(items), first_(done), done_(done), shown_(done) {}

    void add(std::size_t count) {
        done_ += count;
        const bool last = done_ == items_;
        if (!line_.live() && !last && (done_ - shown_) * 10 < items_) return;
        shown_ = done_;
        line_.show(text());
        if (last) line_.end();
    }

private:
    [[nodiscard]] std::string text() const {
        constexpr std::size_t width = 24;
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
        const double rate = static_cast<double>(done_ - first_) / (seconds > 0 ? seconds : 1);
        const std::size_t filled = done_ * width / items_;
        char numbers[96];
        std::snprintf(numbers, sizeof numbers, "%zu/%zu %s  %.1f/s  ", done_, items_, unit_.c_str(), rate);
        std::string line = task_ + std::string(task_.size() < 12 ? 12 - task_.size() : 1, ' ') + '[' +
                           std::string(filled, '#') + std::string(width - filled, '.') + "] " + numbers;
        if (done_ == items_) return line + "in " + common::minutes(seconds);
        return line + "ETA " + (rate > 0 ? common::minutes(static_cast<double>(items_ - done_) / rate) : "-");
    }

    std::string task_;
    std::string unit_;
    std::size_t items_;
    std::size_t first_;
    std::size_t done_;
    std::size_t shown_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    common::LiveLine line_;
};

}  // namespace evaluate
