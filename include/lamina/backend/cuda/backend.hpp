// SPDX-License-Identifier: MIT
// CudaBackend: the backend contract on one NVIDIA GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

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
    cuda::FloatProducts float_products = cuda::FloatProducts::fp32;
    /// How the algorithm of a product is found; `first` where shapes change from call to call, as in evaluation.
    cuda::Choice algorithms = cuda::Choice::timed;
    /// Micro-steps that `replay` records: each is a CUDA graph. 0: none, everything is queued anew each time.
    std::size_t graphs = 16;
};

/// Runs every operation of the contract (contract.hpp) on one device, in the order of the calls, and returns before it
/// is done, unless it gives something back to the host.
///
/// One thread at a time may call an object of this class. Results are the same bits whenever they are computed again
/// with the same algorithms; which algorithms cuBLASLt's products use is decided by timing (cuda/algorithms.hpp).
/// errors   DeviceError with the operation, its sizes and the library's reason
class CudaBackend {
public:
    using Memory = cuda::Memory;
    /// Rows that a block of a product's kernel makes: fewer take as long, and each number of rows has an algorithm of
    /// its own.
    static constexpr std::size_t row_multiple = 128;
    /// The product whose output is smallest, the gradient of the hidden states, has a block of such rows for most
    /// multiprocessors: 16 times the 6 that GPT-2 small's width has room for.
    static constexpr std::size_t logits_rows = 2048;

    explicit CudaBackend(CudaOptions options = {})
        : context_(options.device),
          blas_(context_, options.float_products, options.algorithms),
          graphs_(context_, options.graphs) {}
    CudaBackend(const CudaBackend&) = delete;
    CudaBackend& operator=(const CudaBackend&) = delete;

    /// One line for logs, such as "CUDA, NVIDIA H200, 132 multiprocessors, cuBLASLt 13.1.0, float products in fp32".
    [[nodiscard]] std::string description() const {
        return "CUDA, " + device_name() + ", " + std::to_string(context_.multiprocessors()) +
               " multiprocessors, cuBLASLt " + cuda::library_version() + ", float products in " +
               cuda::name_of(blas_.float_products());
    }
    /// As its maker calls it, such as "NVIDIA H200".
    [[nodiscard]] std::string device_name() const { return context_.properties().name; }
    /// The products of float with float from now on. What was recorded with others is dropped.
    void set_float_products(cuda::FloatProducts products) {
        blas_.set_float_products(products);
        graphs_.clear();
    }

    /// How algorithms are found for products of shapes that are met from now on.
    void set_algorithms(cuda::Choice choice) { blas_.set_choice(choice); }
    /// The algorithms that were found so far, and their use from now on, so that another run makes the same bits.
    ///
    /// errors   Error for a table of another version of the library or another device
    [[nodiscard]] std::string exported_algorithms() const { return blas_.exported_algorithms(); }
    void import_algorithms(const std::string& text) {
        blas_.import_algorithms(text);
        graphs_.clear();
    }

    /// Products so far by the way they were made (cuda/matmul.hpp): those of GPT-2's layers shall be direct ones. A
    /// product of a recorded step counts when it is recorded, not when it is replayed.
    [[nodiscard]] const cuda::WayCounts& products_made() const { return blas_.counts(); }

    /// Bytes that the device has, and that are free now.
    struct DeviceMemory {
        std::size_t total = 0;
        std::size_t free = 0;
    };
    [[nodiscard]] DeviceMemory device_memory() const {
        context_.select();
        DeviceMemory memory;
        cuda::check(cudaMemGetInfo(&memory.free, &memory.total), "asking for free memory");
        return memory;
    }
    /// Bytes of scratch that this backend holds, which a model's plan does not count.
    [[nodiscard]] std::size_t scratch_bytes() const { return context_.scratch_bytes(); }

    /// Returns when everything that was queued is done.
    void wait() { context_.wait(); }

