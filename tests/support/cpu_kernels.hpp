// SPDX-License-Identifier: MIT
// The kernels of the CPU backend that most suites use, compiled once in cpu_kernels.cpp instead of in every test.
#pragma once

#include <lamina/backend/cpu/backend.hpp>

/// Each kernel as `PREFIX template …;`: PREFIX is `extern` where they are used, and empty where they are made.
#define LAMINA_TESTS_CPU_KERNELS_OF(PREFIX, T)                                                \
    PREFIX template void matmul(Context&, const MatmulRequest<T, T, T, T>&);                  \
    PREFIX template void affine_product(Context&, const AffineProduct<T, T, T, T>&);          \
    PREFIX template void matmul_gelu_backward(Context&, const GeluBackwardProduct<T, T, T>&); \
    PREFIX template void attention(Context&, const Attention<T>&);                            \
    PREFIX template void attention_backward(Context&, const AttentionBackward<T>&);           \
    PREFIX template void cached_attention(Context&, const CachedAttention<T>&);               \
    PREFIX template void normalise_rows(Context&, const NormaliseRows<T, T>&);                \
    PREFIX template void normalise(Context&, const Normalise<T, T>&);                         \
    PREFIX template void normalise_backward(Context&, const NormaliseBackward<T, T, T>&);     \
    PREFIX template void row_moments(Context&, const RowMoments<T>&);                         \
    PREFIX template void softmax_cross_entropy(Context&, const SoftmaxCrossEntropy<T>&);      \
    PREFIX template void embed(Context&, const Embed<T, T>&);                                 \
    PREFIX template void embed_backward(Context&, const EmbedBackward<T, T>&);                \
    PREFIX template void adamw(Context&, const AdamWUpdate<T, T, T>&)

/// Float activations on a base in bf16.
#define LAMINA_TESTS_CPU_KERNELS_ON_BF16(PREFIX)                                                          \
    PREFIX template void matmul(Context&, const MatmulRequest<float, float, bf16, float>&);               \
    PREFIX template void affine_product(Context&, const AffineProduct<float, float, bf16, bf16>&);        \
    PREFIX template void affine_product(Context&, const AffineProduct<float, float, float, bf16>&);       \
    PREFIX template void affine_product(Context&, const AffineProduct<float, float, float, bf16, bf16>&); \
    PREFIX template void matmul_gelu_backward(Context&, const GeluBackwardProduct<float, float, bf16>&);  \
    PREFIX template void normalise_rows(Context&, const NormaliseRows<float, bf16>&);                     \
    PREFIX template void normalise(Context&, const Normalise<float, bf16>&);                              \
    PREFIX template void normalise_backward(Context&, const NormaliseBackward<float, bf16, float>&)

namespace lamina::cpu {

LAMINA_TESTS_CPU_KERNELS_OF(extern, double);
LAMINA_TESTS_CPU_KERNELS_OF(extern, float);
LAMINA_TESTS_CPU_KERNELS_ON_BF16(extern);

}  // namespace lamina::cpu
