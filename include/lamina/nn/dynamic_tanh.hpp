// SPDX-License-Identifier: MIT
// DynamicTanh: a learned squashing in the place of a norm.
#pragma once

#include <cstddef>

#include <lamina/arch/parameter.hpp>
#include <lamina/arch/policy.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/tokens.hpp>
#include <lamina/core/vector_math.hpp>
#include <lamina/nn/detail/functors.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/pass.hpp>

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
    Parameter<P, Role::norm, Width> bias{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("alpha", alpha);
        visitor("weight", gain);
        visitor("bias", bias);
    }

    template <class B>
    void forward(Pass<B>& pass, Tokens<const InScalar, Width> x, Tokens<OutScalar, Width> y, Saved&) {
        pass.backend.map(y.matrix(), detail::DynamicTanhForward<Stored>{alpha.values}, x.matrix(), over_rows(gain, x),
                         over_rows(bias, x));
    }

    template <class B>
    void backward(Pass<B>& pass, Tokens<const InScalar, Width> x, const Saved&, Tokens<const OutScalar, Width> d_y,
                  Tokens<InScalar, Width> d_x) {
        B& backend = pass.backend;
        if (!d_x.empty()) {
            backend.map(d_x.matrix(), detail::DynamicTanhInput<Stored>{alpha.values}, x.matrix(), over_rows(gain, x),
                        d_y.matrix());
        }
        if constexpr (P::trains(Role::norm)) {
            typename ScratchStack::Frame frame(pass.scratch);
            const MatrixView<Compute> per_feature = frame.template take<Compute, Width>(1).matrix();  // [1, Width]
            backend.sum_rows(per_feature, Write::overwrite, detail::DynamicTanhAlpha<Stored>{alpha.values}, x.matrix(),
                             over_rows(gain, x), d_y.matrix());
            const MatrixView<const Compute> as_column(per_feature.data, Width, 1);
            backend.sum_rows(alpha.d_matrix(), Write::accumulate, detail::Identity{}, as_column);
            backend.sum_rows(gain.d_matrix(), Write::accumulate, detail::DynamicTanhGain<Stored>{alpha.values},
                             x.matrix(), d_y.matrix());
            backend.sum_rows(bias.d_matrix(), Write::accumulate, detail::Identity{}, d_y.matrix());
        }
    }

    [[nodiscard]] static constexpr std::size_t scratch_bytes(Extent) { return scratch_bytes_for<Compute, Width>(1); }

private:
    using Compute = typename P::Compute;
    using Stored = typename Parameter<P, Role::norm, 1>::Scalar;

    static MatrixView<const Stored> over_rows(const Parameter<P, Role::norm, Width>& vector,
                                              Tokens<const InScalar, Width> x) {
        return repeated_row<const Stored>(vector.values, x.count(), Width);
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
