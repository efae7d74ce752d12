// SPDX-License-Identifier: MIT
#include <lamina/removal/norm_states.hpp>

#include <lamina/io/json_file.hpp>
#include <lamina/io/layer_states.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/removable_norm.hpp>
#include <lamina/removal/removal.hpp>

#include "io/scratch_folder.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <vector>

using namespace lamina;
using namespace lamina::io;
using namespace lamina_tests;

namespace {

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 4, .context = 5, .vocab = 7};
using Model = Gpt2<tiny, norm::Removable>;

bool same(const RemovableState& left, const RemovableState& right) {
    return left.tracking == right.tracking && left.calls_per_batch == right.calls_per_batch &&
           left.fixed == right.fixed && left.values_fixed == right.values_fixed && left.average == right.average &&
           left.first_position_average == right.first_position_average && left.divisor == right.divisor &&
           left.first_position_divisor == right.first_position_divisor &&
           left.first_position_apart == right.first_position_apart && left.end_of_text_apart == right.end_of_text_apart;
}

/// Every member unlike its default, with doubles that no short decimal stands for.
RemovableState unusual(double start) {
    RemovableState state;
    state.tracking = {.mode = DivisorMode::track,
                      .momentum = 1.0 / 3.0,
                      .calls_of_ln_1 = 3,
                      .evaluation = EvaluationPasses::averaged,
                      .first_position = FirstPosition::apart,
                      .average_over = AverageOver::all_but_first};
    state.calls_per_batch = 3;
    state.fixed = true;
    state.average = start / 7.0;
    state.first_position_average = start * 1e-300;
    state.divisor = start * (1 + std::numeric_limits<double>::epsilon());
    state.first_position_divisor = start / 3e-20;
    state.first_position_apart = state.end_of_text_apart = true;
    return state;
}

/// What reading says of the states of a fresh model after one change to the file.
template <class M = Model>
std::string complaint(const std::function<void(Json&)>& change) {
    const ScratchFolder folder;
    const auto file = folder / "norms.json";
    CpuBackend backend({.threads = 1});
    Model source(backend);
    save_norm_states(source, file);
    Json json = read_json(file);
    change(json["norms"]);
    write_json(file, json);
    M model(backend);
    return error_text([&] { load_norm_states(model, file); }, file);
}

std::string complaint_about(const std::string& field, const Json& value) {
    return complaint([&](Json& norms) { norms["ln_f"][field] = value; });
}

}  // namespace

TEST_CASE("norm states come back as the same bits") {
    const ScratchFolder folder;
    CpuBackend backend({.threads = 1});
    Model saved(backend);
    double start = 1;
    for (const NormSite& site : norm_sites(saved)) *site.state = unusual(start += 0.1);
    save_norm_states(saved, folder / "norms.json");
    Model loaded(backend);
    load_norm_states(loaded, folder / "norms.json");
    const auto before = norm_sites(saved);
    const auto after = norm_sites(loaded);
    REQUIRE(before.size() == 3);
    for (std::size_t i = 0; i < before.size(); ++i) {
        INFO(before[i].name);
        CHECK(same(*before[i].state, *after[i].state));
    }
    CHECK_FALSE(same(*before[0].state, *before[1].state));
}

TEST_CASE("norms are named as in the model") {
    CpuBackend backend({.threads = 1});
    Model model(backend);
    const Json states = layer_states(model.layers());
    std::vector<std::string> names;
    for (const auto& item : states.items()) names.push_back(item.key());
    CHECK(names == std::vector<std::string>{"h.0.ln_1", "h.0.ln_2", "ln_f"});
    CHECK(states["ln_f"]["mode"] == "freeze");
    Gpt2<tiny> plain(backend);
    CHECK(layer_states(plain.layers()) == Json::object());
}

TEST_CASE("a missing norm, a foreign one and a missing field are named") {
    CHECK(complaint([](Json& norms) { norms.erase("h.0.ln_2"); }) == R"(field "norms.h.0.ln_2" is missing)");
    CHECK(complaint([](Json& norms) { norms["h.1.ln_1"] = norms["ln_f"]; }) ==
          R"(field "norms.h.1.ln_1" is none of the model's layers with a state)");
    CHECK(complaint([](Json& norms) { norms["ln_f"].erase("divisor"); }) == R"(field "norms.ln_f.divisor" is missing)");
}

TEST_CASE("values out of their range are refused") {
    CHECK(complaint_about("divisor", 0.0) == R"(field "norms.ln_f.divisor" is 0.0, expected a number above 0)");
    CHECK(complaint_about("average", -1.5) == R"(field "norms.ln_f.average" is -1.5, expected a number above 0)");
    CHECK(complaint_about("divisor", nullptr) == R"(field "norms.ln_f.divisor" is null, expected a number)");
    CHECK(complaint_about("momentum", 1.25) == R"(field "norms.ln_f.momentum" is 1.25, expected a number from 0 to 1)");
    CHECK(complaint_about("momentum", 0.0) == "no error");
    CHECK(complaint_about("fixed", 1) == R"(field "norms.ln_f.fixed" is 1, expected true or false)");
    CHECK(complaint_about("mode", "slow") ==
          R"(field "norms.ln_f.mode" is "slow", expected "constant" or "freeze" or "track")");
}

TEST_CASE("a norm that is fixed by type takes no state that measures") {
    using Fixed = Gpt2<tiny, norm::FixedStd>;
    const auto fix = [](Json& norms) {
        for (const char* const name : {"h.0.ln_1", "h.0.ln_2", "ln_f"}) {
            norms[name]["fixed"] = norms[name]["values_fixed"] = true;
        }
    };
    CHECK(complaint<Fixed>(fix) == "no error");
    CHECK(complaint<Fixed>([&](Json& norms) {
              fix(norms);
              norms["h.0.ln_1"]["values_fixed"] = false;
          }) ==
          R"(field "norms.h.0.ln_1.values_fixed" is false, expected true, as the model's type is norm::FixedStd)");
}

TEST_CASE("a file that is wrong leaves the states as they were") {
    const ScratchFolder folder;
    CpuBackend backend({.threads = 1});
    Model model(backend);
    Json states = layer_states(model.layers());
    states["h.0.ln_1"]["divisor"] = 5.0;
    states["ln_f"]["divisor"] = -5.0;
    write_json(folder / "norms.json", Json{{"norms", states}});
    CHECK_THROWS_AS(load_norm_states(model, folder / "norms.json"), FileError);
    CHECK(norm_sites(model)[0].state->divisor == 1);
}
