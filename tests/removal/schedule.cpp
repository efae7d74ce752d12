// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include <lamina/core/expects.hpp>
#include <lamina/removal/schedule.hpp>

#include "support/catch.hpp"

using lamina::RemovalEvent;
using lamina::RemovalKind;
using lamina::RemovalPhase;
using lamina::RemovalSchedule;

namespace {

constexpr RemovalSchedule published(std::size_t start, std::size_t layers) {
    return RemovalSchedule::progressive({.start = start,
                                         .gap_ln_2 = 2,
                                         .gap_ln_1_qk = 2,
                                         .gap_ln_1_v = 3,
                                         .end_of_text_after = 2,
                                         .gap_end_of_text = 0},
                                        layers);
}
constexpr RemovalSchedule small = published(20, 12);

template <RemovalSchedule Schedule>
constexpr std::size_t start_of = Schedule.ln_2.start;
static_assert(start_of<small> == 20, "structural, so usable as a template argument");

// Small, medium, large and XL.
static_assert(published(20, 12).finished_at(12) == 106);
static_assert(published(20, 24).finished_at(24) == 190);
static_assert(published(25, 36).finished_at(36) == 279);
static_assert(published(25, 48).finished_at(48) == 363);
static_assert(published(20, 12).last_effective(12) == 104);
static_assert(published(20, 24).last_effective(24) == 188);
static_assert(published(25, 36).last_effective(36) == 277);
static_assert(published(25, 48).last_effective(48) == 361);

static_assert(small.ln_2 == RemovalPhase{20, 2} && small.ln_2.last(12) == 42);
static_assert(small.ln_1_qk == RemovalPhase{44, 2} && small.ln_1_qk.last(12) == 66);
static_assert(small.ln_1_v == RemovalPhase{68, 3} && small.ln_1_v.last(12) == 101);
static_assert(small.ln_f == RemovalPhase{104} && small.ln_f.last(1) == 104);
static_assert(small.end_of_text == RemovalPhase{106, 0} && small.end_of_text.last(12) == 106);
static_assert(!small.first_position.is_scheduled() && small.first_position.last(12) == std::nullopt);

// The widest published one, whose last phases are spread over the layers too.
constexpr RemovalSchedule spread = RemovalSchedule::progressive({.start = 30,
                                                                 .gap_ln_2 = 5,
                                                                 .gap_ln_1_qk = 5,
                                                                 .gap_ln_1_v = 8,
                                                                 .end_of_text_after = 30,
                                                                 .gap_end_of_text = 10,
                                                                 .first_position_after = 30,
                                                                 .gap_first_position = 10},
                                                                12);
static_assert(spread.end_of_text == RemovalPhase{276, 10} && spread.first_position == RemovalPhase{426, 10});
static_assert(spread.finished_at(12) == 536 && spread.last_effective(12) == 246);

static_assert(RemovalSchedule{}.finished_at(12) == std::nullopt);
static_assert(!RemovalSchedule{}.removes_every_norm());
static_assert(small.removes_every_norm());
static_assert(!RemovalSchedule{.ln_2 = {1, 1}, .ln_1_qk = {2, 1}, .ln_1_v = {3, 1}}.removes_every_norm());

constexpr std::size_t count_through(const RemovalSchedule& schedule, std::size_t update, std::size_t layers) {
    std::size_t count = 0;
    schedule.replay(update, layers, [&count](const RemovalEvent&) { ++count; });
    return count;
}
static_assert(count_through(small, 19, 12) == 0);
static_assert(count_through(small, 20, 12) == 1, "the update given is included");
static_assert(count_through(small, 43, 12) == 12);
static_assert(count_through(small, 106, 12) == 3 * 12 + 1 + 12);
static_assert(count_through(small, RemovalPhase::never, 12) == 3 * 12 + 1 + 12);
static_assert(count_through(RemovalSchedule{}, 1'000'000, 12) == 0);

std::vector<RemovalEvent> at(const RemovalSchedule& schedule, std::size_t update, std::size_t layers) {
    std::vector<RemovalEvent> events;
    schedule.events_at(update, layers, [&events](const RemovalEvent& event) { events.push_back(event); });
    return events;
}

}  // namespace

TEST_CASE("a gap switches one block after the other, the first block first") {
    CHECK(at(small, 19, 12).empty());
    CHECK(at(small, 20, 12) == std::vector{RemovalEvent{RemovalKind::ln_2, 0, 20}});
    CHECK(at(small, 21, 12).empty());
    CHECK(at(small, 42, 12) == std::vector{RemovalEvent{RemovalKind::ln_2, 11, 42}});
    CHECK(at(small, 44, 12) == std::vector{RemovalEvent{RemovalKind::ln_1_qk, 0, 44}});
    CHECK(at(small, 71, 12) == std::vector{RemovalEvent{RemovalKind::ln_1_v, 1, 71}});
}

TEST_CASE("gap zero switches all blocks together, once") {
    const std::vector<RemovalEvent> events = at(small, 106, 12);
    REQUIRE(events.size() == 12);
    for (std::size_t layer = 0; layer < 12; ++layer) {
        CHECK(events[layer] == RemovalEvent{RemovalKind::end_of_text, layer, 106});
    }
    CHECK(at(small, 107, 12).empty());
}

TEST_CASE("ln_f fires once, whatever its gap") {
    for (const std::size_t gap : {std::size_t{0}, std::size_t{4}}) {
        const RemovalSchedule schedule{.ln_f = {7, gap}};
        CHECK(schedule.events(12) == std::vector{RemovalEvent{RemovalKind::ln_f, 0, 7}});
    }
}

