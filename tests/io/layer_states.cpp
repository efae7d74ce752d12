// SPDX-License-Identifier: MIT
#include <lamina/io/layer_states.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

using namespace lamina;
using namespace lamina::io;
using namespace lamina_tests;

namespace {

enum class Pace { slow, fast };

/// A layer with a field of every kind.
struct Clock {
    static constexpr std::array<std::string_view, 2> paces{"slow", "fast"};
    std::size_t ticks = 1;
    double period = 0.5;
    bool running = false;
    Pace pace = Pace::slow;

    template <class Visitor>
    constexpr void visit(Visitor&&) {}
    template <class Visitor>
    void visit_state(Visitor&& visitor) {
        visitor("ticks", ticks, any_value);
        visitor("period", period, above_zero);
        visitor("running", running, any_value);
        visitor("pace", pace, FieldRule{.words = paces});
    }
    friend bool operator==(const Clock&, const Clock&) = default;
};

struct Silent {
    template <class Visitor>
    constexpr void visit(Visitor&&) {}
};

struct Layers {
    std::array<Clock, 2> clocks{};
    Silent silent{};
    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("clock", clocks);
        visitor("silent", silent);
    }
};

/// What setting says of the states of fresh layers after one change, which leaves the layers as they were.
template <class Change>
std::string complaint(const Change& change) {
    const ScratchFolder folder;
    Layers layers;
    Json states = layer_states(layers);
    change(states);
    write_json(folder / "x.json", Json{{"states", states}});
    const JsonFile file(folder / "x.json");
    layers.clocks[0].ticks = 9;
    const std::string text =
        error_text([&] { set_layer_states(layers, file.object().object("states")); }, folder / "x.json");
    CHECK(layers.clocks[0].ticks == 9);
    return text;
}

}  // namespace

TEST_CASE("states are named as in the model, and come back as they were") {
    Layers layers;
    layers.clocks[1] = {.ticks = 12345678901234567U, .period = 1.0 / 3.0, .running = true, .pace = Pace::fast};
    const Json states = layer_states(layers);
    CHECK(states.dump() ==
          R"({"clock.0":{"ticks":1,"period":0.5,"running":false,"pace":"slow"},)"
          R"("clock.1":{"ticks":12345678901234567,"period":0.3333333333333333,"running":true,"pace":"fast"}})");
    const ScratchFolder folder;
    write_json(folder / "x.json", states);
    const JsonFile file(folder / "x.json");
    Layers others;
    set_layer_states(others, file.object());
    CHECK(others.clocks == layers.clocks);
    Silent silent;
    CHECK(layer_states(silent) == Json::object());
}

TEST_CASE("a state that does not fit is refused before any layer is changed") {
    CHECK(complaint([](Json& states) { states.erase("clock.1"); }) == R"(field "states.clock.1" is missing)");
    CHECK(complaint([](Json& states) { states["clock.2"] = states["clock.0"]; }) ==
          R"(field "states.clock.2" is none of the model's layers with a state)");
    CHECK(complaint([](Json& states) { states["clock.1"].erase("pace"); }) ==
          R"(field "states.clock.1.pace" is missing)");
    CHECK(complaint([](Json& states) { states["clock.1"]["pace"] = "steady"; }) ==
          R"(field "states.clock.1.pace" is "steady", expected "slow" or "fast")");
    CHECK(complaint([](Json& states) { states["clock.1"]["period"] = 0.0; }) ==
          R"(field "states.clock.1.period" is 0.0, expected a number above 0)");
    CHECK(complaint([](Json& states) { states["clock.1"]["running"] = 1; }) ==
          R"(field "states.clock.1.running" is 1, expected true or false)");
}
