// SPDX-License-Identifier: MIT
#include <lamina/arch/precision.hpp>

#include <type_traits>

#include "support/catch.hpp"

using namespace lamina;

namespace {

template <class P, class Base, class Adapter, class Gradient, class Moment, class Activation>
constexpr bool stores = std::is_same_v<typename P::Base, Base>&& std::is_same_v<typename P::Adapter, Adapter>&&
    std::is_same_v<typename P::Gradient, Gradient>&& std::is_same_v<typename P::Moment, Moment>&&
        std::is_same_v<typename P::Activation, Activation>&& std::is_empty_v<P>;

struct OneOfMyOwn : precision::Stored<bf16, float, float, bf16, bf16> {};

}  // namespace

TEST_CASE("each precision stores what its name says", "[arch]") {
    STATIC_REQUIRE(stores<precision::Fp32, float, float, float, float, float>);
    STATIC_REQUIRE(stores<precision::Fp64, double, double, double, double, double>);
    STATIC_REQUIRE(stores<precision::FrozenBf16, bf16, float, float, float, float>);
    STATIC_REQUIRE(stores<precision::AllBf16, bf16, bf16, bf16, bf16, bf16>);
}

TEST_CASE("a precision is a policy and so is one that a user adds", "[arch]") {
    STATIC_REQUIRE(AnswerTo<precision::FrozenBf16, question::Precision>);
    STATIC_REQUIRE(AnswerTo<OneOfMyOwn, question::Precision>);
    STATIC_REQUIRE(stores<OneOfMyOwn, bf16, float, float, bf16, bf16>);
}
