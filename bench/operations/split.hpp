// SPDX-License-Identifier: MIT
// The products that execution::Split has in the place of Merged's: x·(AB) and x·W apart, forward and backward, and A·B
// without W. Gradients of what is materialised, and those of A and B, are the same for both.
#pragma once

#include "products.hpp"

#include <lamina/backend/contract.hpp>
#include <lamina/core/rows.hpp>

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

namespace operations {

/// What a layer's result goes through or on to.
enum class Joins { nothing, gelu, stream };

/// y = x·(AB), added to the residual stream where the layer joins that; then y += x·W + b in the same place.
template <Joins joins, class B, class Types>
void split_forward(Measurement<B>& m, Types, std::size_t n, LinearShape linear) {
    using X = typename Types::Activation;
    using Product = typename Types::Materialised;
    using W = typename Types::Base;
    using Sum = std::conditional_t<joins == Joins::stream, typename Types::Stream, X>;
    const std::string of_adapter = std::string("split forward ") + linear.name + ", A B";
    const std::string of_base = std::string("split forward ") + linear.name + ", W";
    if (!m.any_wanted({of_adapter, of_base})) return;
    const auto [in, out] = std::pair{linear.in, linear.out};
    const std::size_t copies = m.copies(bytes_of<X>(n * in) + bytes_of<Product>(in * out) + bytes_of<Sum>(n * out));
    auto x = m.template operand<X>(n, in, copies);
    auto ab = m.template operand<Product>(in, out, copies, 1e-3);
    auto w = m.template operand<W>(in, out, copies, 0.02);
    auto bias = m.template operand<W>(1, out, copies, 0.02);
    auto y = m.template operand<Sum>(n, out, copies);
    auto stream = m.template operand<Sum>(joins == Joins::stream ? n : 0, out, copies);
    auto z = m.template operand<Sum>(joins == Joins::gelu ? n : 0, out, copies);
    m.time(of_adapter, shape_text(n, in, out), [&](std::size_t i) {
        lamina::AffineProduct<Sum, X, Product, W> request{.out = y.view(i), .lhs = x.input(i), .rhs = ab.input(i)};
        if constexpr (joins == Joins::stream) request.base = stream.input(i);
        return request;
    });
    m.time(of_base, shape_text(n, in, out), [&](std::size_t i) {
        lamina::AffineProduct<Sum, X, W, W> request{
            .out = y.view(i), .lhs = x.input(i), .rhs = w.input(i), .bias = bias.input(i), .base = y.input(i)};
        if constexpr (joins == Joins::gelu) request.pre_activation = z.view(i);
        return request;
    });
}

/// d_x = d_y·(AB)ᵀ, then d_x += d_y·Wᵀ; with `Gelu`, the sum times its derivative.
template <bool Gelu, class B, class Types>
void split_input_gradient(Measurement<B>& m, Types, std::size_t n, LinearShape linear) {
    using X = typename Types::Activation;
    using Product = typename Types::Materialised;
    using W = typename Types::Base;
    const std::string of_adapter = std::string("split d_x ") + linear.name + ", A B";
    const std::string of_base = std::string("split d_x ") + linear.name + ", W";
    if (!m.any_wanted({of_adapter, of_base})) return;
    const auto [in, out] = std::pair{linear.in, linear.out};
    const std::size_t copies = m.copies(bytes_of<X>(n * out) + bytes_of<Product>(in * out) + bytes_of<X>(n * in));
    auto d_y = m.template operand<X>(n, out, copies, 1e-3);
    auto ab = m.template operand<Product>(in, out, copies, 1e-3);
    auto w = m.template operand<W>(in, out, copies, 0.02);
    auto d_x = m.template operand<X>(n, in, copies, 1e-3);
    auto z = m.template operand<X>(Gelu ? n : 0, in, copies);
    m.time(of_adapter, shape_text(n, out, in), [&](std::size_t i) {
        return lamina::Matmul<X, X, Product>{
            .out = d_x.view(i), .lhs = d_y.input(i), .rhs = ab.input(i), .rhs_as = lamina::Transpose::yes};
    });
    m.time(of_base, shape_text(n, out, in), [&](std::size_t i) {
        if constexpr (Gelu) {
            return lamina::GeluBackwardProduct<X, X, W>{.out = d_x.view(i),
                                                        .lhs = d_y.input(i),
                                                        .rhs = w.input(i),
                                                        .pre_activation = z.input(i),
                                                        .write = lamina::Write::accumulate};
        } else {
            return lamina::Matmul<X, X, W>{.out = d_x.view(i),
                                           .lhs = d_y.input(i),
                                           .rhs = w.input(i),
                                           .rhs_as = lamina::Transpose::yes,
                                           .write = lamina::Write::accumulate};
        }
    });
}

/// A·B for A [in, in] and B [in, out], in the float product mode.
template <class B, class Types>
void split_once_per_step(Measurement<B>& m, Types, LinearShape linear) {
    using W = typename Types::Base;
    using Product = typename Types::Materialised;
    const std::string name = std::string("split A B ") + linear.name;
    if (!m.wanted(name)) return;
    const auto [in, out] = std::pair{linear.in, linear.out};
    const std::size_t copies = m.copies(bytes_of<float>(in * in) + bytes_of<float>(in * out));
    auto a = m.template operand<float>(in, in, copies, 0.02);
    auto b = m.template operand<float>(in, out, copies, 1e-3);
    auto product = m.template operand<Product>(in, out, copies);
    m.time(name, shape_text(in, in, out), [&](std::size_t i) {
        return lamina::AffineProduct<Product, float, float, W, W>{
            .out = product.view(i), .lhs = a.input(i), .rhs = b.input(i)};
    });
}

}  // namespace operations
