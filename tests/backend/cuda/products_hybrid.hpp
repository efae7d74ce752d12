// SPDX-License-Identifier: MIT
// Hybrid: a CPU backend whose matrix products are the GPU's, run by the emulator, for the conformance suite.
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>

#include <lamina/backend/cpu/backend.hpp>
#include <lamina/backend/cuda/blas.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/matmul.hpp>
#include <lamina/backend/cuda/memory.hpp>

#include "backend/conformance/on_backend.hpp"
#include "cuda_emulation/cublaslt.hpp"
#include "cuda_emulation/emulator.hpp"

namespace lamina_tests {

template <emulator::Offer Algorithms>
class Hybrid : public lamina::CpuBackend {
public:
    using Memory = lamina::cuda::Memory;

    explicit Hybrid(emulator::Order order) : CpuBackend({.threads = 1}), context_(0) {
        emulator::set_order(order);
        emulator::offer(Algorithms);
    }
    ~Hybrid() {
        emulator::set_order(emulator::Order::forward);
        emulator::offer(emulator::Offer::all);
    }

    [[nodiscard]] Memory allocate(std::size_t bytes) {
        Memory memory(bytes);
        if (bytes > 0) std::memset(memory.data(), 0, bytes);
        return memory;
    }
    template <class Out, class Lhs, class Rhs>
    void matmul(lamina::MatrixView<Out> out, lamina::MatrixView<Lhs> lhs, lamina::MatrixView<Rhs> rhs,
                lamina::MatmulOptions options = {}) {
        lamina::cuda::matmul(context_, blas_, out, lhs, rhs, options);
    }
    template <class Out, class Lhs, class Rhs, class Bias, class Base>
    void affine_product(const lamina::AffineProduct<Out, Lhs, Rhs, Bias, Base>& request) {
        lamina::cuda::affine_product(context_, blas_, request);
    }
    template <class Out, class Lhs, class Rhs>
    void matmul_gelu_backward(const lamina::GeluBackwardProduct<Out, Lhs, Rhs>& request) {
        lamina::cuda::matmul_gelu_backward(context_, blas_, request);
    }

private:
    lamina::cuda::Context context_;
    // Timing would run each product dozens of times; algorithms.cpp tests it.
    lamina::cuda::Blas blas_{context_, lamina::cuda::FloatProducts::fp32, lamina::cuda::Choice::first};
};

}  // namespace lamina_tests

namespace lamina_tests::conformance {

/// The order in which threads run takes the place of their number.
template <emulator::Offer Algorithms>
struct UnderTest<Hybrid<Algorithms>> {
    static constexpr std::array<std::size_t, 3> thread_counts{1, 2, 3};
    static Hybrid<Algorithms> with_threads(std::size_t order) {
        return Hybrid<Algorithms>(static_cast<emulator::Order>(order - 1));
    }
};

}  // namespace lamina_tests::conformance
