// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/block_reduce.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <lamina/backend/cuda/launch.hpp>

#include "cuda_emulation/emulator.hpp"
#include "support/catch.hpp"

using namespace lamina::cuda;
namespace emulator = lamina_tests::emulator;

namespace {

/// Two sums and a maximum right after one another, which share memory.
void reduce(const float* values, float* first, float* second, float* largest) {
    const float value = values[thread_index()];
    first[thread_index()] = block_sum(value);
    second[thread_index()] = block_sum(2 * value);
    largest[thread_index()] = block_reduce(value, -std::numeric_limits<float>::infinity(), Larger{});
}

void largest_of_warp(const float* values, float* largest) {
    largest[thread_index()] = warp_reduce(values[thread_index()], Larger{});
}

}  // namespace

TEST_CASE("every thread of a block gets the same sum and maximum, in every order", "[cuda][reduce]") {
    for (const auto order : {emulator::Order::forward, emulator::Order::backward, emulator::Order::shuffled}) {
        for (const unsigned threads : {32U, 96U, 256U, 1024U}) {
            CAPTURE(int(order), threads);
            emulator::set_order(order);
            std::vector<float> values(threads), first(threads), second(threads), largest(threads);
            // Integers, whose sums are exact.
            for (unsigned i = 0; i < threads; ++i) values[i] = static_cast<float>((i * 37) % 101) - 200;
            float sum = 0;
            float most = values[0];
            for (const float value : values) {
                sum += value;
                most = std::max(most, value);
            }
            launch(nullptr, "reduce", {.blocks = 1, .threads = threads}, reduce, values.data(), first.data(),
                   second.data(), largest.data());
            CHECK(first == std::vector<float>(threads, sum));
            CHECK(second == std::vector<float>(threads, 2 * sum));
            CHECK(largest == std::vector<float>(threads, most));
        }
    }
    emulator::set_order(emulator::Order::forward);
}

TEST_CASE("a maximum passes over NaN wherever it is, unless there is nothing else", "[cuda][reduce]") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (const std::size_t culprit : {0U, 1U, 16U, 31U}) {
        CAPTURE(culprit);
        std::vector<float> values(32, -5), largest(32);
        values[3] = -2;
        values[culprit] = nan;
        launch(nullptr, "largest", {.blocks = 1, .threads = 32}, largest_of_warp, values.data(), largest.data());
        CHECK(largest == std::vector<float>(32, -2));
    }
    std::vector<float> values(32, nan), largest(32);
    launch(nullptr, "largest", {.blocks = 1, .threads = 32}, largest_of_warp, values.data(), largest.data());
    CHECK(std::isnan(largest[7]));
}
