// SPDX-License-Identifier: MIT
// The shuffle is PyTorch's.
#include <lamina/text/torch_permutation.hpp>

#include "support/catch.hpp"

#include <algorithm>

using lamina::text::torch_permutation;

TEST_CASE("torch.randperm(10) with seed 42 is reproduced", "[text]") {
    CHECK(torch_permutation(10, 42) == std::vector<std::uint32_t>{2, 6, 1, 8, 4, 5, 0, 9, 3, 7});
}

TEST_CASE("a permutation has every index once and follows its seed", "[text]") {
    for (const std::size_t count : {0U, 1U, 2U, 1000U}) {
        std::vector<std::uint32_t> order = torch_permutation(count, 7);
        CHECK(order == torch_permutation(count, 7));
        std::sort(order.begin(), order.end());
        CHECK(order.size() == count);
        for (std::uint32_t i = 0; i < count; ++i) CHECK(order[i] == i);
    }
    CHECK(torch_permutation(1000, 7) != torch_permutation(1000, 8));
}

TEST_CASE("a permutation longer than PyTorch's simple case is refused", "[text]") {
    CHECK_THROWS_AS(torch_permutation(0xFFFFFFFFU / 20, 1), lamina::ArgumentError);
}
