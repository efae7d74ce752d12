// SPDX-License-Identifier: MIT
// The operations of a step that are no products: attention, norms, gelu, the loss, the optimiser, embeddings.
#pragma once

#include "measure.hpp"

#include <lamina/backend/contract.hpp>
#include <lamina/core/activation.hpp>
#include <lamina/core/extent.hpp>
#include <lamina/core/host_device.hpp>
#include <lamina/core/random.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/token.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace operations {

/// Whole sequences, causal.
template <class B, class Types>
void attention(Measurement<B>& m, Types, lamina::Extent extent, std::size_t heads, std::size_t embed) {
    using X = typename Types::Activation;
    if (!m.any_wanted({"attention", "attention backward"})) return;
    const std::size_t n = extent.tokens();
    const std::size_t copies = m.copies(bytes_of<X>(4 * n * embed));
    auto qkv = m.template operand<X>(n, 3 * embed, copies);
    auto out = m.template operand<X>(n, embed, copies);
    auto log_sum_exp = m.template operand<float>(n, heads, copies);
    const std::string shape = std::to_string(extent.batch) + " x " + std::to_string(heads) + " x " +
                              std::to_string(extent.sequence) + " x " + std::to_string(embed / heads);
    const auto forward = [&](std::size_t i) {
        return lamina::Attention<X>{.extent = extent,
                                    .heads = heads,
                                    .qkv = qkv.input(i),
                                    .out = out.view(i),
                                    .log_sum_exp = log_sum_exp.view(i)};
    };
    m.time("attention", shape, forward);
    if (!m.wanted("attention backward")) return;
    // What it reads besides the operands is what the forward pass left.
    for (std::size_t i = 0; i < copies; ++i) m.backend().run(forward(i));
    auto d_out = m.template operand<X>(n, embed, copies, 1e-3);
    auto d_qkv = m.template operand<X>(n, 3 * embed, copies);
    m.time("attention backward", shape, [&](std::size_t i) {
        return lamina::AttentionBackward<X>{.extent = extent,
                                            .heads = heads,
                                            .qkv = qkv.input(i),
                                            .out = out.input(i),
                                            .log_sum_exp = log_sum_exp.input(i),
                                            .d_out = d_out.input(i),
                                            .d_qkv = d_qkv.view(i)};
    });
}

/// Forward measures rows and normalises them; `fixed` divides by a constant of the row, and its backward reads no x.
template <class B, class Types>
void norms(Measurement<B>& m, Types, std::size_t n, std::size_t embed) {
    using X = typename Types::Activation;
    using Stream = typename Types::Stream;
    using Gain = typename Types::Base;
    if (!m.any_wanted({"norm real", "norm real backward", "norm fixed", "norm fixed backward"})) return;
    const std::size_t copies = m.copies(bytes_of<Stream>(n * embed));
    auto x = m.template operand<Stream>(n, embed, copies);
    auto y = m.template operand<X>(n, embed, copies);
    auto base = m.template operand<Stream>(n, embed, copies);
    auto d_x = m.template operand<Stream>(n, embed, copies);
    auto gain = m.template operand<Gain>(1, embed, 1);
    auto bias = m.template operand<Gain>(1, embed, 1);
    auto mean = m.template operand<float>(1, n, 1, 0.1);
    auto deviation = m.template operand<float>(1, n, 1);
    auto divisor = m.template operand<float>(1, n, 1);
    m.backend().run(lamina::Fill(divisor.view(0), 1.5));
    for (const bool fixed : {false, true}) {
        const std::string kind = fixed ? "norm fixed" : "norm real";
        const std::string shape = shape_text(n, embed);
        m.time(kind, shape, [&](std::size_t i) {
            return lamina::NormaliseRows<Stream, Gain, X>{
                .x = x.input(i),
                .y = y.view(i),
                .mean = mean.column(0),
                .deviation = deviation.column(0),
                .divisor = fixed ? divisor.column(0) : lamina::Rows<float, 1>{},
                .gain = gain.input(0),
                .bias = bias.input(0),
                .epsilon = 1e-5};
        });
        m.time(kind + " backward", shape, [&](std::size_t i) {
            return lamina::NormaliseBackward<Stream, Gain, float, X>{
                .x = x.input(i),
                .mean = mean.column(0),
                .divisor = fixed ? divisor.column(0) : deviation.column(0),
                .gain = gain.input(0),
                .d_y = y.input(i),
                .d_x = d_x.view(i),
                .statistics = fixed ? lamina::Divisor::fixed : lamina::Divisor::live,
                .base = base.input(i)};
        });
    }
}

struct GeluOf {
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T x) const {
        return lamina::math::gelu(x);
    }
};

