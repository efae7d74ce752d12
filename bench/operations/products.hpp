// SPDX-License-Identifier: MIT
// The matrix products of a step: forward with their epilogues, input gradients, weight gradients, once per step, head.
#pragma once

#include "measure.hpp"

#include <lamina/backend/contract.hpp>
#include <lamina/core/rows.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace operations {

/// Of one linear layer, W [in, out].
struct LinearShape {
    const char* name;
    std::size_t in;
    std::size_t out;
};

/// y = x·W + b in activations, for layers whose result goes on in the block; with `Gelu`, what GPT-2's first layer of an
/// MLP does.
template <bool Gelu, class B, class Types>
void forward_product(Measurement<B>& m, Types, std::size_t n, LinearShape linear) {
    using X = typename Types::Activation;
    using W = typename Types::Materialised;
    using Bias = typename Types::Base;
    const std::string name = std::string("forward ") + linear.name + (Gelu ? ", gelu" : "");
    if (!m.wanted(name)) return;
    const auto [in, out] = std::pair{linear.in, linear.out};
    const std::size_t copies = m.copies(bytes_of<X>(n * in) + bytes_of<W>(in * out) + bytes_of<X>(n * out));
    auto x = m.template operand<X>(n, in, copies);
    auto w = m.template operand<W>(in, out, copies, 0.02);
    auto bias = m.template operand<Bias>(1, out, copies, 0.02);
    auto y = m.template operand<X>(n, out, copies);
    auto z = m.template operand<X>(Gelu ? n : 0, out, copies);
    m.time(name, shape_text(n, in, out), [&](std::size_t i) {
        lamina::AffineProduct<X, X, W, Bias> request{
            .out = y.view(i), .lhs = x.input(i), .rhs = w.input(i), .bias = bias.input(i)};
        if constexpr (Gelu) request.pre_activation = z.view(i);
        return request;
    });
}

/// The same added to the residual stream.
template <class B, class Types>
void forward_onto_stream(Measurement<B>& m, Types, std::size_t n, LinearShape linear) {
    using X = typename Types::Activation;
    using W = typename Types::Materialised;
    using Bias = typename Types::Base;
    using Stream = typename Types::Stream;
    const std::string name = std::string("forward ") + linear.name + ", onto stream";
    if (!m.wanted(name)) return;
    const auto [in, out] = std::pair{linear.in, linear.out};
    const std::size_t copies = m.copies(bytes_of<X>(n * in) + bytes_of<W>(in * out) + bytes_of<Stream>(2 * n * out));
    auto x = m.template operand<X>(n, in, copies);
    auto w = m.template operand<W>(in, out, copies, 0.02);
    auto bias = m.template operand<Bias>(1, out, copies, 0.02);
    auto base = m.template operand<Stream>(n, out, copies);
    auto y = m.template operand<Stream>(n, out, copies);
    m.time(name, shape_text(n, in, out), [&](std::size_t i) {
        return lamina::AffineProduct<Stream, X, W, Bias, Stream>{
            .out = y.view(i), .lhs = x.input(i), .rhs = w.input(i), .bias = bias.input(i), .base = base.input(i)};
    });
}

/// d_x = d_y·Wᵀ; with `Gelu`, times its derivative.
template <bool Gelu, class B, class Types>
void input_gradient(Measurement<B>& m, Types, std::size_t n, LinearShape linear) {
    using X = typename Types::Activation;
    using W = typename Types::Materialised;
    const std::string name = std::string("d_x ") + linear.name + (Gelu ? ", gelu" : "");
    if (!m.wanted(name)) return;
    const auto [in, out] = std::pair{linear.in, linear.out};
    const std::size_t copies = m.copies(bytes_of<X>(n * out) + bytes_of<W>(in * out) + bytes_of<X>(n * in));
    auto d_y = m.template operand<X>(n, out, copies, 1e-3);
    auto w = m.template operand<W>(in, out, copies, 0.02);
    auto d_x = m.template operand<X>(n, in, copies);
    auto z = m.template operand<X>(Gelu ? n : 0, in, copies);
    m.time(name, shape_text(n, out, in), [&](std::size_t i) {
        if constexpr (Gelu) {
            return lamina::GeluBackwardProduct<X, X, W>{
                .out = d_x.view(i), .lhs = d_y.input(i), .rhs = w.input(i), .pre_activation = z.input(i)};
        } else {
            return lamina::Matmul<X, X, W>{
                .out = d_x.view(i), .lhs = d_y.input(i), .rhs = w.input(i), .rhs_as = lamina::Transpose::yes};
        }
    });
}

