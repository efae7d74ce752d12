// SPDX-License-Identifier: MIT
// What every engine of the CPU backend must do: all transposes, into slices, overwriting and adding.
#pragma once

#include "backend/cpu/filled.hpp"
#include "support/catch.hpp"

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/product.hpp>
#include <lamina/core/matrix_view.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace lamina_tests {

/// The error of a sum of `depth` products of numbers below 1, made in Compute: a roundoff for each, of either sign,
/// and a margin of 8.
template <class Compute>
[[nodiscard]] double product_error(std::size_t depth) {
    return 8 * static_cast<double>(std::numeric_limits<Compute>::epsilon()) * std::sqrt(static_cast<double>(depth));
}

template <class Engine, class Compute>
void verify_engine_on(std::size_t m, std::size_t n, std::size_t depth, lamina::MatmulOptions options) {
    using lamina::Transpose;
    CAPTURE(m, n, depth, int(options.lhs_as), int(options.rhs_as), int(options.write));
    const bool lhs_transposed = options.lhs_as == Transpose::yes;
    const bool rhs_transposed = options.rhs_as == Transpose::yes;
    const Filled<Compute> lhs(lhs_transposed ? depth : m, lhs_transposed ? m : depth, 1);
    const Filled<Compute> rhs(rhs_transposed ? n : depth, rhs_transposed ? depth : n, 2);
    const Filled<Compute> before(m, n + 3, 3);
    Filled<Compute> out = before;
    Engine::multiply(lamina::cpu::Product<Compute>{.out = out.view().columns(1, n),
                                                   .lhs = {lhs.input(), options.lhs_as},
                                                   .rhs = {rhs.input(), options.rhs_as},
                                                   .write = options.write});
    double worst = 0;
    bool outside_untouched = true;
    for (std::size_t r = 0; r < m; ++r) {
        for (std::size_t c = 0; c < out.cols; ++c) {
            if (c < 1 || c > n) {
                outside_untouched = outside_untouched && out(r, c) == before(r, c);
                continue;
            }
            double expected = options.write == lamina::Write::accumulate ? before(r, c) : 0;
            for (std::size_t k = 0; k < depth; ++k) {
                expected += (lhs_transposed ? lhs(k, r) : lhs(r, k)) * (rhs_transposed ? rhs(c - 1, k) : rhs(k, c - 1));
            }
            worst = std::max(worst, std::abs(out(r, c) - expected));
        }
    }
    CHECK(worst <= product_error<Compute>(depth));
    CHECK(outside_untouched);
}

template <class Engine, class Compute>
void verify_engine() {
    using lamina::Transpose;
    using lamina::Write;
    for (const Transpose lhs_as : {Transpose::no, Transpose::yes}) {
        for (const Transpose rhs_as : {Transpose::no, Transpose::yes}) {
            for (const Write write : {Write::overwrite, Write::accumulate}) {
                verify_engine_on<Engine, Compute>(1, 1, 1, {lhs_as, rhs_as, write});
                verify_engine_on<Engine, Compute>(1, 33, 17, {lhs_as, rhs_as, write});
                verify_engine_on<Engine, Compute>(29, 1, 31, {lhs_as, rhs_as, write});
                verify_engine_on<Engine, Compute>(67, 130, 261, {lhs_as, rhs_as, write});
            }
        }
    }
}

}  // namespace lamina_tests