/// Where no product applies it: with execution::Factored.
template <class B, class Types>
void gelu(Measurement<B>& m, Types, std::size_t n, std::size_t hidden) {
    using X = typename Types::Activation;
    if (!m.wanted("gelu alone")) return;
    const std::size_t copies = m.copies(bytes_of<X>(2 * n * hidden));
    auto x = m.template operand<X>(n, hidden, copies);
    auto y = m.template operand<X>(n, hidden, copies);
    m.time("gelu alone", shape_text(n, hidden),
           [&](std::size_t i) { return lamina::Map(y.view(i), GeluOf{}, x.input(i)); });
}

/// Token ids in a backend's memory.
template <class B>
[[nodiscard]] typename B::Memory uploaded_tokens(B& backend, std::size_t count, std::size_t vocab) {
    std::vector<lamina::Token> ids(count);
    lamina::Random random{23};
    for (lamina::Token& id : ids) id = static_cast<lamina::Token>(random.below(vocab));
    auto memory = backend.allocate(count * sizeof(lamina::Token));
    backend.upload(memory.data(), ids.data(), count * sizeof(lamina::Token));
    return memory;
}
template <class Memory>
[[nodiscard]] lamina::Rows<const lamina::Token, 1> tokens_in(const Memory& memory, std::size_t count) {
    return {reinterpret_cast<const lamina::Token*>(memory.data()), count};
}

/// The loss of a chunk with its gradient in the type of activations.
template <class B, class Types>
void loss(Measurement<B>& m, Types, Strided chunk_logits, std::size_t vocab) {
    using X = typename Types::Activation;
    const std::size_t chunk = chunk_logits.rows;
    if (!m.wanted("loss")) return;
    const std::size_t copies = m.copies(bytes_of<float>(chunk * vocab));
    auto logits = m.template operand<float>(chunk_logits, copies);
    auto d_logits = m.template operand<X>(chunk_logits, copies);
    auto losses = m.template operand<float>(1, chunk, 1);
    const auto targets = uploaded_tokens(m.backend(), chunk, vocab);
    m.time("loss", shape_text(chunk, vocab), [&](std::size_t i) {
        return lamina::SoftmaxCrossEntropy<float, X>{.logits = logits.view(i).columns(0, vocab),
                                                     .targets = tokens_in(targets, chunk),
                                                     .losses = losses.column(0),
                                                     .scale = 1e-3,
                                                     .d_logits = d_logits.view(i)};
    });
}

/// Of the adapter of one layer, all in float, and the sum of squares of its gradient, which waits for its result.
template <class B>
void optimiser(Measurement<B>& m, std::size_t parameters) {
    if (!m.any_wanted({"adamw", "sum of squares"})) return;
    const std::size_t copies = m.copies(bytes_of<float>(4 * parameters));
    auto parameter = m.template operand<float>(1, parameters, copies, 0.02);
    auto gradient = m.template operand<float>(1, parameters, copies, 1e-3);
    auto first = m.template operand<float>(1, parameters, copies, 1e-3);
    auto second = m.template operand<float>(1, parameters, copies, 1e-3);
    for (std::size_t i = 0; i < copies; ++i) {
        m.backend().run(lamina::Fill(second.view(i), 1e-6));  // squares are not negative
    }
    const std::string shape = std::to_string(parameters);
    m.time("adamw", shape, [&](std::size_t i) {
        return lamina::AdamWUpdate<float, float, float>{.parameter = parameter.view(i),
                                                        .gradient = gradient.input(i),
                                                        .first_moment = first.view(i),
                                                        .second_moment = second.view(i),
                                                        .rate = 1e-4,
                                                        .beta1 = 0.9,
                                                        .beta2 = 0.999,
                                                        .epsilon = 1e-8,
                                                        .decay = 0.01,
                                                        .gradient_scale = 1,
                                                        .update = i + 1};
    });
    m.time("sum of squares", shape, [&](std::size_t i) { return lamina::SumOfSquares(gradient.input(i)); });
}

template <class B, class Types>
void embedding(Measurement<B>& m, Types, lamina::Extent extent, std::size_t embed, std::size_t vocab) {
    using Stream = typename Types::Stream;
    using W = typename Types::Base;
    if (!m.wanted("embedding")) return;
    const std::size_t n = extent.tokens();
    const std::size_t copies = m.copies(bytes_of<Stream>(n * embed));
    auto table = m.template operand<W>(vocab, embed, 1);
    auto positions = m.template operand<W>(extent.sequence, embed, 1);
    auto out = m.template operand<Stream>(n, embed, copies);
    const auto ids = uploaded_tokens(m.backend(), n, vocab);
    m.time("embedding", shape_text(n, embed), [&](std::size_t i) {
        return lamina::Embed<Stream, W>{.ids = tokens_in(ids, n),
                                        .extent = extent,
                                        .token_table = table.input(0),
                                        .position_table = positions.input(0),
                                        .out = out.view(i)};
    });
}

}  // namespace operations
