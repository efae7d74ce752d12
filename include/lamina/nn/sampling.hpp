// SPDX-License-Identifier: MIT
// Sampler: draws the next token from logits: greedy, or by temperature, the most probable ones only if asked for.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <lamina/core/error.hpp>
#include <lamina/core/random.hpp>
#include <lamina/core/token.hpp>

namespace lamina {

/// What a token is drawn from, in this order: probabilities of logits / temperature, cut to the `top_k` most probable
/// tokens, then to the fewest most probable ones whose probabilities add up to `top_p` of what is left.
struct SamplingOptions {
    double temperature = 1;  ///< 0: always the most probable token
    std::size_t top_k = 0;   ///< 0: all
    double top_p = 1;        ///< above 0, at most 1: all
};

/// Draws tokens; the same seed and the same logits give the same tokens on every platform whose `exp` agrees.
///
/// memory   one Candidate, 16 bytes, per token of the vocabulary, kept
/// source   Holtzman et al. 2020, 'The Curious Case of Neural Text Degeneration', for top_p
class Sampler {
public:
    struct Candidate {
        Token token;
        double probability;
    };

    /// errors   ArgumentError when an option is out of its range
    Sampler(const SamplingOptions& options, std::uint64_t seed) : options_(options), random_(Random::stream(seed, 0)) {
        if (!(options.temperature >= 0) || std::isinf(options.temperature)) {
            refuse("temperature is " + std::to_string(options.temperature) + ", expected 0 or a positive number");
        }
        if (!(options.top_p > 0 && options.top_p <= 1)) {
            refuse("top-p is " + std::to_string(options.top_p) + ", expected above 0, at most 1");
        }
    }

    /// errors   as `distribution`
    template <class T>
    [[nodiscard]] Token operator()(std::span<const T> logits) {
        const std::span<const Candidate> candidates = distribution(logits);
        if (candidates.size() == 1) return candidates.front().token;
        double left = random_.uniform();
        // Rounding may leave a little over after the last one, and tokens of probability 0 are never drawn.
        Token drawn = candidates.front().token;
        for (const Candidate& candidate : candidates) {
            if (!(candidate.probability > 0)) continue;
            drawn = candidate.token;
            left -= candidate.probability;
            if (left < 0) break;
        }
        return drawn;
    }

    /// The tokens that may be drawn and their probabilities, which add up to 1: the most probable first and equal ones
    /// by their number where some are cut off, else all by their number. Of equal ones the lower numbers are kept.
    ///
    /// errors   lamina::Error when a logit is NaN or +infinity, or none is finite
    template <class T>
    [[nodiscard]] std::span<const Candidate> distribution(std::span<const T> logits) {
        const Token best = most_probable(logits);
        candidates_.clear();
        if (options_.temperature == 0) {
            candidates_.push_back({best, 1});
            return candidates_;
        }
        const auto top = static_cast<double>(logits[static_cast<std::size_t>(best)]);
        for (std::size_t i = 0; i < logits.size(); ++i) {
            const double below = static_cast<double>(logits[i]) - top;  // at most 0
            candidates_.push_back({static_cast<Token>(i), below});
        }
        cut_to_top_k();
        for (Candidate& candidate : candidates_) {
            // 0 / temperature is 0 however small the temperature is.
            candidate.probability = std::exp(candidate.probability / options_.temperature);
        }
        normalise();
        cut_to_top_p();
        return candidates_;
    }

private:
    [[noreturn]] static void refuse(const std::string& problem) { throw ArgumentError("lamina: sampling: " + problem); }

    static bool more_probable(const Candidate& a, const Candidate& b) {
        return a.probability != b.probability ? a.probability > b.probability : a.token < b.token;
    }

    template <class T>
    [[nodiscard]] static Token most_probable(std::span<const T> logits) {
        std::size_t best = 0;
        for (std::size_t i = 0; i < logits.size(); ++i) {
            const auto logit = static_cast<double>(logits[i]);
            if (std::isnan(logit) || logit == std::numeric_limits<double>::infinity()) {
                throw Error("lamina: sampling: the logit of token " + std::to_string(i) + " is " +
                            std::to_string(logit) + ", expected a finite number");
            }
            if (logits[i] > logits[best]) best = i;
        }
        if (logits.empty() || std::isinf(static_cast<double>(logits[best]))) {
            throw Error("lamina: sampling: no logit is finite, so there is no token to draw");
        }
        return static_cast<Token>(best);
    }

    void cut_to_top_k() {
        if (options_.top_k == 0 || options_.top_k >= candidates_.size()) return;
        const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(options_.top_k);
        std::partial_sort(candidates_.begin(), end, candidates_.end(), more_probable);
        candidates_.erase(end, candidates_.end());
    }

    void cut_to_top_p() {
        if (options_.top_p == 1) return;
        std::sort(candidates_.begin(), candidates_.end(), more_probable);
        double sum = 0;
        std::size_t kept = 0;
        while (kept < candidates_.size() && sum < options_.top_p) sum += candidates_[kept++].probability;
        candidates_.erase(candidates_.begin() + static_cast<std::ptrdiff_t>(kept), candidates_.end());
        normalise();
    }

    void normalise() {
        double sum = 0;
        for (const Candidate& candidate : candidates_) sum += candidate.probability;
        for (Candidate& candidate : candidates_) candidate.probability /= sum;
    }

    SamplingOptions options_;
    Random random_;
    std::vector<Candidate> candidates_{};
};

}  // namespace lamina
