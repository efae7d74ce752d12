// SPDX-License-Identifier: MIT
// square_root: for constant expressions, in which std::sqrt is none.
#pragma once

namespace lamina {

/// sqrt(x) for positive x, to a unit in the last place, by Newton's iteration.
[[nodiscard]] constexpr double square_root(double x) {
    double root = x < 1 ? 1 : x;
    for (;;) {
        const double next = 0.5 * (root + x / root);
        if (!(next < root)) return root;
        root = next;
    }
}

}  // namespace lamina
