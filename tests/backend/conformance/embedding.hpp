// SPDX-License-Identifier: MIT
// Conformance of embed and embed_backward.
#pragma once

#include <array>
#include <vector>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/on_backend.hpp"
#include "backend/conformance/tolerance.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

struct EmbeddingShape {
    Extent extent;
    std::size_t cols;
};

inline constexpr std::array<EmbeddingShape, 8> embedding_shapes{
    {{{0, 5}, 7}, {{2, 0}, 7}, {{2, 3}, 0}, {{1, 1}, 1}, {{3, 7}, 8}, {{2, 5}, 15}, {{2, 5}, 17}, {{5, 67}, 130}}};

inline constexpr std::size_t vocabulary = 11;

/// Small vocabulary, so that ids repeat; the first and the last id occur, others never do.
[[nodiscard]] inline std::vector<Token> repeating_ids(std::size_t count) {
    std::vector<Token> ids(count);
    for (std::size_t n = 0; n < count; ++n) ids[n] = static_cast<Token>((n * n) % vocabulary == 5 ? 10 : (n * n) % 11);
    return ids;
}

template <Backend B, class T, class Weight>
void verify_embed() {
    for (const EmbeddingShape& shape : embedding_shapes) {
        const Extent extent = shape.extent;
        const std::size_t cols = shape.cols;
        CAPTURE(extent.batch, extent.sequence, cols);
        const std::vector<Token> ids = repeating_ids(extent.tokens());
        const Grid token_table = random_grid<Weight>(vocabulary, cols, 81);
        const Grid position_table = random_grid<Weight>(extent.sequence + 2, cols, 82);
        Expected expected(extent.tokens(), cols);
        for (std::size_t n = 0; n < ids.size(); ++n) {
            for (std::size_t c = 0; c < cols; ++c) {
                Sum sum;
                sum.add(token_table(static_cast<std::size_t>(ids[n]), c));
                sum.add(position_table(n % extent.sequence, c));
                expect_sum<T>(expected, n, c, sum);
            }
        }
        verify<B>(Threads::irrelevant, {expected}, [&](B& backend) {
            Uploaded<Token, B> tokens(backend, ids);
            OnBackend<Weight, B> token_rows(backend, token_table, Layout::slice);
            OnBackend<Weight, B> position_rows(backend, position_table, Layout::slice);
            OnBackend<T, B> out(backend, unset(extent.tokens(), cols), Layout::slice);
            backend.run(Embed<T, Weight>{.ids = tokens.column(),
                                         .extent = extent,
                                         .token_table = token_rows.input(),
                                         .position_table = position_rows.input(),
                                         .out = out.view()});
            return Grids{out.read()};
        });
    }
}

TEMPLATE_TEST_CASE("embed adds the token's row and the position's row", "[conformance][embedding]",
                   LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_embed<TestType, float, float>(); }
    SECTION("double") { verify_embed<TestType, double, double>(); }
    SECTION("bf16") { verify_embed<TestType, bf16, bf16>(); }
    SECTION("float activations, bf16 weights") { verify_embed<TestType, float, bf16>(); }
}

template <Backend B, class T, class Weight>
void verify_embed_at_positions() {
    for (const std::size_t cols : {1U, 17U, 130U}) {
        CAPTURE(cols);
        const std::vector<Token> ids = repeating_ids(67);
        const Grid token_table = random_grid<Weight>(vocabulary, cols, 81);
        const Grid position_table = random_grid<Weight>(29, cols, 82);
        std::vector<std::size_t> positions;
        Expected expected(ids.size(), cols);
        for (std::size_t n = 0; n < ids.size(); ++n) {
            positions.push_back((7 * n + 28) % 29);  // the last first, none in order
            for (std::size_t c = 0; c < cols; ++c) {
                Sum sum;
                sum.add(token_table(static_cast<std::size_t>(ids[n]), c));
                sum.add(position_table(positions[n], c));
                expect_sum<T>(expected, n, c, sum);
            }
        }
        verify<B>(Threads::irrelevant, {expected}, [&](B& backend) {
            Uploaded<Token, B> tokens(backend, ids);
            Uploaded<std::size_t, B> places(backend, positions);
            OnBackend<Weight, B> token_rows(backend, token_table, Layout::slice);
            OnBackend<Weight, B> position_rows(backend, position_table, Layout::slice);
            OnBackend<T, B> out(backend, unset(ids.size(), cols), Layout::slice);
            backend.run(Embed<T, Weight>{.ids = tokens.column(),
                                         .extent = {ids.size(), 1},
                                         .token_table = token_rows.input(),
                                         .position_table = position_rows.input(),
                                         .out = out.view(),
                                         .positions = places.column()});
            return Grids{out.read()};
        });
    }
}

