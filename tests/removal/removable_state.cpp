// SPDX-License-Identifier: MIT
#include <lamina/removal/removable_state.hpp>

#include <cstddef>
#include <limits>

#include "support/catch.hpp"

using namespace lamina;

namespace {

// Momentum 1/2 makes every number below exact: average' = (average + measured) / 2.
constexpr RemovableState started(DivisorMode mode, std::size_t calls) {
    RemovableState state;
    state.tracking = {.mode = mode, .momentum = 0.5};
    state.calls_per_batch = calls;
    state.start_at(8, 16);
    return state;
}

constexpr RemovableState fixed(RemovableState state, bool queries_and_keys, bool values) {
    state.fixed = queries_and_keys;
    state.values_fixed = values;
    return state;
}

constexpr RemovableState observed(RemovableState state, double measured, double first = 0) {
    state.observe(measured, first == 0 ? measured : first);
    return state;
}

constexpr Divisors same(double divisor) { return {divisor, divisor, divisor, divisor}; }

}  // namespace

static_assert(RemovableState{}.tracking == StdTracking{});
static_assert(!RemovableState{}.removed() && !RemovableState{}.foldable());
static_assert(same(2).uniform() && !Divisors{2, 3, 2, 2}.uniform() && !Divisors{2, 2, 3, 2}.uniform());
static_assert(!Divisors{2, 2, 2, 3}.uniform());

TEST_CASE("one call moves the average once, three calls three times, in every mode", "[nn]") {
    for (const DivisorMode mode : {DivisorMode::constant, DivisorMode::freeze, DivisorMode::track}) {
        // 8 -> 6 with a measured 4; then 5, then 4.5.
        CHECK(observed(started(mode, 1), 4).average == 6);
        CHECK(observed(started(mode, 3), 4).average == 4.5);
        CHECK(observed(fixed(started(mode, 3), true, true), 4).average == 4.5);
    }
}

TEST_CASE("a constant divisor keeps its starting value whatever is measured", "[nn]") {
    for (const std::size_t calls : {1U, 3U}) {
        RemovableState state = observed(started(DivisorMode::constant, calls), 4);
        CHECK(state.divisor == 8);
        state = observed(fixed(state, true, true), 2);
        CHECK((state.in_use == same(8) && state.values_in_use == same(8)));
    }
}

TEST_CASE("a freezing divisor with one call follows until the norm is fixed", "[nn]") {
    RemovableState state = observed(started(DivisorMode::freeze, 1), 4);
    CHECK(state.divisor == 6);
    state = observed(state, 4);
    CHECK(state.divisor == 5);
    state = observed(fixed(state, true, true), 100);
    CHECK((state.average == 52.5 && state.divisor == 5 && state.in_use == same(5)));
}

TEST_CASE("a freezing divisor with three calls follows as long as the values are real", "[nn]") {
    RemovableState state = observed(fixed(started(DivisorMode::freeze, 3), true, false), 4);
    // Queries and keys, already fixed, read the divisor before the calls for values move it: 8, then 5 and 4.5.
    CHECK(state.in_use == same(8));
    CHECK(state.divisor == 4.5);
    state = observed(state, 4.5);
    CHECK(state.in_use == same(4.5));
    state = observed(fixed(state, true, true), 100);
    CHECK((state.divisor == 4.5 && state.in_use == same(4.5) && state.values_in_use == same(4.5)));
}

TEST_CASE("a tracking divisor with one call is the average also once fixed", "[nn]") {
    RemovableState state = observed(fixed(started(DivisorMode::track, 1), true, true), 4);
    CHECK((state.in_use == same(6) && state.values_in_use == same(6)));
    state = observed(state, 2);
    CHECK((state.in_use == same(4) && state.divisor == 4));
}

TEST_CASE("a tracking divisor with three calls differs between the paths", "[nn]") {
    const RemovableState state = observed(fixed(started(DivisorMode::track, 3), true, true), 4);
    // 8 -> 6 for queries and keys, 5 for values, 4.5 in the call that only serves end-of-text tokens.
    CHECK(state.in_use == same(6));
    CHECK(state.values_in_use == Divisors{5, 5, 4.5, 4.5});
    CHECK(state.divisor == 4.5);
}

TEST_CASE("the third call serves end-of-text tokens at the first position, too, which keep its divisor", "[nn]") {
    for (const bool merged : {false, true}) {
        RemovableState state = started(DivisorMode::track, 3);
        state.first_position_apart = state.end_of_text_apart = true;
        state.start_at(8, 16);
        if (merged) state.merge_end_of_text();
        // 8 -> 6 -> 5 -> 4.5, and of the first position 16 -> 12 -> 10 -> 9.
        state = observed(fixed(state, true, true), 4, 8);
        CHECK(state.in_use == Divisors{6, 12, 6, 12});
        CHECK(state.values_in_use == Divisors{5, 10, merged ? 4.5 : 9, 9});
    }
}

TEST_CASE("a pass that changes nothing divides by what the last one left", "[nn]") {
    RemovableState state = observed(fixed(started(DivisorMode::track, 3), true, true), 4);
    const double average = state.average;
    state.hold();
    CHECK((state.in_use == same(4.5) && state.values_in_use == same(4.5)));
    CHECK((state.average == average && state.divisor == 4.5));
}

