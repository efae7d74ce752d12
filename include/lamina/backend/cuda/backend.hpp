// SPDX-License-Identifier: MIT
// CudaBackend: the backend contract on one NVIDIA GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/adamw.hpp>
#include <lamina/backend/cuda/attention.hpp>
#include <lamina/backend/cuda/cached_attention.hpp>
#include <lamina/backend/cuda/check.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/cross_entropy.hpp>
#include <lamina/backend/cuda/elementwise.hpp>
#include <lamina/backend/cuda/embedding.hpp>
#include <lamina/backend/cuda/float_products.hpp>
#include <lamina/backend/cuda/matmul.hpp>
#include <lamina/backend/cuda/memory.hpp>
#include <lamina/backend/cuda/normalisation.hpp>
#include <lamina/backend/cuda/reduction.hpp>
#include <lamina/backend/cuda/replay.hpp>

namespace lamina {

/// What a CudaBackend is made with.
struct CudaOptions {
    int device = 0;  ///< as CUDA counts them
    cuda::FloatProducts float_products = cuda::FloatProducts::bf16x6;
    /// How the algorithm of a product is found; `first` where shapes change from call to call, as in evaluation.
    cuda::Choice algorithms = cuda::Choice::timed;
    /// Micro-steps that `replay` records: each is a CUDA graph. 0: none, everything is queued anew each time.
    std::size_t graphs = 16;
};

/// Runs every operation of the contract (contract.hpp) on one device, in the order of the calls, and returns before it
/// is done, unless it gives something back to the host.
///
/// One thread at a time may call an object of this class. Results are the same bits whenever they are computed again
/// with the same algorithms; which algorithms cuBLASLt's products use is decided by timing (cuda/algorithms.hpp), until
/// `settle_algorithms`.
/// errors   DeviceError with the operation, its sizes and the library's reason
class CudaBackend {
public:
    using Memory = cuda::Memory;
    /// Rows that a block of a product's kernel makes: fewer take as long, and each number of rows has an algorithm of
    /// its own.
    static constexpr std::size_t row_multiple = 128;
    /// At most 8192, and 2 GiB of logits in float. The product whose output is smallest, the gradient of the hidden
    /// states, then fills 97, 97, 97 and 90 % of the times that 132 multiprocessors make blocks of 128 by 128, for the
    /// four sizes of GPT-2; of 2048 rows it would fill 73, 97, 61 and 79 %.
    static constexpr std::size_t logits_rows(std::size_t vocab) {
        constexpr std::size_t most_floats = (std::size_t{2} << 30U) / sizeof(float);
        std::size_t rows = 8192;
        while (rows > row_multiple && rows * vocab > most_floats) rows /= 2;
        return rows;
    }
    /// The vocabulary is an extent of all three products of the head. cuBLASLt asks that extents be whole vectors of 16
    /// bytes, and its kernels make blocks of 128.
    static constexpr std::size_t vocabulary_multiple = 128;

    explicit CudaBackend(CudaOptions options = {})
        : device_(options.device, options.float_products, options.algorithms), graphs_(device_, options.graphs) {}
    CudaBackend(const CudaBackend&) = delete;
    CudaBackend& operator=(const CudaBackend&) = delete;

    /// One line for logs, such as "CUDA, NVIDIA H200, 132 multiprocessors, cuBLASLt 13.1.0, float products in fp32".
    [[nodiscard]] std::string description() const {
        return "CUDA, " + device_name() + ", " + std::to_string(device_.multiprocessors()) +
               " multiprocessors, cuBLASLt " + cuda::library_version() + ", float products in " +
               cuda::name_of(device_.blas.float_products());
    }
    /// As its maker calls it, such as "NVIDIA H200".
    [[nodiscard]] std::string device_name() const { return device_.properties().name; }
    /// The products of float with float from now on. What was recorded with others is dropped.
    void set_float_products(cuda::FloatProducts products) {
        device_.blas.set_float_products(products);
        graphs_.clear();
    }

