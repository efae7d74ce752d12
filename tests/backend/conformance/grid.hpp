// SPDX-License-Identifier: MIT
// Grid: the matrix of doubles in which the conformance suite keeps inputs, outputs and references alike.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <lamina/backend/contract.hpp>

namespace lamina_tests::conformance {

using namespace lamina;

/// A matrix on the host. Every stored type converts to double exactly, so equal grids mean equal stored bits.
struct Grid {
    std::size_t rows = 0;
    std::size_t cols = 0;
    std::vector<double> values;

    Grid() = default;
    Grid(std::size_t row_count, std::size_t col_count, double value = 0)
        : rows(row_count), cols(col_count), values(row_count * col_count, value) {}

    [[nodiscard]] double& operator()(std::size_t row, std::size_t col) { return values[row * cols + col]; }
    [[nodiscard]] double operator()(std::size_t row, std::size_t col) const { return values[row * cols + col]; }
};

using Grids = std::vector<Grid>;

/// What an output that is to be overwritten starts as: whoever reads or keeps an element of it shows.
inline Grid unset(std::size_t rows, std::size_t cols) { return {rows, cols, std::numeric_limits<double>::quiet_NaN()}; }

/// `value` as a T keeps it.
template <class T>
[[nodiscard]] T stored(double value) {
    return static_cast<T>(static_cast<ComputeOf<T>>(value));
}

/// The values as T keeps them, so that inputs and their reference agree exactly.
template <class T>
[[nodiscard]] Grid rounded_to(Grid grid) {
    for (double& value : grid.values) value = static_cast<double>(stored<T>(value));
    return grid;
}

struct Range {
    double low = -1;
    double high = 1;
};

/// Values spread evenly over `range`, then rounded to T; the same for the same seed everywhere.
template <class T>
[[nodiscard]] Grid random_grid(std::size_t rows, std::size_t cols, std::uint32_t seed, Range range = {}) {
    std::mt19937 engine(seed);
    Grid grid(rows, cols);
    for (double& value : grid.values) {
        value = range.low + (range.high - range.low) * (static_cast<double>(engine()) + 0.5) * 0x1p-32;
    }
    return rounded_to<T>(grid);
}

[[nodiscard]] inline bool same_bits(const Grid& a, const Grid& b) {
    return std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(), [](double x, double y) {
        return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
    });
}

/// A reference result and, for each element, how far an implementation may be from it.
struct Expected {
    Grid value;
    Grid bound;

    Expected(std::size_t rows, std::size_t cols) : value(rows, cols), bound(rows, cols) {}
    /// Nothing but exactly these values will do.
    explicit Expected(const Grid& exact) : value(exact), bound(exact.rows, exact.cols) {}
};

/// Empty when every element is within its bound, else one line about the first that is not.
[[nodiscard]] inline std::string mismatch(const Grid& actual, const Expected& expected) {
    if (actual.values.size() != expected.value.values.size()) return "the sizes differ";
    std::ostringstream text;
    text.precision(17);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < actual.values.size(); ++i) {
        const double found = actual.values[i];
        const double wanted = expected.value.values[i];
        const double bound = expected.bound.values[i];
        // Written so that a NaN on either side, or as a bound, is a mismatch; equal infinities are none.
        if (found == wanted || std::abs(found - wanted) <= bound) continue;
        if (wrong++ == 0) {
            text << "element (" << i / actual.cols << ", " << i % actual.cols << ") is " << found << ", expected "
                 << wanted << " within " << bound;
        }
    }
    if (wrong > 1) text << "; " << wrong << " of " << actual.values.size() << " elements are wrong";
    return text.str();
}

/// The gradient of `f` at `x` by central differences in double.
///
/// The step is the cube root of double's roundoff, where truncation (step² · |f'''| / 6) and rounding (roundoff · |f| /
/// step) are both about 4e-11 for a function of size 1; `central_difference_bound` leaves room for a few hundred times
/// that, since the tests' functions and their third derivatives reach tens.
[[nodiscard]] inline Grid central_differences(const Grid& x, const std::function<double(const Grid&)>& f) {
    constexpr double step = 6e-6;
    Grid gradient(x.rows, x.cols);
    Grid moved = x;
    for (std::size_t i = 0; i < x.values.size(); ++i) {
        moved.values[i] = x.values[i] + step;
        const double above = f(moved);
        moved.values[i] = x.values[i] - step;
        const double below = f(moved);
        moved.values[i] = x.values[i];
        gradient.values[i] = (above - below) / (2 * step);
    }
    return gradient;
}
inline constexpr double central_difference_bound = 1e-8;

/// Σ a · b: turns an output into one number to differentiate.
[[nodiscard]] inline double dot(const Grid& a, const Grid& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.values.size(); ++i) sum += a.values[i] * b.values[i];
    return sum;
}

}  // namespace lamina_tests::conformance
