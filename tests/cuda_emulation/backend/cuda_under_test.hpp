// SPDX-License-Identifier: MIT
// How the conformance suite makes a CudaBackend on the emulator: "threads" choose the order in which they run.
#pragma once

#include <array>
#include <cstddef>
#include <type_traits>

#include <lamina/backend/cuda/backend.hpp>
#include <lamina/core/bfloat16.hpp>

#include "backend/conformance/on_backend.hpp"
#include "backend/conformance/tolerance.hpp"
#include "cuda_emulation/emulator.hpp"

namespace lamina_tests::conformance {

template <>
struct UnderTest<CudaBackend> {
    /// Matrix units take probabilities in bf16, rounded once.
    template <class T>
    static constexpr double probability_roundoff = std::is_same_v<T, bf16> ? roundoff<bf16> : 0;

    static constexpr std::array<std::size_t, 3> thread_counts{1, 2, 3};
    static CudaOptions options(std::size_t threads) {
        using emulator::Order;
        emulator::set_order(threads == 1 ? Order::forward : threads == 2 ? Order::backward : Order::shuffled);
        // Timing has tests of its own, and so have products by parts.
        return {.float_products = cuda::FloatProducts::fp32, .algorithms = cuda::Choice::first};
    }
    static CudaBackend with_threads(std::size_t threads) { return CudaBackend(options(threads)); }
    /// Its workspace is 32 MiB. Never destroyed: it may outlive what it stands on.
    static CudaBackend& shared(std::size_t threads) {
        const CudaOptions now = options(threads);
        static auto& backend = *new CudaBackend(now);
        return backend;
    }
};

}  // namespace lamina_tests::conformance
