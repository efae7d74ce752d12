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

/// A bar on a terminal; elsewhere a line now and then.
class Progress {
public:
    /// `done` of the `items` were done by an earlier run.
    Progress(std::string task, std::string_view unit, std::size_t items, std::size_t done)
        : task_(std::move(task)), unit_(unit), items_(items), first_(done), done_(done) {
        if (line_.live() || done_ == items_) show();
    }

    void add(std::size_t count) {
        done_ += count;
        const double between = line_.live() ? 0.1 : 10;  // seconds
        if (done_ == items_ || seconds_since(shown_) >= between) show();
    }

private:
    using Clock = std::chrono::steady_clock;

    [[nodiscard]] static double seconds_since(Clock::time_point start) {
        return std::chrono::duration<double>(Clock::now() - start).count();
    }

    void show() {
        shown_ = Clock::now();
        line_.show(text());
        if (done_ == items_) line_.end();
    }

    [[nodiscard]] std::string text() const {
        constexpr std::size_t width = 24;
        const std::size_t filled = done_ * width / items_;
        std::string line = task_ + std::string(task_.size() < 12 ? 12 - task_.size() : 1, ' ') + '[' +
                           std::string(filled, '#') + std::string(width - filled, '.') + "] " + std::to_string(done_) +
                           '/' + std::to_string(items_) + ' ' + unit_;
        if (done_ == first_) return line + (done_ == items_ ? "  done before" : "");
        const double seconds = seconds_since(start_);
        const double rate = static_cast<double>(done_ - first_) / seconds;
        char numbers[32];
        std::snprintf(numbers, sizeof numbers, "  %.1f/s  ", rate);
        line += numbers;
        if (done_ == items_) return line + "in " + common::minutes(seconds);
        return line + "ETA " + common::minutes(static_cast<double>(items_ - done_) / rate);
    }

    std::string task_;
    std::string unit_;
    std::size_t items_;
    std::size_t first_;
    std::size_t done_;
    Clock::time_point start_ = Clock::now();
    Clock::time_point shown_ = start_;
    common::LiveLine line_;
};

}  // namespace evaluate
