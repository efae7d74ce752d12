// SPDX-License-Identifier: MIT
// CausalSelfAttention: GPT-2's attention layer, with queries and keys optionally read from another input than values.
#pragma once

#include <algorithm>
#include <cstddef>

#include <lamina/arch/architecture.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/tokens.hpp>
#include <lamina/nn/composition.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/linear.hpp>
#include <lamina/nn/pass.hpp>

namespace lamina {

/// y = concat_h(softmax(q_h·k_hᵀ / sqrt(D)) v_h)·W_proj + b_proj with [q|k|v] = x·W_attn + b_attn, causal.
///
/// shapes   x, y [N, Embed]; c_attn [Embed, 3·Embed]; c_proj [Embed, Embed]
/// saves    [q|k|v], the heads' output and one log-sum-exp per head and token
/// cost     linears plus 2·T·Embed FLOP per token forward (causal), 5·T·Embed backward; no T × T matrix
/// source   Vaswani et al. 2017; reference 2.3, 5.3
template <std::size_t Embed, std::size_t Heads, class P>
class CausalSelfAttention {
    static_assert(HeadsDivideEmbed<Embed, Heads>,
                  "lamina: CausalSelfAttention: embed must be a multiple of heads; change one of the two");
    using Projection = Linear<Embed, 3 * Embed, P>;
    using Output = ResidualLinear<Embed, Embed, P>;
    static constexpr Columns queries_and_keys{0, 2 * Embed};
    static constexpr Columns values{2 * Embed, Embed};

public:
    using Scalar = typename P::Activation;
    static constexpr std::size_t in = Embed;
    static constexpr std::size_t out = Embed;
    static constexpr std::size_t cached_width = Embed;  ///< of keys, and of values

    struct Saved {
        Tokens<Scalar, 3 * Embed> qkv;
        Tokens<Scalar, Embed> heads_out;
        Tokens<typename P::Compute, Heads> log_sum_exp;
        typename Projection::Saved projection;
        typename Output::Saved output;

        template <class Visitor>
        constexpr void visit(Visitor&& visitor) {
            visitor(qkv);
            visitor(heads_out);
            visitor(log_sum_exp);
            visitor(projection);
            visitor(output);
        }
    };

    /// Where values may read an input of their own.
    struct SplitSaved : Saved {
        typename Projection::Saved value_projection;

        template <class Visitor>
        constexpr void visit(Visitor&& visitor) {
            Saved::visit(visitor);
            visitor(value_projection);
        }
    };

    Projection c_attn{};
    Output c_proj{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("c_attn", c_attn);
        visitor("c_proj", c_proj);
    }

    template <class B>
    void forward(Pass<B>& pass, Tokens<const Scalar, Embed> x, Tokens<Scalar, Embed> y, Saved& saved) {
        c_attn.forward(pass, x, saved.qkv, saved.projection);
        attend(pass, saved);
        c_proj.forward(pass, saved.heads_out, y, saved.output);
    }

    template <class B, class Sum>
    void forward_onto(Pass<B>& pass, Tokens<const Scalar, Embed> x, Tokens<const Sum, Embed> base, Tokens<Sum, Embed> y,
                      Saved& saved) {
        c_attn.forward(pass, x, saved.qkv, saved.projection);
        attend(pass, saved);
        c_proj.forward_onto(pass, Tokens<const Scalar, Embed>(saved.heads_out), base, y, saved.output);
    }

    template <class B>
    void backward(Pass<B>& pass, Tokens<const Scalar, Embed> x, const Saved& saved, Tokens<const Scalar, Embed> d_y,
                  Tokens<Scalar, Embed> d_x) {
        if (d_x.empty() && !has_trainable<CausalSelfAttention>()) return;
        typename ScratchStack::Frame frame(pass.scratch);
        const auto d_qkv = attend_backward(pass, frame, saved, d_y);  // [N, 3C]
        c_attn.backward(pass, x, saved.projection, d_qkv, d_x);
    }

    /// Queries and keys from one input, values from another: what a half-removed norm needs. The original evaluates the
    /// whole of c_attn on both inputs and drops half of each; computing the columns that are kept gives the same
    /// numbers.
    template <class B>
    void forward_split(Pass<B>& pass, Tokens<const Scalar, Embed> x_qk, Tokens<const Scalar, Embed> x_v,
                       Tokens<Scalar, Embed> y, SplitSaved& saved) {
        project_split(pass, x_qk, x_v, saved);
        attend(pass, saved);
        c_proj.forward(pass, saved.heads_out, y, saved.output);
    }

