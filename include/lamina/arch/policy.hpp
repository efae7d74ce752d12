// SPDX-License-Identifier: MIT
// Policies: empty types that each answer one question about a model, and how a list of them is resolved.
#pragma once

#include <cstddef>
#include <type_traits>

namespace lamina {

/// The questions that policies answer. Each has a default, see `Policies`.
namespace question {
struct Normalisation;
struct Adapter;
struct Targets;
struct Execution;
struct Precision;
struct Trainable;
struct Recompute;
struct Gradients;
struct Device;
struct Head;
struct ActivationFunction;
struct AttentionScale;
struct NormEpsilon;
}  // namespace question

/// An empty type that says which question it answers: `using answers = question::Normalisation;`.
template <class T>
concept Policy = std::is_empty_v<T> && requires {
    typename T::answers;
};

template <class T, class Question>
concept AnswerTo = Policy<T> && std::is_same_v<typename T::answers, Question>;

/// Some policies, in an order that does not matter.
template <class... Ps>
struct PolicyList {};
template <class... First, class... Second>
PolicyList<First..., Second...> operator+(PolicyList<First...>, PolicyList<Second...>);

namespace detail {

template <class Question, class T>
constexpr bool is_answer() {
    if constexpr (Policy<T>) {
        return std::is_same_v<typename T::answers, Question>;
    } else {
        return false;
    }
}

template <class Question, class... Candidates>
inline constexpr std::size_t answer_count = (std::size_t{0} + ... + std::size_t{is_answer<Question, Candidates>()});

/// The first of `Candidates` that answers `Question`, else `Default`.
template <class Question, class Default, class... Candidates>
struct FirstAnswer {
    using type = Default;
};

template <class Question, class Default, class First, class... Rest>
struct FirstAnswer<Question, Default, First, Rest...> {
    using type = typename std::conditional_t<is_answer<Question, First>(), std::type_identity<First>,
                                             FirstAnswer<Question, Default, Rest...>>::type;
};

}  // namespace detail

/// True when no two of `Candidates` answer the same question.
template <class... Candidates>
concept EachQuestionOnce = (... && (detail::answer_count<typename Candidates::answers, Candidates...> == 1));

/// The policy among `Candidates` that answers `Question`, or `Default`.
template <class Question, class Default, class... Candidates>
using AnswerOr = typename detail::FirstAnswer<Question, Default, Candidates...>::type;

}  // namespace lamina
