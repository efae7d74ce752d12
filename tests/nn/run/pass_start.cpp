// SPDX-License-Identifier: MIT
#include <lamina/nn/run/pass_start.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include <lamina/backend/cpu/backend.hpp>
#include <lamina/nn/policies.hpp>
#include <lamina/removal/removable_norm.hpp>

#include "support/catch.hpp"

using namespace lamina;

namespace {

/// Leaves as many numbers as it says, and remembers which were its own.
template <std::size_t Count>
struct Measuring {
    static constexpr std::size_t measured_numbers = Count;
    std::size_t first = 0;
    std::array<double, Count> shown{};

    template <class Visitor>
    constexpr void visit(Visitor&&) {}
    void begin_pass(PassStart& start) {
        first = start.reserve(Count);
        start.key.add(first);
    }
    void end_pass(std::span<const double> measured) {
        std::copy_n(measured.begin() + static_cast<std::ptrdiff_t>(first), Count, shown.begin());
    }
};

/// Knows nothing of passes, but has parts that do.
struct Group {
    std::array<Measuring<2>, 3> three{};
    Measuring<1> one{};
    RemovableNorm<4, Policies<>, 1, RemovalStage::in_progress> norm{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("three", three);
        visitor("one", one);
        visitor("norm", norm);
    }
};

/// Wants the means of two tokens each, more of them than go into one request.
struct Averaging {
    static constexpr std::size_t count = MeansOverTokens<double>::most + 3;
    std::array<std::array<double, 2>, count> values{};
    std::array<double, count> means{};

    template <class Visitor>
    constexpr void visit(Visitor&&) {}
    template <class B, class F>
    void for_each_mean(const Pass<B>& pass, const F& f) const {
        for (std::size_t i = 0; i < count; ++i) {
            f(TokenMean<double>{{values[i].data(), 2}, Positions::all, pass.measured.middle_rows(i, 1)});
        }
    }
};

/// Counts requests.
struct CountingBackend : CpuBackend {
    std::size_t requests = 0;
    template <class Request>
    decltype(auto) run(const Request& request) {
        ++requests;
        return CpuBackend::run(request);
    }
};

static_assert(measured_numbers_of<Measuring<2>>() == 2);
static_assert(measured_numbers_of<Group>() == 3 * 2 + 1 + 2);
static_assert(measured_numbers_of<LayerNorm<4, Policies<>>>() == 0);

}  // namespace

TEST_CASE("each layer has numbers of its own, in the order of the walk, and is shown them", "[nn]") {
    Group group;
    group.norm.state.fixed = group.norm.state.values_fixed = true;  // it measures nothing any more
    ReplayKey key;
    PassStart start{.phase = Phase::train, .key = key};
    begin_pass_of_all(group, start);
    CHECK(start.measured == 7);
    CHECK(key.words(PassPart::forward)[4] == 6);
    const std::array<double, 9> numbers{0, 1, 2, 3, 4, 5, 6, -1, -1};
    end_pass_of_all(group, std::span<const double>(numbers));
    CHECK(group.three[0].shown == std::array<double, 2>{0, 1});
    CHECK(group.three[2].shown == std::array<double, 2>{4, 5});
    CHECK(group.one.shown == std::array<double, 1>{6});
    CHECK(group.norm.state.average == 1);
}

TEST_CASE("means that layers want are taken together, however many", "[nn]") {
    Averaging layer;
    for (std::size_t i = 0; i < Averaging::count; ++i) {
        layer.values[i] = {static_cast<double>(i), static_cast<double>(i + 1)};
    }
    CountingBackend backend;
    Pass<CountingBackend> pass{
        .backend = backend, .extent = {1, 2}, .measured = {layer.means.data(), layer.means.size()}};
    take_means<double>(pass, layer);
    CHECK(backend.requests == 2);
    for (std::size_t i = 0; i < Averaging::count; ++i) CHECK(layer.means[i] == static_cast<double>(i) + 0.5);
    Measuring<1> wants_none;
    take_means<double>(pass, wants_none);
    CHECK(backend.requests == 2);
}
