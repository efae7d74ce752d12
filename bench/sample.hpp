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
    [[nodiscard]] bool empty() const { return values_.empty(); }
    [[nodiscard]] double least() const { return values_.front(); }
    [[nodiscard]] double most() const { return values_.back(); }
    [[nodiscard]] double median() const { return quantile(0.5); }
    /// The value below which this share of them lies, interpolated.
    [[nodiscard]] double quantile(double share) const {
        const double place = share * static_cast<double>(values_.size() - 1);
        const auto low = static_cast<std::size_t>(place);
        const std::size_t high = std::min(low + 1, values_.size() - 1);
        return values_[low] + (place - static_cast<double>(low)) * (values_[high] - values_[low]);
    }

private:
    std::vector<double> values_;  // sorted
};

/// Seconds since it was made.
class Stopwatch {
public:
    [[nodiscard]] double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Seconds that a call takes.
template <class F>
double seconds_of(const F& f) {
    const Stopwatch watch;
    f();
    return watch.seconds();
}

}  // namespace bench
