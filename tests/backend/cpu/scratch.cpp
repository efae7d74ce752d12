// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/scratch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "support/catch.hpp"

TEST_CASE("scratch arrays are aligned and do not overlap") {
    lamina::cpu::Scratch scratch;
    const auto [a, b, c] = scratch.arrays<float>(std::size_t{3}, std::size_t{0}, std::size_t{1000});
    for (const float* array : {a, b, c}) CHECK(reinterpret_cast<std::uintptr_t>(array) % 64 == 0);
    std::fill_n(a, 3, 1.0F);
    std::fill_n(c, 1000, 2.0F);
    CHECK(std::count(a, a + 3, 1.0F) == 3);
    CHECK(std::count(c, c + 1000, 2.0F) == 1000);
}

TEST_CASE("scratch is reused for requests that are no larger, of whatever type") {
    lamina::cpu::Scratch scratch;
    const auto [large] = scratch.arrays<double>(std::size_t{1000});
    const auto [small] = scratch.arrays<float>(std::size_t{1000});
    CHECK(static_cast<void*>(small) == static_cast<void*>(large));
    const auto [larger] = scratch.arrays<double>(std::size_t{100000});
    larger[99999] = 1;
    const auto [again] = scratch.arrays<double>(std::size_t{1000});
    CHECK(again == larger);
}
