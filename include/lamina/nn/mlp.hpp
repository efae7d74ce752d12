// SPDX-License-Identifier: MIT
// Mlp: GPT-2's feed-forward layer.
#pragma once

#include <cstddef>
#include <type_traits>

#include <lamina/arch/adapter.hpp>
#include <lamina/arch/gpt2_variant.hpp>
#include <lamina/arch/visit.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/nn/activation.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/linear.hpp>
#include <lamina/nn/paths.hpp>
#include <lamina/nn/run/pass.hpp>

namespace lamina {

/// y = f(x·W_fc + b_fc)·W_proj + b_proj, f gelu or what activation:: says.
///
/// shapes   x, y [N, Embed]; c_fc [Embed, Hidden]; c_proj [Hidden, Embed]
/// saves    what f reads and what it gives, [N, Hidden] each, and what both linear layers save
/// cost     GPT-2's gelu and its derivative are part of the products before and after them; another f is a pass over
///          [N, Hidden] of its own, each way
/// source   Radford et al. 2019; Hendrycks & Gimpel 2016; docs/gpt2.md, "Forward pass"
template <std::size_t Embed, std::size_t Hidden, class P>
class Mlp {
    using Expansion = Linear<Embed, Hidden, typename P::template At<Target::c_fc>>;
    using Output = ResidualLinear<Hidden, Embed, typename P::template At<Target::mlp_c_proj>>;
    using Function = typename P::ActivationFunction;
    static constexpr bool in_products = std::is_same_v<Function, activation::GeluNew>;

public:
    using Scalar = typename P::Activation;
    static constexpr std::size_t in = Embed;
    static constexpr std::size_t out = Embed;
    static constexpr bool token_wise = true;

    struct Saved {
        Rows<Scalar, Hidden> pre_activation;
        Rows<Scalar, Hidden> hidden;
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

    template <class B, class Sum>
    constexpr void forward(Pass<B>& pass, Rows<const Scalar, Embed> x, Into<Sum, Embed> y, Saved& saved) {
        if constexpr (in_products) {
            c_fc.forward(pass, x, IntoGelu<Scalar, Hidden>{saved.pre_activation, saved.hidden}, saved.expansion);
        } else {
            c_fc.forward(pass, x, Into(saved.pre_activation), saved.expansion);
            pass.run(Map(saved.hidden, detail::ActivationValue<Function>{}, saved.pre_activation));
        }
        c_proj.forward(pass, saved.hidden, y, saved.output);
    }

    template <class B>
    constexpr void backward(Pass<B>& pass, Rows<const Scalar, Embed> x, const Saved& saved,
                            Rows<const Scalar, Embed> d_y, Rows<Scalar, Embed> d_x) {
        typename ScratchStack::Frame frame(pass.scratch);
        Rows<Scalar, Hidden> d_hidden;  // [N, Hidden], of what f reads
        if (has_trainable<Expansion>() || !d_x.empty()) d_hidden = frame.template take<Scalar, Hidden>(x.rows);
        if constexpr (in_products) {
            c_proj.backward(pass, saved.hidden, saved.output, d_y,
                            ThroughGelu<Scalar, Hidden>{saved.pre_activation, d_hidden});
        } else {
            c_proj.backward(pass, saved.hidden, saved.output, d_y, d_hidden);
            if (!d_hidden.empty()) {
                pass.run(Map(d_hidden, detail::ActivationSlope<Function>{}, saved.pre_activation, d_hidden));
            }
        }
        if (!d_hidden.empty()) c_fc.backward(pass, x, saved.expansion, d_hidden, d_x);
    }
};

}  // namespace lamina
