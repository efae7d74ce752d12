// SPDX-License-Identifier: MIT
// Gpt2: the front door. An architecture and some policies become a model type.
#pragma once

#include <concepts>
#include <cstddef>

#include <lamina/arch/architecture.hpp>
#include <lamina/backend/backend_of.hpp>
#include <lamina/nn/absent_norm.hpp>
#include <lamina/nn/attention.hpp>
#include <lamina/nn/composition.hpp>
#include <lamina/nn/dynamic_tanh.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/layer_norm.hpp>
#include <lamina/nn/mlp.hpp>
#include <lamina/nn/policies.hpp>
#include <lamina/nn/pre_norm.hpp>
#include <lamina/nn/removable_norm.hpp>
#include <lamina/nn/transformer.hpp>

namespace lamina {

/// The norm that the policies of `P` ask for. `Paths` is 2 where queries and keys may read another result than values.
template <class P, std::size_t Width, std::size_t Paths = 1>
using NormFor = typename P::Norm::template Layer<Width, P, Paths>;

/// One GPT-2 block: x + attn(ln_1(x)), then x + mlp(ln_2(x)).
template <Architecture A, class P>
using Gpt2Block = Sequential<
    Named<"", Residual<PreNorm<Named<"ln_1", NormFor<P, A.embed, 2>>,
                               Named<"attn", CausalSelfAttention<A.embed, A.heads, P>>>>>,
    Named<"", Residual<PreNorm<Named<"ln_2", NormFor<P, A.embed>>, Named<"mlp", Mlp<A.embed, A.hidden(), P>>>>>>;

namespace detail {

template <class D>
struct CheckedArchitecture {
    static constexpr Architecture A = D::architecture;
    static_assert(HeadsDivideEmbed<A.embed, A.heads>,
                  "lamina: Architecture: embed must be a multiple of heads; change one of the two");
    static_assert(NothingIsZero<A.layers, A.embed, A.context, A.vocab>,
                  "lamina: Architecture: layers, embed, context and vocab must be at least 1; name all five numbers");
    static constexpr bool legal = LegalArchitecture<A>;
};

/// The class behind `Gpt2`, checked once.
template <bool Legal, Architecture A, class... Ps>
struct MakeGpt2 {
    using type = RejectedSeeFirstError;
};
template <Architecture A, class... Ps>
struct MakeGpt2<true, A, Ps...> {
    using P = Policies<Ps...>;
    using type = Transformer<DimensionsOf<A>, P, Gpt2Block<A, P>, Named<"ln_f", NormFor<P, A.embed>>>;
};

template <Architecture A, class... Ps>
struct CheckedGpt2 {
    using Resolved = lamina::Policies<Ps...>;                       // tells what is wrong with the policies
    using Backend = lamina::BackendFor<typename Resolved::Device>;  // tells what is missing for the device
    using type = typename MakeGpt2<CheckedArchitecture<DimensionsOf<A>>::legal && LegalPolicies<Ps...> &&
                                       HasBackend<typename Resolved::Device>,
                                   A, Ps...>::type;
};

}  // namespace detail

/// `Gpt2<gpt2_small, norm::Removable, adapter::FullRank, precision::FrozenBf16>`: policies in any order, see
/// `Policies`.
template <Architecture A, class... Ps>
using Gpt2 = typename detail::CheckedGpt2<A, Ps...>::type;

template <class L, std::size_t Embed>
concept KeepsWidth = (L::in == Embed) && (L::out == Embed);

/// A block reads and writes the residual stream, the last norm takes it to activations.
template <class L, class In, class Out>
concept ComputesIn = std::same_as<InScalarOf<L>, In> && std::same_as<OutScalarOf<L>, Out>;

/// Ask before spelling a `Decoder` with this block or last norm.
template <class L, class D, class P>
concept DecoderBlock =
    Layer<L> && KeepsWidth<L, D::architecture.embed> && ComputesIn<L, typename P::Stream, typename P::Stream>;
template <class L, class D, class P>
concept DecoderFinalNorm =
    Layer<L> && KeepsWidth<L, D::architecture.embed> && ComputesIn<L, typename P::Stream, typename P::Activation>;

namespace detail {

/// The class behind `Decoder`, checked once.
template <bool Legal, class D, class P, class Block, class FinalNorm>
struct MakeDecoder {
    using type = RejectedSeeFirstError;
};
template <class D, class P, class Block, class FinalNorm>
struct MakeDecoder<true, D, P, Block, FinalNorm> {
    using type = Transformer<D, P, Block, FinalNorm>;
};

template <class D, class P, class Block, class FinalNorm>
struct CheckedDecoder {
    static constexpr std::size_t embed = D::architecture.embed;
    static_assert(Layer<Block>,
                  "lamina: Decoder: the block is no Layer; nn/layer_concept.hpp says what one must offer");
    static_assert(!Layer<Block> || KeepsWidth<Block, embed>,
                  "lamina: Decoder: the block's width is not the architecture's embed; give both the same");
    static_assert(
        !Layer<Block> || ComputesIn<Block, typename P::Stream, typename P::Stream>,
        "lamina: Decoder: the block's activations have another type than the policies'; give both the same policies");
    static_assert(Layer<FinalNorm>,
                  "lamina: Decoder: the final norm is no Layer; nn/layer_concept.hpp says what one must offer");
    static_assert(!Layer<FinalNorm> || KeepsWidth<FinalNorm, embed>,
                  "lamina: Decoder: the final norm's width is not the architecture's embed; give both the same");
    static_assert(!Layer<FinalNorm> || ComputesIn<FinalNorm, typename P::Stream, typename P::Activation>,
                  "lamina: Decoder: the final norm's activations have another type than the policies'; give both the "
                  "same policies");
    using type = typename MakeDecoder<CheckedArchitecture<D>::legal && DecoderBlock<Block, D, P> &&
                                          DecoderFinalNorm<FinalNorm, D, P>,
                                      D, P, Block, FinalNorm>::type;
};

}  // namespace detail

/// A model type with another architecture's parts: the block and the last norm are layer types that keep the width
/// `A.embed` and have the policies' activations. `Decoder<arch, P, Block>` has no last norm;
/// `Decoder<arch, P, Block, RmsNorm<C, P>>` has one.
template <Architecture A, class P, class Block, class FinalNorm = AbsentNorm<A.embed, P>>
using Decoder = typename detail::CheckedDecoder<DimensionsOf<A>, P, Block, FinalNorm>::type;

namespace detail {

template <class Node>
consteval bool is_layer_norm_node() {
    if constexpr (requires { Node::is_layer_norm; }) return Node::is_layer_norm;
    return false;
}

template <class Layers>
consteval bool finds_layer_norm() {
    bool found = false;
    const auto look = [&](const auto& self, auto& node) -> void {
        using Node = std::remove_cvref_t<decltype(node)>;
        if constexpr (is_array_member<Node>) {
            if constexpr (std::tuple_size_v<Node> != 0) self(self, node[0]);
        } else if constexpr (!ParameterMember<Node> && !DerivedMember<Node>) {
            found = found || is_layer_norm_node<Node>();
            node.visit([&](std::string_view, auto& member) { self(self, member); });
        }
    };
    Layers layers{};
    look(look, layers);
    return found;
}

}  // namespace detail

/// Whether any layer of a model (or a layer) computes, or may still compute, a LayerNorm.
template <class Model>
inline constexpr bool contains_layer_norm = detail::finds_layer_norm<typename detail::LayersOf<Model>::type>();

}  // namespace lamina