TEMPLATE_TEST_CASE("embed takes positions that are given, in any order", "[conformance][embedding]",
                   LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_embed_at_positions<TestType, float, float>(); }
    SECTION("double") { verify_embed_at_positions<TestType, double, double>(); }
    SECTION("bf16") { verify_embed_at_positions<TestType, bf16, bf16>(); }
    SECTION("float activations, bf16 weights") { verify_embed_at_positions<TestType, float, bf16>(); }
}

/// table[rows[n]] += added[n] in the order of n. Each addition may be rounded to the table's type, or only the last.
template <class Gradient>
[[nodiscard]] Expected reference_additions(const Grid& table, const Grid& added, const std::vector<std::size_t>& rows) {
    std::vector<Sum> sums(table.values.size());
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i].add(table.values[i]);
    for (std::size_t n = 0; n < rows.size(); ++n) {
        for (std::size_t c = 0; c < added.cols; ++c) sums[rows[n] * table.cols + c].add(added(n, c));
    }
    Expected expected(table);
    for (std::size_t i = 0; i < sums.size(); ++i) {
        const auto additions = static_cast<double>(sums[i].length - 1);
        expected.value.values[i] = sums[i].value;
        expected.bound.values[i] = additions * roundoff<Gradient> * sums[i].magnitude;
    }
    return expected;
}

template <Backend B, class T, class Gradient>
void verify_embed_backward() {
    for (const EmbeddingShape& shape : embedding_shapes) {
        const Extent extent = shape.extent;
        const std::size_t cols = shape.cols;
        CAPTURE(extent.batch, extent.sequence, cols);
        const std::vector<Token> ids = repeating_ids(extent.tokens());
        const Grid gradient = random_grid<T>(extent.tokens(), cols, 83);
        const Grid tokens_before = random_grid<Gradient>(vocabulary, cols, 84);
        const Grid positions_before = random_grid<Gradient>(extent.sequence + 2, cols, 85);

        std::vector<std::size_t> token_rows(ids.begin(), ids.end());
        std::vector<std::size_t> position_rows(ids.size());
        for (std::size_t n = 0; n < ids.size(); ++n) position_rows[n] = n % extent.sequence;
        const std::vector<Expected> expected{reference_additions<Gradient>(tokens_before, gradient, token_rows),
                                             reference_additions<Gradient>(positions_before, gradient, position_rows)};
        verify<B>(Threads::irrelevant, expected, [&](B& backend) {
            Uploaded<Token, B> tokens(backend, ids);
            OnBackend<T, B> d_out(backend, gradient, Layout::slice);
            OnBackend<Gradient, B> d_tokens(backend, tokens_before, Layout::slice);
            OnBackend<Gradient, B> d_positions(backend, positions_before, Layout::slice);
            backend.run(EmbedBackward<T, Gradient>{.ids = tokens.column(),
                                                   .extent = extent,
                                                   .d_out = d_out.input(),
                                                   .d_token_table = d_tokens.view(),
                                                   .d_position_table = d_positions.view()});
            return Grids{d_tokens.read(), d_positions.read()};
        });
    }
}

TEMPLATE_TEST_CASE("embed_backward adds to the rows of repeated ids, and to no others", "[conformance][embedding]",
                   LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_embed_backward<TestType, float, float>(); }
    SECTION("double") { verify_embed_backward<TestType, double, double>(); }
    SECTION("bf16") { verify_embed_backward<TestType, bf16, bf16>(); }
    SECTION("bf16 activations, float gradients") { verify_embed_backward<TestType, bf16, float>(); }
}

TEMPLATE_TEST_CASE("an id outside the vocabulary is a caller's bug", "[conformance][embedding]",
                   LAMINA_BACKEND_UNDER_TEST) {
    TestType backend = UnderTest<TestType>::with_threads(2);
    OnBackend<float, TestType> table(backend, Grid(vocabulary, 3, 1));
    OnBackend<float, TestType> positions(backend, Grid(2, 3, 1));
    OnBackend<float, TestType> out(backend, Grid(2, 3, 1));
    const auto embed = [&](Token second_id) {
        Uploaded<Token, TestType> ids(backend, {0, second_id});
        backend.run(Embed<float, float>{.ids = ids.column(),
                                        .extent = {1, 2},
                                        .token_table = table.input(),
                                        .position_table = positions.input(),
                                        .out = out.view()});
    };
    CHECK_NOTHROW(embed(10));
    CHECK_THROWS_AS(embed(11), ContractViolation);
    CHECK_THROWS_AS(embed(-1), ContractViolation);
}

}  // namespace lamina_tests::conformance