    /// How algorithms are found for products of shapes that are met from now on.
    void set_algorithms(cuda::Choice choice) { device_.blas.set_choice(choice); }
    /// How the products that were met so far are made, and their making so from now on: what is not direct is in the
    /// table, too (cuda/matmul.hpp).
    ///
    /// errors   Error for a table of another version of the library or another device
    [[nodiscard]] std::string exported_algorithms() const { return device_.blas.exported_algorithms(); }
    void import_algorithms(const std::string& text) {
        device_.blas.import_algorithms(text);
        graphs_.clear();
    }
    /// From now on nothing is timed: a product of a shape that was not met yet has the library's first algorithm, which
    /// is the same in every run on such a device with this version of the library. For runs that are to make the same
    /// bits as another: who writes a table calls it when that is written, who reads one when it is imported. Then both
    /// make all products alike, those that neither has met by then included.
    void settle_algorithms() { device_.blas.settle(); }

    /// What has been done in another way than was asked for, one sentence each, since the last call: a product that
    /// cuBLASLt refused, an imported algorithm that does not run on this device.
    [[nodiscard]] std::vector<std::string> take_notes() { return device_.blas.take_notes(); }

    /// Products so far by the way they were made (cuda/matmul.hpp): those of GPT-2's layers are direct ones, but for
    /// epilogues that were timed to be quicker apart. A product of a recorded step counts when it is recorded, not when
    /// it is replayed.
    [[nodiscard]] const cuda::WayCounts& products_made() const { return device_.blas.counts(); }

    /// Bytes that the device has, and that are free now.
    struct DeviceMemory {
        std::size_t total = 0;
        std::size_t free = 0;
    };
    [[nodiscard]] DeviceMemory device_memory() const {
        device_.select();
        DeviceMemory memory;
        cuda::check(cudaMemGetInfo(&memory.free, &memory.total), "asking for free memory");
        return memory;
    }
    /// Bytes of scratch that this backend holds, which a model's plan does not count.
    [[nodiscard]] std::size_t scratch_bytes() const { return device_.scratch_bytes(); }

    /// Returns when everything that was queued is done.
    void wait() { device_.wait(); }

    [[nodiscard]] Memory allocate(std::size_t bytes) {
        Memory memory = device_.allocate(bytes);
        if (bytes > 0) {
            cuda::check(cudaMemsetAsync(memory.data(), 0, bytes, device_.stream()),
                        [&] { return "zeroing " + std::to_string(bytes) + " bytes"; });
        }
        return memory;
    }
    /// Pinned.
    [[nodiscard]] Memory allocate_host(std::size_t bytes) { return device_.allocate(bytes, cuda::MemoryOf::host); }
    /// Queued like a request.
    void copy(void* to, const void* from, std::size_t bytes) {
        if (bytes == 0) return;
        cuda::check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, device_.stream()),
                    [&] { return "copying " + std::to_string(bytes) + " bytes"; });
    }
    void upload(void* to, const void* from, std::size_t bytes) { transfer(to, from, bytes, cudaMemcpyHostToDevice); }
    void download(void* to, const void* from, std::size_t bytes) { transfer(to, from, bytes, cudaMemcpyDeviceToHost); }

    /// Calls enqueue(), or launches the graph of what it queued when it was last called with an equal key.
    template <class F>
    void replay(std::span<const std::uint64_t> key, const F& enqueue) {
        graphs_.replay(key, enqueue);
    }

    /// Queues a request of the contract; one that gives something back to the host waits for it.
    template <class Request>
    decltype(auto) run(const Request& request) {
        return detail::carry_out(device_, request);
    }

private:
    void transfer(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
        if (bytes == 0) return;
        const auto what = [&] {
            return (kind == cudaMemcpyHostToDevice ? "uploading " : "downloading ") + std::to_string(bytes) + " bytes";
        };
        cuda::check(cudaMemcpyAsync(to, from, bytes, kind, device_.stream()), what);
        device_.wait(what);
    }

    cuda::Device device_;
    cuda::GraphCache graphs_;
};

}  // namespace lamina
