// SPDX-License-Identifier: MIT
// Requests that look at each element once: Fill, Convert, Map, SumRows, GatherRows, ScatterRows, SumOfSquares.
#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>

#include <lamina/backend/request/common.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/rows.hpp>

namespace lamina {

// These are made from views whose columns the type knows or does not: what can be compared is compared when they are
// made, and then forgotten.

/// out[r,c] = value, rounded to out's type.
template <class Out>
struct Fill {
    Rows<Out> out;
    double value;

    template <std::size_t C>
    constexpr Fill(const Rows<Out, C>& where, double what) : out(where), value(what) {}

    [[nodiscard]] constexpr const Fill& erased() const { return *this; }
    constexpr void check() const {}
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const { return detail::bytes_of(out); }
};
template <class Out, std::size_t C>
Fill(const Rows<Out, C>&, double) -> Fill<Out>;

/// out[r,c] = in[r,c], rounded to out's type.
template <class Out, class In>
struct Convert {
    Rows<Out> out;
    Rows<const In> in;

    template <std::size_t C, class From, std::size_t D>
    requires SameColumns<C, D>
    constexpr Convert(const Rows<Out, C>& to, const Rows<From, D>& from) : out(to), in(from) {}

    [[nodiscard]] constexpr const Convert& erased() const { return *this; }
    constexpr void check() const {
        LAMINA_EXPECTS(detail::same_shape(out, in), "Convert: operands of different shapes");
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const { return detail::bytes_of(out, in); }
};
template <class Out, std::size_t C, class In, std::size_t D>
Convert(const Rows<Out, C>&, const Rows<In, D>&) -> Convert<Out, std::remove_const_t<In>>;

/// out[r,c] = f(in[r,c]...), f called on ComputeOf values.
///
/// aliasing out may be one of in
/// functor  trivially copyable, and callable on the device
template <class Out, class F, class... In>
struct Map {
    Rows<Out> out;
    F f;
    std::tuple<Rows<const In>...> in;

    template <std::size_t C, class... From, std::size_t... D>
    requires(sizeof...(From) == sizeof...(In) && (... && SameColumns<C, D>)) constexpr Map(const Rows<Out, C>& to,
                                                                                           const F& function,
                                                                                           const Rows<From, D>&... from)
        : out(to), f(function), in(Rows<const In>(from)...) {}

    [[nodiscard]] constexpr const Map& erased() const { return *this; }
    constexpr void check() const {
        LAMINA_EXPECTS(std::apply([&](const auto&... view) { return (detail::same_shape(out, view) && ...); }, in),
                       "Map: operands of different shapes");
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const {
        return std::apply([&](const auto&... view) { return detail::bytes_of(out, view...); }, in);
    }
};
template <class Out, std::size_t C, class F, class... In, std::size_t... D>
Map(const Rows<Out, C>&, const F&, const Rows<In, D>&...) -> Map<Out, F, std::remove_const_t<In>...>;

/// out[0,c] = Σ_r f(in[r,c]...), or out += that, as `write` says.
///
/// shapes   in [N, C], out [1, C]
/// functor  as in Map
template <class Out, class F, class... In>
struct SumRows {
    Rows<Out> out;
    Write write;
    F f;
    std::tuple<Rows<const In>...> in;

    template <std::size_t C, class... From, std::size_t... D>
    requires(sizeof...(From) == sizeof...(In) &&
             (... && SameColumns<C, D>)) constexpr SumRows(const Rows<Out, C>& to, Write how, const F& function,
                                                           const Rows<From, D>&... from)
        : out(to), write(how), f(function), in(Rows<const In>(from)...) {}

