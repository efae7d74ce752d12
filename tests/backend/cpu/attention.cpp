// SPDX-License-Identifier: MIT
// What conformance does not reach: sequences of several blocks of queries, and how they are shared out.
#include <lamina/backend/cpu/attention.hpp>

#include "backend/cpu/filled.hpp"
#include "support/catch.hpp"

#include <lamina/core/bfloat16.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

using namespace lamina;
using namespace lamina_tests;

namespace {

constexpr std::size_t heads = 3;
constexpr std::size_t width = 10;  // of a head, no multiple of a vector
constexpr std::size_t embed = heads * width;

}  // namespace

TEST_CASE("attention over several blocks weighs each token's past, and nothing else, by the softmax") {
    for (const std::size_t length : {63U, 64U, 65U, 200U}) {
        CAPTURE(length);
        const Extent extent{2, length};
        const Filled<double> qkv(extent.tokens(), 3 * embed, 1);
        std::vector<double> with_one_thread;
        for (const std::size_t threads : {1U, 2U, 5U}) {
            CAPTURE(threads);
            cpu::Context context(threads);
            Filled<double> out(extent.tokens(), embed, 2);
            Filled<double> log_sum_exp(extent.tokens(), heads, 3);
            cpu::execute(context, Attention<double>{extent, heads, qkv.input(), out.view(), log_sum_exp.view()});
            double worst = 0;
            for (std::size_t n = 0; n < extent.tokens(); n += 3) {
                const std::size_t start = n / length * length;
                for (std::size_t h = 0; h < heads; ++h) {
                    double sum = 0;
                    std::vector<double> mixed(width);
                    for (std::size_t s = start; s <= n; ++s) {
                        double score = 0;
                        for (std::size_t d = 0; d < width; ++d) {
                            score += qkv(n, h * width + d) * qkv(s, embed + h * width + d);
                        }
                        const double weight = std::exp(score / std::sqrt(static_cast<double>(width)));
                        sum += weight;
                        for (std::size_t d = 0; d < width; ++d) mixed[d] += weight * qkv(s, 2 * embed + h * width + d);
                    }
                    worst = std::max(worst, std::abs(log_sum_exp(n, h) - std::log(sum)));
                    for (std::size_t d = 0; d < width; ++d) {
                        worst = std::max(worst, std::abs(out(n, h * width + d) - mixed[d] / sum));
                    }
                }
            }
            CHECK(worst < 64 * 0x1p-52 * std::sqrt(static_cast<double>(length)));
            if (threads == 1) with_one_thread = out.values;
            CHECK(out.values == with_one_thread);
        }
    }
}

TEST_CASE("attention to equal keys is the mean of the past's values, also with scores that overflow exp") {
    constexpr std::size_t length = 130;
    const Extent extent{1, length};
    std::vector<float> qkv(length * 3);
    for (std::size_t t = 0; t < length; ++t) {
        qkv[3 * t] = 300;      // query
        qkv[3 * t + 1] = 300;  // key
        qkv[3 * t + 2] = static_cast<float>(t);
    }
    Filled<float> out(length, 1, 1);
    Filled<float> log_sum_exp(length, 1, 2);
    cpu::Context context(2);
    cpu::execute(context, Attention<float>{extent, 1, {qkv.data(), length, 3}, out.view(), log_sum_exp.view()});
    for (std::size_t t = 0; t < length; ++t) {
        CHECK(out(t, 0) == Approx(static_cast<double>(t) / 2).epsilon(1e-6));
        CHECK(log_sum_exp(t, 0) == Approx(90000 + std::log(static_cast<double>(t + 1))).epsilon(1e-6));
    }
}
