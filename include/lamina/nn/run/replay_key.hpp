// SPDX-License-Identifier: MIT
// ReplayKey: everything that decides what a pass queues, in words that a backend compares.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace lamina {

/// The part of a pass that a key stands for.
enum class PassPart : std::uint8_t { forward, backward };

/// The key of `replay` (backend/contract.hpp), put together by a model and its layers before they queue anything.
///
/// memory   kept from pass to pass: once a model's longest key has been seen, nothing is allocated
class ReplayKey {
public:
    void clear() {
        words_.assign(1, 0);
        repeatable_ = true;
    }

    /// Adds integers, enumerators, addresses, and floating-point numbers by their bits.
    template <class... Values>
    void add(Values... values) {
        (words_.push_back(word(values)), ...);
    }

    /// Says that the pass answers to the host before all of its work is queued, so that it cannot be repeated.
    void forbid() { repeatable_ = false; }

    [[nodiscard]] bool repeatable() const { return repeatable_; }
    /// What was added, and the part; valid until the next call.
    [[nodiscard]] std::span<const std::uint64_t> words(PassPart part) {
        words_[0] = word(part);
        return words_;
    }

private:
    template <class Value>
    [[nodiscard]] static std::uint64_t word(Value value) {
        if constexpr (std::is_pointer_v<Value>) {
            return reinterpret_cast<std::uintptr_t>(value);
        } else if constexpr (std::is_floating_point_v<Value>) {
            return std::bit_cast<std::uint64_t>(static_cast<double>(value));
        } else {
            return static_cast<std::uint64_t>(value);
        }
    }

    std::vector<std::uint64_t> words_ = std::vector<std::uint64_t>(1);  // the first is the part
    bool repeatable_ = true;
};

}  // namespace lamina
