// SPDX-License-Identifier: MIT
// Conformance of cached_attention and store_keys_values.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <vector>

#include "backend/conformance/attention_reference.hpp"
#include "backend/conformance/grid.hpp"
#include "backend/conformance/on_backend.hpp"
#include "backend/conformance/tolerance.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

/// A packed batch and the rows of its cache.
struct PackedShape {
    std::size_t heads;
    std::size_t head_width;
    std::size_t cache_rows;
    std::vector<PackedSegment> segments;

    [[nodiscard]] std::size_t embed() const { return heads * head_width; }
    [[nodiscard]] std::size_t rows() const {
        std::size_t sum = 0;
        for (const PackedSegment& segment : segments) sum += segment.count;
        return sum;
    }
};

/// No segment; one token alone and after others; a few; tiles with one less, one more and a rest; a prefix that several
/// share, parts of it too; segments whose rows are not in their order, also empty ones.
inline const std::array<PackedShape, 9> packed_shapes{
    {{2, 4, 5, {}},
     {1, 1, 0, {{0, 1}}},
     {3, 8, 40, {{0, 1, 3, 37}}},
     {2, 5, 70, {{0, 3, 1, 66}, {3, 4}, {7, 2, 69, 1}, {9, 1, 0, 70}}},
     {2, 17, 33, {{0, 5, 0, 33}, {5, 31, 0, 33}, {36, 6, 2, 7}}},
     {1, 16, 10, {{9, 64, 0, 10}, {0, 9}, {9, 0, 4, 4}}},
     {1, 64, 67, {{0, 65, 0, 67}, {65, 7}}},
     {2, 64, 70, {{0, 33, 0, 63}, {33, 64, 6, 64}, {97, 16}, {113, 130, 1, 1}}},
     {2, 4, 150, {{0, 130, 20, 129}, {130, 130}, {260, 2, 0, 1}}}}};

/// The sequence that a segment is the end of, as [prefix + count, 3C] queries, keys and values.
[[nodiscard]] inline Grid whole_sequence(const PackedShape& shape, const PackedSegment& segment, const Grid& qkv,
                                         const Grid& keys, const Grid& values) {
    const std::size_t embed = shape.embed();
    Grid whole(segment.prefix_count + segment.count, 3 * embed);
    for (std::size_t row = 0; row < whole.rows; ++row) {
        for (std::size_t c = 0; c < embed; ++c) {
            if (row < segment.prefix_count) {
                whole(row, embed + c) = keys(segment.prefix_first + row, c);
                whole(row, 2 * embed + c) = values(segment.prefix_first + row, c);
            } else {
                for (const std::size_t part : {std::size_t{0}, embed, 2 * embed}) {
                    whole(row, part + c) = qkv(segment.first + row - segment.prefix_count, part + c);
                }
            }
        }
    }
    return whole;
}

template <class T>
[[nodiscard]] Expected reference_cached_attention(const PackedShape& shape, const Grid& qkv, const Grid& keys,
                                                  const Grid& values, double probability_roundoff = 0) {
    Expected expected(qkv.rows, shape.embed());
    for (const PackedSegment& segment : shape.segments) {
        const AttentionShape one{{1, segment.prefix_count + segment.count}, shape.heads, shape.head_width};
        const Grid sequence = whole_sequence(shape, segment, qkv, keys, values);
        const Expected whole = reference_attention<T>(one, sequence, probability_roundoff).out;
        for (std::size_t i = 0; i < segment.count; ++i) {
            for (std::size_t c = 0; c < shape.embed(); ++c) {
                expected.value(segment.first + i, c) = whole.value(segment.prefix_count + i, c);
                expected.bound(segment.first + i, c) = whole.bound(segment.prefix_count + i, c);
            }
        }
    }
    return expected;
}

/// Rows of a cache, NaN where no segment reads.
template <class T>
[[nodiscard]] Grid random_cache(const PackedShape& shape, std::uint32_t seed) {
    Grid cache = random_grid<T>(shape.cache_rows, shape.embed(), seed);
    for (std::size_t row = 0; row < cache.rows; ++row) {
        const bool is_read = std::any_of(shape.segments.begin(), shape.segments.end(), [&](const PackedSegment& s) {
            return row >= s.prefix_first && row < s.prefix_first + s.prefix_count;
        });
        if (is_read) continue;
        for (std::size_t c = 0; c < cache.cols; ++c) cache(row, c) = std::numeric_limits<double>::quiet_NaN();
    }
    return cache;
}