/// G += xᵀ·d_y, the gradient with respect to what is materialised.
template <class B, class Types>
void weight_gradient(Measurement<B>& m, Types, std::size_t n, LinearShape linear) {
    using X = typename Types::Activation;
    const std::string name = std::string("d_W ") + linear.name;
    if (!m.wanted(name)) return;
    const auto [in, out] = std::pair{linear.in, linear.out};
    const std::size_t copies = m.copies(bytes_of<X>(n * in) + bytes_of<X>(n * out) + bytes_of<float>(in * out));
    auto x = m.template operand<X>(n, in, copies);
    auto d_y = m.template operand<X>(n, out, copies, 1e-3);
    auto g = m.template operand<float>(in, out, copies);
    m.time(name, shape_text(in, n, out), [&](std::size_t i) {
        return lamina::Matmul<float, X, X>{.out = g.view(i),
                                           .lhs = x.input(i),
                                           .rhs = d_y.input(i),
                                           .lhs_as = lamina::Transpose::yes,
                                           .write = lamina::Write::accumulate};
    });
}

/// W + A·B, dA += G·Bᵀ and dB += Aᵀ·G for A [in, in] and B [in, out], in the float product mode.
template <class B, class Types>
void once_per_step(Measurement<B>& m, Types, LinearShape linear) {
    using W = typename Types::Base;
    using Product = typename Types::Materialised;
    using lamina::Transpose;
    using lamina::Write;
    using FloatProduct = lamina::Matmul<float, float, float>;
    const std::string of = std::string(" ") + linear.name;
    if (!m.any_wanted({"W + A B" + of, "G B^T" + of, "A^T G" + of})) return;
    const auto [in, out] = std::pair{linear.in, linear.out};
    const std::size_t copies = m.copies(bytes_of<float>(in * in) + bytes_of<float>(in * out));
    auto a = m.template operand<float>(in, in, copies, 0.02);
    auto b = m.template operand<float>(in, out, copies, 1e-3);
    auto g = m.template operand<float>(in, out, copies, 1e-3);
    auto w = m.template operand<W>(in, out, copies, 0.02);
    auto product = m.template operand<Product>(in, out, copies);
    auto d_a = m.template operand<float>(in, in, copies);
    auto d_b = m.template operand<float>(in, out, copies);
    m.time("W + A B" + of, shape_text(in, in, out), [&](std::size_t i) {
        return lamina::AffineProduct<Product, float, float, W, W>{
            .out = product.view(i), .lhs = a.input(i), .rhs = b.input(i), .base = w.input(i)};
    });
    m.time("G B^T" + of, shape_text(in, out, in), [&](std::size_t i) {
        return FloatProduct{.out = d_a.view(i),
                            .lhs = g.input(i),
                            .rhs = b.input(i),
                            .rhs_as = Transpose::yes,
                            .write = Write::accumulate};
    });
    m.time("A^T G" + of, shape_text(in, in, out), [&](std::size_t i) {
        return FloatProduct{.out = d_b.view(i),
                            .lhs = a.input(i),
                            .rhs = g.input(i),
                            .lhs_as = Transpose::yes,
                            .write = Write::accumulate};
    });
}

/// Logits of a chunk, and the gradient of the hidden states.
template <class B, class Types>
void head_products(Measurement<B>& m, Types, Strided chunk_logits, std::size_t embed) {
    using X = typename Types::Activation;
    using W = typename Types::Base;
    const std::size_t chunk = chunk_logits.rows;
    const std::size_t vocab = chunk_logits.cols;
    if (!m.any_wanted({"logits", "d_x head"})) return;
    const std::size_t copies = m.copies(bytes_of<W>(embed * vocab) + bytes_of<X>(chunk * embed));
    auto x = m.template operand<X>(chunk, embed, copies);
    auto w = m.template operand<W>(vocab, embed, 2, 0.02);
    auto logits = m.template operand<float>(chunk_logits, 2);
    auto d_logits = m.template operand<X>(chunk_logits, 2, 1e-3);
    m.time("logits", shape_text(chunk, embed, vocab), [&](std::size_t i) {
        return lamina::Matmul<float, X, W>{
            .out = logits.view(i), .lhs = x.input(i), .rhs = w.input(i), .rhs_as = lamina::Transpose::yes};
    });
    m.time("d_x head", shape_text(chunk, vocab, embed), [&](std::size_t i) {
        return lamina::Matmul<X, X, W>{.out = x.view(i), .lhs = d_logits.input(i), .rhs = w.input(i)};
    });
}

}  // namespace operations
