// SPDX-License-Identifier: MIT
// Context: what every operation on the CPU works with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <lamina/backend/cpu/scratch.hpp>
#include <lamina/backend/cpu/thread_team.hpp>

namespace lamina::cpu {

/// The threads of one backend and their scratch memory.
struct Context {
    explicit Context(std::size_t threads) : team(threads), scratch(team.size()) {}

    ThreadTeam team;
    std::vector<Scratch> scratch;  ///< one per thread of the team
    Scratch shared;                ///< for what the calling thread prepares and all threads read

    /// Elements that are worth a thread's while in an operation that does little more than read and write.
    static constexpr std::size_t worthwhile = 8192;

    /// body(row, worker) for every row in [0, rows), where a row has `width` elements to work on.
    template <class Body>
    void for_each_row(std::size_t rows, std::size_t width, const Body& body) {
        const std::size_t grain = worthwhile / std::max<std::size_t>(width, 1);
        team.parallel_for(rows, grain, [&](std::size_t first, std::size_t last, std::size_t worker) {
            for (std::size_t row = first; row < last; ++row) body(row, worker);
        });
    }

    /// body(first, last) for consecutive ranges that cover the columns [0, cols) and depend on nothing else, where a
    /// column has `height` elements to work on.
    template <class Body>
    void for_each_column_strip(std::size_t cols, std::size_t strip, std::size_t height, const Body& body) {
        const std::size_t strips = (cols + strip - 1) / strip;
        const std::size_t grain = worthwhile / std::max<std::size_t>(strip * height, 1);
        team.parallel_for(strips, grain, [&](std::size_t first, std::size_t last, std::size_t) {
            for (std::size_t i = first; i < last; ++i) body(i * strip, std::min(cols, (i + 1) * strip));
        });
    }
};

}  // namespace lamina::cpu
