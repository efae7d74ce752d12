// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/context.hpp>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using lamina::cpu::Context;

TEST_CASE("a context has scratch memory for each of its threads") { CHECK(Context(3).scratch.size() == 3); }

TEST_CASE("a context visits every row once, however wide rows are") {
    Context context(2);
    for (const std::size_t width : {0U, 1U, 1000U, 1000000U}) {
        std::vector<std::atomic<int>> visits(77);
        context.for_each_row(visits.size(), width, [&](std::size_t row, std::size_t) { ++visits[row]; });
        for (const auto& times : visits) REQUIRE(times == 1);
    }
}

TEST_CASE("the strips of columns that a context cuts do not depend on the number of threads") {
    using Strips = std::set<std::pair<std::size_t, std::size_t>>;
    const auto strips_of = [](std::size_t threads, std::size_t cols) {
        Context context(threads);
        Strips strips;
        std::mutex mutex;
        context.for_each_column_strip(cols, 64, 1000, [&](std::size_t first, std::size_t last) {
            const std::scoped_lock lock(mutex);
            strips.emplace(first, last);
        });
        return strips;
    };
    CHECK(strips_of(1, 150) == Strips{{0, 64}, {64, 128}, {128, 150}});
    CHECK(strips_of(1, 0).empty());
    for (const std::size_t threads : {2U, 3U, 5U}) CHECK(strips_of(threads, 1000) == strips_of(1, 1000));
}
