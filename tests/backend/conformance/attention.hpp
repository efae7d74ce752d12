// SPDX-License-Identifier: MIT
// Conformance of attention and attention_backward.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

#include "backend/conformance/attention_reference.hpp"
#include "backend/conformance/grid.hpp"
#include "backend/conformance/on_backend.hpp"
#include "backend/conformance/tolerance.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

/// No sequence, no token, one token; tiles of 16, 32, 64 or 128 tokens with one less, one more and a rest.
inline constexpr std::array<AttentionShape, 10> attention_shapes{{{{0, 5}, 2, 4},
                                                                  {{2, 0}, 2, 4},
                                                                  {{3, 1}, 1, 1},
                                                                  {{2, 1}, 3, 8},
                                                                  {{1, 2}, 1, 16},
                                                                  {{2, 7}, 3, 5},
                                                                  {{1, 31}, 2, 17},
                                                                  {{2, 33}, 2, 8},
                                                                  {{1, 67}, 1, 64},
                                                                  {{1, 130}, 2, 4}}};

template <class T, Backend B>
[[nodiscard]] Grids run_attention(B& backend, const AttentionShape& shape, const Grid& qkv, Layout layout) {
    OnBackend<T, B> in(backend, qkv, layout);
    OnBackend<T, B> out(backend, unset(qkv.rows, shape.embed()), layout);
    OnBackend<ComputeOf<T>, B> log_sum_exp(backend, unset(qkv.rows, shape.heads), layout);
    backend.run(Attention<T>{.extent = shape.extent,
                             .heads = shape.heads,
                             .qkv = in.input(),
                             .out = out.view(),
                             .log_sum_exp = log_sum_exp.view()});
    return {out.read(), log_sum_exp.read()};
}

template <class T, Backend B>
[[nodiscard]] Grid run_attention_backward(B& backend, const AttentionShape& shape, const Grid& qkv, const Grid& out,
                                          const Grid& log_sum_exp, const Grid& d_out, Layout layout) {
    OnBackend<T, B> in(backend, qkv, layout);
    OnBackend<T, B> out_before(backend, out, layout);
    OnBackend<ComputeOf<T>, B> log_sum_exp_before(backend, log_sum_exp, layout);
    OnBackend<T, B> d_o(backend, d_out, layout);
    OnBackend<T, B> d_qkv(backend, unset(qkv.rows, qkv.cols), layout);
    backend.run(AttentionBackward<T>{.extent = shape.extent,
                                     .heads = shape.heads,
                                     .qkv = in.input(),
                                     .out = out_before.input(),
                                     .log_sum_exp = log_sum_exp_before.input(),
                                     .d_out = d_o.input(),
                                     .d_qkv = d_qkv.view()});
    return d_qkv.read();
}

/// Queries, keys and values of about `largest_score` at most as scores.
template <class T>
[[nodiscard]] Grid random_qkv(const AttentionShape& shape, double largest_score) {
    Grid qkv = random_grid<T>(shape.extent.tokens(), 3 * shape.embed(), 111);
    // A score is sqrt(D) times the mean product of a query's and a key's elements, which are evenly spread over ±size.
    const double size = std::sqrt(largest_score / std::sqrt(static_cast<double>(shape.head_width)));
    for (std::size_t row = 0; row < qkv.rows; ++row) {
        for (std::size_t col = 0; col < 2 * shape.embed(); ++col) qkv(row, col) *= size;
    }
    return rounded_to<T>(qkv);
}

template <Backend B, class T>
void verify_attention(const AttentionShape& shape, double largest_score, Layout layout) {
    CAPTURE(shape.extent.batch, shape.extent.sequence, shape.heads, shape.head_width, largest_score, int(layout));
    const Grid qkv = random_qkv<T>(shape, largest_score);
    const AttentionOutputs forward = reference_attention<T>(shape, qkv, probability_roundoff<B, T>());
    verify<B>(Threads::irrelevant, {forward.out, forward.log_sum_exp},
              [&](B& backend) { return run_attention<T>(backend, shape, qkv, layout); });

    const Grid out = rounded_to<T>(forward.out.value);
    const Grid log_sum_exp = rounded_to<ComputeOf<T>>(forward.log_sum_exp.value);
    const Grid d_out = random_grid<T>(qkv.rows, shape.embed(), 112);
    const Expected d_qkv =
        reference_attention_backward<T>(shape, qkv, out, log_sum_exp, d_out, probability_roundoff<B, T>());
    verify<B>(Threads::may_matter, {d_qkv}, [&](B& backend) {
        return Grids{run_attention_backward<T>(backend, shape, qkv, out, log_sum_exp, d_out, layout)};
    });
}

