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

}  // namespace detail

/// A layer maps [N, in] activations to [N, out] activations.
///
/// in, out    feature widths, static
/// Scalar     the stored type of activations, from the precision policy
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
/// For cached passes (key_value_cache.hpp), whose batches are not sequences, each layer says how its tokens see each
/// other, by one of
///   static constexpr bool token_wise = true;
///            row n of y depends on row n of x, pass.ids[n] and pass.positions[n] only. A layer made of layers says it
///            of what it does itself; those that `visit` shows speak for themselves
///   static constexpr std::size_t cached_width;
///            it calls `attend` of `Pass::packed` once where that is set, with keys and values that wide
/// A model with a layer that says neither is refused there, and there only.
///
/// A default-constructed layer is a constant expression: the manifest is made from one.
template <class L>
concept Layer = std::default_initializable<L> && std::default_initializable<typename L::Saved> &&
    requires(L& layer, Pass<detail::SomeBackend>& pass, typename L::Saved& saved,
             Tokens<const typename L::Scalar, L::in> x, Tokens<typename L::Scalar, L::out> y,
             Tokens<const typename L::Scalar, L::out> d_y, Tokens<typename L::Scalar, L::in> d_x) {
    layer.visit(detail::IgnoringVisitor{});
    saved_bytes<typename L::Saved>(std::size_t{1});
    layer.forward(pass, x, y, saved);
    layer.backward(pass, x, saved, d_y, d_x);
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
