// SPDX-License-Identifier: MIT
// Scratch: memory for intermediate results that grows to the largest request and is then reused.
#pragma once

#include <array>
#include <cstddef>

#include <lamina/backend/cpu/memory.hpp>

namespace lamina::cpu {

/// Memory that one thread uses within one operation. Contents are whatever the last operation left.
class Scratch {
public:
    /// One array of `T` for each count, each aligned to 64 bytes, valid until the next call.
    template <class T, class... Counts>
    [[nodiscard]] std::array<T*, sizeof...(Counts)> arrays(Counts... counts) {
        const std::array<std::size_t, sizeof...(Counts)> sizes{rounded_bytes<T>(counts)...};
        std::size_t bytes = 0;
        for (const std::size_t size : sizes) bytes += size;
        if (bytes > memory_.size()) memory_ = Memory(bytes);
        std::array<T*, sizeof...(Counts)> result{};
        std::byte* next = memory_.data();
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            result[i] = reinterpret_cast<T*>(next);
            next += sizes[i];
        }
        return result;
    }

private:
    template <class T>
    static std::size_t rounded_bytes(std::size_t count) {
        constexpr std::size_t line = 64;
        return (count * sizeof(T) + line - 1) / line * line;
    }

    Memory memory_;
};

}  // namespace lamina::cpu
