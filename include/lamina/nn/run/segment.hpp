// SPDX-License-Identifier: MIT
// Segment and WantedToken: what a cached pass runs over and is asked, for those who only pass it on.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include <lamina/core/token.hpp>

namespace lamina {

/// Some consecutive rows of a cache: the tokens of one sequence, from its beginning on.
struct CachedPrefix {
    std::size_t row = 0;     ///< the first; of no meaning where there are none
    std::size_t length = 0;  ///< tokens, 0 for the beginning of a sequence
};

/// Tokens that continue a sequence. The first of them has the position `prefix.length`. Several segments may continue
/// the same prefix, or parts of it.
struct Segment {
    std::span<const Token> tokens{};                     ///< at least one
    CachedPrefix prefix{};                               ///< what comes before them
    std::optional<std::size_t> store_at = std::nullopt;  ///< row of the cache where they are kept; nothing: nowhere
};

/// A question to a row of a packed batch, which is segment after segment: how likely is `target` as the next token?
struct WantedToken {
    std::size_t row = 0;
    Token target = 0;
};

}  // namespace lamina
