// SPDX-License-Identifier: MIT
// CausalSelfAttention: GPT-2's attention layer, with queries and keys optionally read from another input than values.
#pragma once

#include <cstddef>

#include <lamina/arch/adapter.hpp>
#include <lamina/arch/architecture.hpp>
#include <lamina/arch/visit.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/square_root.hpp>
#include <lamina/nn/detail/functors.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/linear.hpp>
#include <lamina/nn/paths.hpp>
#include <lamina/nn/run/pass.hpp>

namespace lamina {

/// y = concat_h(softmax(s · q_h·k_hᵀ) v_h)·W_proj + b_proj with [q|k|v] = x·W_attn + b_attn, causal; s = 1 / sqrt(D)
/// unless attention_scale:: says otherwise.
///
/// shapes   x, y [N, Embed]; c_attn [Embed, 3·Embed]; c_proj [Embed, Embed]
/// saves    [q|k|v], the heads' output and one log-sum-exp per head and token; queries are kept times what another
///          scale is of the usual one
/// cost     linears plus 2·T·Embed FLOP per token forward (causal), 5·T·Embed backward; no T × T matrix
/// source   Vaswani et al. 2017; docs/gpt2.md, "Forward pass"; docs/original.md, "Forward pass"
template <std::size_t Embed, std::size_t Heads, class P>
class CausalSelfAttention {
    static_assert(HeadsDivideEmbed<Embed, Heads>,
                  "lamina: CausalSelfAttention: embed must be a multiple of heads; change one of the two");
    using Projection = Linear<Embed, 3 * Embed, typename P::template At<Target::c_attn>>;
    using Output = ResidualLinear<Embed, Embed, typename P::template At<Target::attn_c_proj>>;
    using AttentionScale = typename P::AttentionScale;
    static constexpr bool usual_scale = AttentionScale::by_root && !AttentionScale::by_layer;

public:
    using Scalar = typename P::Activation;
    static constexpr std::size_t in = Embed;
    static constexpr std::size_t out = Embed;
    static constexpr std::size_t cached_width = Embed;  ///< of keys, and of values

    struct Saved {
        Rows<Scalar, 3 * Embed> qkv;
        Rows<Scalar, Embed> heads_out;
        Rows<typename P::Compute, Heads> log_sum_exp;
        typename Projection::Saved projection;
        typename Projection::Saved value_projection;  ///< where values read rows of their own
        typename Output::Saved output;

        template <class Visitor>
        constexpr void visit(Visitor&& visitor) {
            visitor(qkv);
            visitor(heads_out);
            visitor(log_sum_exp);
            visitor(projection);
            visitor(value_projection);
            visitor(output);
        }
    };

    Projection c_attn{};
    Output c_proj{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("c_attn", c_attn);
        visitor("c_proj", c_proj);
    }

    /// Values may read other rows than queries and keys. Where the original evaluates the whole of c_attn on both and
    /// drops half of each, only the columns that are kept are computed: the same numbers.
    template <class B, class Sum>
    constexpr void forward(Pass<B>& pass, Paths<const Scalar, Embed> x, Into<Sum, Embed> y, Saved& saved) {
        const Rows<Scalar, 3 * Embed> qkv = saved.qkv;
        if (x.same()) {
            c_attn.forward(pass, x.keys, Into(qkv), saved.projection);
        } else {
            queries_and_keys().forward(pass, x.keys, Into(of_queries_and_keys(qkv)), saved.projection);
            values().forward(pass, x.values, Into(of_values(qkv)), saved.value_projection);
        }
        if constexpr (!usual_scale) scale_queries(pass, qkv);
        attend(pass, saved);
        c_proj.forward(pass, saved.heads_out, y, saved.output);
    }

    /// Gradients of what queries and keys read, and of what values read: one for both where the forward pass read one.
    template <class B>
    constexpr void backward(Pass<B>& pass, Paths<const Scalar, Embed> x, const Saved& saved,
                            Rows<const Scalar, Embed> d_y, Paths<Scalar, Embed> d_x) {
        if (d_x.empty() && !has_trainable<CausalSelfAttention>()) return;
        typename ScratchStack::Frame frame(pass.scratch);
        const auto d_qkv = frame.template take<Scalar, 3 * Embed>(d_y.rows);  // [N, 3C]
        attend_backward(pass, saved, d_y, d_qkv);
        if constexpr (!usual_scale) scale_queries(pass, d_qkv);
        const Rows<const Scalar, 3 * Embed> d_read = d_qkv;
        if (x.same()) {
            c_attn.backward(pass, x.keys, saved.projection, d_read, d_x.keys);
        } else {
            queries_and_keys().backward(pass, x.keys, saved.projection, of_queries_and_keys(d_read), d_x.keys);
            values().backward(pass, x.values, saved.value_projection, of_values(d_read), d_x.values);
        }
    }

private:
    [[nodiscard]] constexpr auto queries_and_keys() { return c_attn.template columns<0, 2 * Embed>(); }
    [[nodiscard]] constexpr auto values() { return c_attn.template columns<2 * Embed, Embed>(); }
    template <class T>
    [[nodiscard]] static constexpr Rows<T, 2 * Embed> of_queries_and_keys(Rows<T, 3 * Embed> qkv) {
        return qkv.template columns<0, 2 * Embed>();
    }
    template <class T>
    [[nodiscard]] static constexpr Rows<T, Embed> of_values(Rows<T, 3 * Embed> qkv) {
        return qkv.template columns<2 * Embed, Embed>();
    }

    /// Backends score by 1 / sqrt(D): queries, or their gradients, times what another scale is of that.
    template <class B>
    constexpr void scale_queries(Pass<B>& pass, Rows<Scalar, 3 * Embed> qkv) const {
        double factor = AttentionScale::by_root ? 1 : square_root(static_cast<double>(Embed / Heads));
        if constexpr (AttentionScale::by_layer) factor /= static_cast<double>(pass.block + 1);
        const Rows<Scalar, Embed> queries = qkv.template columns<0, Embed>();
        pass.run(Map(queries, detail::Scale{factor}, queries));
    }

    template <class B>
    constexpr void attend(Pass<B>& pass, Saved& saved) {
        if (pass.packed != nullptr) {
            pass.packed->template attend<Scalar>(Heads, saved.qkv, saved.heads_out);
        } else {
            pass.run(Attention<Scalar, Embed, Heads>{.extent = pass.extent,
                                                     .heads = Heads,
                                                     .qkv = saved.qkv,
                                                     .out = saved.heads_out,
                                                     .log_sum_exp = saved.log_sum_exp});
        }
    }

    template <class B>
    constexpr void attend_backward(Pass<B>& pass, const Saved& saved, Rows<const Scalar, Embed> d_y,
                                   Rows<Scalar, 3 * Embed> d_qkv) {
        typename ScratchStack::Frame frame(pass.scratch);
        const auto d_heads = frame.template take<Scalar, Embed>(d_y.rows);  // [N, C]
        c_proj.backward(pass, saved.heads_out, saved.output, d_y, d_heads);
        pass.run(AttentionBackward<Scalar, Embed, Heads>{.extent = pass.extent,
                                                         .heads = Heads,
                                                         .qkv = saved.qkv,
                                                         .out = saved.heads_out,
                                                         .log_sum_exp = saved.log_sum_exp,
                                                         .d_out = d_heads,
                                                         .d_qkv = d_qkv});
    }
};

}  // namespace lamina
