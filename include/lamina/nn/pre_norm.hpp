// SPDX-License-Identifier: MIT
// PreNorm: a layer that reads its input through a norm, path by path where norm and layer both have two.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <string_view>

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
    requires(L& layer, Pass<detail::SomeBackend>& pass, Tokens<const typename L::Scalar, L::in> x,
             Tokens<typename L::Scalar, L::out> y, typename L::SplitSaved& saved) {
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
    static constexpr bool absent = requires { Norm::is_identity; };
    static constexpr bool split = TwoPathNorm<Norm> && SplitInputLayer<Inner>;
    using InnerSaved = typename detail::SavedOf<Inner, split>::type;

public:
    using Scalar = typename Inner::Scalar;
    static constexpr std::size_t in = Norm::in;
    static constexpr std::size_t out = Inner::out;
    static constexpr bool token_wise = true;

    struct Saved {
        Tokens<Scalar, in> normalised;
        Tokens<Scalar, in> normalised_values;
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
    void forward(Pass<B>& pass, Tokens<const Scalar, in> x, Tokens<Scalar, out> y, Saved& saved) {
        if constexpr (absent) {
            inner.forward(pass, x, y, saved.inner);
        } else if constexpr (split) {
            norm.measure(pass, x, saved.norm);
            norm.forward_path(pass, x, saved.normalised, saved.norm, 0);
            if (norm.paths_differ()) {
                norm.forward_path(pass, x, saved.normalised_values, saved.norm, 1);
                inner.forward_split(pass, saved.normalised, saved.normalised_values, y, saved.inner);
            } else {
                inner.forward(pass, saved.normalised, y, saved.inner);
            }
        } else {
            norm.forward(pass, x, saved.normalised, saved.norm);
            inner.forward(pass, saved.normalised, y, saved.inner);
        }
    }

    template <class B>
    void backward(Pass<B>& pass, Tokens<const Scalar, in> x, const Saved& saved, Tokens<const Scalar, out> d_y,
                  Tokens<Scalar, in> d_x) {
        if constexpr (absent) {
            inner.backward(pass, x, saved.inner, d_y, d_x);
        } else {
            if (split_now()) {
                backward_split(pass, x, saved, d_y, d_x);
            } else {
                backward_joint(pass, x, saved, d_y, d_x);
            }
        }
    }

    [[nodiscard]] static constexpr std::size_t scratch_bytes(Extent extent) {
        const std::size_t gradients = absent ? 0 : (split ? 2 : 1) * scratch_bytes_for<Scalar, in>(extent.tokens());
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

    template <class B>
    void backward_joint(Pass<B>& pass, Tokens<const Scalar, in> x, const Saved& saved, Tokens<const Scalar, out> d_y,
                        Tokens<Scalar, in> d_x) {
        typename ScratchStack::Frame frame(pass.scratch);
        Tokens<Scalar, in> d_normalised;  // [N, in]
        if (has_trainable<Norm>() || !d_x.empty()) d_normalised = frame.template take<Scalar, in>(x.count());
        inner.backward(pass, saved.normalised, saved.inner, d_y, d_normalised);
        if (!d_normalised.empty()) norm.backward(pass, x, saved.norm, d_normalised, d_x);
    }

    template <class B>
    void backward_split(Pass<B>& pass, Tokens<const Scalar, in> x, const Saved& saved, Tokens<const Scalar, out> d_y,
                        Tokens<Scalar, in> d_x) {
        if constexpr (split) {
            typename ScratchStack::Frame frame(pass.scratch);
            Tokens<Scalar, in> d_qk;  // [N, in]
            Tokens<Scalar, in> d_v;   // [N, in]
            if (has_trainable<Norm>() || !d_x.empty()) {
                d_qk = frame.template take<Scalar, in>(x.count());
                d_v = frame.template take<Scalar, in>(x.count());
            }
            inner.backward_split(pass, saved.normalised, saved.normalised_values, saved.inner, d_y, d_qk, d_v);
            if (d_qk.empty()) return;
            norm.backward_path(pass, x, saved.norm, d_qk, d_x, 0, Write::overwrite);
            norm.backward_path(pass, x, saved.norm, d_v, d_x, 1, Write::accumulate);
        }
    }
};

}  // namespace lamina
