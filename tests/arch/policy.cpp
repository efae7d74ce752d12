// SPDX-License-Identifier: MIT
#include <lamina/arch/policy.hpp>

#include <type_traits>

#include "support/catch.hpp"

using namespace lamina;

namespace {

struct SmallestPolicy {
    using answers = question::Normalisation;
};
struct Another {
    using answers = question::Normalisation;
};
struct OnDevice {
    using answers = question::Device;
};
struct WithoutAnswer {};
struct WithState {
    using answers = question::Normalisation;
    int state = 0;
};
struct OwnQuestion {
    struct Answer {
        using answers = OwnQuestion;
    };
};

static_assert(Policy<SmallestPolicy>);
static_assert(!Policy<WithoutAnswer>);
static_assert(!Policy<WithState>);
static_assert(!Policy<int>);

static_assert(AnswerTo<SmallestPolicy, question::Normalisation>);
static_assert(!AnswerTo<SmallestPolicy, question::Device>);
static_assert(!AnswerTo<WithState, question::Normalisation>);
static_assert(AnswerTo<OwnQuestion::Answer, OwnQuestion>, "a user's question works like ours");

static_assert(EachQuestionOnce<>);
static_assert(EachQuestionOnce<SmallestPolicy, OnDevice, OwnQuestion::Answer>);
static_assert(!EachQuestionOnce<SmallestPolicy, SmallestPolicy>);
static_assert(!EachQuestionOnce<SmallestPolicy, OnDevice, Another>);

}  // namespace

TEST_CASE("the answer to a question is found wherever it stands in the list", "[arch]") {
    STATIC_REQUIRE(std::is_same_v<AnswerOr<question::Device, int, OnDevice, Another>, OnDevice>);
    STATIC_REQUIRE(std::is_same_v<AnswerOr<question::Device, int, Another, OnDevice>, OnDevice>);
}

TEST_CASE("a question that nobody answers has its default", "[arch]") {
    STATIC_REQUIRE(std::is_same_v<AnswerOr<question::Head, int, OnDevice, Another>, int>);
    STATIC_REQUIRE(std::is_same_v<AnswerOr<question::Head, int>, int>);
}

TEST_CASE("types that are no policies answer nothing", "[arch]") {
    STATIC_REQUIRE(std::is_same_v<AnswerOr<question::Normalisation, int, WithoutAnswer, WithState, Another>, Another>);
}
