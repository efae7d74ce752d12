// SPDX-License-Identifier: MIT
// What conformance does not reach: logits that are no numbers.
#include <lamina/backend/cpu/cross_entropy.hpp>

#include "backend/cpu/filled.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

using namespace lamina;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// Of 300 zeros with `value` at `position`, for target 0.
float loss_with(float value, std::size_t position, Logits logits_after) {
    std::vector<float> logits(300);
    logits[position] = value;
    const Token target = 0;
    float loss = 0;
    cpu::Context context(1);
    cpu::execute(context, SoftmaxCrossEntropy<float>{.logits = {logits.data(), 1, logits.size()},
                                                     .targets = {&target, 1},
                                                     .losses = {&loss, 1},
                                                     .logits_after = logits_after});
    return loss;
}

}  // namespace

TEST_CASE("the largest value is found wherever it is, and NaN is none") {
    for (const std::size_t count : {1U, 7U, 32U, 33U, 300U}) {
        for (std::size_t position = 0; position < count; ++position) {
            std::vector<float> values(count, -5.0F);
            values[position] = -2.0F;
            REQUIRE(cpu::largest(values.data(), count) == -2.0F);
            if (count > 1) {
                values[(position + 1) % count] = not_a_number;
                REQUIRE(cpu::largest(values.data(), count) == -2.0F);
            }
        }
    }
    CHECK(cpu::largest<float>(nullptr, 0) == -infinity);
}

TEST_CASE("a logit that is NaN or infinite shows in the loss") {
    for (const Logits logits_after : {Logits::keep, Logits::become_gradient}) {
        for (const std::size_t position : {0U, 5U, 255U, 299U}) {
            CAPTURE(position, int(logits_after));
            CHECK(std::isnan(loss_with(not_a_number, position, logits_after)));
            CHECK(!std::isfinite(loss_with(infinity, position, logits_after)));
        }
        // A token that is impossible is no error, unless it is the one that came.
        CHECK(loss_with(-infinity, 5, logits_after) == Approx(std::log(299.0)));
        CHECK(loss_with(-infinity, 0, logits_after) == infinity);
    }
}
