// SPDX-License-Identifier: MIT
// The loss head: hidden states to logits to cross-entropy, a chunk of tokens at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include <lamina/backend/contract.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/token.hpp>
#include <lamina/core/token_batch.hpp>
#include <lamina/nn/detail/functors.hpp>
#include <lamina/nn/loss.hpp>

namespace lamina {

/// The tokens of a batch that carry loss.
struct LossRows {
    std::vector<std::size_t> rows;
    std::vector<Token> targets;

    void collect(std::span<const Token> all_targets) {
        rows.clear();
        targets.clear();
        for (std::size_t i = 0; i < all_targets.size(); ++i) {
            if (all_targets[i] == ignored_target) continue;
            rows.push_back(i);
            targets.push_back(all_targets[i]);
        }
    }
};

/// Rows of an output matrix, and columns of logits, that products are given: the vocabulary's, and then zeros.
template <class B>
[[nodiscard]] constexpr std::size_t padded_vocabulary(std::size_t vocab) {
    return (vocab + B::vocabulary_multiple - 1) / B::vocabulary_multiple * B::vocabulary_multiple;
}

/// The output matrix [P, C] and its optional bias [1, V], with their gradients where they train. P is V, or more where
/// the backend wants it: rows of zeros, whose gradients are zeros.
template <class Weight, class Gradient>
struct OutputHead {
    MatrixView<const Weight> weight;
    MatrixView<const Weight> bias{};
    MatrixView<Gradient> d_weight{};
    MatrixView<Gradient> d_bias{};
};

/// logits = hidden · weightᵀ + bias for a chunk of rows.
///
/// shapes   hidden [N, C] -> logits [N, P], zero beyond V
template <class B, class Scalar, class Compute, class Weight, class Gradient>
constexpr void output_logits(B& backend, MatrixView<const Scalar> hidden, const OutputHead<Weight, Gradient>& head,
                             MatrixView<Compute> logits) {
    backend.run(
        Matmul<Compute, Scalar, Weight>{.out = logits, .lhs = hidden, .rhs = head.weight, .rhs_as = Transpose::yes});
    if (head.bias.empty()) return;
    const MatrixView<Compute> biased = logits.columns(0, head.bias.cols);  // [N, V]
    backend.run(Map(biased, detail::Add{}, biased, repeated(head.bias, biased.rows)));
}

/// From the gradient of a chunk's logits to those of the head, which are added to, and of its input, which is written
/// unless it is empty.
///
/// shapes   d_logits [N, P], zero beyond V, rows and d_rows [N, C]
template <class B, class Slope, class Scalar, class Weight, class Gradient>
constexpr void head_gradients(B& backend, MatrixView<const Slope> d_logits, MatrixView<const Scalar> rows,
                              const OutputHead<Weight, Gradient>& head, MatrixView<Scalar> d_rows) {
    if (!head.d_weight.empty()) {
        backend.run(Matmul<Gradient, Slope, Scalar>{
            .out = head.d_weight, .lhs = d_logits, .rhs = rows, .lhs_as = Transpose::yes, .write = Write::accumulate});
    }
    if (!head.d_bias.empty()) {
        backend.run(SumRows(head.d_bias, Write::accumulate, detail::Identity{}, d_logits.columns(0, head.d_bias.cols)));
    }
    if (!d_rows.empty()) {
        backend.run(Matmul<Scalar, Slope, Weight>{.out = d_rows, .lhs = d_logits, .rhs = head.weight});
    }
}

namespace detail {

/// Rows of the products of a chunk with `count` tokens, in buffers of `room` rows.
template <class B>
[[nodiscard]] constexpr std::size_t product_rows(std::size_t count, std::size_t room) {
    return std::min(room, (count + B::row_multiple - 1) / B::row_multiple * B::row_multiple);
}

/// Zero from row `first` on.
template <class B, class T>
void clear_rows(B& backend, MatrixView<T> matrix, std::size_t first) {
    if (first < matrix.rows) backend.run(Fill(matrix.middle_rows(first, matrix.rows - first), 0.0));
}

}  // namespace detail

/// Cross-entropy of every token in `loss_rows`, in chunks; with `d_hidden` also its gradient.
///
/// How many tokens carry loss differs from batch to batch, so the last chunk has rows up to the backend's
/// row_multiple that belong to no token: hidden states of zero, and a gradient of zero, which change no sum. Columns of
/// logits beyond the vocabulary belong to no token either: the loss does not see them, and their gradient is zero, in
/// place because the product with rows of zeros is.
///
/// shapes   workspace.normalised [N, C] -> d_hidden [N, C], zero for tokens without loss
/// writes   d_hidden overwritten, unless empty; adds to head.d_weight and head.d_bias; workspace.losses[i] for the i-th
///          loss row
/// cost     2·V·C FLOP per loss token forward, as much again for d_hidden and for d_weight
template <class B, class Workspace, class Scalar, std::size_t Embed, class Weight, class Gradient>
void loss_through_head(B& backend, Workspace& workspace, Rows<const Scalar, Embed> hidden,
                       const OutputHead<Weight, Gradient>& head, std::size_t loss_tokens, double scale,
                       Rows<Scalar, Embed> d_hidden) {
    using Compute = typename decltype(workspace.losses)::value_type;
    const bool backward = !d_hidden.empty() || !head.d_weight.empty();
    if (!d_hidden.empty()) backend.run(Fill(d_hidden, 0.0));
    for (std::size_t first = 0; first < loss_tokens; first += workspace.head_in.rows) {
        const std::size_t count = std::min(workspace.head_in.rows, loss_tokens - first);
        const std::size_t padded = detail::product_rows<B>(count, workspace.head_in.rows);
        const MatrixView<Scalar> rows = workspace.head_in.first_rows(padded);   // [padded, C]
        const MatrixView<Compute> logits = workspace.padded_logits_of(padded);  // [padded, P]
        const MatrixView<Scalar> d_logits = workspace.d_logits_of(padded);      // [padded, P], or empty
        backend.run(GatherRows(rows.first_rows(count), hidden, workspace.rows.middle_rows(first, count)));
        detail::clear_rows(backend, rows, count);
        output_logits(backend, MatrixView<const Scalar>(rows), head, logits);
        backend.run(
            SoftmaxCrossEntropy<Compute, Scalar>{.logits = workspace.logits_of(count),
                                                 .targets = workspace.targets.middle_rows(first, count),
                                                 .losses = workspace.losses.middle_rows(first, count),
                                                 .scale = scale,
                                                 .logits_after = backward ? Logits::become_gradient : Logits::keep,
                                                 .d_logits = workspace.d_logits_of(count)});
        if (!backward) continue;
        const MatrixView<Scalar> d_rows =
            d_hidden.empty() ? MatrixView<Scalar>{}
                             : MatrixView<Scalar>(workspace.d_head_in.first_rows(padded));  // [padded, C]
        if constexpr (Workspace::own_d_logits) {
            detail::clear_rows(backend, d_logits, count);
            head_gradients(backend, MatrixView<const Scalar>(d_logits), MatrixView<const Scalar>(rows), head, d_rows);
        } else {
            detail::clear_rows(backend, logits, count);
            head_gradients(backend, MatrixView<const Compute>(logits), MatrixView<const Scalar>(rows), head, d_rows);
        }
        if (!d_hidden.empty()) {
            backend.run(ScatterRows(d_hidden, d_rows.first_rows(count), workspace.rows.middle_rows(first, count)));
        }
    }
}

/// In the order of the tokens.
template <class Compute>
[[nodiscard]] LossSum sum_of(std::span<const Compute> losses) {
    LossSum total{.sum = 0, .count = losses.size()};
    for (const Compute loss : losses) total.sum += static_cast<double>(loss);
    return total;
}

}  // namespace lamina
