// SPDX-License-Identifier: MIT
// Attention kernels of the CUDA backend, called directly and compared with plain loops in every order of their threads.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "backend/conformance/attention_reference.hpp"
#include "backend/conformance/grid.hpp"
#include "backend/conformance/on_backend.hpp"
#include "backend/cuda/kernels_under_test.hpp"
#include "support/catch.hpp"

namespace lamina_tests {

/// Queries and keys that make scores of about `largest_score`, and values below 1.
template <class T>
[[nodiscard]] conformance::Grid attention_inputs(const conformance::AttentionShape& shape, double largest_score) {
    conformance::Grid qkv = conformance::random_grid<T>(shape.extent.tokens(), 3 * shape.embed(), 211);
    const double size = std::sqrt(largest_score / std::sqrt(static_cast<double>(shape.head_width)));
    for (std::size_t row = 0; row < qkv.rows; ++row) {
        for (std::size_t col = 0; col < 2 * shape.embed(); ++col) qkv(row, col) *= size;
    }
    return conformance::rounded_to<T>(qkv);
}

/// `attend(context, request)` against loops.
template <class T, class Attend>
void check_attention(const conformance::AttentionShape& shape, double largest_score, const Attend& attend,
                     double probability_roundoff = 0) {
    using namespace conformance;
    CAPTURE(shape.extent.batch, shape.extent.sequence, shape.heads, shape.head_width, largest_score);
    const Grid qkv = attention_inputs<T>(shape, largest_score);
    const AttentionOutputs expected = reference_attention<T>(shape, qkv, probability_roundoff);
    verify<EmulatedKernels>(Threads::irrelevant, {expected.out, expected.log_sum_exp}, [&](EmulatedKernels& backend) {
        OnBackend<T, EmulatedKernels> in(backend, qkv);
        OnBackend<T, EmulatedKernels> out(backend, unset(qkv.rows, shape.embed()));
        OnBackend<ComputeOf<T>, EmulatedKernels> log_sum_exp(backend, unset(qkv.rows, shape.heads));
        attend(backend.context(), Attention<T>{shape.extent, shape.heads, in.input(), out.view(), log_sum_exp.view()});
        return Grids{out.read(), log_sum_exp.read()};
    });
}

/// `backward(context, request)` against loops.
template <class T, class Backward>
void check_attention_backward(const conformance::AttentionShape& shape, double largest_score, const Backward& backward,
                              double probability_roundoff = 0) {
    using namespace conformance;
    CAPTURE(shape.extent.batch, shape.extent.sequence, shape.heads, shape.head_width, largest_score);
    const Grid qkv = attention_inputs<T>(shape, largest_score);
    const AttentionOutputs forward = reference_attention<T>(shape, qkv);
    const Grid out = rounded_to<T>(forward.out.value);
    const Grid log_sum_exp = rounded_to<ComputeOf<T>>(forward.log_sum_exp.value);
    const Grid d_out = random_grid<T>(qkv.rows, shape.embed(), 212);
    const Expected expected =
        reference_attention_backward<T>(shape, qkv, out, log_sum_exp, d_out, probability_roundoff);
    verify<EmulatedKernels>(Threads::irrelevant, {expected}, [&](EmulatedKernels& backend) {
        OnBackend<T, EmulatedKernels> in(backend, qkv);
        OnBackend<T, EmulatedKernels> out_before(backend, out);
        OnBackend<ComputeOf<T>, EmulatedKernels> log_sum_exp_before(backend, log_sum_exp);
        OnBackend<T, EmulatedKernels> d_o(backend, d_out);
        OnBackend<T, EmulatedKernels> d_qkv(backend, unset(qkv.rows, qkv.cols));
        backward(backend.context(), AttentionBackward<T>{shape.extent, shape.heads, in.input(), out_before.input(),
                                                         log_sum_exp_before.input(), d_o.input(), d_qkv.view()});
        return Grids{d_qkv.read()};
    });
}

}  // namespace lamina_tests
