// SPDX-License-Identifier: MIT
// DynamicTanh: a learned squashing in the place of a norm.
#pragma once

#include <cstddef>

#include <lamina/arch/parameter.hpp>
#include <lamina/arch/policy.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/vector_math.hpp>
#include <lamina/nn/detail/functors.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/run/pass.hpp>

namespace lamina {

namespace detail {

// Alpha is read through a pointer because on a device the host cannot see its value. The operands are x and, repeated
// over the rows, gain and bias.
template <class Stored>
struct DynamicTanhForward {
    const Stored* alpha;
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T x, T gain, T bias) const {
        return math::tanh(static_cast<T>(*alpha) * x) * gain + bias;
    }
};

template <class Stored>
struct DynamicTanhInput {
    const Stored* alpha;
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T x, T gain, T d_y) const {
        const T a = static_cast<T>(*alpha);
        const T t = math::tanh(a * x);
        return d_y * gain * (T(1) - t * t) * a;
    }
};

template <class Stored>
struct DynamicTanhAlpha {
    const Stored* alpha;
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T x, T gain, T d_y) const {
        const T t = math::tanh(static_cast<T>(*alpha) * x);
        return d_y * gain * (T(1) - t * t) * x;
    }
};

template <class Stored>
struct DynamicTanhGain {
    const Stored* alpha;
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T x, T d_y) const {
        return d_y * math::tanh(static_cast<T>(*alpha) * x);
    }
};

}  // namespace detail

/// y = tanh(alpha · x) · gain + bias, alpha one learned scalar that starts at 1/2.
///
/// shapes   x, y [N, Width]; alpha [1]; gain, bias [Width]
/// saves    x until backward, not copied
/// source   Zhu et al. 2025, 'Transformers without Normalization'
template <std::size_t Width, class P>
class DynamicTanh {
public:
    using InScalar = typename P::Stream;
    using OutScalar = typename P::Activation;
    using Scalar = OutScalar;
    using Saved = NothingSaved;
    static constexpr std::size_t in = Width;
    static constexpr std::size_t out = Width;
    static constexpr bool token_wise = true;
    static constexpr bool is_layer_norm = false;

    Parameter<P, Role::norm, 1> alpha{Initial::constant(0.5)};
    Parameter<P, Role::norm, Width> gain{Initial::constant(1)};
    Bias<P, Role::norm, Width> bias{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("alpha", alpha);
        visitor("weight", gain);
        visitor("bias", bias);
    }

    template <class B>
    constexpr void forward(Pass<B>& pass, Rows<const InScalar, Width> x, Rows<OutScalar, Width> y, Saved&) {
        pass.run(Map(y, detail::DynamicTanhForward<Stored>{alpha.values.data}, x, over(x, gain), over(x, bias)));
    }

    template <class B>
    constexpr void backward(Pass<B>& pass, Rows<const InScalar, Width> x, const Saved&,
                            Rows<const OutScalar, Width> d_y, Rows<InScalar, Width> d_x) {
        const Stored* const a = alpha.values.data;
        if (!d_x.empty()) pass.run(Map(d_x, detail::DynamicTanhInput<Stored>{a}, x, over(x, gain), d_y));
        if constexpr (P::trains(Role::norm)) {
            typename ScratchStack::Frame frame(pass.scratch);
            const auto per_feature = frame.template take<Compute, Width>(1);  // [1, Width]
            pass.run(
                SumRows(per_feature, Write::overwrite, detail::DynamicTanhAlpha<Stored>{a}, x, over(x, gain), d_y));
            const Rows<const Compute, 1> as_column(per_feature.data, Width);
            pass.run(SumRows(alpha.gradient, Write::accumulate, detail::Identity{}, as_column));
            pass.run(SumRows(gain.gradient, Write::accumulate, detail::DynamicTanhGain<Stored>{a}, x, d_y));
            pass.run(SumRows(bias.gradient, Write::accumulate, detail::Identity{}, d_y));
        }
    }

private:
    using Compute = typename P::Compute;
    using Stored = typename Parameter<P, Role::norm, 1>::Scalar;

    static constexpr auto over(Rows<const InScalar, Width> x, const Parameter<P, Role::norm, Width>& vector) {
        return repeated(vector.values, x.rows);
    }
};

namespace norm {

struct DynamicTanh {
    using answers = question::Normalisation;
    template <std::size_t Width, class P, std::size_t Paths>
    using Layer = lamina::DynamicTanh<Width, P>;
};

}  // namespace norm

}  // namespace lamina
