// SPDX-License-Identifier: MIT
// Sample: repeated measurements of one thing, and how long a call takes.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace bench {

class Sample {
public:
    void add(double value) { values_.insert(std::upper_bound(values_.begin(), values_.end(), value), value); }
    [[nodiscard]] double least() const { return values_.front(); }
    [[nodiscard]] double most() const { return values_.back(); }
    [[nodiscard]] double median() const {
        const std::size_t half = values_.size() / 2;
        return values_.size() % 2 == 1 ? values_[half] : (values_[half - 1] + values_[half]) / 2;
    }

private:
    std::vector<double> values_;  // sorted
};

/// Seconds that a call takes.
template <class F>
double seconds_of(const F& f) {
    const auto start = std::chrono::steady_clock::now();
    f();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace bench
