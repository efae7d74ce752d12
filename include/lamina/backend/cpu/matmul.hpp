// SPDX-License-Identifier: MIT
// The CPU's matrix products: any mixture of stored types, cut into tiles that the threads share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cpu/block.hpp>
#include <lamina/backend/cpu/context.hpp>
#include <lamina/backend/cpu/engine.hpp>
#include <lamina/backend/cpu/few_rows.hpp>
#include <lamina/backend/cpu/product.hpp>
#include <lamina/backend/cpu/tiling.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/rows.hpp>

namespace lamina::cpu {

/// What becomes of finished sums: they are stored as they are. Others are in affine.hpp. `sum` and `out` point to the
/// run's first column; `sum` may be `out` itself unless `reads_output`.
struct StoreSums {
    template <class Out>
    [[nodiscard]] bool reads_output(const Out*) const {
        return false;
    }
    template <class Compute, class Out>
    void operator()(const Compute* sum, Out* out, const Run& run) const {
        if (static_cast<const void*>(sum) != out) convert_run(sum, out, run.count);
    }
};

/// out = lhs · rhs + bias, or, without a bias, out (+)= lhs · rhs; or what `finish` makes of that.
///
/// shapes   lhs [M, K], rhs [K, N], out [M, N], bias [N]
/// optional bias
template <class Out, class Lhs, class Rhs, class Bias, class Finish = StoreSums>
struct MatmulRequest {
    MatrixView<Out> out;
    Operand<const Lhs> lhs;
    Operand<const Rhs> rhs;
    Write write = Write::overwrite;
    const Bias* bias = nullptr;
    Finish finish{};
};

namespace detail {

/// `operand` itself where it is stored as `Compute`, else a copy in `buffer`, without gaps.
template <class Compute, class T>
[[nodiscard]] Operand<const Compute> as_compute(const Operand<const T>& operand, Compute* buffer) {
    if constexpr (std::is_same_v<T, Compute>) {
        return operand;
    } else {
        const auto& stored = operand.stored;
        for (std::size_t r = 0; r < stored.rows; ++r) convert_run(stored.row(r), buffer + r * stored.cols, stored.cols);
        return {{buffer, stored.rows, stored.cols}, operand.as};
    }
}

/// What the sum in `sum` starts from where it starts from anything but nothing.
template <class Compute, class Request>
void start_sum(const Request& request, MatrixView<Compute> sum, const Tile& tile) {
    for (std::size_t r = 0; r < tile.rows; ++r) {
        const auto* const out = request.out.row(tile.first_row + r) + tile.first_col;
        if (request.bias != nullptr) {
            convert_run(request.bias + tile.first_col, sum.row(r), tile.cols);
        } else if (static_cast<const void*>(out) != sum.row(r)) {
            convert_run(out, sum.row(r), tile.cols);
        }
    }
}

/// One tile of the output. Operands of other types are expanded one panel at a time: a whole expanded weight would
/// not fit any cache.
template <class Engine, class Out, class Lhs, class Rhs, class Bias, class Finish>
void multiply_tile(const MatmulRequest<Out, Lhs, Rhs, Bias, Finish>& request, const Tile& tile, Scratch& scratch) {
    using Compute = ComputeOf<Out>;
    constexpr bool expand_lhs = !std::is_same_v<Lhs, Compute>;
    constexpr bool expand_rhs = !std::is_same_v<Rhs, Compute>;
    constexpr bool round_out = !std::is_same_v<Out, Compute>;
    const auto lhs = request.lhs.middle_rows(tile.first_row, tile.rows);
    const auto rhs = request.rhs.columns(tile.first_col, tile.cols);
    const auto out = request.out.middle_rows(tile.first_row, tile.rows).columns(tile.first_col, tile.cols);

    const std::size_t depth = lhs.cols();
    const std::size_t panel_depth = expand_lhs || expand_rhs ? std::min(depth, Tiling::panel_depth) : depth;
    const bool apart = round_out || request.finish.reads_output(request.out.data);
    const auto [lhs_panel, rhs_panel, out_tile] =
        scratch.arrays<Compute>(expand_lhs ? tile.rows * panel_depth : 0, expand_rhs ? panel_depth * tile.cols : 0,
                                apart ? tile.rows * tile.cols : 0);
    MatrixView<Compute> sum(out_tile, tile.rows, tile.cols);
    if constexpr (!round_out) {
        if (!apart) sum = out;
    }

    Write write = request.bias != nullptr ? Write::accumulate : request.write;
    if (write == Write::accumulate) start_sum(request, sum, tile);
    if (depth == 0 && write == Write::overwrite) {
        for (std::size_t r = 0; r < tile.rows; ++r) std::fill_n(sum.row(r), tile.cols, Compute(0));
    }
    for (std::size_t first = 0; first < depth; first += panel_depth) {
        const std::size_t length = std::min(panel_depth, depth - first);
        Engine::multiply(Product<Compute>{.out = sum,
                                          .lhs = as_compute(lhs.columns(first, length), lhs_panel),
                                          .rhs = as_compute(rhs.middle_rows(first, length), rhs_panel),
                                          .write = write});
        write = Write::accumulate;
    }
    for (std::size_t r = 0; r < tile.rows; ++r) {
        request.finish(static_cast<const Compute*>(sum.row(r)), out.row(r),
                       Run{tile.first_row + r, tile.first_col, tile.cols});
    }
}

}  // namespace detail

template <class Out, class Lhs, class Rhs, class Bias, class Engine = EngineFor<ComputeOf<Out>>, class Finish>
void matmul(Context& context, const MatmulRequest<Out, Lhs, Rhs, Bias, Finish>& request) {
    const std::size_t depth = request.lhs.cols();
    if (request.out.size() == 0) return;
    if (request.out.rows <= FewRows::most && request.lhs.as == Transpose::no) {
        return multiply_few_rows(context, request);
    }
    const Tiling tiling(request.out.rows, request.out.cols, depth, context.team.size());
    context.team.for_each(tiling.count(), [&](std::size_t index, std::size_t worker) {
        detail::multiply_tile<Engine>(request, tiling[index], context.scratch[worker]);
    });
}

}  // namespace lamina::cpu
