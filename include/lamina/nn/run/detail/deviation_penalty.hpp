// SPDX-License-Identifier: MIT
// add_deviation_penalty: the auxiliary loss, a penalty on uneven deviations before the last norm.
#pragma once

#include <cstddef>
#include <vector>

#include <lamina/backend/contract.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/token.hpp>
#include <lamina/nn/loss.hpp>
#include <lamina/nn/run/pass.hpp>

namespace lamina::detail {

/// Room for the mean and the deviation of each row, on the device.
template <class Compute>
struct RowMomentsRoom {
    Rows<Compute, 1> mean;
    Rows<Compute, 1> deviation;
};

/// weight · mean over tokens of (s - target)², target the mean deviation of ordinary tokens, without gradient.
///
/// shapes   x, d_x [N, C]
/// writes   adds to d_x
/// source   docs/method.md, "Auxiliary loss"
template <class B, class Scalar, class Compute, std::size_t Width>
[[nodiscard]] double add_deviation_penalty(Pass<B>& pass, MicroBatch micro, Rows<const Scalar, Width> x,
                                           RowMomentsRoom<Compute> room, Rows<Scalar, Width> d_x) {
    constexpr double epsilon = 1e-5;
    const std::size_t n = pass.extent.tokens();
    pass.run(RowMoments<Scalar, Width>{.x = x, .mean = room.mean, .deviation = room.deviation, .epsilon = epsilon});
    std::vector<Compute> s(n);
    std::vector<Token> ids(n);
    pass.backend.download(s.data(), room.deviation.data, n * sizeof(Compute));
    pass.backend.download(ids.data(), pass.ids.data, n * sizeof(Token));
    double sum = 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < n; ++i) {
        if (i % pass.extent.sequence == 0 || ids[i] == pass.end_of_text) continue;
        sum += static_cast<double>(s[i]);
        ++count;
    }
    const double target = count == 0 ? 1 : sum / static_cast<double>(count);
    double penalty = 0;
    for (const Compute value : s)
        penalty += (static_cast<double>(value) - target) * (static_cast<double>(value) - target);
    const double each = micro.auxiliary_weight / static_cast<double>(n);
    pass.run(DeviationPenaltyBackward<Scalar, Width>{.x = x,
                                                     .mean = room.mean,
                                                     .deviation = room.deviation,
                                                     .d_x = d_x,
                                                     .target = target,
                                                     .scale = micro.auxiliary_share * each});
    return each * penalty;
}

}  // namespace lamina::detail