    [[nodiscard]] constexpr const SumRows& erased() const { return *this; }
    constexpr void check() const {
        LAMINA_EXPECTS(out.rows == 1, "SumRows: the output must have one row");
        LAMINA_EXPECTS(std::apply([&](const auto&... view) { return ((view.cols == out.cols) && ...); }, in),
                       "SumRows: operands of different widths");
        LAMINA_EXPECTS(
            std::apply([](const auto& first, const auto&... view) { return ((view.rows == first.rows) && ...); }, in),
            "SumRows: operands of different heights");
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const {
        return std::apply(
            [&](const auto&... view) { return detail::bytes_written(out, write) + detail::bytes_of(view...); }, in);
    }
};
template <class Out, std::size_t C, class F, class... In, std::size_t... D>
SumRows(const Rows<Out, C>&, Write, const F&, const Rows<In, D>&...) -> SumRows<Out, F, std::remove_const_t<In>...>;

/// out[i] = in[rows[i]].
///
/// shapes   rows [N], out [N, C], in [M, C]
/// errors   LAMINA_EXPECTS every row in [0, M)
template <class Out, class In>
struct GatherRows {
    Rows<Out> out;
    Rows<const In> in;
    Rows<const std::size_t, 1> rows;

    template <std::size_t C, class From, std::size_t D>
    requires SameColumns<C, D>
    constexpr GatherRows(const Rows<Out, C>& to, const Rows<From, D>& from, Rows<const std::size_t, 1> which)
        : out(to), in(from), rows(which) {}

    [[nodiscard]] constexpr const GatherRows& erased() const { return *this; }
    constexpr void check() const {
        LAMINA_EXPECTS(out.cols == in.cols, "GatherRows: operands of different widths");
        LAMINA_EXPECTS(rows.rows == out.rows, "GatherRows: the output needs a row per index");
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const { return detail::bytes_of(out, rows) + detail::bytes_as<In>(out); }
};
template <class Out, std::size_t C, class In, std::size_t D>
GatherRows(const Rows<Out, C>&, const Rows<In, D>&, Rows<const std::size_t, 1>)
    -> GatherRows<Out, std::remove_const_t<In>>;

/// out[rows[i]] = in[i], rows distinct; other rows of out are left alone.
///
/// shapes   rows [N], in [N, C], out [M, C]
/// errors   LAMINA_EXPECTS every row in [0, M)
template <class Out, class In>
struct ScatterRows {
    Rows<Out> out;
    Rows<const In> in;
    Rows<const std::size_t, 1> rows;

    template <std::size_t C, class From, std::size_t D>
    requires SameColumns<C, D>
    constexpr ScatterRows(const Rows<Out, C>& to, const Rows<From, D>& from, Rows<const std::size_t, 1> which)
        : out(to), in(from), rows(which) {}

    [[nodiscard]] constexpr const ScatterRows& erased() const { return *this; }
    constexpr void check() const {
        LAMINA_EXPECTS(out.cols == in.cols, "ScatterRows: operands of different widths");
        LAMINA_EXPECTS(rows.rows == in.rows, "ScatterRows: the input needs a row per index");
    }
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const { return detail::bytes_of(in, rows) + detail::bytes_as<Out>(in); }
};
template <class Out, std::size_t C, class In, std::size_t D>
ScatterRows(const Rows<Out, C>&, const Rows<In, D>&, Rows<const std::size_t, 1>)
    -> ScatterRows<Out, std::remove_const_t<In>>;

/// The sum of the squares of all elements, in double; not finite if any element is not. The host waits for it.
template <class T>
struct SumOfSquares {
    using Result = double;
    Rows<const T> of;

    template <class From, std::size_t C>
    constexpr explicit SumOfSquares(const Rows<From, C>& view) : of(view) {}

    [[nodiscard]] constexpr const SumOfSquares& erased() const { return *this; }
    constexpr void check() const {}
    [[nodiscard]] constexpr double flops() const { return 0; }
    [[nodiscard]] constexpr double bytes() const { return detail::bytes_of(of); }
};
template <class From, std::size_t C>
SumOfSquares(const Rows<From, C>&) -> SumOfSquares<std::remove_const_t<From>>;

}  // namespace lamina
