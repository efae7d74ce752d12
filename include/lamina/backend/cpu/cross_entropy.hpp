// SPDX-License-Identifier: MIT
// The CPU's cross-entropy of logits against target tokens, with its gradient.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/block.hpp>
#include <lamina/backend/cpu/context.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/vector_math.hpp>

namespace lamina::cpu {

/// The largest of `count` values, NaNs passed over; -inf for none.
template <class Compute>
[[nodiscard]] inline Compute largest(const Compute* values, std::size_t count) {
    // Written so that the best so far is kept when the comparison is with NaN.
    const auto larger = [](Compute best, Compute value) { return value > best ? value : best; };
    Reduction best(-std::numeric_limits<Compute>::infinity(), larger);
    best.add(values, count);
    return best.result();
}

template <class Compute, class Out>
void execute(Context& context, const SoftmaxCrossEntropy<Compute, Out>& request) {
    const std::size_t vocabulary = request.logits.cols;
    const auto& d_logits = request.d_logits;
    const bool gradient = request.logits_after == Logits::become_gradient;
    const bool in_place = gradient && d_logits.empty();
    context.for_each_row(request.logits.rows, vocabulary, [&](std::size_t n, std::size_t) {
        LAMINA_EXPECTS(request.targets[n] >= 0 && static_cast<std::size_t>(request.targets[n]) < vocabulary,
                       "SoftmaxCrossEntropy: a target outside the vocabulary");
        const auto target = static_cast<std::size_t>(request.targets[n]);
        Compute* const logits = request.logits.row(n);
        const Compute target_logit = logits[target];
        const Compute shift = largest(logits, vocabulary);
        Sum<Compute> denominator;
        Block<Compute> terms;
        for (std::size_t first = 0; first < vocabulary; first += block_size) {
            const std::size_t length = std::min(block_size, vocabulary - first);
            apply(
                terms, length, [shift](Compute logit) { return math::exp(logit - shift); },
                static_cast<const Compute*>(logits + first));
            if (in_place) terms.store(logits + first, length);
            denominator.add(terms.values, length);
        }
        const Compute sum = denominator.result();
        request.losses[n] = std::log(sum) + (shift - target_logit);
        const auto scale = static_cast<Compute>(request.scale);
        const Compute factor = scale / sum;
        if (in_place) {
            map_run<Compute>(
                logits, vocabulary, [factor](Compute term) { return factor * term; },
                static_cast<const Compute*>(logits));
            logits[target] -= scale;
        } else if (gradient) {
            const auto slope = [=](Compute logit) { return factor * math::exp(logit - shift); };
            map_run<Compute>(d_logits.row(n), vocabulary, slope, static_cast<const Compute*>(logits));
            d_logits.row(n)[target] = rounded<Out>(slope(target_logit) - scale);
            std::fill(d_logits.row(n) + vocabulary, d_logits.row(n) + d_logits.cols, Out(0));
        }
    });
}

}  // namespace lamina::cpu
