// SPDX-License-Identifier: MIT
#include <lamina/arch/architecture.hpp>

#include <cstddef>
#include <type_traits>

#include "support/catch.hpp"

using namespace lamina;

static_assert(gpt2_small == Architecture{12, 12, 768, 1024, 50257});
static_assert(gpt2_medium == Architecture{24, 16, 1024, 1024, 50257});
static_assert(gpt2_large == Architecture{36, 20, 1280, 1024, 50257});
static_assert(gpt2_xl == Architecture{48, 25, 1600, 1024, 50257});

static_assert(HeadsDivideEmbed<768, 12>);
static_assert(!HeadsDivideEmbed<768, 5>);
static_assert(!HeadsDivideEmbed<768, 0>);
static_assert(NothingIsZero<1, 1, 1, 1>);
static_assert(!NothingIsZero<0, 1, 1, 1> && !NothingIsZero<1, 0, 1, 1>);
static_assert(!NothingIsZero<1, 1, 0, 1> && !NothingIsZero<1, 1, 1, 0>);

static_assert(LegalArchitecture<gpt2_small> && LegalArchitecture<gpt2_medium>);
static_assert(LegalArchitecture<gpt2_large> && LegalArchitecture<gpt2_xl>);
static_assert(!LegalArchitecture<Architecture{}>);
static_assert(!LegalArchitecture<Architecture{.layers = 2, .heads = 3, .embed = 16, .context = 8, .vocab = 11}>);
static_assert(!LegalArchitecture<Architecture{.layers = 0, .heads = 2, .embed = 16, .context = 8, .vocab = 11}>);

// Every number tells two architectures apart.
static_assert(Architecture{1, 2, 4, 8, 16} != Architecture{2, 2, 4, 8, 16});
static_assert(Architecture{1, 2, 4, 8, 16} != Architecture{1, 1, 4, 8, 16});
static_assert(Architecture{1, 2, 4, 8, 16} != Architecture{1, 2, 6, 8, 16});
static_assert(Architecture{1, 2, 4, 8, 16} != Architecture{1, 2, 4, 9, 16});
static_assert(Architecture{1, 2, 4, 8, 16} != Architecture{1, 2, 4, 8, 17});

TEST_CASE("every published size has heads of 64 features and an MLP four times as wide", "[arch]") {
    STATIC_REQUIRE(gpt2_small.head_width() == 64);
    STATIC_REQUIRE(gpt2_medium.head_width() == 64);
    STATIC_REQUIRE(gpt2_large.head_width() == 64);
    STATIC_REQUIRE(gpt2_xl.head_width() == 64);
    STATIC_REQUIRE(gpt2_small.hidden() == 3072);
    STATIC_REQUIRE(gpt2_xl.hidden() == 6400);
}

TEST_CASE("an architecture survives the way through its type", "[arch]") {
    STATIC_REQUIRE(DimensionsOf<gpt2_large>::architecture == gpt2_large);
    STATIC_REQUIRE(std::is_same_v<DimensionsOf<gpt2_small>, Dimensions<12, 12, 768, 1024, 50257>>);
    STATIC_REQUIRE(!std::is_same_v<DimensionsOf<gpt2_small>, DimensionsOf<gpt2_medium>>);
}
