// SPDX-License-Identifier: MIT
// Parameter: one tensor of a layer, its facts static, its memory bound later by the model that owns the layer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <lamina/arch/initial.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/core/matrix_view.hpp>

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
    static constexpr std::array<std::size_t, sizeof...(Dims)> shape{Dims...};
    static constexpr std::size_t size = (std::size_t{1} * ... * Dims);
    static constexpr std::size_t cols = shape[sizeof...(Dims) - 1];
    static constexpr std::size_t rows = size / cols;
    static constexpr bool trains = Policies::trains(R);

    Scalar* values = nullptr;
    Gradient* gradient = nullptr;
    Initial initial{};

    constexpr Parameter() = default;
    constexpr explicit Parameter(Initial start) : initial(start) {}

    [[nodiscard]] constexpr MatrixView<const Scalar> matrix() const { return {values, rows, cols}; }
    [[nodiscard]] constexpr MatrixView<Scalar> writable() const { return {values, rows, cols}; }
    [[nodiscard]] constexpr MatrixView<Gradient> d_matrix() const { return {gradient, rows, cols}; }
};

/// What a `Derived` tensor is for: the plan and `zero_gradients` tell the two apart.
enum class DerivedKind : std::uint8_t {
    materialised,  ///< computed from parameters once per optimiser step
    accumulator    ///< a gradient summed over the micro-batches of a step, zeroed with the gradients
};

/// A tensor that is computed from parameters and never saved, such as W + A·B. Bound like a parameter.
template <class T, DerivedKind K, std::size_t Rows, std::size_t Cols>
struct Derived {
    using Scalar = T;
    static constexpr DerivedKind kind = K;
    static constexpr std::size_t size = Rows * Cols;

    T* values = nullptr;

    [[nodiscard]] constexpr MatrixView<const T> matrix() const { return {values, Rows, Cols}; }
    [[nodiscard]] constexpr MatrixView<T> writable() const { return {values, Rows, Cols}; }
};

}  // namespace lamina
