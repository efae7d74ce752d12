// SPDX-License-Identifier: MIT
// Context: what every operation on the GPU works with: the device, its stream, and scratch memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <cuda_runtime_api.h>

#include <lamina/backend/cuda/check.hpp>
#include <lamina/backend/cuda/memory.hpp>
#include <lamina/core/error.hpp>

namespace lamina::cuda {

/// What a scratch buffer is for: those of different purposes can be in use at once.
enum class Scratch : std::uint8_t { lhs, rhs, product, library, rows, partial_sums, indices };
inline constexpr std::size_t scratch_count = 7;

/// Owns a stream, together with the memory that was allocated for it. Not copyable: one backend, one context.
///
/// CUDA keeps a current device for each thread, so whatever hands out something to work with makes the context's device
/// that of the calling thread: which thread makes a context and which uses it does not matter.
class Context {
public:
    /// errors   DeviceError with what was found and what to do: no driver or one too old, no such device, or one of a
    ///          compute capability below 8.0, which lacks the instructions for bf16
    explicit Context(int device) : device_(device) {
        const int count = device_count();
        if (device < 0 || device >= count) {
            throw DeviceError("lamina: CudaBackend: device " + std::to_string(device) + ": this machine has " +
                              std::to_string(count));
        }
        select();
        check(cudaGetDeviceProperties(&properties_, device), "asking a device for its properties");
        if (properties_.major < 8) {
            throw DeviceError("lamina: CudaBackend: " + std::string(properties_.name) + " has compute capability " +
                              std::to_string(properties_.major) + "." + std::to_string(properties_.minor) +
                              ": expected 8.0 or more; use another device, or the CPU");
        }
        cudaStream_t stream = nullptr;
        check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
        stream_ = Stream(stream, [](cudaStream_t last) { static_cast<void>(cudaStreamDestroy(last)); });
    }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context() { static_cast<void>(cudaStreamSynchronize(stream_.get())); }

    /// Makes the device the calling thread's current one.
    void select() const { check(cudaSetDevice(device_), "choosing a device"); }
    /// To queue work on, by the calling thread.
    [[nodiscard]] cudaStream_t stream() const {
        select();
        return stream_.get();
    }
    /// errors   as Memory's constructor
    [[nodiscard]] Memory allocate(std::size_t bytes, MemoryOf where = MemoryOf::device) const {
        select();
        return Memory(bytes, stream_, where);
    }
    [[nodiscard]] int device() const { return device_; }
    [[nodiscard]] const cudaDeviceProp& properties() const { return properties_; }
    [[nodiscard]] unsigned multiprocessors() const { return static_cast<unsigned>(properties_.multiProcessorCount); }

    /// At least `count` elements of scratch, which grow to the most that were asked for and keep their address until
    /// then.
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

    /// Returns when everything that was queued is done; `what` is told in errors.
    template <class What>
    void wait(const What& what) {
        check(cudaStreamSynchronize(stream_.get()), what);
        kept_.clear();
    }
    void wait() { wait("waiting for queued work"); }

    /// Keeps `values` alive until `wait`, for a queued copy that may read them any time before; returns their place.
    template <class T>
    [[nodiscard]] const T* keep(std::vector<T> values) {
        auto kept = std::make_shared<const std::vector<T>>(std::move(values));
        const T* const place = kept->data();
        kept_.push_back(std::move(kept));
        return place;
    }

    /// Set while operations are recorded instead of run: nothing may be allocated or waited for then.
    bool recording = false;

private:
    static int device_count() {
        int count = 0;
        const cudaError_t status = cudaGetDeviceCount(&count);
        if (status == cudaSuccess) return count;
        static_cast<void>(cudaGetLastError());  // the error is told here and shall not be found again by a later call
        int driver = 0;
        int runtime = 0;
        const bool known =
            cudaDriverGetVersion(&driver) == cudaSuccess && cudaRuntimeGetVersion(&runtime) == cudaSuccess;
        const auto version = [](int number) {
            return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
        };
        if (status == cudaErrorNoDevice) {
            throw DeviceError(
                "lamina: CudaBackend: this machine shows no GPU; see nvidia-smi and CUDA_VISIBLE_DEVICES, or use the "
                "CPU");
        }
        if (status == cudaErrorInsufficientDriver && known) {
            throw DeviceError("lamina: CudaBackend: this program needs a driver for CUDA " + version(runtime) +
                              (driver == 0 ? ": there is none; install one, or use the CPU"
                                           : ": this machine has one for " + version(driver) +
                                                 "; update it, or build with a toolkit that it knows"));
        }
        check(status, "looking for devices");
        return 0;
    }

    void grow(Memory& memory, std::size_t bytes) {
        if (recording) throw Error("lamina: CudaBackend: scratch memory must not grow while a graph is recorded");
        wait();
        memory = Memory();
        ++generation_;  // first: should there not be enough memory, what was recorded must not be used either
        memory = allocate(bytes);
    }

    int device_;
    cudaDeviceProp properties_{};
    Stream stream_{};
    std::vector<std::shared_ptr<const void>> kept_{};
    std::array<Memory, scratch_count> scratch_{};
    std::uint64_t generation_ = 0;
};

}  // namespace lamina::cuda
