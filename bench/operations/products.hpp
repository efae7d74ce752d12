// SPDX-License-Identifier: MIT
// The matrix products of a step: forward with their epilogues, input gradients, weight gradients, once per step, head.
#pragma once

#include "measure.hpp"

#include <lamina/backend/contract.hpp>
#include <lamina/core/matrix_view.hpp>

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

[[nodiscard]] inline double product_flops(std::size_t m, std::size_t k, std::size_t n) {
    return 2.0 * static_cast<double>(m) * static_cast<double>(k) * static_cast<double>(n);
}

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
    const Cost cost{product_flops(n, in, out), bytes_of<X>(n * in) + bytes_of<W>(in * out) + bytes_of<Bias>(out) +
                                                   bytes_of<X>((Gelu ? 2 : 1) * n * out)};
    const std::size_t copies = m.copies(cost.bytes);
    auto x = m.template operand<X>(n, in, copies);
    auto w = m.template operand<W>(in, out, copies, 0.02);
    auto bias = m.template operand<Bias>(1, out, copies, 0.02);
    auto y = m.template operand<X>(n, out, copies);
    auto z = m.template operand<X>(Gelu ? n : 0, out, copies);
    m.time(name, shape_text(n, in, out), cost, [&](std::size_t i) {
        lamina::AffineProduct<X, X, W, Bias> request{
            .out = y.view(i), .lhs = x.input(i), .rhs = w.input(i), .bias = bias.data(i)};
        if constexpr (Gelu) request.pre_activation = z.view(i);
        m.backend().affine_product(request);
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
    const Cost cost{product_flops(n, in, out),
                    bytes_of<X>(n * in) + bytes_of<W>(in * out) + bytes_of<Bias>(out) + bytes_of<Stream>(2 * n * out)};
    const std::size_t copies = m.copies(cost.bytes);
    auto x = m.template operand<X>(n, in, copies);
    auto w = m.template operand<W>(in, out, copies, 0.02);
    auto bias = m.template operand<Bias>(1, out, copies, 0.02);
    auto base = m.template operand<Stream>(n, out, copies);
    auto y = m.template operand<Stream>(n, out, copies);
    m.time(name, shape_text(n, in, out), cost, [&](std::size_t i) {
        m.backend().affine_product(lamina::AffineProduct<Stream, X, W, Bias, Stream>{
            .out = y.view(i), .lhs = x.input(i), .rhs = w.input(i), .bias = bias.data(i), .base = base.input(i)});
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
    const Cost cost{product_flops(n, out, in),
                    bytes_of<X>(n * out) + bytes_of<W>(in * out) + bytes_of<X>((Gelu ? 2 : 1) * n * in)};
    const std::size_t copies = m.copies(cost.bytes);
    auto d_y = m.template operand<X>(n, out, copies, 1e-3);
    auto w = m.template operand<W>(in, out, copies, 0.02);
    auto d_x = m.template operand<X>(n, in, copies);
    auto z = m.template operand<X>(Gelu ? n : 0, in, copies);
    m.time(name, shape_text(n, out, in), cost, [&](std::size_t i) {
        if constexpr (Gelu) {
            m.backend().matmul_gelu_backward(lamina::GeluBackwardProduct<X, X, W>{
                .out = d_x.view(i), .lhs = d_y.input(i), .rhs = w.input(i), .pre_activation = z.input(i)});
        } else {
            m.backend().matmul(d_x.view(i), d_y.input(i), w.input(i), {.rhs_as = lamina::Transpose::yes});
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
    const Cost cost{product_flops(in, n, out),
                    bytes_of<X>(n * in) + bytes_of<X>(n * out) + 2 * bytes_of<float>(in * out)};
    const std::size_t copies = m.copies(cost.bytes);
    auto x = m.template operand<X>(n, in, copies);
    auto d_y = m.template operand<X>(n, out, copies, 1e-3);
    auto g = m.template operand<float>(in, out, copies);
    m.time(name, shape_text(in, n, out), cost, [&](std::size_t i) {
        m.backend().matmul(g.view(i), x.input(i), d_y.input(i),
                           {.lhs_as = lamina::Transpose::yes, .write = lamina::Write::accumulate});
    });
}

/// W + A·B, dA += G·Bᵀ and dB += Aᵀ·G for A [in, in] and B [in, out], in the float product mode.
template <class B, class Types>
void once_per_step(Measurement<B>& m, Types, LinearShape linear) {
    using W = typename Types::Base;
    using Product = typename Types::Materialised;
    const std::string of = std::string(" ") + linear.name;
    if (!m.any_wanted({"W + A B" + of, "G B^T" + of, "A^T G" + of})) return;
    const auto [in, out] = std::pair{linear.in, linear.out};
    const double operations = product_flops(in, in, out);
    const double factors = bytes_of<float>(in * in) + bytes_of<float>(in * out);
    const std::size_t copies = m.copies(factors);
    auto a = m.template operand<float>(in, in, copies, 0.02);
    auto b = m.template operand<float>(in, out, copies, 1e-3);
    auto g = m.template operand<float>(in, out, copies, 1e-3);
    auto w = m.template operand<W>(in, out, copies, 0.02);
    auto product = m.template operand<Product>(in, out, copies);
    auto d_a = m.template operand<float>(in, in, copies);
    auto d_b = m.template operand<float>(in, out, copies);
    m.time("W + A B" + of, shape_text(in, in, out),
           {operations, factors + bytes_of<W>(in * out) + bytes_of<Product>(in * out)}, [&](std::size_t i) {
               m.backend().affine_product(lamina::AffineProduct<Product, float, float, W, W>{
                   .out = product.view(i), .lhs = a.input(i), .rhs = b.input(i), .base = w.input(i)});
           });
    m.time("G B^T" + of, shape_text(in, out, in),
           {operations, 2 * bytes_of<float>(in * out) + 2 * bytes_of<float>(in * in)}, [&](std::size_t i) {
               m.backend().matmul(d_a.view(i), g.input(i), b.input(i),
                                  {.rhs_as = lamina::Transpose::yes, .write = lamina::Write::accumulate});
           });
    m.time("A^T G" + of, shape_text(in, in, out),
           {operations, bytes_of<float>(in * in) + 3 * bytes_of<float>(in * out)}, [&](std::size_t i) {
               m.backend().matmul(d_b.view(i), a.input(i), g.input(i),
                                  {.lhs_as = lamina::Transpose::yes, .write = lamina::Write::accumulate});
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
    const double operations = product_flops(chunk, embed, vocab);
    const double weight = bytes_of<W>(embed * vocab);
    const double hidden = bytes_of<X>(chunk * embed);
    const std::size_t copies = m.copies(weight + hidden);
    auto x = m.template operand<X>(chunk, embed, copies);
    auto w = m.template operand<W>(vocab, embed, 2, 0.02);
    auto logits = m.template operand<float>(chunk_logits, 2);
    auto d_logits = m.template operand<X>(chunk_logits, 2, 1e-3);
    m.time("logits", shape_text(chunk, embed, vocab), {operations, weight + hidden + bytes_of<float>(chunk * vocab)},
           [&](std::size_t i) {
               m.backend().matmul(logits.view(i), x.input(i), w.input(i), {.rhs_as = lamina::Transpose::yes});
           });
    m.time("d_x head", shape_text(chunk, vocab, embed), {operations, weight + hidden + bytes_of<X>(chunk * vocab)},
           [&](std::size_t i) { m.backend().matmul(x.view(i), d_logits.input(i), w.input(i)); });
}

}  // namespace operations