template <Backend B, class T>
void verify_cached_attention(const PackedShape& shape, double size, Layout layout) {
    CAPTURE(shape.heads, shape.head_width, shape.segments.size(), size, int(layout));
    Grid qkv = random_grid<T>(shape.rows(), 3 * shape.embed(), 121);
    for (double& value : qkv.values) value *= size;
    qkv = rounded_to<T>(qkv);
    const Grid keys = random_cache<T>(shape, 122);
    const Grid values = random_cache<T>(shape, 123);
    const Expected expected = reference_cached_attention<T>(shape, qkv, keys, values, probability_roundoff<B, T>());
    verify<B>(Threads::irrelevant, {expected}, [&](B& backend) {
        OnBackend<T, B> in(backend, qkv, layout);
        OnBackend<T, B> k(backend, keys, layout);
        OnBackend<T, B> v(backend, values, layout);
        OnBackend<T, B> out(backend, unset(qkv.rows, shape.embed()), layout);
        backend.run(CachedAttention<T>{.segments = shape.segments,
                                       .heads = shape.heads,
                                       .qkv = in.input(),
                                       .keys = k.input(),
                                       .values = v.input(),
                                       .out = out.view()});
        return Grids{out.read()};
    });
}

template <Backend B, class T>
void verify_cached_attentions() {
    for (const PackedShape& shape : packed_shapes) {
        verify_cached_attention<B, T>(shape, 2, shape.heads == 2 ? Layout::slice : Layout::dense);
    }
    verify_cached_attention<B, T>(packed_shapes[4], 30, Layout::dense);
}

TEMPLATE_TEST_CASE("cached_attention is attention of the whole sequence, for each segment's rows",
                   "[conformance][attention]", LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_cached_attentions<TestType, float>(); }
    SECTION("double") { verify_cached_attentions<TestType, double>(); }
    SECTION("bf16") { verify_cached_attentions<TestType, bf16>(); }
}

template <Backend B, class T>
void verify_store_keys_values() {
    constexpr std::size_t embed = 13;
    constexpr std::size_t rows = 17;
    // Two that are stored, not in the order of rows, one that is not, one that is empty.
    const std::vector<PackedSegment> segments{{0, 3, 0, 0, 10}, {3, 4}, {7, 5, 2, 1, 4}, {12, 0, 0, 0, 17}};
    const Grid qkv = random_grid<T>(12, 3 * embed, 124);
    const Grid keys_before = random_grid<T>(rows, embed, 125);
    const Grid values_before = random_grid<T>(rows, embed, 126);
    Grid keys = keys_before;
    Grid values = values_before;
    for (const auto& [to, from, count] : {std::array<std::size_t, 3>{10, 0, 3}, {4, 7, 5}}) {
        for (std::size_t i = 0; i < count; ++i) {
            for (std::size_t c = 0; c < embed; ++c) {
                keys(to + i, c) = qkv(from + i, embed + c);
                values(to + i, c) = qkv(from + i, 2 * embed + c);
            }
        }
    }
    for (const Layout layout : {Layout::dense, Layout::slice}) {
        verify<B>(Threads::irrelevant, {Expected(keys), Expected(values)}, [&](B& backend) {
            OnBackend<T, B> in(backend, qkv, layout);
            OnBackend<T, B> k(backend, keys_before, layout);
            OnBackend<T, B> v(backend, values_before, layout);
            backend.run(
                StoreKeysValues<T>{.segments = segments, .qkv = in.input(), .keys = k.view(), .values = v.view()});
            return Grids{k.read(), v.read()};
        });
    }
}

TEMPLATE_TEST_CASE("store_keys_values copies the keys and values of the segments that are to be stored",
                   "[conformance][attention]", LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_store_keys_values<TestType, float>(); }
    SECTION("double") { verify_store_keys_values<TestType, double>(); }
    SECTION("bf16") { verify_store_keys_values<TestType, bf16>(); }
}

}  // namespace lamina_tests::conformance
