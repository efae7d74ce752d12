// SPDX-License-Identifier: MIT
// DecoderLayers: everything of a decoder-only model that has parameters: embeddings, blocks, the last norm, the head.
#pragma once

#include <array>
#include <cstddef>

#include <lamina/arch/architecture.hpp>
#include <lamina/arch/parameter.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/backend/backend_of.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/nn/composition.hpp>
#include <lamina/nn/loss_head.hpp>

namespace lamina {

namespace detail {

/// What multiplies hidden states: as many rows as the backend's products want of it, if it is the head.
template <Role R, std::size_t Vocab, std::size_t Embed, class P, bool IsHead>
using TokenMatrix =
    PaddedMatrix<P, R, Vocab, Embed, IsHead ? padded_vocabulary<BackendFor<typename P::Device>>(Vocab) : Vocab>;

template <std::size_t Vocab, std::size_t Embed, class P, bool Present>
struct OwnHeadWeight {
    template <class Visitor>
    constexpr void visit(Visitor&&) {}
};
template <std::size_t Vocab, std::size_t Embed, class P>
struct OwnHeadWeight<Vocab, Embed, P, true> {
    TokenMatrix<Role::head, Vocab, Embed, P, true> weight{Initial::normal(0.02)};
    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("weight", weight);
    }
};

template <std::size_t Vocab, class P, bool Present>
struct OwnHeadBias {
    template <class Visitor>
    constexpr void visit(Visitor&&) {}
};
template <std::size_t Vocab, class P>
struct OwnHeadBias<Vocab, P, true> {
    Bias<P, Role::head, Vocab> bias{};
    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("bias", bias);
    }
};

}  // namespace detail

/// The layers of a model, in the order of the manifest.
template <class Spec>
struct DecoderLayers {
    static constexpr Architecture A = Spec::architecture;
    using P = typename Spec::Policies;
    using Block = typename Spec::Block;
    using FinalNorm = typename Spec::FinalNorm;
    using Gradient = typename P::Gradient;
    using Head = OutputHead<typename P::Base, Gradient>;

    detail::TokenMatrix<Role::embedding, A.vocab, A.embed, P, !P::Head::own_weight> token_table{Initial::normal(0.02)};
    Parameter<P, Role::embedding, A.context, A.embed> position_table{Initial::normal(0.02)};
    std::array<Block, A.layers> blocks{};
    FinalNorm final_norm{};
    [[no_unique_address]] detail::OwnHeadWeight<A.vocab, A.embed, P, P::Head::own_weight> head_weight{};
    [[no_unique_address]] detail::OwnHeadBias<A.vocab, P, P::Head::own_bias> head_bias{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("wte.weight", token_table);
        visitor("wpe.weight", position_table);
        visitor("h", blocks);
        visitor(detail::name_or<FinalNorm>("norm"), final_norm);
        visitor("lm_head", head_weight);
        visitor("lm_head", head_bias);
    }

    /// The head as it computes logits, without gradients.
    [[nodiscard]] Head frozen_head() const {
        Head head{};
        if constexpr (P::Head::own_weight) {
            head.weight = head_weight.weight.padded_values();
        } else {
            head.weight = token_table.padded_values();
        }
        if constexpr (P::Head::own_bias) head.bias = head_bias.bias.values;
        return head;
    }

    /// The head with the gradients of what trains.
    [[nodiscard]] Head training_head() const {
        Head head = frozen_head();
        if constexpr (P::Head::own_weight) {
            head.d_weight = P::trains(Role::head) ? head_weight.weight.padded_gradient() : MatrixView<Gradient>{};
        } else {
            head.d_weight = P::trains(Role::embedding) ? token_table.padded_gradient() : MatrixView<Gradient>{};
        }
        if constexpr (P::Head::own_bias) head.d_bias = head_bias.bias.gradient;
        return head;
    }
};

}  // namespace lamina
