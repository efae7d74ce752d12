// SPDX-License-Identifier: MIT
// Gpt2: the front door. An architecture and some policies become a model type.
#pragma once

#include <cstddef>
#include <type_traits>

#include <lamina/arch/architecture.hpp>
#include <lamina/backend/backend_of.hpp>
#include <lamina/core/told.hpp>
#include <lamina/nn/absent_norm.hpp>
#include <lamina/nn/attention.hpp>
#include <lamina/nn/composition.hpp>
#include <lamina/nn/dynamic_tanh.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/layer_norm.hpp>
#include <lamina/nn/mlp.hpp>
#include <lamina/nn/policies.hpp>
#include <lamina/nn/pre_norm.hpp>
#include <lamina/nn/stand_in.hpp>
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

/// What a `Transformer` is made by, and what diagnostics call the model: spec::Gpt2<…> with the policies that differ
/// from the defaults, or spec::Decoder<…>.
namespace spec {

template <class D, class... Answers>
struct Gpt2 {
    using Policies = PolicySet<Answers...>;
    static constexpr Architecture architecture = D::architecture;
    using Block = Gpt2Block<architecture, Policies>;
    using FinalNorm = Named<"ln_f", NormFor<Policies, architecture.embed>>;
};

template <class D, class P, class BlockLayer, class FinalNormLayer>
struct Decoder {
    using Policies = P;
    static constexpr Architecture architecture = D::architecture;
    using Block = BlockLayer;
    using FinalNorm = FinalNormLayer;
};

}  // namespace spec

namespace detail {

template <class D>
struct ArchitectureError {
    static constexpr Architecture A = D::architecture;
    static_assert(HeadsDivideEmbed<A.embed, A.heads>,
                  "lamina: Architecture: embed must be a multiple of heads; change one of the two");
    static_assert(NothingIsZero<A.layers, A.embed, A.context, A.vocab>,
                  "lamina: Architecture: layers, embed, context and vocab must be at least 1; name all five numbers");
};

/// An architecture, or the legal one that stands in for it after an error.
template <Architecture A>
inline constexpr Architecture legal_architecture{.layers = A.layers == 0 ? 1 : A.layers,
                                                 .heads = LegalArchitecture<A> ? A.heads : 1,
                                                 .embed = A.embed == 0 ? 1 : A.embed,
                                                 .context = A.context == 0 ? 1 : A.context,
                                                 .vocab = A.vocab == 0 ? 1 : A.vocab,
                                                 .inner = A.inner};

/// The class behind `Gpt2`, without a check. A class between an alias and a dependent architecture: g++ 12 crashes
/// without it.
template <Architecture A, class P>
struct PlainGpt2;
template <Architecture A, class... Answers>
struct PlainGpt2<A, PolicySet<Answers...>> {
    using Spec = spec::Gpt2<DimensionsOf<A>, Answers...>;
    using Block = typename Spec::Block;
    using FinalNorm = typename Spec::FinalNorm;
    static constexpr bool stands_in = StandsIn<Block>;
    using type = Transformer<Spec>;
};

/// After an error: the legal model that comes closest, so that whatever is done with a model can be done with it.
template <Architecture A, class P, bool NormIsWrong = PlainGpt2<A, P>::stands_in>
struct Gpt2AfterError {
    using type = StandInModel<typename PlainGpt2<A, P>::type>;
};
template <Architecture A, class P>
struct Gpt2AfterError<A, P, true> : Gpt2AfterError<A, typename P::template With<norm::LayerNorm>> {};

/// The class behind `Gpt2`, checked once.
template <bool Legal, Architecture A, class P>
struct MakeGpt2 : Gpt2AfterError<A, P> {};
template <Architecture A, class P>
requires(!PlainGpt2<A, P>::stands_in) struct MakeGpt2<true, A, P> : PlainGpt2<A, P> {
};

/// What `Gpt2<A, Ps...>` is checked for, its blocks from within.
template <Architecture A, class Parts, class... Ps>
struct CheckedGpt2;
template <Architecture A, class... Parts, class... Ps>
struct CheckedGpt2<A, LayerList<Parts...>, Ps...> {
    using Resolved = lamina::Policies<Ps...>;  // tells what is wrong with the policies
    using type =
        typename MakeGpt2<told(mistake<ArchitectureError<DimensionsOf<A>>>) &&
                              told(mistake<BackendError<typename Resolved::Device>>) && (... && told(mistake<Parts>)) &&
                              LegalArchitecture<A> && LegalPolicies<Ps...> && HasBackend<typename Resolved::Device>,
                          legal_architecture<A>, Resolved>::type;
};

template <Architecture A, class P>
using Gpt2Parts = typename PartsOf<typename PlainGpt2<legal_architecture<A>, P>::Block>::type;

}  // namespace detail

