// SPDX-License-Identifier: MIT
// Matrix products as requests: Matmul, AffineProduct and GeluBackwardProduct.
#pragma once

#include <cstddef>
#include <type_traits>

#include <lamina/backend/request/common.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/rows.hpp>

namespace lamina {

/// out = op(lhs) · op(rhs), or out += that, as `write` says.
///
/// shapes   op(lhs) [M, K], op(rhs) [K, N], out [M, N]
/// cost     2·M·N·K FLOP
template <class Out, class Lhs, class Rhs, std::size_t OutColumns = dynamic, std::size_t LhsColumns = dynamic,
          std::size_t RhsColumns = dynamic>
struct Matmul {
    Rows<Out, OutColumns> out;
    Rows<const Lhs, LhsColumns> lhs;
    Rows<const Rhs, RhsColumns> rhs;
    Transpose lhs_as = Transpose::no;
    Transpose rhs_as = Transpose::no;
    Write write = Write::overwrite;

    [[nodiscard]] constexpr Matmul<Out, Lhs, Rhs> erased() const { return {out, lhs, rhs, lhs_as, rhs_as, write}; }
    constexpr void check() const {
        const bool l = lhs_as == Transpose::yes;
        const bool r = rhs_as == Transpose::yes;
        LAMINA_EXPECTS((l ? lhs.cols : lhs.rows) == out.rows && (r ? rhs.rows : rhs.cols) == out.cols &&
                           (l ? lhs.rows : lhs.cols) == (r ? rhs.cols : rhs.rows),
                       "Matmul: out [M, N], lhs [M, K] and rhs [K, N] do not fit each other");
    }
    [[nodiscard]] constexpr double flops() const {
        return detail::product_flops(out.rows, out.cols, lhs_as == Transpose::yes ? lhs.rows : lhs.cols);
    }
    [[nodiscard]] constexpr double bytes() const {
        return detail::bytes_written(out, write) + detail::bytes_of(lhs, rhs);
    }
};

/// z = scale · lhs · rhs + bias + base; out = z, or, with `pre_activation`, pre_activation = z and out = gelu(z), the
/// tanh form (core/activation.hpp) of z as it is stored.
///
/// shapes   lhs [M, K], rhs [K, N], out, base, pre_activation [M, N], bias [1, N]
/// optional bias, base, pre_activation
/// aliasing base may be out
/// cost     2·M·N·K FLOP
template <class Out, class Lhs, class Rhs, class Bias = Out, class Base = Out, std::size_t In = dynamic,
          std::size_t Width = dynamic>
struct AffineProduct {
    Rows<Out, Width> out;
    Rows<const Lhs, In> lhs;
    Rows<const Rhs, Width> rhs;
    Rows<const Bias, Width> bias{};
    Rows<const Base, Width> base{};
    double scale = 1;
    Rows<Out, Width> pre_activation{};

    [[nodiscard]] constexpr AffineProduct<Out, Lhs, Rhs, Bias, Base> erased() const {
        return {out, lhs, rhs, bias, base, scale, pre_activation};
    }
    constexpr void check() const {
        LAMINA_EXPECTS(lhs.rows == out.rows && rhs.cols == out.cols && rhs.rows == lhs.cols,
                       "AffineProduct: out [M, N], lhs [M, K] and rhs [K, N] do not fit each other");
        LAMINA_EXPECTS(detail::absent_or_one_per_column(bias, out.cols),
                       "AffineProduct: the bias needs a number per column of out");
        LAMINA_EXPECTS(detail::absent_or_shaped_like(base, out) && detail::absent_or_shaped_like(pre_activation, out),
                       "AffineProduct: base or pre_activation of another shape than out");
    }
    [[nodiscard]] constexpr double flops() const { return detail::product_flops(out.rows, out.cols, lhs.cols); }
    [[nodiscard]] constexpr double bytes() const { return detail::bytes_of(out, lhs, rhs, bias, base, pre_activation); }
};

/// out = [out +] lhs · rhsᵀ, as `write` says, times the derivative of gelu at pre_activation.
///
/// shapes   lhs [M, K], rhs [N, K], out, pre_activation [M, N]
/// cost     2·M·N·K FLOP
template <class Out, class Lhs, class Rhs, std::size_t Width = dynamic, std::size_t In = dynamic>
struct GeluBackwardProduct {
    Rows<Out, Width> out;
    Rows<const Lhs, In> lhs;
    Rows<const Rhs, In> rhs;
    Rows<const Out, Width> pre_activation;
    Write write = Write::overwrite;

    [[nodiscard]] constexpr GeluBackwardProduct<Out, Lhs, Rhs> erased() const {
        return {out, lhs, rhs, pre_activation, write};
    }
    constexpr void check() const {
        LAMINA_EXPECTS(lhs.rows == out.rows && rhs.rows == out.cols && rhs.cols == lhs.cols,
                       "GeluBackwardProduct: out [M, N], lhs [M, K] and rhs [N, K] do not fit each other");
        LAMINA_EXPECTS(detail::same_shape(pre_activation, out),
                       "GeluBackwardProduct: pre_activation of another shape than out");
    }
    [[nodiscard]] constexpr double flops() const { return detail::product_flops(out.rows, out.cols, lhs.cols); }
    [[nodiscard]] constexpr double bytes() const {
        return detail::bytes_written(out, write) + detail::bytes_of(lhs, rhs, pre_activation);
    }
};

}  // namespace lamina
