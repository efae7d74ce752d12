// SPDX-License-Identifier: MIT
// Memory: zeroed bytes on the host that their owner frees.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include <lamina/core/error.hpp>

namespace lamina::cpu {

/// Owns zeroed bytes, aligned to 64, or to 2 MiB with huge pages asked for where there are that many. Large memory
/// costs nothing until it is touched. Movable; a moved-from or default-constructed one owns nothing.
class Memory {
public:
    Memory() = default;

    /// errors   lamina::Error when the system does not give that much
    explicit Memory(std::size_t bytes) : size_(bytes) { bytes < huge_page ? allocate_small() : allocate_large(); }

    Memory(Memory&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Memory& operator=(Memory&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Memory() {
        if (size_ < huge_page) {
            std::free(data_);
        } else {
            munmap(data_, size_);
        }
    }

    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    /// In bytes.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    static constexpr std::size_t line = 64;
    static constexpr std::size_t huge_page = std::size_t{2} << 20U;

    void allocate_small() {
        // An empty allocation still has an address: a null view would mean "not wanted".
        const std::size_t rounded = size_ == 0 ? line : (size_ + line - 1) / line * line;
        data_ = static_cast<std::byte*>(std::aligned_alloc(line, rounded));
        if (data_ == nullptr) refuse();
        std::memset(data_, 0, rounded);
    }

    void allocate_large() {
        // Asked for with room to spare, then trimmed to whole huge pages: mmap itself aligns to small ones only.
        if (size_ > SIZE_MAX - 2 * huge_page) refuse();
        void* const region =
            mmap(nullptr, size_ + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (region == MAP_FAILED) refuse();
        auto* const first = static_cast<std::byte*>(region);
        const std::size_t skipped = huge_page - reinterpret_cast<std::uintptr_t>(first) % huge_page;
        data_ = first + skipped;
        munmap(first, skipped);
        const std::size_t pages_end = (size_ + small_page - 1) / small_page * small_page;
        if (pages_end < size_ + huge_page - skipped) munmap(data_ + pages_end, huge_page + size_ - skipped - pages_end);
#ifdef MADV_HUGEPAGE
        madvise(data_, size_, MADV_HUGEPAGE);  // only advice: without huge pages everything still works, slower
#endif
    }

    [[noreturn]] void refuse() const {
        throw Error("CpuBackend: cannot allocate " + std::to_string(size_) + " bytes of memory");
    }

    static constexpr std::size_t small_page = 4096;

    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace lamina::cpu