/// `Gpt2<gpt2_small, norm::RmsNorm, adapter::FullRank, precision::FrozenBf16>`: policies in any order, see
/// `Policies`.
template <Architecture A, class... Ps>
using Gpt2 = typename detail::CheckedGpt2<A, detail::Gpt2Parts<A, Policies<Ps...>>, Ps...>::type;

template <class L, std::size_t Embed>
concept KeepsWidth = (L::in == Embed) && (L::out == Embed);

/// A block reads and writes the residual stream, the last norm takes it to activations.
template <class L, class In, class Out>
concept ComputesIn = std::is_same_v<InScalarOf<L>, In> && std::is_same_v<OutScalarOf<L>, Out>;

/// Ask before spelling a `Decoder` with this block or last norm.
template <class L, class D, class P>
concept DecoderBlock = Layer<L> && !detail::StandsIn<L> && KeepsWidth<L, D::architecture.embed> &&
                       ComputesIn<L, typename P::Stream, typename P::Stream>;
template <class L, class D, class P>
concept DecoderFinalNorm = Layer<L> && !detail::StandsIn<L> && KeepsWidth<L, D::architecture.embed> &&
                           ComputesIn<L, typename P::Stream, typename P::Activation>;

namespace detail {

/// Tells what is wrong with a part of a `Decoder`, unless that was told.
template <class Block, class D, class P, bool IsLayer = Layer<Block>>
struct BlockError {
    static_assert(Layer<Block>,
                  "lamina: Decoder: the block is no Layer; nn/layer_concept.hpp says what one must offer");
};
template <StandsIn Block, class D, class P>
struct BlockError<Block, D, P, true> {};
template <class Block, class D, class P>
struct BlockError<Block, D, P, true> {
    static_assert(KeepsWidth<Block, D::architecture.embed>,
                  "lamina: Decoder: the block's width is not the architecture's embed; give both the same");
    static_assert(
        ComputesIn<Block, typename P::Stream, typename P::Stream>,
        "lamina: Decoder: the block's activations have another type than the policies'; give both the same policies");
};
template <class FinalNorm, class D, class P, bool IsLayer = Layer<FinalNorm>>
struct FinalNormError {
    static_assert(Layer<FinalNorm>,
                  "lamina: Decoder: the final norm is no Layer; nn/layer_concept.hpp says what one must offer");
};
template <StandsIn FinalNorm, class D, class P>
struct FinalNormError<FinalNorm, D, P, true> {};
template <class FinalNorm, class D, class P>
struct FinalNormError<FinalNorm, D, P, true> {
    static_assert(KeepsWidth<FinalNorm, D::architecture.embed>,
                  "lamina: Decoder: the final norm's width is not the architecture's embed; give both the same");
    static_assert(ComputesIn<FinalNorm, typename P::Stream, typename P::Activation>,
                  "lamina: Decoder: the final norm's activations have another type than the policies'; give both the "
                  "same policies");
};

/// The class behind `Decoder`, checked once.
template <bool Legal, class D, class P, class Block, class FinalNorm>
struct MakeDecoder : Gpt2AfterError<legal_architecture<D::architecture>, P> {};
template <class D, class P, class Block, class FinalNorm>
struct MakeDecoder<true, D, P, Block, FinalNorm> {
    using type = Transformer<spec::Decoder<D, P, Block, FinalNorm>>;
};

template <class D, class P, class Block, class FinalNorm, class Parts = typename PartsOf<Block>::type>
struct CheckedDecoder;
template <class D, class P, class Block, class FinalNorm, class... Parts>
struct CheckedDecoder<D, P, Block, FinalNorm, LayerList<Parts...>> {
    using type = typename MakeDecoder<
        (... && told(mistake<Parts>)) && told(mistake<FinalNorm>) && told(mistake<ArchitectureError<D>>) &&
            told(mistake<BackendError<typename P::Device>>) && told(mistake<BlockError<Block, D, P>>) &&
            told(mistake<FinalNormError<FinalNorm, D, P>>) && LegalArchitecture<D::architecture> &&
            HasBackend<typename P::Device> && DecoderBlock<Block, D, P> && DecoderFinalNorm<FinalNorm, D, P>,
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
constexpr bool is_layer_norm_node() {
    if constexpr (requires { Node::is_layer_norm; }) return Node::is_layer_norm;
    return false;
}
struct AnyLayerNorm : LayerProperty {
    template <class Node>
    static constexpr bool of = is_layer_norm_node<Node>();
};

}  // namespace detail

/// Whether any layer of a model (or a layer) computes, or may still compute, a LayerNorm.
template <class Model>
inline constexpr bool contains_layer_norm = contains<typename detail::LayersOf<Model>::type, detail::AnyLayerNorm>;

}  // namespace lamina
