// SPDX-License-Identifier: MIT
// TokenBytes: the bytes of every token, and the token of given bytes.
#pragma once

#include <lamina/core/token.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::text::detail {

/// A vocabulary's byte strings in one block, found again through an open-addressing table, since a tokenizer asks for
/// one piece after another and most pieces are in it.
class TokenBytes {
public:
    static constexpr Token none = -1;

    TokenBytes() : TokenBytes(std::vector<std::string>{}) {}

    /// Token i gets bytes[i]. Of equal byte strings `find` gives the first.
    explicit TokenBytes(const std::vector<std::string>& bytes) {
        std::size_t slots = 16;
        while (slots < 3 * bytes.size()) slots *= 2;
        slots_.assign(slots, none);
        starts_.reserve(bytes.size() + 1);
        starts_.push_back(0);
        for (const std::string& entry : bytes) {
            block_ += entry;
            starts_.push_back(block_.size());
        }
        for (std::size_t token = 0; token < bytes.size(); ++token) {
            Token& slot = slots_[slot_of(bytes[token])];
            if (slot == none) slot = static_cast<Token>(token);
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return starts_.size() - 1; }

    [[nodiscard]] std::string_view operator[](Token token) const {
        const auto i = static_cast<std::size_t>(token);
        return std::string_view(block_).substr(starts_[i], starts_[i + 1] - starts_[i]);
    }

    /// The token with these bytes, or `none`.
    [[nodiscard]] Token find(std::string_view bytes) const { return slots_[slot_of(bytes)]; }

private:
    [[nodiscard]] std::size_t slot_of(std::string_view bytes) const {
        std::size_t slot = std::hash<std::string_view>{}(bytes) & (slots_.size() - 1);
        while (slots_[slot] != none && (*this)[slots_[slot]] != bytes) slot = (slot + 1) & (slots_.size() - 1);
        return slot;
    }

    std::string block_;
    std::vector<std::size_t> starts_;
    std::vector<Token> slots_;  // size a power of two, at most two thirds full
};

}  // namespace lamina::text::detail
