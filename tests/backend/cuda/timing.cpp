// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/timing.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "cuda_emulation/runtime.hpp"
#include "support/catch.hpp"

using namespace lamina::cuda;
namespace emulator = lamina_tests::emulator;

TEST_CASE("the quickest is found among what can be done", "[cuda][timing]") {
    Context context(0);
    std::array<std::size_t, 4> runs{};
    std::array<int, 4> milliseconds{30, 20, 0, 25};
    const auto run = [&](std::size_t i) {
        ++runs[i];
        emulator::pass_time(std::chrono::milliseconds(milliseconds[i]));
        return i != 2;  // which cannot be done, or it would be
    };
    CHECK(quickest(context, 4, run) == std::optional<std::size_t>(1));
    CHECK(runs == std::array<std::size_t, 4>{7, 7, 1, 7});
    milliseconds[3] = 10;
    CHECK(quickest(context, 4, run) == std::optional<std::size_t>(3));
    CHECK(quickest(context, 3, [](std::size_t) { return false; }) == std::nullopt);
    CHECK(quickest(context, 0, run) == std::nullopt);
}

TEST_CASE("one slow run does not decide, nor the first", "[cuda][timing]") {
    Context context(0);
    std::vector<std::size_t> order;
    const auto run = [&](std::size_t i) {
        order.push_back(i);
        const bool first_of_all = order.size() == 1;
        const bool second_round = order.size() > 2 + 2 * 3;
        emulator::pass_time(std::chrono::milliseconds(first_of_all ? 5000 : i == 1 ? 20 : second_round ? 500 : 10));
        return true;
    };
    CHECK(quickest(context, 2, run) == std::optional<std::size_t>(0));
    CHECK(order == std::vector<std::size_t>{0, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1});
}
