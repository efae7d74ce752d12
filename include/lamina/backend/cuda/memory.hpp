// SPDX-License-Identifier: MIT
// Memory: bytes on the device, or of the host for it, that their owner frees, once the work that may use them is done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <cuda_runtime_api.h>

#include <lamina/backend/cuda/check.hpp>

namespace lamina::cuda {

/// A stream that lives as long as anyone queues work on it or has to wait for it.
using Stream = std::shared_ptr<std::remove_pointer_t<cudaStream_t>>;

/// Where memory lies.
enum class MemoryOf : std::uint8_t {
    device,
    host  ///< pinned, so that the device copies to and from it without the host's help
};

/// Owns memory with arbitrary content, aligned to 256 bytes. Movable; a moved-from or default-constructed one
/// owns nothing. Freeing waits for work that is queued on its stream, if it has one: cudaFree may, but need not.
class Memory {
public:
    Memory() = default;

    /// On the calling thread's current device, or for it.
    ///
    /// errors   DeviceError, of the device's with what is free, what it has, and what to change
    explicit Memory(std::size_t bytes, Stream stream = {}, MemoryOf where = MemoryOf::device)
        : size_(bytes), where_(where), stream_(std::move(stream)) {
        // An empty allocation still has an address: a null view would mean "not wanted".
        const std::size_t some = bytes == 0 ? 1 : bytes;
        const cudaError_t status =
            where == MemoryOf::device ? cudaMalloc(&data_, some) : cudaHostAlloc(&data_, some, cudaHostAllocDefault);
        if (status != cudaSuccess) {
            data_ = nullptr;
            cudaGetLastError();  // the error is told here and shall not be found again by a later call
            check(status, [&] { return refusal(bytes, where); });
        }
    }

    Memory(Memory&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          where_(other.where_),
          stream_(std::move(other.stream_)) {}
    Memory& operator=(Memory&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(where_, other.where_);
        std::swap(stream_, other.stream_);
        return *this;
    }
    // The only thing that can fail here is a device that has failed before, which the next call says.
    ~Memory() {
        if (data_ != nullptr && stream_ != nullptr) static_cast<void>(cudaStreamSynchronize(stream_.get()));
        static_cast<void>(where_ == MemoryOf::device ? cudaFree(data_) : cudaFreeHost(data_));
    }

    [[nodiscard]] std::byte* data() const noexcept { return static_cast<std::byte*>(data_); }
    /// In bytes.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    static std::string refusal(std::size_t bytes, MemoryOf where) {
        if (where == MemoryOf::host) return "allocating " + std::to_string(bytes) + " bytes of pinned host memory";
        std::size_t free = 0;
        std::size_t total = 0;
        std::string text = "allocating " + std::to_string(bytes) + " bytes";
        if (cudaMemGetInfo(&free, &total) == cudaSuccess) {
            text += ", with " + std::to_string(free) + " of " + std::to_string(total) + " free";
        }
        return text +
               "; plan<Model>() says what a model takes: use a smaller micro-batch, recompute::PerBlock or "
               "gradients::Streamed";
    }

    void* data_ = nullptr;
    std::size_t size_ = 0;
    MemoryOf where_ = MemoryOf::device;
    Stream stream_{};
};

}  // namespace lamina::cuda
