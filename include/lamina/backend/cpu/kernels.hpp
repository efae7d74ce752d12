// SPDX-License-Identifier: MIT
// The kernels that lamina::cpu_kernels has compiled, which programs that link it leave out: those of float and double
// models, and those of float activations on weights in bf16.
#pragma once

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/adamw.hpp>
#include <lamina/backend/cpu/affine.hpp>
#include <lamina/backend/cpu/attention.hpp>
#include <lamina/backend/cpu/attention_backward.hpp>
#include <lamina/backend/cpu/cached_attention.hpp>
#include <lamina/backend/cpu/context.hpp>
#include <lamina/backend/cpu/cross_entropy.hpp>
#include <lamina/backend/cpu/eigen_engine.hpp>
#include <lamina/backend/cpu/elementwise.hpp>
#include <lamina/backend/cpu/embedding.hpp>
#include <lamina/backend/cpu/matmul.hpp>
#include <lamina/backend/cpu/normalisation.hpp>
#include <lamina/backend/cpu/product.hpp>
#include <lamina/backend/cpu/reduction.hpp>

/// Each kernel as `PREFIX template …;`: PREFIX is `extern` where they are used, and empty where they are made.
#define LAMINA_CPU_KERNELS_OF(PREFIX, T)                                         \
    PREFIX template void EigenEngine::multiply(const Product<T>&);               \
    PREFIX template void take_square_roots(T*, std::size_t);                     \
    PREFIX template void execute(Context&, const Matmul<T, T, T>&);              \
    PREFIX template void execute(Context&, const AffineProduct<T, T, T>&);       \
    PREFIX template void execute(Context&, const GeluBackwardProduct<T, T, T>&); \
    PREFIX template void execute(Context&, const Attention<T>&);                 \
    PREFIX template void execute(Context&, const AttentionBackward<T>&);         \
    PREFIX template void execute(Context&, const CachedAttention<T>&);           \
    PREFIX template void execute(Context&, const StoreKeysValues<T>&);           \
    PREFIX template void execute(Context&, const NormaliseRows<T, T>&);          \
    PREFIX template void execute(Context&, const Normalise<T, T>&);              \
    PREFIX template void execute(Context&, const NormaliseBackward<T, T, T>&);   \
    PREFIX template void execute(Context&, const RowMoments<T>&);                \
    PREFIX template void execute(Context&, const DivisorRows<T>&);               \
    PREFIX template void execute(Context&, const DeviationPenaltyBackward<T>&);  \
    PREFIX template void execute(Context&, const SoftmaxCrossEntropy<T>&);       \
    PREFIX template void execute(Context&, const Embed<T, T>&);                  \
    PREFIX template void execute(Context&, const EmbedBackward<T, T>&);          \
    PREFIX template void execute(Context&, const Fill<T>&);                      \
    PREFIX template void execute(Context&, const Convert<T, T>&);                \
    PREFIX template void execute(Context&, const GatherRows<T, T>&);             \
    PREFIX template double execute(Context&, const SumOfSquares<T>&);            \
    PREFIX template void execute(Context&, const AdamWUpdate<T, T, T>&)

/// Float activations on a base in bf16.
#define LAMINA_CPU_KERNELS_ON_BF16(PREFIX)                                                         \
    PREFIX template void execute(Context&, const Matmul<float, float, bf16>&);                     \
    PREFIX template void execute(Context&, const AffineProduct<float, float, bf16, bf16>&);        \
    PREFIX template void execute(Context&, const AffineProduct<float, float, float, bf16>&);       \
    PREFIX template void execute(Context&, const AffineProduct<float, float, float, bf16, bf16>&); \
    PREFIX template void execute(Context&, const GeluBackwardProduct<float, float, bf16>&);        \
    PREFIX template void execute(Context&, const NormaliseRows<float, bf16>&);                     \
    PREFIX template void execute(Context&, const Normalise<float, bf16>&);                         \
    PREFIX template void execute(Context&, const NormaliseBackward<float, bf16, float>&)

#ifdef LAMINA_COMPILED_KERNELS
namespace lamina::cpu {

extern template void EigenEngine::limit_cache_sizes<>();
LAMINA_CPU_KERNELS_OF(extern, double);
LAMINA_CPU_KERNELS_OF(extern, float);
LAMINA_CPU_KERNELS_ON_BF16(extern);

}  // namespace lamina::cpu
#endif
