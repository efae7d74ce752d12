// SPDX-License-Identifier: MIT
// answer_questions: puts the questions of a task to a scorer, some at a time, so that what is answered can be kept.
#pragma once

#include <lamina/eval/question.hpp>
#include <lamina/eval/request.hpp>
#include <lamina/eval/scorer.hpp>

#include <lamina/core/error.hpp>

#include <lamina/text/tokenizer_concept.hpp>

#include <cmath>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lamina::eval {

struct AnswerOptions {
    std::size_t context = 1024;  ///< positions of the model
    /// Questions, and about how many tokens of them, that the scorer is given at once: it shares beginnings among
    /// these, and what it has not finished is lost when the program is stopped.
    std::size_t together = 64;
    std::size_t tokens_together = 16384;
    std::size_t first = 0;  ///< the first to be answered, for instance because those before it have been
};

/// What was done for some questions.
struct AnswerCounts {
    std::size_t questions = 0;
    std::size_t harness_tokens = 0;  ///< as HarnessTokens counts them, those of one call together
    std::size_t cut_off = 0;         ///< choices whose context lost its beginning
};

/// Answers questions[options.first..] in their order; calls `each(index, answer)` with the log-probabilities of the
/// choices, as soon as they are known.
///
/// errors  FileError naming the question's place when a choice does not fit the context, NonFiniteError when one has no
///         finite log-probability; what `each` has been given before stays valid; ArgumentError when nothing may be
///         asked together
/// memory  the tokens of all questions, to know those that are equal
template <Scorer S, text::Tokenizer T, class Each>
AnswerCounts answer_questions(S& scorer, const T& tokenizer, std::span<const Question> questions,
                              const AnswerOptions& options, const Each& each) {
    if (options.together == 0 || options.tokens_together == 0) {
        throw ArgumentError("lamina: answer_questions: " + std::to_string(options.together) + " questions of " +
                            std::to_string(options.tokens_together) + " tokens together, expected at least 1 of each");
    }
    AnswerCounts counts{};
    HarnessTokens harness_tokens;
    for (std::size_t begin = options.first; begin < questions.size();) {
        std::size_t tokens = 0;
        std::vector<Request> requests;
        std::vector<QuestionRequests> asked;
        std::vector<std::size_t> first_request;
        for (const Question& question : questions.subspan(begin)) {
            if (asked.size() == options.together || tokens >= options.tokens_together) break;
            QuestionRequests next = requests_of(tokenizer, question, options.context);
            harness_tokens.add(next);
            counts.cut_off += next.cut_off;
            first_request.push_back(requests.size());
            for (const Request& request : next.requests) tokens += request.context.size();
            std::move(next.requests.begin(), next.requests.end(), std::back_inserter(requests));
            asked.push_back(std::move(next));
        }
        const std::vector<Answer> scores = scorer.score(requests);
        for (std::size_t i = 0; i < asked.size(); ++i) {
            Answer answer;
            for (const QuestionRequests::Place& place : asked[i].choices) {
                answer.push_back(scores[first_request[i] + place.request][place.continuation]);
                if (std::isfinite(answer.back())) continue;
                throw NonFiniteError(questions[begin + i].where + ": the log-probability of choice " +
                                     std::to_string(answer.size() - 1) + " is " + std::to_string(answer.back()) +
                                     ", expected a finite one");
            }
            each(begin + i, std::move(answer));
        }
        counts.questions += asked.size();
        begin += asked.size();
    }
    counts.harness_tokens = harness_tokens.count();
    return counts;
}

}  // namespace lamina::eval
