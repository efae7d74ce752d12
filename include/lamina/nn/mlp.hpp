// SPDX-License-Identifier: MIT
// Mlp: GPT-2's feed-forward layer.
#pragma once

#include <algorithm>
#include <cstddef>

#include <lamina/arch/visit.hpp>
#include <lamina/core/tokens.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/linear.hpp>
#include <lamina/nn/pass.hpp>

namespace lamina {

/// y = gelu(x·W_fc + b_fc)·W_proj + b_proj.
///
/// shapes   x, y [N, Embed]; c_fc [Embed, Hidden]; c_proj [Hidden, Embed]
/// saves    what gelu reads and what it gives, [N, Hidden] each, and what both linear layers save
/// cost     gelu and its derivative are part of the products before and after them
/// source   Radford et al. 2019; Hendrycks & Gimpel 2016; reference 2.3
template <std::size_t Embed, std::size_t Hidden, class P>
class Mlp {
    using Expansion = Linear<Embed, Hidden, P>;
    using Output = ResidualLinear<Hidden, Embed, P>;

public:
    using Scalar = typename P::Activation;
    static constexpr std::size_t in = Embed;
    static constexpr std::size_t out = Embed;
    static constexpr bool token_wise = true;

    struct Saved {
        Tokens<Scalar, Hidden> pre_activation;
        Tokens<Scalar, Hidden> hidden;
        typename Expansion::Saved expansion;
        typename Output::Saved output;

        template <class Visitor>
        constexpr void visit(Visitor&& visitor) {
            visitor(pre_activation);
            visitor(hidden);
            visitor(expansion);
            visitor(output);
        }
    };

    Expansion c_fc{};
    Output c_proj{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("c_fc", c_fc);
        visitor("c_proj", c_proj);
    }

    template <class B>
    void forward(Pass<B>& pass, Tokens<const Scalar, Embed> x, Tokens<Scalar, Embed> y, Saved& saved) {
        c_fc.forward_gelu(pass, x, saved.pre_activation, saved.hidden, saved.expansion);
        c_proj.forward(pass, saved.hidden, y, saved.output);
    }

    template <class B, class Sum>
    void forward_onto(Pass<B>& pass, Tokens<const Scalar, Embed> x, Tokens<const Sum, Embed> base, Tokens<Sum, Embed> y,
                      Saved& saved) {
        c_fc.forward_gelu(pass, x, saved.pre_activation, saved.hidden, saved.expansion);
        c_proj.forward_onto(pass, Tokens<const Scalar, Hidden>(saved.hidden), base, y, saved.output);
    }

    template <class B>
    void backward(Pass<B>& pass, Tokens<const Scalar, Embed> x, const Saved& saved, Tokens<const Scalar, Embed> d_y,
                  Tokens<Scalar, Embed> d_x) {
        typename ScratchStack::Frame frame(pass.scratch);
        Tokens<Scalar, Hidden> d_pre_activation;
        if (has_trainable<Expansion>() || !d_x.empty()) {
            d_pre_activation = frame.template take<Scalar, Hidden>(x.count());
        }
        c_proj.backward_gelu(pass, saved.hidden, saved.output, d_y, saved.pre_activation, d_pre_activation);
        if (!d_pre_activation.empty()) c_fc.backward(pass, x, saved.expansion, d_pre_activation, d_x);
    }

    [[nodiscard]] static constexpr std::size_t scratch_bytes(Extent extent) {
        return scratch_bytes_for<Scalar, Hidden>(extent.tokens()) +
               std::max(scratch_bytes_of<Expansion>(extent), scratch_bytes_of<Output>(extent));
    }
    [[nodiscard]] static constexpr Flops flops(Extent extent, bool input_gradient) {
        return flops_of<Expansion>(extent, input_gradient) +
               flops_of<Output>(extent, input_gradient || has_trainable<Expansion>());
    }
};

}  // namespace lamina
