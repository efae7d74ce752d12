// SPDX-License-Identifier: MIT
// Composition rules: which types make a Sequential, a Residual, a Parallel or a PreNorm, and what others are told.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include <lamina/core/fixed_string.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/stand_in.hpp>

namespace lamina {

template <FixedString Name, class L>
struct Named;
template <class First, class... Rest>
class Sequential;
template <class Inner>
class Residual;
template <class Left, class Right>
class Parallel;
template <class Norm, class Inner>
class PreNorm;

template <class First, class Second>
concept WidthsMeet = First::out == Second::in;

template <class First, class Second>
concept ScalarsMeet = std::is_same_v<OutScalarOf<First>, InScalarOf<Second>>;

template <class Left, class Right>
concept SameWidths = (Left::in == Right::in) && (Left::out == Right::out);

template <class Left, class Right>
concept SameScalars =
    std::is_same_v<InScalarOf<Left>, InScalarOf<Right>> && std::is_same_v<OutScalarOf<Left>, OutScalarOf<Right>>;

namespace detail {

inline constexpr std::size_t longest_sequence = 8;

/// What a composition finds of the types that it is given.
enum class Fit : std::uint8_t {
    good,
    stands_in,  ///< one of them stands in: an error was told
    no_layer,
    too_many,
    widths,
    scalars
};

/// The verdict, and the number of the first member that it is about.
struct Judgement {
    Fit fit = Fit::good;
    std::size_t at = 0;
};

/// Whether a composition can be made of these types at all. Each is completed here, so what is wrong inside of it is
/// told first.
template <class... Ls>
consteval Judgement judge_layers() {
    const std::array<bool, sizeof...(Ls)> is_layer{Layer<Ls>...};
    if ((... || StandsIn<Ls>)) return {Fit::stands_in};
    for (std::size_t i = 0; i < is_layer.size(); ++i) {
        if (!is_layer[i]) return {Fit::no_layer, i};
    }
    return {};
}

/// Whether a layer takes what another one gives.
template <class First, class Second>
consteval Fit judge_pair() {
    if constexpr (!WidthsMeet<First, Second>) {
        return Fit::widths;
    } else {
        return ScalarsMeet<First, Second> ? Fit::good : Fit::scalars;
    }
}

template <class... Ls>
consteval Judgement judge_sequence() {
    constexpr Judgement layers = judge_layers<Ls...>();
    if constexpr (layers.fit != Fit::good) {
        return layers;
    } else if constexpr (sizeof...(Ls) > longest_sequence) {
        return {Fit::too_many};
    } else {
        return []<std::size_t... Index>(std::index_sequence<Index...>) {
            using Members = std::tuple<Ls...>;
            const std::array<Fit, sizeof...(Ls)> pairs{
                judge_pair<std::tuple_element_t<Index, Members>, std::tuple_element_t<Index + 1, Members>>()...};
            for (std::size_t i = 0; i < pairs.size(); ++i) {
                if (pairs[i] != Fit::good) return Judgement{pairs[i], i};
            }
            return Judgement{};
        }
        (std::make_index_sequence<sizeof...(Ls) - 1>{});
    }
}

template <class Inner>
consteval Fit judge_residual() {
    if constexpr (constexpr Fit layer = judge_layers<Inner>().fit; layer != Fit::good) {
        return layer;
    } else {
        return WidthsMeet<Inner, Inner> ? Fit::good : Fit::widths;
    }
}

template <class Left, class Right>
consteval Fit judge_parallel() {
    if constexpr (constexpr Fit layers = judge_layers<Left, Right>().fit; layers != Fit::good) {
        return layers;
    } else if constexpr (!SameWidths<Left, Right>) {
        return Fit::widths;
    } else {
        return SameScalars<Left, Right> ? Fit::good : Fit::scalars;
    }
}

template <class Norm, class Inner>
consteval Fit judge_pre_norm() {
    if constexpr (constexpr Fit layers = judge_layers<Norm, Inner>().fit; layers != Fit::good) {
        return layers;
    } else {
        return judge_pair<Norm, Inner>();
    }
}

template <class... Ls>
concept NoSequence = judge_sequence<Ls...>()
.fit != Fit::good;
template <class Inner>
concept NoResidual = judge_residual<Inner>()
!= Fit::good;
template <class Left, class Right>
concept NoParallel = judge_parallel<Left, Right>()
!= Fit::good;
template <class Norm, class Inner>
concept NoPreNorm = judge_pre_norm<Norm, Inner>()
!= Fit::good;

// What is said (core/told.hpp). One class for each mistake: compilers show what a concept that stands alone in an
// assertion asks for, and the numbers that it compares.

template <std::size_t Index, class... Ls>
using MemberOrLast = std::tuple_element_t<(Index < sizeof...(Ls) ? Index : sizeof...(Ls) - 1), std::tuple<Ls...>>;

/// A layer without its name.
template <class L>
struct Unnamed {
    using type = L;
};
template <FixedString Name, class L>
struct Unnamed<Named<Name, L>> : Unnamed<L> {};

/// Of every layer once, wherever it stands.
template <class L>
struct NoLayerError {
    static_assert(
        Layer<L>,
        "lamina: Layer: a layer of a composition lacks what nn/layer_concept.hpp says one must offer; add what "
        "the compiler names");
};

/// What is wrong with the layers themselves, or else with how they are put together.
template <class Composed, class... Ls>
using CompositionError =
    std::conditional_t<judge_layers<Ls...>().fit == Fit::no_layer,
                       NoLayerError<typename Unnamed<MemberOrLast<judge_layers<Ls...>().at, Ls...>>::type>, Composed>;

/// Of the members `Here` and the one after it, which the verdict is about.
template <Fit Verdict, class Here, class Next>
struct WrongPair {};
template <class Here, class Next>
struct WrongPair<Fit::too_many, Here, Next> {
    static_assert(StandsIn<Here>, "lamina: Sequential: at most 8 layers; nest one Sequential in another");
};
template <class Here, class Next>
struct WrongPair<Fit::widths, Here, Next> {
    static_assert(
        WidthsMeet<Here, Next>,
        "lamina: Sequential: the output width of a layer is not the input width of the next; change one of them");
};
template <class Here, class Next>
struct WrongPair<Fit::scalars, Here, Next> {
    static_assert(
        ScalarsMeet<Here, Next>,
        "lamina: Sequential: a layer writes another scalar type than the next one reads; only norms may, from "
        "the stream to activations");
};

template <class Inner, Fit Verdict = judge_residual<Inner>()>
struct WrongResidual {};
template <class Inner>
struct WrongResidual<Inner, Fit::widths> {
    static_assert(WidthsMeet<Inner, Inner>,
                  "lamina: Residual: the inner layer must keep the width; give it equal input and output widths");
};

template <class Left, class Right, Fit Verdict = judge_parallel<Left, Right>()>
struct WrongParallel {};
template <class Left, class Right>
struct WrongParallel<Left, Right, Fit::widths> {
    static_assert(SameWidths<Left, Right>,
                  "lamina: Parallel: both layers need the same input and output widths; change one of them");
};
template <class Left, class Right>
struct WrongParallel<Left, Right, Fit::scalars> {
    static_assert(SameScalars<Left, Right>,
                  "lamina: Parallel: both layers need the same scalar types; give them the same policies");
};

template <class Norm, class Inner, Fit Verdict = judge_pre_norm<Norm, Inner>()>
struct WrongPreNorm {};
template <class Norm, class Inner>
struct WrongPreNorm<Norm, Inner, Fit::widths> {
    static_assert(WidthsMeet<Norm, Inner>,
                  "lamina: PreNorm: the norm's width is not the inner layer's input width; give both the same");
};
template <class Norm, class Inner>
struct WrongPreNorm<Norm, Inner, Fit::scalars> {
    static_assert(ScalarsMeet<Norm, Inner>,
                  "lamina: PreNorm: the norm writes another scalar type than the inner layer reads; give both the same "
                  "policies");
};

template <class... Ls>
using SequenceError =
    CompositionError<WrongPair<judge_sequence<Ls...>().fit, MemberOrLast<judge_sequence<Ls...>().at, Ls...>,
                               MemberOrLast<judge_sequence<Ls...>().at + 1, Ls...>>,
                     Ls...>;
template <class Inner>
using ResidualError = CompositionError<WrongResidual<Inner>, Inner>;
template <class Left, class Right>
using ParallelError = CompositionError<WrongParallel<Left, Right>, Left, Right>;
template <class Norm, class Inner>
using PreNormError = CompositionError<WrongPreNorm<Norm, Inner>, Norm, Inner>;

template <class... Ls>
struct LayerList {};

template <class List, class... Lists>
struct Joined {
    using type = List;
};
template <class... Ls, class... Others, class... Lists>
struct Joined<LayerList<Ls...>, LayerList<Others...>, Lists...> : Joined<LayerList<Ls..., Others...>, Lists...> {};

/// The layers that a layer is made of, each after its own, and then itself. Only names are read, no class is completed:
/// whoever completes them in this order meets a mistake before what stands around it, and so tells of it without the
/// way that leads there.
template <class L>
struct PartsOf {
    using type = LayerList<L>;
};
template <FixedString Name, class L>
struct PartsOf<Named<Name, L>> : Joined<typename PartsOf<L>::type, LayerList<Named<Name, L>>> {};
template <class First, class... Rest>
struct PartsOf<Sequential<First, Rest...>>
    : Joined<typename PartsOf<First>::type, typename PartsOf<Rest>::type..., LayerList<Sequential<First, Rest...>>> {};
template <class Inner>
struct PartsOf<Residual<Inner>> : Joined<typename PartsOf<Inner>::type, LayerList<Residual<Inner>>> {};
template <class Left, class Right>
struct PartsOf<Parallel<Left, Right>>
    : Joined<typename PartsOf<Left>::type, typename PartsOf<Right>::type, LayerList<Parallel<Left, Right>>> {};
template <class Norm, class Inner>
struct PartsOf<PreNorm<Norm, Inner>>
    : Joined<typename PartsOf<Norm>::type, typename PartsOf<Inner>::type, LayerList<PreNorm<Norm, Inner>>> {};

}  // namespace detail

}  // namespace lamina
