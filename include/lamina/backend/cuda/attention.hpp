// SPDX-License-Identifier: MIT
// The CUDA backend's causal multi-head attention and its backward.
#pragma once

#include <cstddef>
#include <type_traits>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/flash_attention.hpp>
#include <lamina/backend/cuda/flash_attention_backward.hpp>
#include <lamina/backend/cuda/plain_attention.hpp>
#include <lamina/backend/cuda/plain_attention_backward.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/core/expects.hpp>

namespace lamina::cuda {

template <class T>
void attention(Context& context, const Attention<T>& request) {
    LAMINA_EXPECTS(request.heads > 0 && request.out.cols % request.heads == 0,
                   "CudaBackend: attention: the width is not a multiple of the number of heads");
    LAMINA_EXPECTS(request.qkv.cols == 3 * request.out.cols,
                   "CudaBackend: attention: qkv must be 3 times as wide as out");
    LAMINA_EXPECTS(request.qkv.rows == request.extent.tokens() && request.out.rows == request.extent.tokens(),
                   "CudaBackend: attention: qkv and out need a row per token");
    LAMINA_EXPECTS(request.log_sum_exp.rows == request.extent.tokens() && request.log_sum_exp.cols == request.heads,
                   "CudaBackend: attention: log_sum_exp must be [tokens, heads]");
    if (request.out.size() == 0) return;
    if constexpr (std::is_same_v<T, bf16>) {
        if (is_for_flash(request)) return flash_attention(context, request);
    }
    plain_attention(context, request);
}

template <class T>
void attention_backward(Context& context, const AttentionBackward<T>& request) {
    LAMINA_EXPECTS(request.heads > 0 && request.out.cols % request.heads == 0,
                   "CudaBackend: attention_backward: the width is not a multiple of the number of heads");
    LAMINA_EXPECTS(request.qkv.cols == 3 * request.out.cols && request.d_qkv.cols == request.qkv.cols,
                   "CudaBackend: attention_backward: qkv and d_qkv must be 3 times as wide as out");
    LAMINA_EXPECTS(request.d_out.cols == request.out.cols,
                   "CudaBackend: attention_backward: out and d_out of different widths");
    const std::size_t tokens = request.extent.tokens();
    LAMINA_EXPECTS(request.qkv.rows == tokens && request.out.rows == tokens && request.d_out.rows == tokens &&
                       request.d_qkv.rows == tokens,
                   "CudaBackend: attention_backward: every matrix needs a row per token");
    LAMINA_EXPECTS(request.log_sum_exp.rows == tokens && request.log_sum_exp.cols == request.heads,
                   "CudaBackend: attention_backward: log_sum_exp must be [tokens, heads]");
    if (request.out.size() == 0) return;
    if constexpr (std::is_same_v<T, bf16>) {
        if (is_for_flash(request)) return flash_attention_backward(context, request);
    }
    plain_attention_backward(context, request);
}

}  // namespace lamina::cuda
