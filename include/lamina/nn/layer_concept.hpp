// SPDX-License-Identifier: MIT
// The Layer concept: what a type must offer to stand in a model, and the questions one may ask of it.
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>

#include <lamina/arch/visit.hpp>
#include <lamina/core/tokens.hpp>
#include <lamina/nn/pass.hpp>
#include <lamina/nn/saved.hpp>

namespace lamina {

namespace detail {

/// Stands for a backend where only signatures are looked at.
struct SomeBackend {};

struct IgnoringVisitor {
    template <class Member>
    constexpr void operator()(std::string_view, Member&) const {}
};

template <class L>
concept HasTwoScalars = requires {
    typename L::InScalar;
    typename L::OutScalar;
};

template <class L>
struct ScalarsOf {};
template <class L>
requires(!HasTwoScalars<L> && requires { typename L::Scalar; }) struct ScalarsOf<L> {
    using In = typename L::Scalar;
    using Out = typename L::Scalar;
};
template <HasTwoScalars L>
struct ScalarsOf<L> {
    using In = typename L::InScalar;
    using Out = typename L::OutScalar;
};

}  // namespace detail

/// The stored types of what a layer reads and of what it writes, and of their gradients.
template <class L>
using InScalarOf = typename detail::ScalarsOf<L>::In;
template <class L>
using OutScalarOf = typename detail::ScalarsOf<L>::Out;

/// A layer maps [N, in] activations to [N, out] activations.
///
/// in, out    feature widths, static
/// Scalar     the stored type of what it reads and writes, from the precision policy; a layer that reads another type
///            than it writes, as norms may (P::Stream and P::Activation), has InScalar and OutScalar as well
/// Saved      a default-constructible struct of `Tokens` views with a `visit` over them: filled by forward, read by
///            backward
/// visit(v)   calls v(name, member) for every parameter and inner layer; the names make the tensor names of files
/// forward(pass, x, y, saved)
///            overwrites y; may keep views of x, which stays valid until backward
/// backward(pass, x, saved, d_y, d_x)
///            adds to the gradients of trainable parameters; overwrites d_x unless it is empty, which says that nothing
///            below trains; d_x does not overlap d_y
///
/// Optional: `static constexpr std::size_t scratch_bytes(Extent)` when forward or backward borrow from `pass.scratch`;
/// `materialise(backend)` and `complete_gradients(backend)` for work done once per optimiser step; `flops(Extent)`.
/// Also `forward_onto(pass, x, base, y, saved)`, y = base + what forward writes, for base and y of any scalar, and
/// `backward_onto(pass, x, saved, d_y, base, d_x)`, d_x = base + what backward writes: whoever stands around the layer
/// need not add then.
/// For cached passes (key_value_cache.hpp), whose batches are not sequences, each layer says how its tokens see each
/// other, by one of
///   static constexpr bool token_wise = true;
///            row n of y depends on row n of x, pass.ids[n] and pass.positions[n] only. A layer made of layers says it
///            of what it does itself; those that `visit` shows speak for themselves
///   static constexpr std::size_t cached_width;
///            it calls `attend` of `Pass::packed` once where that is set, with keys and values that wide
/// A model with a layer that says neither is refused there, and there only.
///
/// A model may let its backend repeat the work of a pass without calling the layers (`replay`, backend/contract.hpp).
/// So what forward and backward queue must follow from the pass and the layer's type alone, unless a layer offers
///   begin_pass(PassStart&)
///            called before a pass is queued: decides what this pass does, and adds to the key all that decides it, or
///            forbids to repeat a pass that must read from the device before all its work is queued
///   static constexpr std::size_t measured_numbers; end_pass(std::span<const double>)
///            it leaves up to so many numbers in `Pass::measured`, where begin_pass reserved room for them, and is
///            shown all numbers of the pass when its work is done
/// A pass that is run without a model is not announced: then `Pass::measured` is null.
///
/// A default-constructed layer is a constant expression: the manifest is made from one.
template <class L>
concept Layer = std::default_initializable<L> && std::default_initializable<typename L::Saved> &&
    requires(L& layer, Pass<detail::SomeBackend>& pass, typename L::Saved& saved, Tokens<const InScalarOf<L>, L::in> x,
             Tokens<OutScalarOf<L>, L::out> y, Tokens<const OutScalarOf<L>, L::out> d_y,
             Tokens<InScalarOf<L>, L::in> d_x) {
    layer.visit(detail::IgnoringVisitor{});
    saved_bytes<typename L::Saved>(std::size_t{1});
    layer.forward(pass, x, y, saved);
    layer.backward(pass, x, saved, d_y, d_x);
};

/// A layer that can add what it computes to something of type `Sum` itself.
template <class L, class Sum>
concept WritesOnto = requires(L& layer, Pass<detail::SomeBackend>& pass, Tokens<const InScalarOf<L>, L::in> x,
                              Tokens<const Sum, L::out> base, Tokens<Sum, L::out> y, typename L::Saved& saved) {
    layer.forward_onto(pass, x, base, y, saved);
};

/// A layer that can add the gradient of its input to something itself.
template <class L>
concept PassesGradientOnto = requires(L& layer, Pass<detail::SomeBackend>& pass, Tokens<const InScalarOf<L>, L::in> x,
                                      const typename L::Saved& saved, Tokens<const OutScalarOf<L>, L::out> d_y,
                                      Tokens<const InScalarOf<L>, L::in> base, Tokens<InScalarOf<L>, L::in> d_x) {
    layer.backward_onto(pass, x, saved, d_y, base, d_x);
};

/// Peak of what a layer borrows from `pass.scratch`, bytes; 0 unless it says otherwise.
template <class L>
[[nodiscard]] constexpr std::size_t scratch_bytes_of(Extent extent) {
    if constexpr (requires { L::scratch_bytes(extent); }) {
        return L::scratch_bytes(extent);
    } else {
        return 0;
    }
}

/// Floating-point operations of a layer, a multiply-add counting two.
struct Flops {
    double forward = 0;   ///< of one pass over the extent
    double backward = 0;  ///< of one backward pass over the extent
    double once = 0;      ///< once per optimiser step, whatever the number of tokens

    friend constexpr Flops operator+(Flops a, Flops b) {
        return {a.forward + b.forward, a.backward + b.backward, a.once + b.once};
    }
    friend constexpr Flops operator*(double factor, Flops a) {
        return {factor * a.forward, factor * a.backward, factor * a.once};
    }
};

/// Operations of matrix products and attention; layers that only touch each element a few times count as nothing.
/// `input_gradient` says whether the gradient with respect to the layer's input is wanted.
template <class L>
[[nodiscard]] constexpr Flops flops_of(Extent extent, bool input_gradient) {
    if constexpr (requires { L::flops(extent, input_gradient); }) {
        return L::flops(extent, input_gradient);
    } else {
        return {};
    }
}

}  // namespace lamina
