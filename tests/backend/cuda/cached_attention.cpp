// SPDX-License-Identifier: MIT
// What conformance does not reach: how segments are cut for blocks, and how they get to the device.
#include <lamina/backend/cuda/cached_attention.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

#include <lamina/core/error.hpp>

#include "backend/conformance/tolerance.hpp"
#include "backend/cuda/kernels_under_test.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;
using namespace lamina_tests;

TEST_CASE("segments are cut into parts, those that see the most keys first", "[cuda][attention]") {
    const std::vector<PackedSegment> segments{{0, 65, 0, 10}, {65, 3, 0, 500}, {68, 0, 0, 900}, {68, 130}};
    const auto parts = cuda::detail::parts_of(segments, 64);
    REQUIRE(parts.size() == 2 + 1 + 3);
    std::vector<std::size_t> keys_before;
    std::vector<std::size_t> rows(segments.size());
    for (const auto& part : parts) {
        keys_before.push_back(part.segment.prefix_count + part.begin);
        CHECK(part.begin % 64 == 0);
        CHECK(part.begin < part.segment.count);
    }
    CHECK(keys_before == std::vector<std::size_t>{500, 128, 74, 64, 10, 0});
    CHECK(cuda::detail::parts_of({}, 64).empty());
}

TEST_CASE("segments may be gone when the call returns, and scratch does not grow for fewer", "[cuda][attention]") {
    Context context(0);
    std::vector<float> qkv(8 * 12, 0.5F), cache(8 * 4, 0.5F), out(8 * 4);
    const auto attend = [&](std::size_t count) {
        const std::vector<PackedSegment> segments(count, {0, 8, 0, 4});
        execute(context,
                CachedAttention<float>{
                    segments, 2, {qkv.data(), 8, 12}, {cache.data(), 8, 4}, {cache.data(), 8, 4}, {out.data(), 8, 4}});
    };
    attend(3);
    const std::size_t scratch = context.scratch_bytes();
    CHECK(scratch > 0);
    attend(1);
    attend(0);
    CHECK(context.scratch_bytes() == scratch);
    CHECK(std::all_of(out.begin(), out.end(), [](float x) { return x == 0.5F; }));
}

TEST_CASE("segments are not read while a graph is recorded", "[cuda][attention]") {
    Context context(0);
    std::vector<float> qkv(12), cache(4);
    const PackedSegment segment{0, 1, 0, 0, 0};
    context.recording = true;
    CHECK_THROWS_AS(
        execute(context,
                StoreKeysValues<float>{{&segment, 1}, {qkv.data(), 1, 12}, {cache.data(), 1, 4}, {cache.data(), 1, 4}}),
        Error);
}

TEST_CASE("long blocks are for long segments", "[cuda][attention]") {
    const auto are_long = [](std::vector<std::size_t> counts) {
        std::vector<PackedSegment> segments;
        for (const std::size_t count : counts) segments.push_back({0, count});
        return cuda::detail::are_long(segments);
    };
    CHECK(are_long({64}));
    CHECK(are_long({1024, 1}));
    CHECK(are_long({33}));        // 64 rows either way
    CHECK(are_long({65}));        // 128 against 96
    CHECK_FALSE(are_long({32}));  // 64 against 32
    CHECK_FALSE(are_long({28, 28, 30, 90}));
}

TEST_CASE("segments of all lengths on the matrix units agree with the CPU in double", "[cuda][attention]") {
    using namespace conformance;
    constexpr std::size_t heads = 2;
    constexpr std::size_t embed = 64 * heads;
    const std::vector<std::vector<PackedSegment>> batches{
        {{0, 130, 0, 77}, {130, 257}, {387, 128, 3, 64}},                                           // long blocks
        {{0, 28, 0, 61}, {28, 31, 0, 61}, {59, 1, 20, 60}, {60, 84, 1, 79}, {144, 1}, {145, 17}}};  // short ones
    CHECK(cuda::detail::are_long(batches[0]));
    CHECK_FALSE(cuda::detail::are_long(batches[1]));
    for (const auto& segments : batches) {
        const std::size_t rows = segments.back().first + segments.back().count;
        const Grid qkv = random_grid<bf16>(rows, 3 * embed, 221, {-2, 2});
        const Grid keys = random_grid<bf16>(80, embed, 222);
        const Grid values = random_grid<bf16>(80, embed, 223);
        CpuBackend exact({.threads = 1});
        const auto run = [&]<class B, class T>(B& backend, T) {
            OnBackend<T, B> in(backend, qkv);
            OnBackend<T, B> k(backend, keys);
            OnBackend<T, B> v(backend, values);
            OnBackend<T, B> out(backend, unset(rows, embed));
            const CachedAttention<T> request{segments, heads, in.input(), k.input(), v.input(), out.view()};
            if constexpr (std::is_same_v<B, CpuBackend>) {
                backend.run(request);
            } else {
                REQUIRE(cuda::is_for_flash(request));
                cuda::execute(backend.context(), request);
            }
            return out.read();
        };
        Expected expected(run(exact, double{}));
        // Probabilities sum to one over values below one; each is rounded, and the output.
        expected.bound = Grid(rows, embed, 2 * roundoff<bf16> + 64 * sum_error<bf16>(400));
        verify<EmulatedKernels>(Threads::irrelevant, {expected},
                                [&](EmulatedKernels& backend) { return Grids{run(backend, bf16(0.0F))}; });
    }
}

TEST_CASE("parts of whole evaluations are within what a device launches", "[cuda][attention]") {
    // 64 sequences of 1024 tokens, as one token each, for the size with the most heads.
    std::vector<PackedSegment> segments(std::size_t{64} * 1024, {0, 1});
    const auto parts = cuda::detail::parts_of(segments, 32);
    CachedAttention<bf16> request{};
    request.heads = 25;
    request.out.cols = 1600;
    const cuda::detail::PackedSegments<bf16> source{request, nullptr, static_cast<unsigned>(parts.size())};
    const auto shape = source.shape(64, 0);
    CHECK(shape.blocks == 64U * 1024U * 25U);
    CHECK((shape.blocks_y == 1 && shape.blocks_z == 1));
}
