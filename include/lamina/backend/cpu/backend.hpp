// SPDX-License-Identifier: MIT
// CpuBackend: the backend contract on the processor's own cores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>

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
    static constexpr std::size_t logits_rows = 512;

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
    void upload(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
    void download(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
    /// Calls enqueue(): there is no queue, so nothing is gained by repeating one.
    template <class F>
    void replay(std::span<const std::uint64_t>, const F& enqueue) {
        enqueue();
    }

    template <class Out, class Value>
    void fill(MatrixView<Out> out, Value value) {
        cpu::fill(context_, out, value);
    }
    template <class Out, class In>
    void convert(MatrixView<Out> out, MatrixView<In> in) {
        cpu::convert(context_, out, in);
    }
    template <class Out, class Lhs, class Rhs>
    void matmul(MatrixView<Out> out, MatrixView<Lhs> lhs, MatrixView<Rhs> rhs, MatmulOptions options = {}) {
        using Request = cpu::MatmulRequest<Out, std::remove_const_t<Lhs>, std::remove_const_t<Rhs>, ComputeOf<Out>>;
        cpu::matmul(
            context_,
            Request{.out = out, .lhs = {lhs, options.lhs_as}, .rhs = {rhs, options.rhs_as}, .write = options.write});
    }
    template <class Out, class Lhs, class Rhs, class Bias, class Base>
    void affine_product(const AffineProduct<Out, Lhs, Rhs, Bias, Base>& request) {
        cpu::affine_product(context_, request);
    }
    template <class Out, class Lhs, class Rhs>
    void matmul_gelu_backward(const GeluBackwardProduct<Out, Lhs, Rhs>& request) {
        cpu::matmul_gelu_backward(context_, request);
    }
    template <class Out, class F, class... In>
    void map(MatrixView<Out> out, const F& f, MatrixView<In>... in) {
        cpu::map(context_, out, f, in...);
    }
    template <class Out, class F, class... In>
    void sum_rows(MatrixView<Out> out, Write write, const F& f, MatrixView<In>... in) {
        cpu::sum_rows(context_, out, write, f, in...);
    }
    template <class Out, class In>
    void gather_rows(MatrixView<Out> out, MatrixView<In> in, const std::size_t* rows) {
        cpu::gather_rows(context_, out, in, rows);
    }
    template <class Out, class In>
    void scatter_rows(MatrixView<Out> out, MatrixView<In> in, const std::size_t* rows) {
        cpu::scatter_rows(context_, out, in, rows);
    }

    template <class T>
    void row_moments(const RowMoments<T>& request) {
        cpu::row_moments(context_, request);
    }
    template <class T, class Weight, class Out>
    void normalise(const Normalise<T, Weight, Out>& request) {
        cpu::normalise(context_, request);
    }
    template <class T, class Weight, class Out>
    void normalise_rows(const NormaliseRows<T, Weight, Out>& request) {
        cpu::normalise_rows(context_, request);
    }
    template <class T, class Weight, class Gradient, class Out>
    void normalise_backward(const NormaliseBackward<T, Weight, Gradient, Out>& request) {
        cpu::normalise_backward(context_, request);
    }
    template <class Compute>
    void divisor_rows(const DivisorRows<Compute>& request) {
        cpu::divisor_rows(context_, request);
    }
    template <class T>
    void deviation_penalty_backward(const DeviationPenaltyBackward<T>& request) {
        cpu::deviation_penalty_backward(context_, request);
    }
    template <class T, class Weight>
    void embed(const Embed<T, Weight>& request) {
        cpu::embed(context_, request);
    }
    template <class T, class Gradient>
    void embed_backward(const EmbedBackward<T, Gradient>& request) {
        cpu::embed_backward(context_, request);
    }
    template <class T>
    void attention(const Attention<T>& request) {
        cpu::attention(context_, request);
    }
    template <class T>
    void cached_attention(const CachedAttention<T>& request) {
        cpu::cached_attention(context_, request);
    }
    template <class T>
    void store_keys_values(const StoreKeysValues<T>& request) {
        cpu::store_keys_values(context_, request);
    }
    template <class T>
    void attention_backward(const AttentionBackward<T>& request) {
        cpu::attention_backward(context_, request);
    }
    template <class Compute, class Out>
    void softmax_cross_entropy(const SoftmaxCrossEntropy<Compute, Out>& request) {
        cpu::softmax_cross_entropy(context_, request);
    }
    template <class Parameter, class Gradient, class Moment>
    void adamw(const AdamWUpdate<Parameter, Gradient, Moment>& request) {
        cpu::adamw(context_, request);
    }
    template <class Compute>
    void mean_over_tokens(const MeanOverTokens<Compute>& request) {
        cpu::mean_over_tokens(request);
    }
    template <class T>
    [[nodiscard]] double sum_of_squares(MatrixView<T> view) {
        return cpu::sum_of_squares(context_, view);
    }

private:
    // memcpy must not be given null pointers, not even to copy nothing.
    static void copy(void* to, const void* from, std::size_t bytes) {
        if (bytes > 0) std::memcpy(to, from, bytes);
    }

    cpu::Context context_;
};

}  // namespace lamina
