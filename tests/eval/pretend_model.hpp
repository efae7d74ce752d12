// SPDX-License-Identifier: MIT
// PretendModel: a pass whose probabilities depend on every token before the one that is asked for, and a cache to match.
#pragma once

#include <lamina/core/token.hpp>
#include <lamina/nn/run/segment.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace lamina_tests {

/// "log p(target | history)": some number that any other history or target would change.
inline double pretend_log_probability(std::span<const lamina::Token> history, lamina::Token target) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    const auto mix = [&hash](lamina::Token token) {
        hash = (hash ^ static_cast<std::uint64_t>(token)) * 0x100000001b3U;
    };
    for (const lamina::Token token : history) mix(token);
    mix(-1 - target);
    return -1 - static_cast<double>(hash >> 44U) / 65536;
}

/// Keeps histories where a model keeps keys and values. Copies share one cache.
class PretendModel {
public:
    explicit PretendModel(std::vector<lamina::Token>& rows, std::vector<std::size_t>& passes)
        : rows_(&rows), passes_(&passes) {}

    void operator()(std::span<const lamina::Segment> segments, std::span<const lamina::WantedToken> wanted,
                    std::span<double> log_probabilities) const {
        std::vector<std::vector<lamina::Token>> histories;  // of each packed row
        std::vector<std::pair<std::size_t, std::span<const lamina::Token>>> stored;
        for (const lamina::Segment& segment : segments) {
            REQUIRE(!segment.tokens.empty());
            REQUIRE(segment.prefix.row + segment.prefix.length <= rows_->size());
            const auto first = rows_->begin() + static_cast<std::ptrdiff_t>(segment.prefix.row);
            std::vector<lamina::Token> history(first, first + static_cast<std::ptrdiff_t>(segment.prefix.length));
            for (const lamina::Token token : segment.tokens) {
                history.push_back(token);
                histories.push_back(history);
            }
            if (segment.store_at) stored.emplace_back(*segment.store_at, segment.tokens);
        }
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            log_probabilities[i] = pretend_log_probability(histories.at(wanted[i].row), wanted[i].target);
        }
        for (const auto& [row, tokens] : stored) {
            for (std::size_t i = 0; i < tokens.size(); ++i) rows_->at(row + i) = tokens[i];
        }
        passes_->push_back(histories.size());
    }

private:
    std::vector<lamina::Token>* rows_;
    std::vector<std::size_t>* passes_;  // tokens of each
};

}  // namespace lamina_tests
