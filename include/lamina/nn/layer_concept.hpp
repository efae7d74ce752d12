// SPDX-License-Identifier: MIT
// The Layer concept: what a type must offer to stand in a model, and the questions one may ask of it.
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include <lamina/arch/visit.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/nn/detail/functors.hpp>
#include <lamina/nn/paths.hpp>
#include <lamina/nn/run/pass.hpp>
#include <lamina/nn/run/saved.hpp>

namespace lamina {

namespace detail {

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

/// A layer that can add what it computes to something of type `Sum` itself: its forward takes an Into (paths.hpp).
template <class L, class Sum>
concept WritesInto = requires(L& layer, Pass<detail::SomeBackend>& pass, Rows<const InScalarOf<L>, L::in> x,
                              Into<Sum, L::out> y, typename L::Saved& saved) {
    layer.forward(pass, x, y, saved);
};

/// A layer that can add the gradient of its input to something itself: its backward takes an Into.
template <class L>
concept PassesGradientInto = requires(L& layer, Pass<detail::SomeBackend>& pass, Rows<const InScalarOf<L>, L::in> x,
                                      const typename L::Saved& saved, Rows<const OutScalarOf<L>, L::out> d_y,
                                      Into<InScalarOf<L>, L::in> d_x) {
    layer.backward(pass, x, saved, d_y, d_x);
};

/// A layer whose backward, where it takes an Into, fills Into::rounded as well.
template <class L>
concept RoundsInto = requires {
    requires L::rounds_into;
};

/// A layer on the residual stream whose backward may be given the gradient of its output as StreamGradient, and then
/// writes that of its input so.
template <class L>
concept RoundsGradient = requires {
    requires L::rounds_gradient;
};

namespace detail {

template <class L>
concept WritesRows = requires(L& layer, Pass<SomeBackend>& pass, Rows<const InScalarOf<L>, L::in> x,
                              Rows<OutScalarOf<L>, L::out> y, typename L::Saved& saved) {
    layer.forward(pass, x, y, saved);
};

}  // namespace detail

/// A layer maps [N, in] activations to [N, out] activations.
///
/// in, out    feature widths, static
/// Scalar     the stored type of what it reads and writes, from the precision policy; a layer that reads another type
///            than it writes, as norms may (P::Stream and P::Activation), has InScalar and OutScalar as well
/// Saved      a default-constructible struct of `Rows` views with a `visit` over them: filled by forward, read by
///            backward
/// visit(v)   calls v(name, member) for every parameter and inner layer; the names make the tensor names of files
///            and mean nothing else: what is added is a member of type Bias, and the rest are of type Parameter
/// forward(pass, x, y, saved)
///            overwrites y; may keep views of x, which stays valid until backward
/// backward(pass, x, saved, d_y, d_x)
///            adds to the gradients of trainable parameters; overwrites d_x unless it is empty, which says that nothing
///            below trains; d_x does not overlap d_y
///
/// y and d_x are Rows. A layer that ends in an operation which can add to something else takes an Into instead, y in
/// any scalar: whoever stands around the layer need not add then. `forward_into` and `backward_into` call either kind.
/// With `rounds_into` and `rounds_gradient` a layer saves others a pass over a gradient that they would have to round.
///
/// All numbers are touched by requests, `pass.run(…)`, and by nothing else: the plan is the layer itself, run on paper,
/// where requests are counted and views show nothing (run/paper.hpp). A layer that loops over memory of its own accord,
/// which it can on the CPU only, returns first where `pass.on_paper()`. So that a plan can be a constant expression,
/// forward and backward are constexpr.
///
/// Optional: `materialise(backend)` and `complete_gradients(backend)` for work done once per optimiser step;
/// `assume_most_memory()`, which puts a layer with a state into the one in which it borrows most, for the plan.
/// For cached passes (key_value_cache.hpp), whose batches are not sequences, each layer says how its tokens see each
/// other, by one of
///   static constexpr bool token_wise = true;
///            row n of y depends on row n of x, pass.ids[n] and pass.positions[n] only. A layer made of layers says it
///            of what it does itself; those that `visit` shows speak for themselves
///   static constexpr std::size_t cached_width;
///            it calls `attend` of `Pass::packed` once where that is set, with keys and values that wide, in its Scalar
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
///   for_each_mean(const Pass&, f)
///            for those of the numbers that are means over tokens: calls f(TokenMean) for each, when forward is queued
/// What outlives a pass and is no parameter a layer shows in `visit_state` (layer_state.hpp), so that it is saved.
/// A pass that is run without a model is not announced: then `Pass::measured` is empty.
///
/// A default-constructed layer is a constant expression: the manifest is made from one.
template <class L>
concept Layer = std::default_initializable<L> && std::default_initializable<typename L::Saved> &&
    (detail::WritesRows<L> ||
     WritesInto<L, OutScalarOf<L>>)&&requires(L& layer, Pass<detail::SomeBackend>& pass, const typename L::Saved& saved,
                                              Rows<const InScalarOf<L>, L::in> x,
                                              Rows<const OutScalarOf<L>, L::out> d_y, Rows<InScalarOf<L>, L::in> d_x) {
    layer.visit(detail::IgnoringVisitor{});
    saved_bytes<typename L::Saved>(std::size_t{1});
    layer.backward(pass, x, saved, d_y, d_x);
};

/// A layer that can read queries and keys from one input and values from another.
template <class L>
concept ReadsPaths = requires(L& layer, Pass<detail::SomeBackend>& pass, Paths<const InScalarOf<L>, L::in> x,
                              Paths<InScalarOf<L>, L::in> d_x, Rows<const OutScalarOf<L>, L::out> d_y,
                              typename L::Saved& saved) {
    layer.forward(pass, x, Into<OutScalarOf<L>, L::out>{}, saved);
    layer.backward(pass, x, saved, d_y, d_x);
};

/// y = [y.base +] layer(x), whether the layer adds itself or not. `x` is Rows, or Paths for a layer that reads these.
template <class L, class B, class X, class Sum>
constexpr void forward_into(L& layer, Pass<B>& pass, X x, Into<Sum, L::out> y, typename L::Saved& saved) {
    using Own = OutScalarOf<L>;
    if constexpr (WritesInto<L, Sum>) {
        layer.forward(pass, x, y, saved);
    } else if constexpr (std::is_same_v<Sum, Own>) {
        layer.forward(pass, x, y.y, saved);
        if (!y.base.empty()) pass.run(Map(y.y, detail::Add{}, y.y, y.base));
    } else {
        typename ScratchStack::Frame frame(pass.scratch);
        const auto own = frame.template take<Own, L::out>(x.rows);  // [N, out]
        layer.forward(pass, x, own, saved);
        if (y.base.empty()) {
            pass.run(Convert(y.y, own));
        } else {
            pass.run(Map(y.y, detail::Add{}, own, y.base));
        }
    }
}

/// d_x = [d_x.base +] the gradient of the layer's input, whether the layer adds itself or not.
template <class L, class B, class X>
constexpr void backward_into(L& layer, Pass<B>& pass, X x, const typename L::Saved& saved,
                             std::type_identity_t<Rows<const OutScalarOf<L>, L::out>> d_y,
                             std::type_identity_t<Into<InScalarOf<L>, L::in>> d_x) {
    if constexpr (PassesGradientInto<L>) {
        layer.backward(pass, x, saved, d_y, d_x);
    } else {
        layer.backward(pass, x, saved, d_y, d_x.y);
        if (!d_x.empty() && !d_x.base.empty()) pass.run(Map(d_x.y, detail::Add{}, d_x.y, d_x.base));
    }
}

/// From a gradient of the stream to the next, in both types where the layer leaves them.
template <class L, class B>
constexpr void backward_on_stream(L& layer, Pass<B>& pass, Rows<const InScalarOf<L>, L::in> x,
                                  const typename L::Saved& saved, StreamGradient<const OutScalarOf<L>, L::out> d_y,
                                  StreamGradient<InScalarOf<L>, L::in> d_x) {
    if constexpr (RoundsGradient<L>) {
        layer.backward(pass, x, saved, d_y, d_x);
    } else {
        backward_into(layer, pass, x, saved, d_y.d, Into(d_x.d));
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

}  // namespace lamina