TEST_CASE("a pass needs its measurement exactly where a fixed path would divide by something else without", "[nn]") {
    for (const DivisorMode mode : {DivisorMode::constant, DivisorMode::freeze, DivisorMode::track}) {
        for (const std::size_t calls : {1U, 2U, 3U}) {
            for (unsigned flags = 0; flags < 16; ++flags) {
                RemovableState state = fixed(started(mode, calls), (flags & 1U) != 0, (flags & 2U) != 0);
                state.first_position_apart = (flags & 4U) != 0;
                state.end_of_text_apart = (flags & 8U) != 0;
                state.start_at(8, 16);
                CAPTURE(int(mode), calls, flags);
                RemovableState held = state;
                held.hold();
                const RemovableState told = observed(state, 4, 5);
                const bool same = (!state.fixed || held.in_use == told.in_use) &&
                                  (!state.values_fixed || held.values_in_use == told.values_in_use);
                CHECK(state.needs_measurement_now() == !same);
                CHECK(state.divisor_moves() == ((state.fixed || state.values_fixed) && told.divisor != state.divisor));
                // When it is told afterwards, it is in the same state as one that was told in time.
                held.observe(4, 5);
                CHECK((held.in_use == told.in_use && held.values_in_use == told.values_in_use));
                CHECK((held.average == told.average && held.divisor == told.divisor));
                CHECK((held.first_position_average == told.first_position_average &&
                       held.first_position_divisor == told.first_position_divisor));
            }
        }
    }
}

TEST_CASE("the first position and end-of-text tokens have their own divisor until their events", "[nn]") {
    RemovableState state = started(DivisorMode::freeze, 1);
    state.first_position_apart = state.end_of_text_apart = true;
    state.start_at(8, 16);
    CHECK(state.first_position_divisor == 16);
    state = observed(state, 4, 8);
    CHECK((state.average == 6 && state.first_position_average == 12));
    state = fixed(state, true, true);
    state.hold();
    // Queries and keys treat end-of-text tokens like the others.
    CHECK(state.in_use == Divisors{6, 12, 6, 12});
    CHECK(state.values_in_use == Divisors{6, 12, 12, 12});
    CHECK((state.removed() && !state.foldable()));

    state.merge_end_of_text();
    state.hold();
    CHECK(state.values_in_use == Divisors{6, 12, 6, 12});
    CHECK_FALSE(state.foldable());

    state.merge_first_position();
    state.hold();
    CHECK((state.in_use == same(6) && state.values_in_use == same(6)));
    CHECK(state.foldable());
}

TEST_CASE("a first position that is not apart starts with the common divisor", "[nn]") {
    const RemovableState state = started(DivisorMode::constant, 1);
    CHECK((state.first_position_average == 16 && state.first_position_divisor == 8));
    const RemovableState after = observed(state, 4, 8);
    CHECK(after.in_use == same(8));
}

TEST_CASE("a norm is removed only when both paths are fixed", "[nn]") {
    CHECK_FALSE(fixed(RemovableState{}, true, false).removed());
    CHECK_FALSE(fixed(RemovableState{}, false, true).removed());
    CHECK(fixed(RemovableState{}, true, true).foldable());
}

TEST_CASE("a state says why no constant stands for what it divides by", "[nn]") {
    RemovableState state;
    CHECK(state.obstacle_to_constant() == "still measures its divisor; fix it first");
    state = fixed(state, true, false);
    CHECK(state.obstacle_to_constant() == "still measures the divisor of its values; fix that path first");
    state.values_fixed = state.first_position_apart = state.end_of_text_apart = true;
    CHECK(state.obstacle_to_constant() == "treats the first position apart; merge it with the others first");
    state.first_position_apart = false;
    CHECK(state.obstacle_to_constant() == "treats end-of-text tokens apart; merge them with the others first");
    state.divide_by(1e-3);
    CHECK(state.obstacle_to_constant().empty());
    for (const double divisor : {0.0, -1.0, std::numeric_limits<double>::infinity()}) {
        state.divide_by(divisor);
        CHECK_THAT(state.obstacle_to_constant(), Catch::Matchers::Contains("expected a positive number"));
    }
}

TEST_CASE("a state that divides by a constant does so for every token, whatever it was before", "[nn]") {
    RemovableState state = fixed(started(DivisorMode::track, 3), true, false);
    state.first_position_apart = state.end_of_text_apart = true;
    state.divide_by(5);
    CHECK((state.in_use == same(5) && state.values_in_use == same(5)));
    CHECK((state.settled() && state.foldable() && state.calls_per_batch == 3));
}

TEST_CASE("a norm is settled when it is removed and its divisor does not go on following the average", "[nn]") {
    for (const DivisorMode mode : {DivisorMode::constant, DivisorMode::freeze, DivisorMode::track}) {
        CHECK_FALSE(fixed(started(mode, 3), true, false).settled());
        const RemovableState removed = fixed(started(mode, 3), true, true);
        CHECK(removed.settled() == (mode != DivisorMode::track));
        // Nothing that a norm divides by is lost where it is then no longer told what was measured.
        RemovableState held = removed;
        held.hold();
        const RemovableState told = observed(removed, 4);
        CHECK(removed.settled() == (held.in_use == told.in_use && held.values_in_use == told.values_in_use));
    }
}
