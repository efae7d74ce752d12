// SPDX-License-Identifier: MIT
// WarpRow: loops over rows that the lanes of a warp share, and rows that are read once where they fit the registers.
#pragma once

#include <cstddef>
#include <type_traits>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/block_reduce.hpp>
#include <lamina/backend/cuda/grid.hpp>
#include <lamina/backend/cuda/pack.hpp>
#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/core/host_device.hpp>

namespace lamina::cuda {

/// Elements of a pack in kernels in which a warp works on a row.
inline constexpr unsigned row_pack_width = 4;

/// How a row is read: `Width` elements at once, in `Packs` of them by each lane; with 0, as many as it takes.
template <unsigned Width, unsigned Packs>
struct RowShape {
    static constexpr unsigned width = Width;
    static constexpr unsigned packs = Packs;
    /// Elements of the longest row that the registers hold.
    static constexpr std::size_t longest = std::size_t{Width} * Packs * warp_size;
    /// What counts columns: 32 bits, which take half the registers, where they are known to do.
    using Column = std::conditional_t<Packs != 0, unsigned, std::size_t>;
};

/// Calls f(RowShape) with the one for rows of `cols` elements: those of the four GPT-2 sizes all fit the registers.
template <class F>
void with_row_shape(std::size_t cols, bool packed, const F& f) {
    if (!packed) {
        f(RowShape<1, 0>{});
    } else if (cols <= RowShape<row_pack_width, 8>::longest) {
        f(RowShape<row_pack_width, 8>{});
    } else if (cols <= RowShape<row_pack_width, 13>::longest) {
        f(RowShape<row_pack_width, 13>{});
    } else {
        f(RowShape<row_pack_width, 0>{});
    }
}

namespace detail {

/// The lane's p-th column: neighbouring lanes have neighbouring packs.
template <class Shape>
[[nodiscard]] LAMINA_HOST_DEVICE constexpr typename Shape::Column lane_column(unsigned p, unsigned lane) {
    return (typename Shape::Column{p} * warp_size + lane) * Shape::width;
}

}  // namespace detail

/// A row that is read when it is made, and kept, where `Shape` fits the registers; else whenever it is asked for.
template <class Shape, class T>
class KeptRow {
public:
    using value_type = T;

    __device__ KeptRow(const T* row, std::size_t count) : row_(row) {
        if constexpr (Shape::packs != 0) {
#pragma unroll
            for (unsigned p = 0; p < Shape::packs; ++p) {
                const unsigned col = detail::lane_column<Shape>(p, lane_index());
                if (col < static_cast<unsigned>(count)) packs_[p] = load_pack<Shape::width>(row + col);
            }
        }
    }

    [[nodiscard]] __device__ Pack<T, Shape::width> pack(unsigned p, typename Shape::Column col) const {
        if constexpr (Shape::packs != 0) {
            return packs_[p];
        } else {
            return load_pack<Shape::width>(row_ + col);
        }
    }

private:
    const T* row_;
    Pack<T, Shape::width> packs_[Shape::packs == 0 ? 1 : Shape::packs];
};

/// A row that is read whenever it is asked for; one that is absent, a null pointer, is zero.
template <class Shape, class T>
struct RowInMemory {
    using value_type = T;

    const T* row;

    [[nodiscard]] __device__ Pack<T, Shape::width> pack(unsigned, typename Shape::Column col) const {
        if (row != nullptr) return load_pack<Shape::width>(row + col);
        Pack<T, Shape::width> zeros;
        for (unsigned k = 0; k < Shape::width; ++k) zeros.values[k] = T(0.0F);
        return zeros;
    }
};

/// Loops over the columns [0, count) of a row, each visited by one lane of the warp that calls. Functions are called on
/// values of type Compute, one from each of the rows that are given.
template <class Shape, class Compute>
class WarpRow {
    static constexpr unsigned width = Shape::width;

public:
    __device__ explicit WarpRow(std::size_t count) : count_(static_cast<typename Shape::Column>(count)) {}

    /// f(in[column]...)
    template <class F, class... In>
    __device__ void visit(const F& f, const In&... in) const {
        for_each_pack([&](unsigned p, typename Shape::Column col) { visit_packs(f, in.pack(p, col)...); });
    }

    /// The sum of f(in[column]...), in every lane.
    template <class F, class... In>
    [[nodiscard]] __device__ Compute sum(const F& f, const In&... in) const {
        Compute total = 0;
        visit([&](auto... values) { total += f(values...); }, in...);
        return warp_sum(total);
    }

    /// out[column] = f(in[column]...), and the same to `again`, if that is not null. `out` may be one of the rows.
    template <class Out, class Again, class F, class... In>
    __device__ void write(Out* out, Again* again, const F& f, const In&... in) const {
        for_each_pack([&](unsigned p, typename Shape::Column col) {
            Pack<Out, width> result;
            unsigned k = 0;
            visit_packs([&](auto... values) { result.values[k++] = converted<Out>(f(values...)); }, in.pack(p, col)...);
            store_pack(out + col, result);
            if (again == nullptr) return;
            Pack<Again, width> same;
#pragma unroll
            for (k = 0; k < width; ++k) same.values[k] = converted<Again>(result.values[k]);
            store_pack(again + col, same);
        });
    }
    template <class Out, class F, class... In>
    __device__ void write(Out* out, const F& f, const In&... in) const {
        write(out, static_cast<Out*>(nullptr), f, in...);
    }

private:
    template <class F>
    __device__ void for_each_pack(const F& f) const {
        if constexpr (Shape::packs != 0) {
#pragma unroll
            for (unsigned p = 0; p < Shape::packs; ++p) {
                const unsigned col = detail::lane_column<Shape>(p, lane_index());
                if (col < count_) f(p, col);
            }
        } else {
            for (std::size_t col = detail::lane_column<Shape>(0, lane_index()); col < count_;
                 col += std::size_t{warp_size} * width) {
                f(0U, col);
            }
        }
    }

    template <class F, class... T>
    __device__ static void visit_packs(const F& f, const Pack<T, width>&... packs) {
#pragma unroll
        for (unsigned k = 0; k < width; ++k) f(converted<Compute>(packs.values[k])...);
    }

    typename Shape::Column count_;
};

}  // namespace lamina::cuda
