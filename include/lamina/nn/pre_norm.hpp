// SPDX-License-Identifier: MIT
// PreNorm: a layer that reads its input through a norm, path by path where norm and layer both have two.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include <lamina/backend/contract.hpp>
#include <lamina/core/tokens.hpp>
#include <lamina/nn/composition.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/pass.hpp>

namespace lamina {

/// A norm that may give two different results for one input.
template <class N>
concept TwoPathNorm = requires(N& norm) {
    requires N::paths == 2;
    norm.paths_differ();
};

/// A layer that can read queries and keys from one input and values from another. What it saves then, `SplitSaved`,
/// also serves where it reads one input.
template <class L>
concept SplitInputLayer = std::derived_from<typename L::SplitSaved, typename L::Saved> &&
    requires(L& layer, Pass<detail::SomeBackend>& pass, Tokens<const InScalarOf<L>, L::in> x,
             Tokens<OutScalarOf<L>, L::out> y, typename L::SplitSaved& saved) {
    layer.forward_split(pass, x, x, y, saved);
};

namespace detail {

template <class Inner, bool Split>
struct SavedOf {
    using type = typename Inner::Saved;
};
template <class Inner>
struct SavedOf<Inner, true> {
    using type = typename Inner::SplitSaved;
};

}  // namespace detail

/// y = inner(norm(x)).
///
/// names    members that are not Named are called "norm" and the inner layer's place
/// saves    norm(x), twice where two paths may differ, and what both members save
template <class Norm, class Inner>
class PreNorm {
    static_assert(WidthsMeet<Norm, Inner>,
                  "lamina: PreNorm: the norm's width is not the inner layer's input width; give both the same");
    static_assert(ScalarsMeet<Norm, Inner>,
                  "lamina: PreNorm: the norm writes another scalar type than the inner layer reads; give both the same "
                  "policies");
    static constexpr bool does_nothing = requires { Norm::is_identity; };
    // Such a norm is passed by, unless it takes the stream to another type.
    static constexpr bool absent = does_nothing && std::is_same_v<InScalarOf<Norm>, OutScalarOf<Norm>>;
    static constexpr bool split = TwoPathNorm<Norm> && SplitInputLayer<Inner>;
    using InnerSaved = typename detail::SavedOf<Inner, split>::type;
    using Middle = OutScalarOf<Norm>;

public:
    using InScalar = InScalarOf<Norm>;
    using OutScalar = OutScalarOf<Inner>;
    using Scalar = OutScalar;
    static constexpr std::size_t in = Norm::in;
    static constexpr std::size_t out = Inner::out;
    static constexpr bool token_wise = true;

    struct Saved {
        Tokens<Middle, in> normalised;
        Tokens<Middle, in> normalised_values;
        typename Norm::Saved norm;
        InnerSaved inner;

        template <class Visitor>
        constexpr void visit(Visitor&& visitor) {
            if constexpr (!absent) visitor(normalised);
            if constexpr (split) visitor(normalised_values);
            visitor(norm);
            visitor(inner);
        }
    };

    Norm norm{};
    Inner inner{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor(detail::name_or<Norm>("norm"), norm);
        visitor(detail::name_or<Inner>("inner"), inner);
    }

    template <class B>
    void forward(Pass<B>& pass, Tokens<const InScalar, in> x, Tokens<OutScalar, out> y, Saved& saved) {
        if (normalise(pass, x, saved)) {
            if constexpr (split) {
                inner.forward_split(pass, saved.normalised, saved.normalised_values, y, saved.inner);
            }
        } else {
            inner.forward(pass, input_of_inner(x, saved), y, saved.inner);
        }
    }

    template <class B, class Sum>
    requires WritesOnto<Inner, Sum>
    void forward_onto(Pass<B>& pass, Tokens<const InScalar, in> x, Tokens<const Sum, out> base, Tokens<Sum, out> y,
                      Saved& saved) {
        if (normalise(pass, x, saved)) {
            if constexpr (split) {
                inner.forward_split_onto(pass, Tokens<const Middle, in>(saved.normalised),
                                         Tokens<const Middle, in>(saved.normalised_values), base, y, saved.inner);
            }
        } else {
            inner.forward_onto(pass, input_of_inner(x, saved), base, y, saved.inner);
        }
    }

