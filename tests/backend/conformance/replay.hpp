// SPDX-License-Identifier: MIT
// Conformance of replay: work that is repeated, or queued anew, without a difference.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

#include <lamina/core/host_device.hpp>

#include "backend/conformance/grid.hpp"
#include "backend/conformance/on_backend.hpp"
#include "support/catch.hpp"

namespace lamina_tests::conformance {

/// x · factor + term.
struct Step {
    double factor;
    double term;

    template <class T>
    LAMINA_HOST_DEVICE T operator()(T x) const {
        return x * static_cast<T>(factor) + static_cast<T>(term);
    }
};

/// A number that tells in which order which steps were taken: in base 10, a digit for each.
template <Backend B>
class Trail {
public:
    explicit Trail(B& backend) : backend_(backend) {}

    /// Appends 1 and `digit`, in one piece of work.
    void replay(std::span<const std::uint64_t> key, double digit) {
        backend_.replay(key, [&] {
            backend_.run(Map(place_.view(), Step{10, 1}, place_.input()));
            backend_.run(Map(place_.view(), Step{10, digit}, place_.input()));
        });
    }
    void replay_and_throw(std::span<const std::uint64_t> key) {
        backend_.replay(key, [&] {
            backend_.run(Map(place_.view(), Step{1, 0}, place_.input()));
            throw std::runtime_error("the work was not to be had");
        });
    }
    void clear() { backend_.run(Fill(place_.view(), 0.0)); }
    [[nodiscard]] double read() { return place_.read()(0, 0); }

private:
    B& backend_;
    OnBackend<double, B> place_{backend_, Grid(1, 1)};
};

TEMPLATE_TEST_CASE("work with one key is done as often as it is asked for", "[conformance][replay]",
                   LAMINA_BACKEND_UNDER_TEST) {
    TestType backend = UnderTest<TestType>::with_threads(2);
    Trail<TestType> trail(backend);
    const std::vector<std::uint64_t> key{1, 2, 3};
    double expected = 0;
    for (int time = 0; time < 5; ++time) {
        trail.replay(key, 2);
        expected = expected * 100 + 12;
        CHECK(trail.read() == expected);
    }
}

TEMPLATE_TEST_CASE("keys that differ in one word, or in length, stand for different work", "[conformance][replay]",
                   LAMINA_BACKEND_UNDER_TEST) {
    TestType backend = UnderTest<TestType>::with_threads(2);
    Trail<TestType> trail(backend);
    const std::array<std::vector<std::uint64_t>, 4> keys{{{}, {1, 2, 3}, {1, 2, 4}, {1, 2}}};
    for (int time = 0; time < 4; ++time) {
        for (std::size_t i = 0; i < keys.size(); ++i) {
            CAPTURE(time, i);
            trail.clear();
            trail.replay(keys[i], static_cast<double>(i));
            trail.replay(keys[0], 0);
            CHECK(trail.read() == 1010 + 100 * static_cast<double>(i));
        }
    }
}

TEMPLATE_TEST_CASE("work that throws while it is queued may be asked for again", "[conformance][replay]",
                   LAMINA_BACKEND_UNDER_TEST) {
    TestType backend = UnderTest<TestType>::with_threads(2);
    Trail<TestType> trail(backend);
    const std::vector<std::uint64_t> key{7};
    trail.replay(key, 2);
    CHECK_THROWS_AS(trail.replay_and_throw(std::vector<std::uint64_t>{8}), std::runtime_error);
    CHECK_THROWS_AS(trail.replay_and_throw(std::vector<std::uint64_t>{8}), std::runtime_error);
    for (int time = 0; time < 3; ++time) trail.replay(std::vector<std::uint64_t>{8}, 3);
    trail.replay(key, 2);
    CHECK(trail.read() == 1213131312);
}

}  // namespace lamina_tests::conformance
