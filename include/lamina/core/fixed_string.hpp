// SPDX-License-Identifier: MIT
// FixedString: text that can be a template argument and be composed at compile time.
#pragma once

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string_view>

namespace lamina {

/// Text of at most `Capacity` characters, structural, so usable as a template argument: `Named<"ln_1", Norm>`.
template <std::size_t Capacity>
struct FixedString {
    std::array<char, Capacity + 1> characters{};
    std::size_t length = 0;

    constexpr FixedString() = default;

    // Implicit, so that a literal can stand where a template argument is expected.
    // NOLINTNEXTLINE(google-explicit-constructor)
    constexpr FixedString(const char (&text)[Capacity + 1]) : FixedString(std::string_view(text, Capacity)) {}

    // nvcc spells a value of this type as its two members when it hands code to the host compiler.
    constexpr FixedString(const std::array<char, Capacity + 1>& text, std::size_t size)
        : characters(text), length(size) {}

    /// Throws (at compile time: does not compile) when `text` is longer than `Capacity`.
    constexpr explicit FixedString(std::string_view text) { append(text); }

    constexpr FixedString& append(std::string_view text) {
        if (text.size() > Capacity - length) throw std::length_error("FixedString: the text is too long for it");
        for (const char character : text) characters[length++] = character;
        return *this;
    }

    [[nodiscard]] constexpr std::string_view view() const { return {characters.data(), length}; }

    friend constexpr bool operator==(const FixedString&, const FixedString&) = default;
};

template <std::size_t Size>
FixedString(const char (&)[Size]) -> FixedString<Size - 1>;

}  // namespace lamina
