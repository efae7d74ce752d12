// SPDX-License-Identifier: MIT
// Hybrid: a CPU backend whose matrix products are the GPU's, run by the emulator, for the conformance suite.
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>

#include <lamina/backend/cpu/backend.hpp>
#include <lamina/backend/cuda/blas.hpp>
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

    explicit Hybrid(emulator::Order order) : CpuBackend({.threads = 1}) {
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
    [[nodiscard]] Memory allocate_host(std::size_t bytes) { return allocate(bytes); }
    /// Products are the requests with two sides.
    template <class Request>
    decltype(auto) run(const Request& request) {
        if constexpr (requires { request.lhs, request.rhs; }) {
            return lamina::detail::carry_out(device_, request);
        } else {
            return CpuBackend::run(request);
        }
    }

private:
    // Timing would run each product dozens of times; algorithms.cpp tests it.
    lamina::cuda::Device device_{0, lamina::cuda::FloatProducts::fp32, lamina::cuda::Choice::first};
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
