// SPDX-License-Identifier: MIT
// Context: what every operation on the GPU works with: the device, its stream, and scratch memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <cuda_runtime_api.h>

#include <lamina/backend/cuda/check.hpp>
#include <lamina/backend/cuda/memory.hpp>
#include <lamina/core/error.hpp>

namespace lamina::cuda {

/// How products of float with float are made. Products of bf16 with bf16 are exact and summed in float always.
enum class FloatProducts : std::uint8_t {
    fp32,    ///< on the ordinary units: relative error about 6e-7
    bf16x6,  ///< operands split in three bf16 parts, six products: about as good as fp32, four times its rate
    bf16x3,  ///< in two parts, three products: about 4e-6
    tf32,    ///< operands rounded to 11 bits: about 3e-4, the quickest
};

/// What a scratch buffer is for: those of different purposes can be in use at once.
enum class Scratch : std::uint8_t { lhs, rhs, product, library, rows, partial_sums, indices };
inline constexpr std::size_t scratch_count = 7;

/// Owns a stream. Not copyable: one backend, one context.
class Context {
public:
    explicit Context(int device) : device_(device) {
        int count = 0;
        check(cudaGetDeviceCount(&count), "looking for devices");
        if (device < 0 || device >= count) {
            throw DeviceError("lamina: CudaBackend: device " + std::to_string(device) + ": this machine has " +
                              std::to_string(count));
        }
        check(cudaSetDevice(device), "choosing a device");
        check(cudaGetDeviceProperties(&properties_, device), "asking a device for its properties");
        if (properties_.major < 8) {
            throw DeviceError("lamina: CudaBackend: " + std::string(properties_.name) + " has compute capability " +
                              std::to_string(properties_.major) + "." + std::to_string(properties_.minor) +
                              ": expected 8.0 or more");
        }
        check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
    }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context() {
        static_cast<void>(cudaStreamSynchronize(stream_));
        static_cast<void>(cudaStreamDestroy(stream_));
    }

    [[nodiscard]] cudaStream_t stream() const { return stream_; }
    [[nodiscard]] int device() const { return device_; }
    [[nodiscard]] const cudaDeviceProp& properties() const { return properties_; }
    [[nodiscard]] unsigned multiprocessors() const { return static_cast<unsigned>(properties_.multiProcessorCount); }

    /// At least `bytes` of scratch, which grow to the largest that was asked for and keep their address until then.
    template <class T>
    [[nodiscard]] T* scratch(Scratch purpose, std::size_t count) {
        Memory& memory = scratch_[static_cast<std::size_t>(purpose)];
        const std::size_t bytes = count * sizeof(T);
        if (memory.data() == nullptr || memory.size() < bytes) grow(memory, bytes);
        return reinterpret_cast<T*>(memory.data());
    }
    /// Changes whenever scratch moves: a recorded graph is of use only while it stays the same.
    [[nodiscard]] std::uint64_t generation() const { return generation_; }
    [[nodiscard]] std::size_t scratch_bytes() const {
        std::size_t sum = 0;
        for (const Memory& memory : scratch_) sum += memory.size();
        return sum;
    }

    void wait() { check(cudaStreamSynchronize(stream_), "waiting for queued work"); }

    /// Set while operations are recorded instead of run: nothing may be allocated or waited for then.
    bool recording = false;

private:
    void grow(Memory& memory, std::size_t bytes) {
        if (recording) throw Error("lamina: CudaBackend: scratch memory must not grow while a graph is recorded");
        wait();
        memory = Memory();
        ++generation_;  // first: should there not be enough memory, what was recorded must not be used either
        memory = Memory(bytes);
    }

    int device_;
    cudaDeviceProp properties_{};
    cudaStream_t stream_ = nullptr;
    std::array<Memory, scratch_count> scratch_{};
    std::uint64_t generation_ = 0;
};

}  // namespace lamina::cuda
