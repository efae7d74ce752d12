// SPDX-License-Identifier: MIT
// collate: from a block of tokens to the inputs and targets of one sequence.
#pragma once

#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>
#include <lamina/core/token_batch.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace lamina::text {

/// Where the target of a sequence's last position comes from.
enum class LastTarget {
    ignored,     ///< nowhere: a block has T tokens and T - 1 predictions, as in Hugging Face's trainer
    next_token,  ///< from the token after the sequence: a block has T + 1 tokens and T predictions, as in llm.c
};

/// What the targets of a sequence are.
struct TargetRule {
    LastTarget last = LastTarget::ignored;
    /// Targets equal to this token carry no loss. The published removal runs set it to end-of-text.
    std::optional<Token> ignored_token = std::nullopt;
};

/// Tokens that one sequence of T inputs is made of.
[[nodiscard]] constexpr std::size_t block_length(std::size_t sequence, LastTarget last) {
    return sequence + (last == LastTarget::next_token ? 1 : 0);
}

/// inputs[t] = block[t], targets[t] = block[t + 1] or `ignored_target`.
///
/// shapes  block [block_length(T, rule.last)], inputs [T], targets [T], T >= 1
/// writes  inputs and targets overwritten
/// errors  ArgumentError for other lengths
inline void collate(std::span<const Token> block, const TargetRule& rule, std::span<Token> inputs,
                    std::span<Token> targets) {
    if (inputs.empty() || targets.size() != inputs.size()) {
        throw ArgumentError("lamina: collate: room for " + std::to_string(inputs.size()) + " inputs and " +
                            std::to_string(targets.size()) + " targets, expected the same number, at least one");
    }
    if (block.size() != block_length(inputs.size(), rule.last)) {
        throw ArgumentError("lamina: collate: a block of " + std::to_string(block.size()) + " tokens, expected " +
                            std::to_string(block_length(inputs.size(), rule.last)));
    }
    std::copy_n(block.begin(), inputs.size(), inputs.begin());
    targets.back() = ignored_target;
    std::copy(block.begin() + 1, block.end(), targets.begin());
    if (rule.ignored_token) std::replace(targets.begin(), targets.end(), *rule.ignored_token, ignored_target);
}

}  // namespace lamina::text