    template <class B>
    void backward(Pass<B>& pass, Tokens<const InScalar, in> x, const Saved& saved, Tokens<const OutScalar, out> d_y,
                  Tokens<InScalar, in> d_x) {
        if constexpr (absent) {
            inner.backward(pass, x, saved.inner, d_y, d_x);
        } else {
            const auto through_norm = [&](Tokens<const Middle, in> d_normalised) {
                norm.backward(pass, x, saved.norm, d_normalised, d_x);
            };
            backward_inner(pass, x, saved, d_y, {}, d_x, through_norm);
        }
    }

    template <class B>
    requires PassesGradientOnto<Norm>
    void backward_onto(Pass<B>& pass, Tokens<const InScalar, in> x, const Saved& saved,
                       Tokens<const OutScalar, out> d_y, Tokens<const InScalar, in> base, Tokens<InScalar, in> d_x) {
        const auto through_norm = [&](Tokens<const Middle, in> d_normalised) {
            norm.backward_onto(pass, x, saved.norm, d_normalised, base, d_x);
        };
        backward_inner(pass, x, saved, d_y, base, d_x, through_norm);
    }

    [[nodiscard]] static constexpr std::size_t scratch_bytes(Extent extent) {
        const std::size_t gradients = absent ? 0 : (split ? 2 : 1) * scratch_bytes_for<Middle, in>(extent.tokens());
        return gradients + std::max(scratch_bytes_of<Inner>(extent), scratch_bytes_of<Norm>(extent));
    }
    [[nodiscard]] static constexpr Flops flops(Extent extent, bool input_gradient) {
        return flops_of<Inner>(extent, input_gradient || has_trainable<Norm>());
    }

private:
    [[nodiscard]] bool split_now() const {
        if constexpr (split) return norm.paths_differ();
        return false;
    }

    [[nodiscard]] static Tokens<const Middle, in> input_of_inner(Tokens<const InScalar, in> x, const Saved& saved) {
        if constexpr (absent) {
            return x;
        } else {
            return saved.normalised;
        }
    }

    /// Fills saved.normalised; where the two paths differ in this pass also saved.normalised_values, and returns true.
    template <class B>
    [[nodiscard]] bool normalise(Pass<B>& pass, Tokens<const InScalar, in> x, Saved& saved) {
        if constexpr (split) {
            norm.measure(pass, x, saved.norm);
            norm.forward_path(pass, x, saved.normalised, saved.norm, 0);
            if (!norm.paths_differ()) return false;
            norm.forward_path(pass, x, saved.normalised_values, saved.norm, 1);
            return true;
        } else {
            if constexpr (!absent) norm.forward(pass, x, saved.normalised, saved.norm);
            return false;
        }
    }

    /// The inner layer's backward, then the norm's: `through_norm` where the norm has one path.
    template <class B, class ThroughNorm>
    void backward_inner(Pass<B>& pass, Tokens<const InScalar, in> x, const Saved& saved,
                        Tokens<const OutScalar, out> d_y, Tokens<const InScalar, in> base, Tokens<InScalar, in> d_x,
                        const ThroughNorm& through_norm) {
        typename ScratchStack::Frame frame(pass.scratch);
        Tokens<Middle, in> d_normalised;  // [N, in]; of queries and keys where the paths differ
        const bool wanted = has_trainable<Norm>() || !d_x.empty();
        if (wanted) d_normalised = frame.template take<Middle, in>(x.count());
        if (split_now()) {
            if constexpr (split) {
                Tokens<Middle, in> d_values;  // [N, in]
                if (wanted) d_values = frame.template take<Middle, in>(x.count());
                inner.backward_split(pass, saved.normalised, saved.normalised_values, saved.inner, d_y, d_normalised,
                                     d_values);
                if (!wanted) return;
                norm.backward_path(pass, x, saved.norm, d_normalised, base, d_x, 0);
                norm.backward_path(pass, x, saved.norm, d_values, {}, d_x, 1);
            }
        } else {
            inner.backward(pass, saved.normalised, saved.inner, d_y, d_normalised);
            if (wanted) through_norm(d_normalised);
        }
    }
};

}  // namespace lamina
