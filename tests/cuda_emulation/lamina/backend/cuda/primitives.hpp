// SPDX-License-Identifier: MIT
// The emulator's stand-in for lamina/backend/cuda/primitives.hpp: the same functions, on the host.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include <cuda_runtime_api.h>

#include <lamina/core/bfloat16.hpp>

#include "cuda_emulation/emulator.hpp"

// What the CUDA headers leave to nvcc: a bound on registers, which means nothing here.
#ifndef __launch_bounds__
#define __launch_bounds__(...)
#endif

namespace lamina::cuda {

namespace emulator = lamina_tests::emulator;

inline constexpr unsigned warp_size = 32;

using BlockIndex = emulator::Place;

inline unsigned thread_index() { return emulator::thread_index(); }
inline unsigned thread_count() { return emulator::thread_count(); }
inline BlockIndex block_index() { return emulator::block_index(); }
inline BlockIndex block_count() { return emulator::block_count(); }
inline void sync_threads() { emulator::sync_threads(); }
inline void sync_warp() { emulator::sync_warp(); }

template <class T>
T shuffle_xor(T value, unsigned lane_bits) {
    const auto all = emulator::exchange(&value, sizeof value);
    T result;
    std::memcpy(&result, all.of((thread_index() % warp_size) ^ lane_bits), sizeof result);
    return result;
}

template <class T, class Tag>
T& shared_object() {
    static const char key = 0;
    return *reinterpret_cast<T*>(emulator::shared_memory(&key, sizeof(T)));
}
inline std::byte* dynamic_shared() { return emulator::dynamic_shared(); }

template <class T>
T load_streaming(const T* from) {
    return *from;
}
template <class T>
void store_streaming(T* to, const T& value) {
    *to = value;
}

inline float exp2_approximate(float x) { return std::exp2(x); }

using SharedAddress = std::uintptr_t;
inline SharedAddress shared_address(const void* shared) { return reinterpret_cast<SharedAddress>(shared); }

inline void copy_async(void* shared, const void* global, bool valid) { emulator::copy_later(shared, global, valid); }
inline void commit_copies() { emulator::commit_copies(); }
template <int Pending>
void wait_copies() {
    emulator::wait_copies(Pending);
}

namespace detail {

/// Row `row` of the 8 × 8 matrix `m`, whose address lane 8 m + row gave.
inline const std::uint16_t* matrix_row(const emulator::Exchanged& all, unsigned m, unsigned row) {
    SharedAddress address = 0;
    std::memcpy(&address, all.of(8 * m + row), sizeof address);
    if (address % 16 != 0) throw std::logic_error("load_matrices: address not a multiple of 16");
    return reinterpret_cast<const std::uint16_t*>(address);
}

inline std::uint32_t pair(std::uint16_t low, std::uint16_t high) { return low | (std::uint32_t{high} << 16U); }

}  // namespace detail

inline void load_matrices(std::uint32_t (&registers)[4], SharedAddress row) {
    const auto all = emulator::exchange(&row, sizeof row);
    const unsigned lane = thread_index() % warp_size;
    for (unsigned m = 0; m < 4; ++m) {
        const std::uint16_t* const elements = detail::matrix_row(all, m, lane / 4);
        registers[m] = detail::pair(elements[2 * (lane % 4)], elements[2 * (lane % 4) + 1]);
    }
    emulator::sync_warp();  // the instruction is over for all lanes before memory changes
}
inline void load_matrices_transposed(std::uint32_t (&registers)[4], SharedAddress row) {
    const auto all = emulator::exchange(&row, sizeof row);
    const unsigned lane = thread_index() % warp_size;
    for (unsigned m = 0; m < 4; ++m) {
        registers[m] = detail::pair(detail::matrix_row(all, m, 2 * (lane % 4))[lane / 4],
                                    detail::matrix_row(all, m, 2 * (lane % 4) + 1)[lane / 4]);
    }
    emulator::sync_warp();  // the instruction is over for all lanes before memory changes
}

namespace detail {

/// What a lane holds of the operands of a product, register by register.
struct LaneOperands {
    float a[4][2];
    float b[2][2];
};

inline void expand(float (&pair)[2], std::uint32_t held) {
    pair[0] = static_cast<float>(bf16::from_bits(static_cast<std::uint16_t>(held)));
    pair[1] = static_cast<float>(bf16::from_bits(static_cast<std::uint16_t>(held >> 16U)));
}

}  // namespace detail

inline void multiply_add(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
    detail::LaneOperands mine;
    for (unsigned i = 0; i < 4; ++i) detail::expand(mine.a[i], a[i]);
    detail::expand(mine.b[0], b0);
    detail::expand(mine.b[1], b1);
    const auto all = emulator::exchange(&mine, sizeof mine);
    const unsigned lane = thread_index() % warp_size;
    for (unsigned i = 0; i < 4; ++i) {
        const unsigned lower = i / 2;  // row lane / 4, or 8 more
        const unsigned col = 2 * (lane % 4) + i % 2;
        for (unsigned k = 0; k < 16; k += 2) {
            const unsigned owner = k % 8 / 2;
            const auto& left = *reinterpret_cast<const detail::LaneOperands*>(all.of(lane / 4 * 4 + owner));
            const auto& right = *reinterpret_cast<const detail::LaneOperands*>(all.of(4 * col + owner));
            const float(&x)[2] = left.a[k / 8 * 2 + lower];
            const float(&y)[2] = right.b[k / 8];
            d[i] += x[0] * y[0];
            d[i] += x[1] * y[1];
        }
    }
}

inline std::uint32_t pack_bf16(float low, float high) { return detail::pair(bf16(low).bits, bf16(high).bits); }

}  // namespace lamina::cuda
