// SPDX-License-Identifier: MIT
// GPT-2's pre-tokenisation: where the pieces end within which bytes are merged.
#pragma once

#include <lamina/text/detail/character_class.hpp>

#include <cstddef>
#include <string_view>

namespace lamina::text::detail {

/// Bytes of the contraction ('s 't 're 've 'm 'll 'd) that `text` starts with, or 0. Only lower case counts.
[[nodiscard]] inline std::size_t contraction_length(std::string_view text) {
    if (text.size() < 2 || text[0] != '\'') return 0;
    const char first = text[1];
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
    if (text.size() < 3) return 0;
    const std::string_view both = text.substr(1, 2);
    return both == "re" || both == "ve" || both == "ll" ? 3 : 0;
}

/// End of the run of characters of one class that starts at `at`.
[[nodiscard]] inline std::size_t run_end(std::string_view text, std::size_t at, CharacterClass kind) {
    while (at < text.size()) {
        const ClassifiedCharacter next = classify(text, at);
        if (next.kind != kind) break;
        at += next.length;
    }
    return at;
}

/// Bytes of the first piece of a text that is not empty: the leftmost match of
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
/// Nothing before a piece decides where it ends, so a text is cut by calling this on what is left.
///
/// source   Radford et al. 2019, the pattern in the published encoder
[[nodiscard]] inline std::size_t first_piece_length(std::string_view text) {
    if (const std::size_t contraction = contraction_length(text)) return contraction;

    const std::size_t after_space = text[0] == ' ' && text.size() > 1 ? 1 : 0;
    const ClassifiedCharacter first = classify(text, after_space);
    if (first.kind != CharacterClass::space) return run_end(text, after_space + first.length, first.kind);

    // White space before a word gives up its last character, which the word may take if it is a plain space.
    const std::size_t end = run_end(text, after_space + first.length, CharacterClass::space);
    if (end == text.size()) return end;
    const std::size_t last = character_before(text, end);
    return last == 0 ? end : last;
}

}  // namespace lamina::text::detail
