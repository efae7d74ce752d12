// SPDX-License-Identifier: MIT
// What kernels ask of the GPU itself: indices, barriers, shuffles, shared memory, asynchronous copies, matrix units.
#pragma once

#include <cstddef>
#include <cstdint>

#include <cuda_runtime.h>

// Kernels reach the GPU through this header and launch.hpp only. The tests put others in their place, which do the same
// on the host, thread by thread, so that every kernel runs without a GPU.
namespace lamina::cuda {

inline constexpr unsigned warp_size = 32;

struct BlockIndex {
    unsigned x, y, z;
};

/// Kernels have blocks of one dimension and grids of up to three.
__device__ inline unsigned thread_index() { return threadIdx.x; }
__device__ inline unsigned thread_count() { return blockDim.x; }
__device__ inline BlockIndex block_index() { return {blockIdx.x, blockIdx.y, blockIdx.z}; }
__device__ inline BlockIndex block_count() { return {gridDim.x, gridDim.y, gridDim.z}; }

/// Every thread of the block reaches it; writes to shared and global memory before it are seen by the block after it.
__device__ inline void sync_threads() { __syncthreads(); }
/// The same for the 32 threads of a warp.
__device__ inline void sync_warp() { __syncwarp(); }

/// The value of the thread of this warp whose lane differs in these bits. Every thread of the warp calls it.
template <class T>
__device__ inline T shuffle_xor(T value, unsigned lane_bits) {
    return __shfl_xor_sync(0xFFFF'FFFFU, value, static_cast<int>(lane_bits));
}

/// One object per block, `Tag` tells several of one type apart. Its constructor is not run.
template <class T, class Tag>
__device__ inline T& shared_object() {
    __shared__ T object;
    return object;
}

/// The memory that LaunchShape::shared_bytes asked for, aligned to 128 bytes.
__device__ inline std::byte* dynamic_shared() {
    extern __shared__ __align__(128) unsigned char lamina_dynamic_shared[];
    return reinterpret_cast<std::byte*>(lamina_dynamic_shared);
}

namespace detail {

template <std::size_t Bytes>
struct Bits;
template <>
struct Bits<2> {
    using type = short;
};
template <>
struct Bits<4> {
    using type = int;
};
template <>
struct Bits<8> {
    using type = int2;
};
template <>
struct Bits<16> {
    using type = int4;
};
template <class T>
using BitsOf = typename Bits<sizeof(T)>::type;

}  // namespace detail

/// Loads and stores of 2 to 16 bytes that are not used again soon: they are the first to leave the caches.
template <class T>
__device__ inline T load_streaming(const T* from) {
    const auto bits = __ldcs(reinterpret_cast<const detail::BitsOf<T>*>(from));
    return reinterpret_cast<const T&>(bits);
}
template <class T>
__device__ inline void store_streaming(T* to, const T& value) {
    __stcs(reinterpret_cast<detail::BitsOf<T>*>(to), reinterpret_cast<const detail::BitsOf<T>&>(value));
}

/// 2^x, with a relative error of about 2^-22; 0 for -inf.
__device__ inline float exp2_approximate(float x) {
    float result;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
}

/// A place in shared memory, in bytes. Unlike a pointer, it may be changed bit by bit.
using SharedAddress = std::uint32_t;
__device__ inline SharedAddress shared_address(const void* shared) {
    return static_cast<SharedAddress>(__cvta_generic_to_shared(shared));
}

/// Copies 16 bytes from global to shared memory, or zeros there if not `valid`, without waiting. Both addresses are
/// multiples of 16.
__device__ inline void copy_async(void* shared, const void* global, bool valid) {
    const SharedAddress to = shared_address(shared);
    const int bytes = valid ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(bytes) : "memory");
}
/// Makes one group of the copies that this thread started since the last call.
__device__ inline void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until at most `Pending` of this thread's groups are under way. Other threads see the data after a barrier.
template <int Pending>
__device__ inline void wait_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}

/// Four 8 × 8 matrices of 16-bit elements from shared memory; lane l gives the address of row l % 8 of matrix l / 8, a
/// multiple of 16 bytes. Afterwards registers[m] of lane l holds elements 2 (l % 4) and the next of row l / 4 of m.
__device__ inline void load_matrices(std::uint32_t (&registers)[4], SharedAddress row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
                 : "r"(row)
                 : "memory");
}
/// The same, each matrix transposed: registers[m] of lane l holds column l / 4, rows 2 (l % 4) and the next.
__device__ inline void load_matrices_transposed(std::uint32_t (&registers)[4], SharedAddress row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
                 : "r"(row)
                 : "memory");
}
/// d += a · b for bf16 a [16, 16] and b [16, 8], d in float. With g = lane / 4 and t = lane % 4, each register holding
/// two neighbours: a = (g, 2t), (g+8, 2t), (g, 2t+8), (g+8, 2t+8) as (row, k); b = (2t, g), (2t+8, g) as (k, col), the
/// neighbours along k; d = (g, 2t), (g, 2t+1), (g+8, 2t), (g+8, 2t+1).
__device__ inline void multiply_add(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// Two floats rounded to bf16, the first in the lower half.
__device__ inline std::uint32_t pack_bf16(float low, float high) {
    std::uint32_t result;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
    return result;
}

}  // namespace lamina::cuda