    [[nodiscard]] Memory allocate(std::size_t bytes) {
        Memory memory = context_.allocate(bytes);
        if (bytes > 0) {
            cuda::check(cudaMemsetAsync(memory.data(), 0, bytes, context_.stream()),
                        [&] { return "zeroing " + std::to_string(bytes) + " bytes"; });
        }
        return memory;
    }
    void upload(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes, cudaMemcpyHostToDevice); }
    void download(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes, cudaMemcpyDeviceToHost); }

    /// Calls enqueue(), or launches the graph of what it queued when it was last called with an equal key.
    template <class F>
    void replay(std::span<const std::uint64_t> key, const F& enqueue) {
        graphs_.replay(key, enqueue);
    }

    template <class Out, class Value>
    void fill(MatrixView<Out> out, Value value) {
        cuda::fill(context_, out, value);
    }
    template <class Out, class In>
    void convert(MatrixView<Out> out, MatrixView<In> in) {
        cuda::convert(context_, out, in);
    }
    template <class Out, class Lhs, class Rhs>
    void matmul(MatrixView<Out> out, MatrixView<Lhs> lhs, MatrixView<Rhs> rhs, MatmulOptions options = {}) {
        cuda::matmul(context_, blas_, out, lhs, rhs, options);
    }
    template <class Out, class Lhs, class Rhs, class Bias, class Base>
    void affine_product(const AffineProduct<Out, Lhs, Rhs, Bias, Base>& request) {
        cuda::affine_product(context_, blas_, request);
    }
    template <class Out, class Lhs, class Rhs>
    void matmul_gelu_backward(const GeluBackwardProduct<Out, Lhs, Rhs>& request) {
        cuda::matmul_gelu_backward(context_, blas_, request);
    }
    template <class Out, class F, class... In>
    void map(MatrixView<Out> out, const F& f, MatrixView<In>... in) {
        cuda::map(context_, out, f, in...);
    }
    template <class Out, class F, class... In>
    void sum_rows(MatrixView<Out> out, Write write, const F& f, MatrixView<In>... in) {
        cuda::sum_rows(context_, out, write, f, in...);
    }
    template <class Out, class In>
    void gather_rows(MatrixView<Out> out, MatrixView<In> in, const std::size_t* rows) {
        cuda::gather_rows(context_, out, in, rows);
    }
    template <class Out, class In>
    void scatter_rows(MatrixView<Out> out, MatrixView<In> in, const std::size_t* rows) {
        cuda::scatter_rows(context_, out, in, rows);
    }

    template <class T>
    void row_moments(const RowMoments<T>& request) {
        cuda::row_moments(context_, request);
    }
    template <class T, class Weight, class Out>
    void normalise(const Normalise<T, Weight, Out>& request) {
        cuda::normalise(context_, request);
    }
    template <class T, class Weight, class Out>
    void normalise_rows(const NormaliseRows<T, Weight, Out>& request) {
        cuda::normalise_rows(context_, request);
    }
    template <class T, class Weight, class Gradient, class Out>
    void normalise_backward(const NormaliseBackward<T, Weight, Gradient, Out>& request) {
        cuda::normalise_backward(context_, request);
    }
    template <class Compute>
    void divisor_rows(const DivisorRows<Compute>& request) {
        cuda::divisor_rows(context_, request);
    }
    template <class T>
    void deviation_penalty_backward(const DeviationPenaltyBackward<T>& request) {
        cuda::deviation_penalty_backward(context_, request);
    }
    template <class Compute>
    void mean_over_tokens(const MeanOverTokens<Compute>& request) {
        cuda::mean_over_tokens(context_, request);
    }
    template <class T, class Weight>
    void embed(const Embed<T, Weight>& request) {
        cuda::embed(context_, request);
    }
    template <class T, class Gradient>
    void embed_backward(const EmbedBackward<T, Gradient>& request) {
        cuda::embed_backward(context_, request);
    }
    template <class T>
    void attention(const Attention<T>& request) {
        cuda::attention(context_, request);
    }
    template <class T>
    void attention_backward(const AttentionBackward<T>& request) {
        cuda::attention_backward(context_, request);
    }
    template <class T>
    void cached_attention(const CachedAttention<T>& request) {
        cuda::cached_attention(context_, request);
    }
    template <class T>
    void store_keys_values(const StoreKeysValues<T>& request) {
        cuda::store_keys_values(context_, request);
    }
    template <class Compute, class Out>
    void softmax_cross_entropy(const SoftmaxCrossEntropy<Compute, Out>& request) {
        cuda::softmax_cross_entropy(context_, request);
    }
    template <class Parameter, class Gradient, class Moment>
    void adamw(const AdamWUpdate<Parameter, Gradient, Moment>& request) {
        cuda::adamw(context_, request);
    }
    template <class T>
    [[nodiscard]] double sum_of_squares(MatrixView<T> view) {
        return cuda::sum_of_squares(context_, view);
    }

private:
    void copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
        if (bytes == 0) return;
        const auto what = [&] {
            return (kind == cudaMemcpyHostToDevice ? "uploading " : "downloading ") + std::to_string(bytes) + " bytes";
        };
        cuda::check(cudaMemcpyAsync(to, from, bytes, kind, context_.stream()), what);
        context_.wait(what);
    }

    cuda::Context context_;
    cuda::Blas blas_;
    cuda::GraphCache graphs_;
};

}  // namespace lamina
