// SPDX-License-Identifier: MIT
// Gpt2Of: the model type of a checkpoint that CMake has made a descriptor of.
#pragma once

#include <type_traits>

#include <lamina/arch/architecture.hpp>
#include <lamina/arch/policy.hpp>
#include <lamina/nn/gpt2.hpp>

namespace lamina {

/// What `lamina_add_architecture` writes of a config.json: sizes, and as a PolicyList what differs from GPT-2 besides.
template <class C>
concept CheckpointDescriptor = requires {
    requires std::is_same_v<decltype(C::architecture), const Architecture>;
    typename C::Variant;
};

namespace detail {

/// Those of a list that answer none of the questions that `Ps` answer.
template <class List, class... Ps>
struct Unanswered;
template <class... Answers, class... Ps>
struct Unanswered<PolicyList<Answers...>, Ps...> {
    template <class Answer>
    using IfOpen =
        std::conditional_t<(... || is_answer<typename Answer::answers, Ps>()), PolicyList<>, PolicyList<Answer>>;
    using type = decltype((PolicyList<>{} + ... + IfOpen<Answers>{}));
};

/// g++ 12 crashes where `Gpt2` is given a member of a template parameter.
template <Architecture A, class... Ps>
struct Gpt2OfSizes {
    using type = Gpt2<A, Ps...>;
};

template <class C, class List, class... Ps>
struct Gpt2OfCheckpoint;
template <class C, class... Answers, class... Ps>
struct Gpt2OfCheckpoint<C, PolicyList<Answers...>, Ps...> : Gpt2OfSizes<C::architecture, Ps..., Answers...> {};

}  // namespace detail

/// `Gpt2Of<my_model, norm::Removable, adapter::FullRank>`: a checkpoint's descriptor and policies in any order, which
/// come before what the checkpoint says itself (a folded model has a head of its own, whatever the pretrained one has).
template <CheckpointDescriptor C, class... Ps>
using Gpt2Of =
    typename detail::Gpt2OfCheckpoint<C, typename detail::Unanswered<typename C::Variant, Ps...>::type, Ps...>::type;

}  // namespace lamina
