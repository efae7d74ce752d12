// SPDX-License-Identifier: MIT
// Conformance of the operations on whole rows and on one value per token: gather_rows, scatter_rows, divisor_rows,
// mean_over_tokens, and of sum_of_squares.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/on_backend.hpp"
#include "backend/conformance/tolerance.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

/// `count` rows of [0, rows), each different: 5 is coprime to the row counts of the tests.
[[nodiscard]] inline std::vector<std::size_t> distinct_rows(std::size_t count, std::size_t rows) {
    std::vector<std::size_t> indices(count);
    for (std::size_t i = 0; i < count; ++i) indices[i] = (5 * i + 2) % rows;
    return indices;
}

template <Backend B, class T>
void verify_gather_and_scatter(std::size_t cols, Layout layout) {
    constexpr std::size_t table_rows = 257;
    const Grid table = random_grid<T>(table_rows, cols, 41);
    for (const std::size_t count : {0U, 1U, 97U}) {
        CAPTURE(cols, count, int(layout));
        std::vector<std::size_t> rows = distinct_rows(count, table_rows);
        std::vector<std::size_t> rows_with_repetition = rows;
        if (count > 1) rows_with_repetition.back() = rows_with_repetition.front();
        const Grid some = random_grid<T>(count, cols, 42);
        Grid gathered(count, cols);
        Grid scattered = table;
        for (std::size_t i = 0; i < count; ++i) {
            for (std::size_t c = 0; c < cols; ++c) {
                gathered(i, c) = table(rows_with_repetition[i], c);
                scattered(rows[i], c) = some(i, c);
            }
        }
        verify<B>(Threads::irrelevant, {Expected(gathered), Expected(scattered)}, [&](B& backend) {
            Uploaded<std::size_t, B> sources(backend, rows_with_repetition);
            Uploaded<std::size_t, B> targets(backend, rows);
            OnBackend<T, B> all(backend, table, layout);
            OnBackend<T, B> in(backend, some, layout);
            OnBackend<T, B> out(backend, unset(count, cols), layout);
            backend.run(GatherRows(out.view(), all.input(), sources.column()));
            backend.run(ScatterRows(all.view(), in.input(), targets.column()));
            return Grids{out.read(), all.read()};
        });
    }
}

template <Backend B, class T>
void verify_gathers_and_scatters() {
    for (const std::size_t cols : {0U, 1U, 7U, 8U, 17U, 130U}) {
        verify_gather_and_scatter<B, T>(cols, Layout::dense);
        verify_gather_and_scatter<B, T>(cols, Layout::slice);
    }
}

TEMPLATE_TEST_CASE("gather_rows picks rows and scatter_rows puts rows, leaving the others alone", "[conformance][rows]",
                   LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_gathers_and_scatters<TestType, float>(); }
    SECTION("double") { verify_gathers_and_scatters<TestType, double>(); }
    SECTION("bf16") { verify_gathers_and_scatters<TestType, bf16>(); }
}

/// Ids in which `end_of_text` occurs, among other places, at the first position of the second sequence.
[[nodiscard]] inline std::vector<Token> ids_with(Token end_of_text, Extent extent) {
    std::vector<Token> ids(extent.tokens());
    for (std::size_t n = 0; n < ids.size(); ++n) {
        ids[n] = n % 3 == 2 || n == extent.sequence ? end_of_text : static_cast<Token>(n % 7);
    }
    return ids;
}

template <Backend B, class Compute>
void verify_divisor_rows() {
    for (const Extent extent : {Extent{0, 5}, Extent{1, 1}, Extent{4, 1}, Extent{3, 5003}}) {
        CAPTURE(extent.batch, extent.sequence);
        const std::vector<Token> ids = ids_with(50256, extent);
        Grid divisors(1, extent.tokens());
        for (std::size_t n = 0; n < ids.size(); ++n) {
            const double at_first = ids[n] == 50256 ? 1.9 : 5.25;
            const double elsewhere = ids[n] == 50256 ? 3.1 : 0.7;
            divisors(0, n) = static_cast<double>(stored<Compute>(n % extent.sequence == 0 ? at_first : elsewhere));
        }
        verify<B>(Threads::irrelevant, {Expected(divisors)}, [&](B& backend) {
            Uploaded<Token, B> tokens(backend, ids);
            OnBackend<Compute, B> out(backend, unset(1, extent.tokens()));
            backend.run(DivisorRows<Compute>{.ids = tokens.column(),
                                             .extent = extent,
                                             .divisor = out.column(),
                                             .ordinary = 0.7,
                                             .first_position = 5.25,
                                             .end_of_text = 3.1,
                                             .first_end_of_text = 1.9,
                                             .end_of_text_id = 50256});
            return Grids{out.read()};
        });
    }
}

