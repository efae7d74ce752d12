// SPDX-License-Identifier: MIT
#include <lamina/core/random.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "support/catch.hpp"

using namespace lamina;

// The whole state is one integer, so a checkpoint can hold it.
static_assert(sizeof(Random) == sizeof(std::uint64_t) && std::is_trivially_copyable_v<Random>);

namespace {

constexpr std::array<std::uint64_t, 5> first_five(std::uint64_t seed) {
    Random random{seed};
    std::array<std::uint64_t, 5> numbers{};
    for (std::uint64_t& number : numbers) number = random.next();
    return numbers;
}

constexpr std::size_t draws = 200000;

}  // namespace

TEST_CASE("the generator is SplitMix64", "[core]") {
    // The sequence that the algorithm's author gives for this seed.
    STATIC_REQUIRE(first_five(1234567) == std::array<std::uint64_t, 5>{6457827717110365317U, 3203168211198807973U,
                                                                       9817491932198370423U, 4593380528125082431U,
                                                                       16408922859458223821U});
}

TEST_CASE("streams of one seed differ from each other and from those of another seed", "[core]") {
    CHECK(Random::stream(1, 0).state == Random::stream(1, 0).state);
    CHECK(Random::stream(1, 0).state != Random::stream(1, 1).state);
    CHECK(Random::stream(1, 0).state != Random::stream(2, 0).state);
    CHECK(Random::stream(0, 0).state != 0);
}

TEST_CASE("a restored state continues the sequence", "[core]") {
    Random random{5};
    static_cast<void>(random.normal());
    Random restored{random.state};
    CHECK(restored.normal() == random.normal());
}

TEST_CASE("uniform numbers fill their interval evenly", "[core]") {
    Random random{7};
    std::array<std::size_t, 10> counts{};
    for (std::size_t i = 0; i < draws; ++i) {
        const double value = random.uniform(-2, 3);
        REQUIRE((value >= -2 && value < 3));
        ++counts.at(static_cast<std::size_t>((value + 2) * 2));
    }
    // Binomial with 20,000 expected and deviation 134; five deviations.
    for (const std::size_t count : counts) CHECK(std::abs(static_cast<double>(count) - 20000) < 5 * 134);
}

TEST_CASE("below reaches every number under its bound and nothing else", "[core]") {
    Random random{9};
    std::array<std::size_t, 7> counts{};
    for (std::size_t i = 0; i < 7000; ++i) ++counts.at(random.below(7));
    // Deviation 29.
    for (const std::size_t count : counts) CHECK(std::abs(static_cast<double>(count) - 1000) < 5 * 29);
    CHECK(random.below(1) == 0);
}

TEST_CASE("normal numbers have the moments of the normal distribution", "[core]") {
    Random random{11};
    double sum = 0;
    double squares = 0;
    double fourth = 0;
    for (std::size_t i = 0; i < draws; ++i) {
        const double value = random.normal();
        sum += value;
        squares += value * value;
        fourth += value * value * value * value;
    }
    // Five standard errors: 1, sqrt(2) and sqrt(96) over sqrt(draws).
    CHECK(sum / draws == Approx(0).margin(5 * 0.0023));
    CHECK(squares / draws == Approx(1).margin(5 * 0.0032));
    CHECK(fourth / draws == Approx(3).margin(5 * 0.022));
}
