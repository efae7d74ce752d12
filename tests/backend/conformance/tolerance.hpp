// SPDX-License-Identifier: MIT
// How far a sum made in a stored type's compute precision may be from the same sum made in double.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>

#include <lamina/backend/contract.hpp>

#include "backend/conformance/grid.hpp"

namespace lamina_tests::conformance {

/// The largest relative error of rounding to T: half the distance from 1 to the next T.
template <class T>
inline constexpr double roundoff = std::is_same_v<T, bf16> ? 0x1p-8
                                                           : static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;

/// The relative error of a sum of `length` terms in ComputeOf<T>, relative to the sum of the terms' magnitudes.
///
/// Each addition errs by up to a roundoff of its partial sum; errors of either sign grow like sqrt(length). The factor
/// 8 pays for what makes up one term (a product or two, a quotient, a function good to a few units in the last place)
/// and, in double, for the reference's own error.
template <class T>
[[nodiscard]] double sum_error(std::size_t length) {
    return 8 * roundoff<ComputeOf<T>> * std::sqrt(static_cast<double>(length) + 1);
}

/// An absolute error that is always granted: results below the smallest normal number may be flushed to zero.
template <class T>
inline constexpr double smallest_normal = static_cast<double>(std::numeric_limits<ComputeOf<T>>::min());

/// The error of a value that is known to within `error` before it is rounded to T, once.
template <class T>
[[nodiscard]] double rounded_once(double value, double error) {
    return roundoff<T> * (std::abs(value) + error) + error + smallest_normal<T>;
}

/// A sum as the reference makes it, with the magnitudes of what had to be added.
struct Sum {
    double value = 0;
    double magnitude = 0;
    std::size_t length = 0;

    void add(double term) { add(term, std::abs(term)); }
    /// A term that is itself the result of cancelling larger ones.
    void add(double term, double term_magnitude) {
        value += term;
        magnitude += term_magnitude;
        ++length;
    }
};

/// Expects `sum`, made in ComputeOf<T> and rounded to T once, as an element.
template <class T>
void expect_sum(Expected& expected, std::size_t row, std::size_t col, const Sum& sum) {
    expected.value(row, col) = sum.value;
    expected.bound(row, col) = rounded_once<T>(sum.value, sum_error<T>(sum.length) * sum.magnitude);
}

/// What mean_over_tokens makes of positive `values` [1, N] by sums in ComputeOf<T>: 0 of none.
template <class T>
[[nodiscard]] Expected expected_mean(const Grid& values, Extent extent, Positions positions) {
    Sum sum;
    for (std::size_t n = 0; n < extent.tokens(); ++n) {
        const bool is_first = n % extent.sequence == 0;
        if (positions == Positions::all || is_first == (positions == Positions::first)) sum.add(values(0, n));
    }
    Expected mean(1, 1);
    if (sum.length != 0) {
        mean.value(0, 0) = sum.value / static_cast<double>(sum.length);
        mean.bound(0, 0) = sum_error<T>(sum.length) * mean.value(0, 0);
    }
    return mean;
}

}  // namespace lamina_tests::conformance
