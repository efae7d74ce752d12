// SPDX-License-Identifier: MIT
// CpuBackend: the backend contract on the processor's own cores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/adamw.hpp>
#include <lamina/backend/cpu/affine.hpp>
#include <lamina/backend/cpu/attention.hpp>
#include <lamina/backend/cpu/attention_backward.hpp>
#include <lamina/backend/cpu/cached_attention.hpp>
#include <lamina/backend/cpu/context.hpp>
#include <lamina/backend/cpu/cross_entropy.hpp>
#include <lamina/backend/cpu/elementwise.hpp>
#include <lamina/backend/cpu/embedding.hpp>
#include <lamina/backend/cpu/engine.hpp>
#include <lamina/backend/cpu/matmul.hpp>
#include <lamina/backend/cpu/memory.hpp>
#include <lamina/backend/cpu/normalisation.hpp>
#include <lamina/backend/cpu/reduction.hpp>
#ifdef LAMINA_COMPILED_KERNELS
#include <lamina/backend/cpu/kernels.hpp>
#endif

namespace lamina {

struct CpuOptions {
    std::size_t threads = 0;  ///< 0: one per core that this process may use
};

/// Runs every operation of the contract (contract.hpp) on a team of threads; each operation returns when it is done.
///
/// One thread at a time may call an object of this class; several objects are independent of each other.
/// errors   lamina::Error when memory runs out, also for the scratch of an operation that sees a shape first
class CpuBackend {
public:
    using Memory = cpu::Memory;
    static constexpr std::size_t row_multiple = 1;
    static constexpr std::size_t logits_rows(std::size_t) { return 512; }
    static constexpr std::size_t vocabulary_multiple = 1;

    explicit CpuBackend(CpuOptions options = {}) : context_(options.threads) { cpu::EigenEngine::limit_cache_sizes(); }
    CpuBackend(const CpuBackend&) = delete;
    CpuBackend& operator=(const CpuBackend&) = delete;

    [[nodiscard]] std::size_t threads() const { return context_.team.size(); }
    /// One line for logs, such as "CPU, 2 threads, float products by oneDNN, double by Eigen".
    [[nodiscard]] std::string description() const {
        return "CPU, " + std::to_string(threads()) + (threads() == 1 ? " thread" : " threads") +
               ", float products by " + cpu::EngineFor<float>::name + ", double by " + cpu::EngineFor<double>::name;
    }

    [[nodiscard]] Memory allocate(std::size_t bytes) { return Memory(bytes); }
    [[nodiscard]] Memory allocate_host(std::size_t bytes) { return allocate(bytes); }
    // memcpy must not be given null pointers, not even to copy nothing.
    void copy(void* to, const void* from, std::size_t bytes) {
        if (bytes > 0) std::memcpy(to, from, bytes);
    }
    void upload(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
    void download(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
    /// Calls enqueue(): there is no queue, so nothing is gained by repeating one.
    template <class F>
    void replay(std::span<const std::uint64_t>, const F& enqueue) {
        enqueue();
    }

    /// Carries out a request of the contract; it is done when this returns.
    template <class Request>
    decltype(auto) run(const Request& request) {
        return detail::carry_out(context_, request);
    }

private:
    cpu::Context context_;
};

}  // namespace lamina
