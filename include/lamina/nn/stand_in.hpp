// SPDX-License-Identifier: MIT
// Stand-ins: what takes the place of a type that was refused, so that one mistake is one error.
#pragma once

#include <cstddef>
#include <type_traits>

#include <lamina/core/rows.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/run/pass.hpp>
#include <lamina/nn/run/saved.hpp>

namespace lamina::detail {

/// A type behind an error that was told. Who tells of mistakes is silent about it, and what is made of it stands in,
/// too.
template <class T>
concept StandsIn = requires {
    typename std::remove_reference_t<T>::SeeFirstError;
};

/// Declared only, for code that is compiled behind an error and never runs.
template <class T>
T& never_made();

/// The width and scalar on one side of what need not be a layer.
template <class L>
consteval std::size_t width_in() {
    if constexpr (requires { L::in; }) return L::in;
    return 1;
}
template <class L>
consteval std::size_t width_out() {
    if constexpr (requires { L::out; }) return L::out;
    return 1;
}
template <class L>
struct ScalarsOrFloat {
    using In = float;
    using Out = float;
};
template <class L>
requires requires { typename ScalarsOf<L>::In; }
struct ScalarsOrFloat<L> : ScalarsOf<L> {};

/// Stands in, once an error is told (core/told.hpp), for a composition that reads what `First` reads and writes what
/// `Last` writes.
template <class First, class Last, bool Told>
struct StandInLayer {
    using SeeFirstError = First;
    using InScalar = typename ScalarsOrFloat<First>::In;
    using OutScalar = typename ScalarsOrFloat<Last>::Out;
    using Scalar = OutScalar;
    using Saved = NothingSaved;
    static constexpr std::size_t in = width_in<First>();
    static constexpr std::size_t out = width_out<Last>();
    static constexpr bool token_wise = true;

    template <class Visitor>
    constexpr void visit(Visitor&&) {}
    template <class B>
    void forward(Pass<B>&, Rows<const InScalar, in>, Rows<OutScalar, out>, Saved&) {}
    template <class B>
    void backward(Pass<B>&, Rows<const InScalar, in>, const Saved&, Rows<const OutScalar, out>, Rows<InScalar, in>) {}
    // Its widths are a guess, so every argument is welcome.
    template <class... Any>
    void forward(Any&&...) {}
    template <class... Any>
    void backward(Any&&...) {}
};

/// Stands in for a model that was refused: `Legal`, a model that was not, on whatever backend it is given.
template <class Legal>
struct StandInModel : Legal {
    using SeeFirstError = Legal;
    template <class B>
    explicit StandInModel(B&) : Legal(never_made<typename Legal::Backend>()) {}
};

}  // namespace lamina::detail
