// SPDX-License-Identifier: MIT
// EmulatedKernels: where tests of single CUDA kernels keep their data and run them, in every order of their threads.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include <lamina/backend/cpu/backend.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/primitives.hpp>

#include "backend/conformance/on_backend.hpp"
#include "cuda_emulation/emulator.hpp"

namespace lamina_tests {

/// Device memory is the host's under the emulator, so the CPU's backend can hold it.
class EmulatedKernels : public lamina::CpuBackend {
public:
    explicit EmulatedKernels(emulator::Order order) : CpuBackend({.threads = 1}) { emulator::set_order(order); }

    [[nodiscard]] lamina::cuda::Context& context() { return context_; }

private:
    lamina::cuda::Context context_{0};
};

namespace conformance {

/// A number of threads stands for an order in which the emulator runs the threads of a block.
template <>
struct UnderTest<EmulatedKernels> {
    static constexpr std::array<std::size_t, 3> thread_counts{1, 2, 3};
    static EmulatedKernels with_threads(std::size_t threads) {
        constexpr std::array orders{emulator::Order::forward, emulator::Order::backward, emulator::Order::shuffled};
        return EmulatedKernels(orders.at(threads - 1));
    }
};

}  // namespace conformance

/// A function for `map` that notes which thread calls it.
struct NoteCaller {
    std::vector<unsigned>* callers;

    template <class... T>
    float operator()(T...) const {
        callers->push_back(lamina::cuda::thread_index());
        return 0;
    }
};

/// How many elements a thread worked on at once: calls in a row by the thread that came first.
[[nodiscard]] inline std::size_t elements_at_once(const std::vector<unsigned>& callers) {
    std::size_t count = 0;
    while (count < callers.size() && callers[count] == callers.front()) ++count;
    return count;
}

/// Token widths of the four GPT-2 sizes.
inline constexpr std::array<std::size_t, 4> gpt2_widths{768, 1024, 1280, 1600};

}  // namespace lamina_tests
