// SPDX-License-Identifier: MIT
// What conformance does not reach: rows of several blocks, large means, and gradients at every number of threads.
#include <lamina/backend/cpu/normalisation.hpp>

#include "backend/cpu/filled.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

using namespace lamina;
using namespace lamina_tests;

TEST_CASE("the deviation of a row with a large mean does not cancel") {
    cpu::Context context(2);
    std::vector<float> row(1000);
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = i % 2 == 0 ? 10001.0F : 9999.0F;
    float mean = 0;
    float deviation = 0;
    cpu::execute(context, RowMoments<float>{.x = row_view<const float>(row.data(), row.size()),
                                            .mean = {&mean, 1},
                                            .deviation = {&deviation, 1},
                                            .epsilon = 0});
    // All partial sums are whole numbers below 2^24, so both are exact.
    CHECK(mean == 10000);
    CHECK(deviation == 1);
}

TEST_CASE("normalised rows have mean 0 and deviation 1") {
    cpu::Context context(3);
    const Filled<double> x(11, 777, 1);
    const std::vector<double> gain(777, 1.0);
    std::vector<double> mean(11);
    std::vector<double> deviation(11);
    const Rows<double, 1> means(mean.data(), mean.size());
    const Rows<double, 1> deviations(deviation.data(), deviation.size());
    Filled<double> y = x;
    cpu::execute(context, RowMoments<double>{x.input(), means, deviations, 0});
    cpu::execute(context,
                 Normalise<double, double>{x.input(), y.view(), means, deviations, row_view(gain.data(), gain.size())});
    cpu::execute(context, RowMoments<double>{y.input(), means, deviations, 0});
    for (std::size_t n = 0; n < 11; ++n) {
        CHECK(std::abs(mean[n]) < 777 * 0x1p-52);
        CHECK(std::abs(deviation[n] - 1) < 777 * 0x1p-52);
    }
}

TEST_CASE("the gradients of normalisation are the same bits for every number of threads") {
    const Filled<float> x(700, 300, 1);
    const Filled<float> d_y(700, 300, 2);
    const Filled<float> gain(1, 300, 3);
    const std::vector<float> mean(700, 0.125F);
    const std::vector<float> divisor(700, 0.75F);
    std::vector<std::vector<float>> with_one_thread;
    for (const std::size_t threads : {1U, 2U, 3U}) {
        CAPTURE(threads);
        cpu::Context context(threads);
        Filled<float> d_x(700, 300, 4);
        Filled<float> d_gain(1, 300, 5);
        Filled<float> d_bias(1, 300, 6);
        cpu::execute(context, NormaliseBackward<float, float, float>{.x = x.input(),
                                                                     .mean = {mean.data(), mean.size()},
                                                                     .divisor = {divisor.data(), divisor.size()},
                                                                     .gain = gain.input(),
                                                                     .d_y = d_y.input(),
                                                                     .d_x = d_x.view(),
                                                                     .d_gain = d_gain.view(),
                                                                     .d_bias = d_bias.view()});
        if (threads == 1) with_one_thread = {d_x.values, d_gain.values, d_bias.values};
        CHECK(d_x.values == with_one_thread[0]);
        CHECK(d_gain.values == with_one_thread[1]);
        CHECK(d_bias.values == with_one_thread[2]);
    }
}
