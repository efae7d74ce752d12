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

namespace lamina::cuda {

template <class T>
void execute(Context& context, const Attention<T>& request) {
    if (request.out.size() == 0) return;
    if constexpr (std::is_same_v<T, bf16>) {
        if (is_for_flash(request)) return flash_attention(context, request);
    }
    plain_attention(context, request);
}

template <class T>
void execute(Context& context, const AttentionBackward<T>& request) {
    if (request.out.size() == 0) return;
    if constexpr (std::is_same_v<T, bf16>) {
        if (is_for_flash(request)) return flash_attention_backward(context, request);
    }
    plain_attention_backward(context, request);
}

}  // namespace lamina::cuda
