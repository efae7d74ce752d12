// SPDX-License-Identifier: MIT
// Pack: neighbouring elements that a thread loads and stores at once, and when that is possible.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <lamina/backend/contract.hpp>
#include <lamina/backend/cuda/primitives.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/core/host_device.hpp>
#include <lamina/core/rows.hpp>

namespace lamina::cuda {

/// What a thread of the GPU loads or stores at most at once, in bytes.
inline constexpr std::size_t access_bytes = 16;

/// Elements of a pack where elements of these types go together: one access of the narrowest, several of the others.
template <class... T>
inline constexpr unsigned pack_width = static_cast<unsigned>(access_bytes / std::min({sizeof(T)...}));

/// Aligned for one access, or for several of `access_bytes` each.
template <class T, unsigned Width>
struct alignas(std::min(sizeof(T) * Width, access_bytes)) Pack {
    T values[Width];
};

/// `value` in another type, through the type that it is computed in.
template <class To, class From>
[[nodiscard]] LAMINA_HOST_DEVICE constexpr To converted(From value) {
    if constexpr (std::is_same_v<To, From>) {
        return value;
    } else {
        return static_cast<To>(static_cast<ComputeOf<To>>(static_cast<ComputeOf<From>>(value)));
    }
}

/// The same for each element of a pack, floats to bf16 in pairs by one instruction.
template <class To, class From, unsigned Width>
[[nodiscard]] __device__ Pack<To, Width> converted_pack(const Pack<From, Width>& from) {
    Pack<To, Width> result;
    if constexpr (std::is_same_v<To, bf16> && std::is_same_v<From, float> && Width % 2 == 0) {
        auto& pairs = reinterpret_cast<Pack<std::uint32_t, Width / 2>&>(result);
#pragma unroll
        for (unsigned k = 0; k < Width / 2; ++k) {
            pairs.values[k] = pack_bf16(from.values[2 * k], from.values[2 * k + 1]);
        }
    } else {
#pragma unroll
        for (unsigned k = 0; k < Width; ++k) result.values[k] = converted<To>(from.values[k]);
    }
    return result;
}

template <unsigned Width, class T>
[[nodiscard]] LAMINA_HOST_DEVICE Pack<T, Width> load_pack(const T* from) {
    return *reinterpret_cast<const Pack<T, Width>*>(from);
}
template <unsigned Width, class T>
LAMINA_HOST_DEVICE void store_pack(T* to, const Pack<T, Width>& pack) {
    *reinterpret_cast<Pack<T, Width>*>(to) = pack;
}

/// Whether a pack of `Width` elements may start here; a null pointer is no obstacle.
template <unsigned Width, class T>
[[nodiscard]] bool starts_pack(const T* data) {
    return reinterpret_cast<std::uintptr_t>(data) % alignof(Pack<T, Width>) == 0;
}

/// Whether every row of the view is made of whole packs, each aligned. An empty view is no obstacle.
template <unsigned Width, class T>
[[nodiscard]] bool is_packed(const MatrixView<T>& view) {
    return view.cols % Width == 0 && view.stride % Width == 0 && starts_pack<Width>(view.data);
}

}  // namespace lamina::cuda
