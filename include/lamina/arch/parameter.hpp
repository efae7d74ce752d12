// SPDX-License-Identifier: MIT
// Parameter: one tensor of a layer, its facts static, its memory bound later by the model that owns the layer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <lamina/arch/initial.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/core/rows.hpp>

namespace lamina {

/// A tensor of shape `Dims` in role `R`, stored as the precision policy of `Policies` says. Layers hold these as
/// members and show them in `visit`; the model binds `values` and, where the role trains, `gradient`. Copies share
/// memory.
template <class Policies, Role R, std::size_t... Dims>
struct Parameter {
    static_assert(sizeof...(Dims) == 1 || sizeof...(Dims) == 2,
                  "lamina: Parameter: a parameter has one or two dimensions; fold the others into these");

    using Scalar = typename Policies::template StoredAs<R>;
    using Gradient = typename Policies::Gradient;

    static constexpr Role role = R;
    static constexpr Part part = Part::weight;
    static constexpr std::array<std::size_t, sizeof...(Dims)> shape{Dims...};
    static constexpr std::size_t size = (std::size_t{1} * ... * Dims);
    static constexpr std::size_t cols = shape[sizeof...(Dims) - 1];
    static constexpr std::size_t rows = size / cols;
    static constexpr bool trains = Policies::trains(R);
    static constexpr std::size_t padding = 0;  ///< elements behind the values, and behind the gradient, that stay zero

    Rows<Scalar, cols> values{nullptr, rows};      // [rows, cols]
    Rows<Gradient, cols> gradient{nullptr, rows};  // [rows, cols]
    Initial initial{};

    constexpr Parameter() = default;
    constexpr explicit Parameter(Initial start) : initial(start) {}
};

/// A vector that its layer adds.
template <class Policies, Role R, std::size_t Width>
struct Bias : Parameter<Policies, R, Width> {
    static constexpr Part part = Part::bias;
    using Parameter<Policies, R, Width>::Parameter;
};

/// A matrix that products read with rows of zeros behind its own, `PaddedRows` in all. Whoever goes by the values, the
/// gradient or the shape, as files, optimisers and counts of parameters do, sees its own rows only.
template <class Policies, Role R, std::size_t RowCount, std::size_t Cols, std::size_t PaddedRows>
struct PaddedMatrix : Parameter<Policies, R, RowCount, Cols> {
    using Base = Parameter<Policies, R, RowCount, Cols>;
    using Base::Base;
    static_assert(PaddedRows >= RowCount, "lamina: PaddedMatrix: fewer rows with the padding than without");

    static constexpr std::size_t padding = (PaddedRows - RowCount) * Cols;

    [[nodiscard]] constexpr MatrixView<typename Base::Scalar> padded_values() const {
        return {this->values.data, PaddedRows, Cols};
    }
    [[nodiscard]] constexpr MatrixView<typename Base::Gradient> padded_gradient() const {
        return {this->gradient.data, PaddedRows, Cols};
    }
};

/// The factor A of a linear layer's adapter; its layer shows B, too.
template <class Policies, std::size_t In, std::size_t Rank>
struct LoraA : Parameter<Policies, Role::adapter, In, Rank> {
    static constexpr Part part = Part::lora_a;
    using Parameter<Policies, Role::adapter, In, Rank>::Parameter;
};

/// The factor B.
template <class Policies, std::size_t Rank, std::size_t Out>
struct LoraB : Parameter<Policies, Role::adapter, Rank, Out> {
    static constexpr Part part = Part::lora_b;
    using Parameter<Policies, Role::adapter, Rank, Out>::Parameter;
};

/// What a `Derived` tensor is for: the plan and `zero_gradients` tell the two apart.
enum class DerivedKind : std::uint8_t {
    materialised,  ///< computed from parameters once per optimiser step
    accumulator    ///< a gradient summed over the micro-batches of a step, zeroed with the gradients
};

/// A tensor that is computed from parameters and never saved, such as W + A·B. Bound like a parameter.
template <class T, DerivedKind K, std::size_t RowCount, std::size_t Cols>
struct Derived {
    using Scalar = T;
    static constexpr DerivedKind kind = K;
    static constexpr std::size_t size = RowCount * Cols;

    Rows<T, Cols> values{nullptr, RowCount};
};

}  // namespace lamina
