// SPDX-License-Identifier: MIT
// Every hot operation of an optimiser step, in the shapes of the sizes that are asked for.
#pragma once

#include "products.hpp"
#include "rows.hpp"
#include "split.hpp"

#include <lamina/arch/architecture.hpp>
#include <lamina/core/extent.hpp>
#include <lamina/nn/loss_head.hpp>
#include <lamina/nn/run/workspace.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace operations {

inline constexpr std::array<std::pair<const char*, lamina::Architecture>, 4> sizes{{{"small", lamina::gpt2_small},
                                                                                    {"medium", lamina::gpt2_medium},
                                                                                    {"large", lamina::gpt2_large},
                                                                                    {"xl", lamina::gpt2_xl}}};

template <class Types, class B>
void measure_size(Measurement<B>& m, const lamina::Architecture& a, lamina::Extent extent) {
    const std::size_t n = extent.tokens();
    const std::size_t padded_vocab = lamina::padded_vocabulary<B>(a.vocab);
    const Strided logits{std::min(n, B::logits_rows(a.vocab)), padded_vocab, lamina::logits_stride_of(padded_vocab)};
    const LinearShape c_attn{"c_attn", a.embed, 3 * a.embed};
    const LinearShape c_proj{"c_proj", a.embed, a.embed};
    const LinearShape c_fc{"c_fc", a.embed, a.hidden()};
    const LinearShape mlp_proj{"mlp c_proj", a.hidden(), a.embed};
    constexpr Types types{};
    embedding(m, types, extent, a.embed, a.vocab);
    norms(m, types, n, a.embed);
    forward_product<false>(m, types, n, c_attn);
    attention(m, types, extent, a.heads, a.embed);
    forward_onto_stream(m, types, n, c_proj);
    forward_product<true>(m, types, n, c_fc);
    forward_onto_stream(m, types, n, mlp_proj);
    gelu(m, types, n, a.hidden());
    head_products(m, types, logits, a.embed);
    loss(m, types, logits, a.vocab);
    input_gradient<true>(m, types, n, mlp_proj);
    for (const LinearShape& linear : {c_fc, c_proj, c_attn}) input_gradient<false>(m, types, n, linear);
    for (const LinearShape& linear : {mlp_proj, c_fc, c_proj, c_attn}) weight_gradient(m, types, n, linear);
    for (const LinearShape& linear : {mlp_proj, c_fc, c_proj, c_attn}) once_per_step(m, types, linear);
    optimiser(m, 31 * a.embed * a.embed);  // A [in, in] and B [in, out] of the four
    split_forward<Joins::nothing>(m, types, n, c_attn);
    split_forward<Joins::stream>(m, types, n, c_proj);
    split_forward<Joins::gelu>(m, types, n, c_fc);
    split_forward<Joins::stream>(m, types, n, mlp_proj);
    split_input_gradient<true>(m, types, n, mlp_proj);
    for (const LinearShape& linear : {c_fc, c_proj, c_attn}) split_input_gradient<false>(m, types, n, linear);
    for (const LinearShape& linear : {mlp_proj, c_fc, c_proj, c_attn}) split_once_per_step(m, types, linear);
}

template <class Types, class B>
[[nodiscard]] Outcome measure_all(B& backend, const Request& request) {
    Outcome outcome{.backend = backend.description(), .device = "CPU", .measured = {}};
    if constexpr (requires { backend.device_name(); }) outcome.device = backend.device_name();
    const std::vector<float> normals = bench::normals(17);
    for (const auto& [name, architecture] : sizes) {
        if (std::find(request.sizes.begin(), request.sizes.end(), name) == request.sizes.end()) continue;
        Measurement<B> measurement(backend, request, name, normals, outcome);
        measure_size<Types>(measurement, architecture, {request.batch, request.sequence});
    }
    return outcome;
}

}  // namespace operations
