// SPDX-License-Identifier: MIT
// generate: text after a prompt, token by token, with the keys and values of what was read kept.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/run/key_value_cache.hpp>
#include <lamina/nn/run/segment.hpp>
#include <lamina/nn/sampling.hpp>
#include <lamina/nn/score.hpp>

namespace lamina {

/// How much is written, and what each token is drawn from (SamplingOptions).
struct GenerateOptions {
    std::size_t tokens = 100;  ///< to write, fewer where the text ends
    double temperature = 1;    ///< 0: always the most probable token
    std::size_t top_k = 0;     ///< 0: all
    double top_p = 1;          ///< above 0, at most 1: all
    std::uint64_t seed = 42;   ///< of the drawing
    Token end_of_text = -1;    ///< drawing it ends the text and is not part of it; -1: nothing does

    /// errors   as Sampler
    [[nodiscard]] Sampler sampler() const {
        return {SamplingOptions{.temperature = temperature, .top_k = top_k, .top_p = top_p}, seed};
    }
};

/// Calls `written(token)` for each token that follows the prompt, as soon as it is drawn. `cache` has room for some
/// tokens, at most a context of them: where that is full, the second half is read again as the first.
///
/// leaves   the states of norms as they are
/// errors   ArgumentError when the prompt is empty, longer than the room or has what is no token, and as Sampler
/// cost     each token passes through the model once, and half a context of them again whenever the room is full
template <LanguageModel M, class Written>
void generate(M& model, KeyValueCache<M>& cache, std::span<const Token> prompt, const GenerateOptions& options,
              const Written& written) {
    using Compute = typename M::Compute;
    const std::size_t room = std::min(cache.rows(), M::architecture.context);
    if (prompt.empty()) {
        throw ArgumentError(
            "lamina: generate: the prompt has no token; give it the tokenizer's end_of_text(), as documents begin");
    }
    if (prompt.size() > room) {
        throw ArgumentError("lamina: generate: the prompt has " + std::to_string(prompt.size()) +
                            " tokens, expected at most " + std::to_string(room));
    }
    Sampler sampler = options.sampler();
    std::vector<Compute> logits_of_last(M::architecture.vocab);
    std::vector<Token> text(prompt.begin(), prompt.end());  // what the model sees
    std::size_t cached = 0;                                 // of it
    for (std::size_t i = 0; i < options.tokens; ++i) {
        if (text.size() > room) {
            text.erase(text.begin(), text.end() - static_cast<std::ptrdiff_t>((room + 1) / 2));
            cached = 0;
        }
        const std::array<Segment, 1> segment{
            {{.tokens = std::span(text).subspan(cached), .prefix = {0, cached}, .store_at = cached}}};
        const std::array<std::size_t, 1> last{segment[0].tokens.size() - 1};
        logits(model, cache, segment, last, std::span<Compute>(logits_of_last));
        cached = text.size();
        const Token token = sampler(std::span<const Compute>(logits_of_last));
        if (token == options.end_of_text) return;
        written(token);
        text.push_back(token);
    }
}

/// The tokens that follow the prompt: `generate(model, prompt, {.tokens = 120, .temperature = 0.5})`.
///
/// memory   a cache for as many tokens as there will be, at most a context
template <LanguageModel M>
[[nodiscard]] std::vector<Token> generate(M& model, std::span<const Token> prompt,
                                          const GenerateOptions& options = {}) {
    constexpr std::size_t context = M::architecture.context;
    // The last token that is written is not read.
    const std::size_t rows = options.tokens < context ? prompt.size() + options.tokens : context;
    KeyValueCache<M> cache(model.backend(), std::min(rows, context));
    std::vector<Token> text;
    generate(model, cache, prompt, options, [&](Token token) { text.push_back(token); });
    return text;
}

}  // namespace lamina
