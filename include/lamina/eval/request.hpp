// SPDX-License-Identifier: MIT
// From a question to what a scorer is given, by the rules of lm-evaluation-harness.
#pragma once

#include <lamina/eval/question.hpp>
#include <lamina/eval/scorer.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/token.hpp>

#include <lamina/text/python_string.hpp>
#include <lamina/text/tokenizer_concept.hpp>

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::eval {

/// A question in tokens. Choices whose contexts were cut off at different places are in different requests.
struct QuestionRequests {
    struct Place {
        std::size_t request = 0;
        std::size_t continuation = 0;
    };
    std::vector<Request> requests;
    std::vector<Place> choices;  ///< where each choice of the question went
    std::size_t cut_off = 0;     ///< choices whose context lost its beginning
};

/// Counts the tokens that the harness puts through a model for some questions, padding not counted: inputs that are
/// equal, of whichever questions, are one.
///
/// memory   the different inputs
class HarnessTokens {
public:
    /// errors   ArgumentError for an empty continuation
    void add(const QuestionRequests& asked) {
        for (const Request& request : asked.requests) {
            for (const std::vector<Token>& continuation : request.continuations) {
                if (continuation.empty()) {
                    throw ArgumentError("lamina: HarnessTokens: an empty continuation, expected at least one token");
                }
                std::vector<Token> input = request.context;
                input.insert(input.end(), continuation.begin(), continuation.end() - 1);
                const std::size_t length = input.size();
                if (inputs_.insert(std::move(input)).second) count_ += length;
            }
        }
    }

    [[nodiscard]] std::size_t count() const { return count_; }

private:
    std::set<std::vector<Token>> inputs_{};
    std::size_t count_ = 0;
};

/// The tokens of a context and of one continuation.
struct TokenPair {
    std::vector<Token> context;
    std::vector<Token> continuation;
};

/// White space at the context's end moves to the front of the continuation; context and whole are encoded separately
/// and parted by count. An empty context is end-of-text, or the continuation's own first token where that is one.
///
/// source   lm-evaluation-harness 0.4.11, TemplateLM._encode_pair and loglikelihood
template <text::Tokenizer T>
[[nodiscard]] TokenPair encode_pair(const T& tokenizer, std::string_view context, std::string_view continuation) {
    const std::string_view kept = text::strip_right(context);
    const std::string moved = std::string(context.substr(kept.size())) + std::string(continuation);
    TokenPair pair{};
    std::vector<Token> whole;
    tokenizer.encode(std::string(kept) + moved, whole);
    if (!kept.empty()) {
        tokenizer.encode(kept, pair.context);
    } else if (whole.empty() || whole.front() != tokenizer.end_of_text()) {
        pair.context = {tokenizer.end_of_text()};
        pair.continuation = std::move(whole);
        return pair;
    } else {
        pair.context = {whole.front()};
    }
    const std::size_t shared = std::min(pair.context.size(), whole.size());
    pair.continuation.assign(whole.begin() + static_cast<std::ptrdiff_t>(shared), whole.end());
    return pair;
}

/// The requests of one question for a model of `context_length` positions: each context is cut off at the left until
/// it and the continuation, less its last token, fit.
///
/// errors  FileError naming the question's place when a choice has no token or more than `context_length`
template <text::Tokenizer T>
[[nodiscard]] QuestionRequests requests_of(const T& tokenizer, const Question& question, std::size_t context_length) {
    QuestionRequests result{};
    for (std::size_t choice = 0; choice < question.choices.size(); ++choice) {
        TokenPair pair = encode_pair(tokenizer, question.context, " " + question.choices[choice]);
        const std::size_t length = pair.continuation.size();
        if (length == 0 || length > context_length) {
            throw FileError(question.where, "choice " + std::to_string(choice) + " has " + std::to_string(length) +
                                                " tokens, expected 1 to " + std::to_string(context_length) +
                                                ", the model's context");
        }
        const std::size_t room = context_length + 1 - length;
        if (pair.context.size() > room) {
            pair.context.erase(pair.context.begin(), pair.context.end() - static_cast<std::ptrdiff_t>(room));
            ++result.cut_off;
        }
        auto same = std::find_if(result.requests.begin(), result.requests.end(),
                                 [&pair](const Request& request) { return request.context == pair.context; });
        if (same == result.requests.end()) {
            same = result.requests.insert(same, {.context = std::move(pair.context), .continuations = {}});
        }
        result.choices.push_back({.request = static_cast<std::size_t>(same - result.requests.begin()),
                                  .continuation = same->continuations.size()});
        same->continuations.push_back(std::move(pair.continuation));
    }
    return result;
}

}  // namespace lamina::eval
