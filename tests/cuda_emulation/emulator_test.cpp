// SPDX-License-Identifier: MIT
// The emulator keeps to the GPU's rules: barriers, warps, matrix units, asynchronous copies, and what it refuses.
#include "cuda_emulation/emulator.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/core/random.hpp>

#include "support/catch.hpp"

namespace {

using namespace lamina;
using namespace lamina::cuda;
namespace emulator = lamina_tests::emulator;

struct Cells {
    std::array<float, 256> values;
};
struct ReverseTag {};

void reverse(float* data, bool with_barrier) {
    auto& cells = shared_object<Cells, ReverseTag>();
    cells.values[thread_index()] = data[thread_index()];
    if (with_barrier) sync_threads();
    data[thread_index()] = cells.values[thread_count() - 1 - thread_index()];
}

std::vector<float> reversed(emulator::Order order, bool with_barrier) {
    std::vector<float> data(200);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i);
    emulator::set_order(order);
    launch(nullptr, "reverse", {.blocks = 1, .threads = 200}, reverse, data.data(), with_barrier);
    emulator::set_order(emulator::Order::forward);
    return data;
}

/// Reads what the other warp wrote, having waited for its own only.
void exchange_between_warps(float* data) {
    auto& cells = shared_object<Cells, ReverseTag>();
    cells.values[thread_index()] = data[thread_index()];
    sync_warp();
    data[thread_index()] = cells.values[(thread_index() + warp_size) % thread_count()];
}

/// What is there of a copy before it is waited for, and after.
void copy_and_look(const float* from, float* before, float* after) {
    auto* const shared = reinterpret_cast<float*>(dynamic_shared()) + 4 * thread_index();
    *shared = -1;
    copy_async(shared, from + 4 * thread_index(), true);
    commit_copies();
    before[thread_index()] = *shared;
    wait_copies<0>();
    after[thread_index()] = *shared;
}

void sum_of_warp(float* data) {
    float sum = data[thread_index()];
    for (unsigned lanes = 16; lanes > 0; lanes /= 2) sum += shuffle_xor(sum, lanes);
    data[thread_index()] = sum;
}

void wait_unevenly() {
    if (thread_index() != 3) sync_threads();
}

/// out [16, 8] = a [16, 16] · b [16, 8] by one warp, operands brought to registers as a kernel would.
void small_product(const bf16* a, const bf16* b, float* out) {
    auto* const tile_a = reinterpret_cast<bf16*>(dynamic_shared());
    bf16* const tile_b = tile_a + 256;
    const unsigned lane = thread_index();
    copy_async(tile_a + 8 * lane, a + 8 * lane, true);
    if (lane < 16) copy_async(tile_b + 8 * lane, b + 8 * lane, true);
    commit_copies();
    wait_copies<0>();
    sync_threads();
    std::uint32_t fragment_a[4];
    std::uint32_t fragment_b[4];
    load_matrices(fragment_a, shared_address(tile_a + (lane % 16) * 16 + (lane / 16) * 8));
    load_matrices_transposed(fragment_b, shared_address(tile_b + (lane % 16) * 8));
    float sums[4] = {};
    multiply_add(sums, fragment_a, fragment_b[0], fragment_b[1]);
    for (unsigned i = 0; i < 4; ++i) out[(lane / 4 + 8 * (i / 2)) * 8 + 2 * (lane % 4) + i % 2] = sums[i];
}

}  // namespace

TEST_CASE("a kernel with its barriers gives the same in every order of its threads", "[cuda][emulator]") {
    const auto expected = reversed(emulator::Order::forward, true);
    CHECK(expected[0] == 199);
    CHECK(reversed(emulator::Order::backward, true) == expected);
    CHECK(reversed(emulator::Order::shuffled, true) == expected);
}

TEST_CASE("a missing barrier shows in one order or another", "[cuda][emulator]") {
    CHECK(reversed(emulator::Order::forward, false) != reversed(emulator::Order::backward, false));
}

TEST_CASE("warps that do not wait for each other show in one order or another", "[cuda][emulator]") {
    bool wrong = false;
    for (const auto order : {emulator::Order::forward, emulator::Order::backward, emulator::Order::shuffled}) {
        emulator::set_order(order);
        std::vector<float> data(64);
        for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i);
        launch(nullptr, "exchange", {.blocks = 1, .threads = 64}, exchange_between_warps, data.data());
        wrong = wrong || data[0] != 32 || data[32] != 0;
    }
    emulator::set_order(emulator::Order::forward);
    CHECK(wrong);
}

TEST_CASE("a copy lands between its start and the wait for it, which orders differ in", "[cuda][emulator]") {
    alignas(16) float from[256];
    for (int i = 0; i < 256; ++i) from[i] = static_cast<float>(i);
    const auto landed_early = [&](emulator::Order order) {
        emulator::set_order(order);
        std::vector<float> before(64), after(64);
        launch(nullptr, "copy", {.blocks = 1, .threads = 64, .shared_bytes = 1024}, copy_and_look, from, before.data(),
               after.data());
        emulator::set_order(emulator::Order::forward);
        std::size_t early = 0;
        for (std::size_t i = 0; i < 64; ++i) {
            CHECK(after[i] == from[4 * i]);
            early += before[i] == from[4 * i] ? 1U : 0U;
        }
        return early;
    };
    CHECK(landed_early(emulator::Order::forward) == 0);
    CHECK(landed_early(emulator::Order::backward) == 64);
    const std::size_t some = landed_early(emulator::Order::shuffled);
    CHECK((some > 0 && some < 64));
}

TEST_CASE("lanes of a warp exchange values", "[cuda][emulator]") {
    std::vector<float> data(64, 1);
    data[40] = 5;
    launch(nullptr, "sum", {.blocks = 1, .threads = 64}, sum_of_warp, data.data());
    CHECK(data[0] == 32);
    CHECK(data[63] == 36);
}

TEST_CASE("what a GPU hangs on or refuses is an error", "[cuda][emulator]") {
    CHECK_THROWS_AS(launch(nullptr, "uneven", {.blocks = 1, .threads = 64}, wait_unevenly), std::logic_error);
    CHECK_THROWS_AS(launch(nullptr, "wide", {.blocks = 1, .threads = 1025}, wait_unevenly), std::logic_error);
    CHECK_NOTHROW(launch(nullptr, "none", {.blocks = 0, .threads = 64}, wait_unevenly));
    std::vector<float> data(32, 1);
    launch(nullptr, "after an error", {.blocks = 1, .threads = 32}, sum_of_warp, data.data());
    CHECK(data[7] == 32);
}

TEST_CASE("matrix units multiply what load_matrices brings", "[cuda][emulator]") {
    Random random{3};
    std::vector<bf16> a(256), b(128);
    for (auto& value : a) value = bf16(static_cast<float>(random.uniform(-1, 1)));
    for (auto& value : b) value = bf16(static_cast<float>(random.uniform(-1, 1)));
    std::vector<float> out(128);
    launch(nullptr, "product", {.blocks = 1, .threads = 32, .shared_bytes = 768}, small_product, a.data(), b.data(),
           out.data());
    for (std::size_t row = 0; row < 16; ++row) {
        for (std::size_t col = 0; col < 8; ++col) {
            float expected = 0;
            for (std::size_t k = 0; k < 16; ++k) expected += float(a[row * 16 + k]) * float(b[k * 8 + col]);
            CAPTURE(row, col);
            CHECK(std::abs(out[row * 8 + col] - expected) < 1e-5F);
        }
    }
}
