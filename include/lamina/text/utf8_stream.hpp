// SPDX-License-Identifier: MIT
// Utf8Stream: bytes that come in pieces, as tokens do, become text that can be printed at once.
#pragma once

#include <lamina/text/detail/utf8.hpp>
#include <lamina/text/valid_utf8.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace lamina::text {

/// Passes on whole characters; the beginning of one that a piece ends within is held back until its rest comes. All
/// that it returns, put together, is `valid_utf8` of all that it was given.
class Utf8Stream {
public:
    [[nodiscard]] std::string push(std::string_view bytes) {
        held_ += bytes;
        const std::size_t whole = held_.size() - detail::cut_off_tail(held_);
        std::string text = valid_utf8(std::string_view(held_).substr(0, whole));
        held_.erase(0, whole);
        return text;
    }

    /// What is left when nothing more comes: U+FFFD for a character without its rest, or nothing.
    [[nodiscard]] std::string finish() { return valid_utf8(std::exchange(held_, {})); }

private:
    std::string held_;
};

}  // namespace lamina::text
