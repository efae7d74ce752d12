// SPDX-License-Identifier: MIT
// The kernels that a step of GPT-2 spends its time in besides matrix products, for tests/structure/ptxas.py to look at.
#include <lamina/backend/cuda/adamw.hpp>
#include <lamina/backend/cuda/cached_attention.hpp>
#include <lamina/backend/cuda/cross_entropy.hpp>
#include <lamina/backend/cuda/elementwise.hpp>
#include <lamina/backend/cuda/embedding.hpp>
#include <lamina/backend/cuda/finish.hpp>
#include <lamina/backend/cuda/flash_attention.hpp>
#include <lamina/backend/cuda/flash_attention_backward.hpp>
#include <lamina/backend/cuda/normalisation.hpp>
#include <lamina/backend/cuda/operands.hpp>
#include <lamina/backend/cuda/reduction.hpp>
#include <lamina/backend/cuda/sorted_tokens.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/nn/activation.hpp>
#include <lamina/nn/detail/functors.hpp>

namespace lamina::cuda::detail {

using Short = RowShape<row_pack_width, 8>;
using Long = RowShape<row_pack_width, 13>;
constexpr Divisor live = Divisor::live;
constexpr Divisor fixed = Divisor::fixed;

template __global__ void normalise_kernel<Short>(RowsForward<float, bf16, bf16>);
template __global__ void normalise_kernel<Long>(RowsForward<float, bf16, bf16>);
template __global__ void normalise_kernel<Short>(RowsForward<float, float, float>);
template __global__ void normalise_kernel<Long>(RowsForward<float, float, float>);
template __global__ void normalise_backward_kernel<live, Short>(NormaliseBackward<float, bf16, float, bf16>);
template __global__ void normalise_backward_kernel<live, Long>(NormaliseBackward<float, bf16, float, bf16>);
template __global__ void normalise_backward_kernel<fixed, Short>(NormaliseBackward<float, bf16, float, bf16>);
template __global__ void normalise_backward_kernel<fixed, Long>(NormaliseBackward<float, bf16, float, bf16>);
template __global__ void normalise_backward_kernel<live, Short>(NormaliseBackward<float, float, float, float>);
template __global__ void normalise_backward_kernel<live, Long>(NormaliseBackward<float, float, float, float>);
template __global__ void deviation_penalty_kernel<Long>(DeviationPenaltyBackward<float>);
template __global__ void sum_piece_kernel(MatrixView<float>, GainTerm<float, float, bf16>, std::size_t, std::size_t);
template __global__ void cross_entropy_kernel<4>(SoftmaxCrossEntropy<float, bf16>, MatrixView<bf16>, unsigned);
template __global__ void cross_entropy_kernel<4>(SoftmaxCrossEntropy<float, float>, MatrixView<float>, unsigned);
template __global__ void adamw_kernel<4>(std::size_t, float*, const float*, float*, float*, AdamWFactors<float>);
template __global__ void embed_kernel<8>(Embed<float, bf16>);
template __global__ void squares_kernel<4>(MatrixView<const float>, double*);
template __global__ void copy_rows_kernel<8, Indexed::input>(MatrixView<bf16>, MatrixView<const bf16>,
                                                             const std::size_t*, std::size_t);
template __global__ void map_kernel<8>(MatrixView<bf16>, Same, MatrixView<const float>);
template __global__ void map_kernel<4>(MatrixView<float>, lamina::detail::Add, MatrixView<const float>,
                                       MatrixView<const float>);
template __global__ void map_kernel<8>(MatrixView<bf16>, lamina::detail::ActivationValue<lamina::activation::GeluNew>,
                                       MatrixView<const bf16>);
template __global__ void map_kernel<8>(MatrixView<bf16>, lamina::detail::ActivationSlope<lamina::activation::GeluNew>,
                                       MatrixView<const bf16>, MatrixView<const bf16>);
template __global__ void flash_attention_kernel<LongRows>(WholeSequences<bf16>);
template __global__ void flash_attention_kernel<MiddleRows>(PackedSegments<bf16>);
template __global__ void flash_attention_kernel<ShortRows>(PackedSegments<bf16>);
template __global__ void flash_statistics_kernel(AttentionBackward<bf16>, FlashStatistics);
template __global__ void flash_attention_keys_kernel<BackwardKeys>(AttentionBackward<bf16>, HeadGrid, FlashStatistics);
template __global__ void flash_attention_queries_kernel<BackwardQueries>(AttentionBackward<bf16>, HeadGrid,
                                                                         FlashStatistics);
template __global__ void divisor_rows_kernel(DivisorRows<float>);
template __global__ void sum_pieces_kernel(float*, Write, MatrixView<const float>);
template __global__ void token_gradient_kernel(MatrixView<float>, MatrixView<const float>, const PlacedToken*);
template __global__ void sort_kernel(const std::int32_t*, std::size_t, PlacedToken*, std::size_t);
template __global__ void convert_matrix<float, bf16>(MatrixView<const bf16>, MatrixView<float>);
template __global__ void convert_matrix<bf16, float>(MatrixView<const float>, MatrixView<bf16>);
template __global__ void split_matrix<2>(MatrixView<const float>, MatrixView<bf16>);
template __global__ void split_matrix<3>(MatrixView<const float>, MatrixView<bf16>);
template __global__ void finish_elements<8>(Finish<bf16, bf16, bf16>);
template __global__ void finish_elements<4>(Finish<float, bf16, float>);
template __global__ void store_keys_values_kernel(StoreKeysValues<bf16>, const SegmentPart*);
template __global__ void means_kernel(MeansOverTokens<float>);

}  // namespace lamina::cuda::detail
