// SPDX-License-Identifier: MIT
// PreNorm: a layer that reads its input through a norm, path by path where norm and layer both have two.
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include <lamina/backend/contract.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/told.hpp>
#include <lamina/nn/composition.hpp>
#include <lamina/nn/composition_rules.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/paths.hpp>
#include <lamina/nn/run/pass.hpp>

namespace lamina {

/// A norm that may give two different results for one input: its forward writes Paths, the second where
/// `paths_differ()`, and its backward reads them.
template <class N>
concept TwoPathNorm = requires(N& norm) {
    requires N::paths == 2;
    norm.paths_differ();
};

/// y = inner(norm(x)).
///
/// names    members that are not Named are called "norm" and the inner layer's place
/// saves    norm(x), twice where two paths may differ, and what both members save
template <class Norm, class Inner>
class PreNorm {
    static constexpr bool does_nothing = requires { Norm::is_identity; };
    // Such a norm is passed by, unless it takes the stream to another type.
    static constexpr bool absent = does_nothing && std::is_same_v<InScalarOf<Norm>, OutScalarOf<Norm>>;
    static constexpr bool split = TwoPathNorm<Norm> && ReadsPaths<Inner>;
    using Middle = OutScalarOf<Norm>;

public:
    using InScalar = InScalarOf<Norm>;
    using OutScalar = OutScalarOf<Inner>;
    using Scalar = OutScalar;
    static constexpr std::size_t in = Norm::in;
    static constexpr std::size_t out = Inner::out;
    static constexpr bool token_wise = true;
    static constexpr bool rounds_into = !absent && RoundsInto<Norm>;

    struct Saved {
        Rows<Middle, in> normalised;
        Rows<Middle, in> normalised_values;
        typename Norm::Saved norm;
        typename Inner::Saved inner;

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

    template <class B, class Sum>
    constexpr void forward(Pass<B>& pass, Rows<const InScalar, in> x, Into<Sum, out> y, Saved& saved) {
        if constexpr (absent) {
            forward_into(inner, pass, x, y, saved.inner);
        } else if constexpr (split) {
            norm.forward(pass, x, Paths<Middle, in>(saved.normalised, saved.normalised_values), saved.norm);
            inner.forward(pass, read_by_inner(saved), y, saved.inner);
        } else {
            forward_into(norm, pass, x, Into(saved.normalised), saved.norm);
            forward_into(inner, pass, saved.normalised.read_only(), y, saved.inner);
        }
    }

    template <class B>
    constexpr void backward(Pass<B>& pass, Rows<const InScalar, in> x, const Saved& saved,
                            Rows<const OutScalar, out> d_y, Into<InScalar, in> d_x) {
        if constexpr (absent) return backward_into(inner, pass, x, saved.inner, d_y, d_x);
        typename ScratchStack::Frame frame(pass.scratch);
        const bool wanted = has_trainable<Norm>() || !d_x.empty();
        Rows<Middle, in> d_normalised;  // [N, in]; of queries and keys where the paths differ
        if (wanted) d_normalised = frame.template take<Middle, in>(x.rows);
        if constexpr (split) {
            Paths<Middle, in> d_read(d_normalised);
            if (wanted && norm.paths_differ()) d_read.values = frame.template take<Middle, in>(x.rows);
            inner.backward(pass, read_by_inner(saved), saved.inner, d_y, d_read);
            if (wanted) norm.backward(pass, x, saved.norm, Paths<const Middle, in>(d_read), d_x);
        } else {
            backward_into(inner, pass, saved.normalised.read_only(), saved.inner, d_y, Into(d_normalised));
            if (wanted) backward_into(norm, pass, x, saved.norm, d_normalised, d_x);
        }
    }

private:
    [[nodiscard]] constexpr Paths<const Middle, in> read_by_inner(const Saved& saved) const {
        return {saved.normalised, norm.paths_differ() ? saved.normalised_values : saved.normalised};
    }
};

template <class Norm, class Inner>
requires detail::NoPreNorm<Norm, Inner>
class PreNorm<Norm, Inner>
    : public detail::StandInLayer<Norm, Inner, detail::told(detail::mistake<detail::PreNormError<Norm, Inner>>)> {
};

}  // namespace lamina