    /// y = base + forward_split.
    template <class B, class Sum>
    void forward_split_onto(Pass<B>& pass, Tokens<const Scalar, Embed> x_qk, Tokens<const Scalar, Embed> x_v,
                            Tokens<const Sum, Embed> base, Tokens<Sum, Embed> y, SplitSaved& saved) {
        project_split(pass, x_qk, x_v, saved);
        attend(pass, saved);
        c_proj.forward_onto(pass, Tokens<const Scalar, Embed>(saved.heads_out), base, y, saved.output);
    }

    /// The backward of `forward_split`; overwrites d_qk and d_v unless they are empty.
    template <class B>
    void backward_split(Pass<B>& pass, Tokens<const Scalar, Embed> x_qk, Tokens<const Scalar, Embed> x_v,
                        const SplitSaved& saved, Tokens<const Scalar, Embed> d_y, Tokens<Scalar, Embed> d_qk,
                        Tokens<Scalar, Embed> d_v) {
        typename ScratchStack::Frame frame(pass.scratch);
        const MatrixView<const Scalar> d_qkv = attend_backward(pass, frame, saved, d_y).matrix();  // [N, 3C]
        c_attn.backward_columns(pass, x_qk, saved.projection, part(d_qkv, queries_and_keys), d_qk, queries_and_keys);
        c_attn.backward_columns(pass, x_v, saved.value_projection, part(d_qkv, values), d_v, values);
    }

    [[nodiscard]] static constexpr std::size_t scratch_bytes(Extent extent) {
        return scratch_bytes_for<Scalar, 3 * Embed>(extent.tokens()) +
               std::max(scratch_bytes_of<Projection>(extent),
                        scratch_bytes_for<Scalar, Embed>(extent.tokens()) + scratch_bytes_of<Output>(extent));
    }
    [[nodiscard]] static constexpr Flops flops(Extent extent, bool input_gradient) {
        const double products = static_cast<double>(extent.tokens()) * static_cast<double>(extent.sequence) * Embed;
        const bool backward = input_gradient || has_trainable<CausalSelfAttention>();
        return flops_of<Projection>(extent, input_gradient) + flops_of<Output>(extent, backward) +
               Flops{2 * products, backward ? 5 * products : 0, 0};
    }

private:
    template <class T>
    static constexpr MatrixView<T> part(MatrixView<T> qkv, Columns columns) {
        return qkv.columns(columns.first, columns.count);
    }

    template <class B>
    void project_split(Pass<B>& pass, Tokens<const Scalar, Embed> x_qk, Tokens<const Scalar, Embed> x_v,
                       SplitSaved& saved) {
        const MatrixView<Scalar> qkv = saved.qkv.matrix();
        c_attn.forward_columns(pass, x_qk, part(qkv, queries_and_keys), queries_and_keys, saved.projection);
        c_attn.forward_columns(pass, x_v, part(qkv, values), values, saved.value_projection);
    }

    template <class B>
    void attend(Pass<B>& pass, Saved& saved) {
        if (pass.packed != nullptr) {
            static_cast<PackedAttention<Scalar>*>(pass.packed)
                ->attend(Heads, saved.qkv.matrix(), saved.heads_out.matrix());
        } else {
            pass.backend.attention(Attention<Scalar>{.extent = pass.extent,
                                                     .heads = Heads,
                                                     .qkv = saved.qkv.matrix(),
                                                     .out = saved.heads_out.matrix(),
                                                     .log_sum_exp = saved.log_sum_exp.matrix()});
        }
    }

    template <class B>
    Tokens<const Scalar, 3 * Embed> attend_backward(Pass<B>& pass, ScratchStack::Frame& frame, const Saved& saved,
                                                    Tokens<const Scalar, Embed> d_y) {
        const auto d_qkv = frame.template take<Scalar, 3 * Embed>(d_y.count());
        ScratchStack::Frame inner(pass.scratch);
        const auto d_heads = inner.template take<Scalar, Embed>(d_y.count());  // [N, C]
        c_proj.backward(pass, saved.heads_out, saved.output, d_y, d_heads);
        pass.backend.attention_backward(AttentionBackward<Scalar>{.extent = pass.extent,
                                                                  .heads = Heads,
                                                                  .qkv = saved.qkv.matrix(),
                                                                  .out = saved.heads_out.matrix(),
                                                                  .log_sum_exp = saved.log_sum_exp.matrix(),
                                                                  .d_out = d_heads.matrix(),
                                                                  .d_qkv = d_qkv.matrix()});
        return d_qkv;
    }
};

}  // namespace lamina