/// Head width 64 in bf16, which matrix units are made for: around tiles of 64 and of 128 tokens.
inline constexpr std::array<AttentionShape, 8> matrix_unit_shapes{{{{3, 1}, 2, 64},
                                                                   {{1, 63}, 1, 64},
                                                                   {{2, 64}, 1, 64},
                                                                   {{1, 65}, 2, 64},
                                                                   {{1, 127}, 1, 64},
                                                                   {{1, 128}, 1, 64},
                                                                   {{1, 129}, 1, 64},
                                                                   {{1, 200}, 1, 64}}};

template <Backend B, class T>
void verify_attentions() {
    for (const AttentionShape& shape : attention_shapes) {
        verify_attention<B, T>(shape, 4, shape.heads == 2 ? Layout::slice : Layout::dense);
    }
    if constexpr (std::is_same_v<T, bf16>) {
        for (const AttentionShape& shape : matrix_unit_shapes) verify_attention<B, T>(shape, 4, Layout::dense);
        verify_attention<B, T>({{1, 129}, 1, 64}, 1e3, Layout::dense);
    }
    verify_attention<B, T>({{2, 33}, 2, 8}, 1e3, Layout::dense);
}

TEMPLATE_TEST_CASE("attention and its backward agree with plain loops, for scores up to a thousand too",
                   "[conformance][attention]", LAMINA_BACKEND_UNDER_TEST) {
    SECTION("float") { verify_attentions<TestType, float>(); }
    SECTION("double") { verify_attentions<TestType, double>(); }
    SECTION("bf16") { verify_attentions<TestType, bf16>(); }
}

TEMPLATE_TEST_CASE("a token's attention does not depend on later tokens, whatever they are", "[conformance][attention]",
                   LAMINA_BACKEND_UNDER_TEST) {
    const AttentionShape shape{{1, 67}, 2, 8};
    TestType backend = UnderTest<TestType>::with_threads(2);
    Grid qkv = random_qkv<float>(shape, 4);
    const Grid before = run_attention<float>(backend, shape, qkv, Layout::dense)[0];
    for (std::size_t t = 40; t < 67; ++t) {
        for (std::size_t col = 0; col < qkv.cols; ++col) qkv(t, col) = 1e4F;
    }
    const Grid after = run_attention<float>(backend, shape, qkv, Layout::dense)[0];
    for (std::size_t t = 0; t < 67; ++t) {
        CAPTURE(t);
        const auto same = [&](std::size_t col) { return before(t, col) == after(t, col); };
        CHECK((same(0) && same(15)) == (t < 40));
    }
}

TEMPLATE_TEST_CASE("attention_backward is the derivative of attention", "[conformance][attention]",
                   LAMINA_BACKEND_UNDER_TEST) {
    const AttentionShape shape{{2, 5}, 2, 3};
    TestType backend = UnderTest<TestType>::with_threads(1);
    const Grid qkv = random_qkv<double>(shape, 2);
    const Grid d_out = random_grid<double>(qkv.rows, shape.embed(), 113);
    const auto weighted_output = [&](const Grid& moved) {
        return dot(run_attention<double>(backend, shape, moved, Layout::dense)[0], d_out);
    };
    Expected expected(central_differences(qkv, weighted_output));
    expected.bound = Grid(qkv.rows, qkv.cols, central_difference_bound);
    const Grids forward = run_attention<double>(backend, shape, qkv, Layout::dense);
    const Grid d_qkv =
        run_attention_backward<double>(backend, shape, qkv, forward[0], forward[1], d_out, Layout::dense);
    CHECK(mismatch(d_qkv, expected) == "");
}

}  // namespace lamina_tests::conformance
