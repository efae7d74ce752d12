// SPDX-License-Identifier: MIT
// What the published low-rank runs of all sizes share.
#pragma once

#include <cstddef>
#include <string_view>

#include <lamina/recipe/recipe.hpp>

#include <lamina/removal/schedule.hpp>
#include <lamina/removal/std_tracking.hpp>

namespace lamina::recipe::detail {

struct LowRankRun {
    std::string_view name{};
    std::string_view published_as{};
    double peak = 0.0;
    std::size_t warmup = 30;
    std::size_t steps = 0;
    std::size_t rank = 64;
};

/// Both recomputation flags were on by default in this revision, so removed norms kept following the average. Whether a
/// run changed the flags from outside is not recorded.
constexpr Recipe low_rank(const LowRankRun& run) {
    return {.name = run.name,
            .revision = "161fea6",
            .published_as = run.published_as,
            .adaptation = Adaptation::low_rank,
            .rank = run.rank,
            .learning_rate = {.peak = run.peak, .minimum = run.peak / 2, .warmup = run.warmup, .steps = run.steps},
            .clip = 0.3,
            .tracking = {.mode = DivisorMode::track, .calls_of_ln_1 = 3, .evaluation = EvaluationPasses::averaged}};
}

inline constexpr ProgressiveSpacing conservative_spacing{.start = 40,
                                                         .gap_ln_2 = 8,
                                                         .gap_ln_1_qk = 8,
                                                         .gap_ln_1_v = 12,
                                                         .end_of_text_after = 40,
                                                         .gap_end_of_text = 8,
                                                         .first_position_after = 40,
                                                         .gap_first_position = 8};

}  // namespace lamina::recipe::detail
