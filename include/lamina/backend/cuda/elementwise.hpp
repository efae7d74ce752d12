// SPDX-License-Identifier: MIT
// CUDA's operations on one element at a time: fill, convert, map, and copies of chosen rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/grid.hpp>
#include <lamina/backend/cuda/indices.hpp>
#include <lamina/backend/cuda/launch.hpp>
#include <lamina/backend/cuda/pack.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/host_device.hpp>
#include <lamina/core/rows.hpp>

namespace lamina::cuda {

namespace detail {

template <unsigned Width, class Out, class F, class... In>
__global__ void __launch_bounds__(element_threads) map_kernel(MatrixView<Out> out, F f, MatrixView<const In>... in) {
    using Compute = ComputeOf<Out>;
    const std::size_t per_row = out.cols / Width;
    const std::size_t count = out.rows * per_row;
    for (std::size_t i = first_element(); i < count; i += element_step()) {
        const Place place = out.rows == 1 ? Place{0, i} : place_of(i, per_row);
        const std::size_t col = place.piece * Width;
        Pack<Out, Width> result;
        [&](const Pack<In, Width>&... packs) {
#pragma unroll
            for (unsigned k = 0; k < Width; ++k) {
                result.values[k] = converted<Out>(static_cast<Compute>(f(converted<Compute>(packs.values[k])...)));
            }
        }(load_pack<Width>(in.row(place.row) + col)...);
        store_pack(out.row(place.row) + col, result);
    }
}

struct Same {
    template <class T>
    LAMINA_HOST_DEVICE T operator()(T value) const {
        return value;
    }
};

template <class T>
struct Constant {
    T value;
    LAMINA_HOST_DEVICE T operator()() const { return value; }
};

/// out[r] = f(in[r]...), element by element, any number of operands.
template <class Out, class F, class... In>
void map_elements(Context& context, const char* what, MatrixView<Out> out, const F& f, MatrixView<const In>... in) {
    // Matrices without gaps are one long row, so that narrow ones do not end in a remainder on every row.
    if (out.contiguous() && ((in.stride == in.cols || in.rows <= 1) && ...)) {
        out = row_view(out.data, out.size());
        ((in = row_view(in.data, in.size())), ...);
    }
    constexpr unsigned width = pack_width<Out, In...>;
    if (is_packed<width>(out) && (is_packed<width>(in) && ...)) {
        launch(context.stream(), what, shape_for_elements(context, out.size() / width),
               map_kernel<width, Out, F, In...>, out, f, in...);
    } else {
        launch(context.stream(), what, shape_for_elements(context, out.size()), map_kernel<1, Out, F, In...>, out, f,
               in...);
    }
}

/// Row i of one side is row rows[i] of the other.
enum class Indexed : std::uint8_t { input, output };

template <unsigned Width, Indexed Side, class Out, class In>
__global__ void __launch_bounds__(element_threads)
    copy_rows_kernel(MatrixView<Out> out, MatrixView<const In> in, const std::size_t* rows, std::size_t row_count) {
    const std::size_t per_row = out.cols / Width;
    for (std::size_t i = first_element(); i < row_count * per_row; i += element_step()) {
        const Place place = place_of(i, per_row);
        const std::size_t chosen = rows[place.row];
        const std::size_t col = place.piece * Width;
        const auto pack = load_pack<Width>(in.row(Side == Indexed::input ? chosen : place.row) + col);
        Pack<Out, Width> result;
#pragma unroll
        for (unsigned k = 0; k < Width; ++k) result.values[k] = converted<Out>(pack.values[k]);
        store_pack(out.row(Side == Indexed::output ? chosen : place.row) + col, result);
    }
}

template <Indexed Side, class Out, class In>
void copy_rows(Context& context, const char* what, MatrixView<Out> out, MatrixView<const In> in,
               const Rows<const std::size_t, 1>& rows) {
    constexpr unsigned width = pack_width<Out, In>;
    if (is_packed<width>(out) && is_packed<width>(in)) {
        launch(context.stream(), what, shape_for_elements(context, rows.rows * (out.cols / width)),
               copy_rows_kernel<width, Side, Out, In>, out, in, rows.data, rows.rows);
    } else {
        launch(context.stream(), what, shape_for_elements(context, rows.rows * out.cols),
               copy_rows_kernel<1, Side, Out, In>, out, in, rows.data, rows.rows);
    }
}

}  // namespace detail

template <class Out, class F, class... In>
void execute(Context& context, const Map<Out, F, In...>& request) {
    static_assert(std::is_trivially_copyable_v<F>,
                  "lamina: CudaBackend: Map copies its function to the device; give it a trivially copyable one");
    std::apply([&](const auto&... in) { detail::map_elements(context, "Map", request.out, request.f, in...); },
               request.in);
}

template <class Out, class In>
void execute(Context& context, const Convert<Out, In>& request) {
    detail::map_elements(context, "Convert", request.out, detail::Same{}, request.in);
}

template <class Out>
void execute(Context& context, const Fill<Out>& request) {
    using Compute = ComputeOf<Out>;
    detail::map_elements(context, "Fill", request.out, detail::Constant<Compute>{static_cast<Compute>(request.value)});
}

template <class Out, class In>
void execute(Context& context, const GatherRows<Out, In>& request) {
    LAMINA_EXPECTS(all_below(context, request.rows, request.in.rows), "GatherRows: a row that the input does not have");
    detail::copy_rows<detail::Indexed::input>(context, "GatherRows", request.out, request.in, request.rows);
}

template <class Out, class In>
void execute(Context& context, const ScatterRows<Out, In>& request) {
    LAMINA_EXPECTS(all_below(context, request.rows, request.out.rows),
                   "ScatterRows: a row that the output does not have");
    detail::copy_rows<detail::Indexed::output>(context, "ScatterRows", request.out, request.in, request.rows);
}

}  // namespace lamina::cuda
