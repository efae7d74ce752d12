// SPDX-License-Identifier: MIT
// The expected values are numpy's and the harness's.
#include <lamina/eval/statistics.hpp>

#include "support/catch.hpp"

#include <limits>

using namespace lamina::eval;

namespace {

// A double's rounding, a few times over.
bool near(double a, double b) { return std::abs(a - b) <= 8 * std::numeric_limits<double>::epsilon() * std::abs(b); }

}  // namespace

TEST_CASE("a mean has the standard error of its sample") {
    const Measured measured = mean_of(std::vector<double>{1, 0, 0, 1, 1, 0, 0, 0});
    CHECK(measured.value == 0.375);
    CHECK(near(measured.standard_error.value(), 0.18298126367784995));  // sqrt(p(1 - p)/(n - 1))
    CHECK(measured.items == 8);
    CHECK(mean_of(std::vector<double>{2, 2, 2}).standard_error == 0.0);
}

TEST_CASE("one item has no standard error, and no item no mean to speak of") {
    const Measured one = mean_of(std::vector<double>{1});
    CHECK(one.value == 1);
    CHECK_FALSE(one.standard_error.has_value());
    CHECK(one.items == 1);
    const Measured none = mean_of({});
    CHECK(none.value == 0);
    CHECK_FALSE(none.standard_error.has_value());
    CHECK(none.items == 0);
}

TEST_CASE("pooled tasks weigh as much as they have items") {
    const Measured whole = pooled(std::vector<Measured>{{0.5, 0.1, 26}, {0.25, 0.05, 76}});
    CHECK(near(whole.value, (13 + 19) / 102.0));
    CHECK(near(whole.standard_error.value(), 0.045103367119209585));
    CHECK(whole.items == 102);
}

TEST_CASE("one task pooled is itself") {
    const Measured one = pooled(std::vector<Measured>{{0.5, 0.1, 26}});
    CHECK(one.value == 0.5);
    CHECK(near(one.standard_error.value(), 0.1));
}

TEST_CASE("a pooled standard error needs all of its parts") {
    const Measured whole = pooled(std::vector<Measured>{{0.5, 0.1, 26}, {1, std::nullopt, 1}});
    CHECK(near(whole.value, 14 / 27.0));
    CHECK_FALSE(whole.standard_error.has_value());
    CHECK(pooled({}).items == 0);
    CHECK_FALSE(pooled({}).standard_error.has_value());
}

TEST_CASE("quantiles lie on the line between two neighbours") {
    const std::vector<float> sorted{1, 2, 4, 8, 16};
    const std::span<const float> values(sorted);
    CHECK(quantile(values, 0) == 1);
    CHECK(quantile(values, 1) == 16);
    CHECK(quantile(values, 0.5) == 4);
    CHECK(near(quantile(values, 0.3), 2.4));
    CHECK(near(quantile(values, 0.95), 14.4));
    CHECK(quantile(values.first(1), 0.7) == 1);
    CHECK_THROWS_WITH(quantile(values.first(0), 0.5),
                      "lamina: quantile: a share of 0.500000 of 0 values, expected 0 to 1 of at least one value");
    for (const double share : {-0.001, 1.001, std::numeric_limits<double>::quiet_NaN()}) {
        CHECK_THROWS_AS(quantile(values, share), lamina::ArgumentError);
    }
}