TEST_CASE("events of one update come in the order of the phases") {
    const RemovalSchedule schedule{.ln_2 = {3, 0}, .ln_1_qk = {2, 1}, .ln_1_v = {3, 1}, .ln_f = {3}};
    CHECK(at(schedule, 3, 2) == std::vector<RemovalEvent>{{RemovalKind::ln_2, 0, 3},
                                                          {RemovalKind::ln_2, 1, 3},
                                                          {RemovalKind::ln_1_qk, 1, 3},
                                                          {RemovalKind::ln_1_v, 0, 3},
                                                          {RemovalKind::ln_f, 0, 3}});
}

TEST_CASE("the list of events is ordered in time and has each event once") {
    const std::vector<RemovalEvent> events = spread.events(12);
    REQUIRE(events.size() == 5 * 12 + 1);
    CHECK(std::is_sorted(events.begin(), events.end(),
                         [](const RemovalEvent& a, const RemovalEvent& b) { return a.update < b.update; }));
    for (const RemovalKind kind : lamina::removal_order) {
        std::vector<std::size_t> layers;
        for (const RemovalEvent& event : events) {
            if (event.kind == kind) layers.push_back(event.layer);
        }
        REQUIRE(layers.size() == event_count(kind, 12));
        for (std::size_t layer = 0; layer < layers.size(); ++layer) CHECK(layers[layer] == layer);
    }
    CHECK(RemovalSchedule{}.events(12).empty());
}

TEST_CASE("replaying to an update and going on gives the same events as one run") {
    std::vector<RemovalEvent> resumed;
    const auto collect = [&resumed](const RemovalEvent& event) { resumed.push_back(event); };
    small.replay(70, 12, collect);
    for (std::size_t update = 71; update < 200; ++update) small.events_at(update, 12, collect);
    CHECK(resumed == small.events(12));
}

TEST_CASE("an event says which norm and which path") {
    CHECK(describe(RemovalEvent{RemovalKind::ln_2, 3, 26}) == "h.3.ln_2");
    CHECK(describe(RemovalEvent{RemovalKind::ln_1_qk, 3, 50}) == "h.3.ln_1 queries and keys");
    CHECK(describe(RemovalEvent{RemovalKind::ln_1_v, 0, 68}) == "h.0.ln_1 values");
    CHECK(describe(RemovalEvent{RemovalKind::ln_f, 0, 104}) == "ln_f");
    CHECK(describe(RemovalEvent{RemovalKind::end_of_text, 11, 106}) == "h.11.ln_1 end-of-text");
    CHECK(describe(RemovalEvent{RemovalKind::first_position, 1, 116}) == "h.1.ln_1 first position");
}

TEST_CASE("a schedule scaled to fewer layers and steps keeps its course") {
    constexpr RemovalSchedule scaled =
        small.scaled({.from_layers = 12, .to_layers = 4, .from_steps = 300, .to_steps = 150});
    STATIC_REQUIRE(scaled.ln_2 == RemovalPhase{10, 3});      // 20-44 over 12 layers
    STATIC_REQUIRE(scaled.ln_1_qk == RemovalPhase{22, 3});   // 44-68
    STATIC_REQUIRE(scaled.ln_1_v == RemovalPhase{34, 4});    // 68-104, where 4.5 rounds down
    STATIC_REQUIRE(scaled.ln_f == RemovalPhase{52});         // 104
    STATIC_REQUIRE(scaled.end_of_text == RemovalPhase{53});  // 106
    STATIC_REQUIRE(!scaled.first_position.is_scheduled());
}

TEST_CASE("a schedule scaled by one is the same schedule") {
    STATIC_REQUIRE(small.scaled({.from_layers = 12, .to_layers = 12, .from_steps = 300, .to_steps = 300}) == small);
    STATIC_REQUIRE(RemovalSchedule{}.scaled({.from_layers = 12, .to_layers = 4, .from_steps = 300, .to_steps = 30}) ==
                   RemovalSchedule{});
}

TEST_CASE("scaling from or to nothing is refused in one sentence") {
    CHECK_THROWS_AS(small.scaled({.from_layers = 12, .to_layers = 0, .from_steps = 300, .to_steps = 100}),
                    lamina::ArgumentError);
    CHECK_THROWS_AS(small.scaled({.from_layers = 12, .to_layers = 4, .from_steps = 0, .to_steps = 100}),
                    lamina::ArgumentError);
}

TEST_CASE("phases that follow one another still do after scaling to any length and depth") {
    for (std::size_t layers = 1; layers <= 48; ++layers) {
        for (std::size_t steps = 1; steps <= 300; ++steps) {
            const RemovalSchedule scaled =
                small.scaled({.from_layers = 12, .to_layers = layers, .from_steps = 300, .to_steps = steps});
            const bool in_order = scaled.ln_2.last(layers) <= scaled.ln_1_qk.start &&
                                  scaled.ln_1_qk.last(layers) <= scaled.ln_1_v.start &&
                                  scaled.ln_1_v.last(layers) <= scaled.ln_f.start &&
                                  scaled.ln_f.start <= scaled.end_of_text.start && *scaled.finished_at(layers) < steps;
            if (!in_order) FAIL("to " << layers << " layers and " << steps << " steps");
        }
    }
    SUCCEED("no overlap");
}