TEMPLATE_TEST_CASE("divisor_rows tells first positions, ends of text and both at once from the rest",
                   "[conformance][rows]", LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_divisor_rows<TestType, float>(); }
    SECTION("double") { verify_divisor_rows<TestType, double>(); }
}

TEMPLATE_TEST_CASE("divisor_rows takes positions that are given", "[conformance][rows]", LAMINA_BACKEND_UNDER_TEST) {
    const std::vector<Token> ids{7, 9, 7, 9, 7, 9};
    const std::vector<std::size_t> positions{3, 4, 0, 0, 1, 1024};
    Grid divisors(1, ids.size());
    divisors.values = {0.5, 3, 5.25, 1.5, 0.5, 3};
    verify<TestType>(Threads::irrelevant, {Expected(divisors)}, [&](TestType& backend) {
        Uploaded<Token, TestType> tokens(backend, ids);
        Uploaded<std::size_t, TestType> places(backend, positions);
        OnBackend<float, TestType> out(backend, unset(1, ids.size()));
        backend.run(DivisorRows<float>{.ids = tokens.column(),
                                       .extent = {ids.size(), 1},
                                       .divisor = out.column(),
                                       .ordinary = 0.5,
                                       .first_position = 5.25,
                                       .end_of_text = 3,
                                       .first_end_of_text = 1.5,
                                       .end_of_text_id = 9,
                                       .positions = places.column()});
        return Grids{out.read()};
    });
}

template <Backend B, class Compute>
void verify_mean_over_tokens() {
    for (const Extent extent :
         {Extent{0, 5}, Extent{3, 0}, Extent{1, 1}, Extent{5, 1}, Extent{3, 7}, Extent{4, 5003}}) {
        const Grid values = random_grid<Compute>(1, extent.tokens(), 43, {1, 2});
        const Grid others = random_grid<Compute>(1, extent.tokens(), 44, {3, 4});
        CAPTURE(extent.batch, extent.sequence);
        const std::vector<Expected> means{expected_mean<Compute>(values, extent, Positions::all),
                                          expected_mean<Compute>(values, extent, Positions::after_first),
                                          expected_mean<Compute>(others, extent, Positions::first)};
        verify<B>(Threads::irrelevant, means, [&](B& backend) {
            OnBackend<Compute, B> first(backend, values);
            OnBackend<Compute, B> second(backend, others);
            std::array<OnBackend<double, B>, 3> out{
                {{backend, unset(1, 1)}, {backend, unset(1, 1)}, {backend, unset(1, 1)}}};
            MeansOverTokens<Compute> request{.extent = extent};
            backend.run(request);  // nothing is wanted, and nothing written
            request.add({first.column(), Positions::all, out[0].column()});
            request.add({first.column(), Positions::after_first, out[1].column()});
            request.add({second.column(), Positions::first, out[2].column()});
            backend.run(request);
            return Grids{out[0].read(), out[1].read(), out[2].read()};
        });
    }
}

TEMPLATE_TEST_CASE("means_over_tokens count the positions that are asked for, and are 0 when there are none",
                   "[conformance][rows]", LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_mean_over_tokens<TestType, float>(); }
    SECTION("double") { verify_mean_over_tokens<TestType, double>(); }
}

template <Backend B, class T>
void verify_sum_of_squares() {
    for (const Size size : sizes) {
        CAPTURE(size.rows, size.cols);
        // Squares of these overflow float, so the sum must be in double from the first product on.
        const Grid values = random_grid<T>(size.rows, size.cols, 44, {-1e30, 1e30});
        Sum sum;
        for (const double value : values.values) sum.add(value * value);
        Expected expected(1, 1);
        expect_sum<double>(expected, 0, 0, sum);
        verify<B>(Threads::may_matter, {expected}, [&](B& backend) {
            OnBackend<T, B> on_backend(backend, values, Layout::slice);
            return Grids{Grid(1, 1, backend.run(SumOfSquares(on_backend.input())))};
        });
    }

    constexpr double infinity = std::numeric_limits<double>::infinity();
    B backend = UnderTest<B>::with_threads(2);
    for (const double culprit : {infinity, -infinity, std::numeric_limits<double>::quiet_NaN()}) {
        for (const std::size_t position : {0U, 100U, 130U * 67U - 1U}) {  // in a vector and in the remainder
            CAPTURE(culprit, position);
            Grid values = random_grid<T>(67, 130, 45);
            values.values[position] = culprit;
            OnBackend<T, B> on_backend(backend, values, Layout::slice);
            CHECK_FALSE(std::isfinite(backend.run(SumOfSquares(on_backend.input()))));
        }
    }
}

TEMPLATE_TEST_CASE("sum_of_squares is a double, not finite if any element is not", "[conformance][rows]",
                   LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_sum_of_squares<TestType, float>(); }
    SECTION("double") { verify_sum_of_squares<TestType, double>(); }
    SECTION("bf16") { verify_sum_of_squares<TestType, bf16>(); }
}

}  // namespace lamina_tests::conformance
