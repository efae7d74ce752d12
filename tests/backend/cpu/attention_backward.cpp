// SPDX-License-Identifier: MIT
// What conformance does not reach: the backward over several blocks of queries, as the derivative of the forward.
#include <lamina/backend/cpu/attention.hpp>
#include <lamina/backend/cpu/attention_backward.hpp>

#include "backend/cpu/filled.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

using namespace lamina;
using namespace lamina_tests;

namespace {

constexpr std::size_t heads = 2;
constexpr std::size_t embed = 10;
constexpr Extent extent{1, 150};

struct Forward {
    Filled<double> out{extent.tokens(), embed, 1};
    Filled<double> log_sum_exp{extent.tokens(), heads, 2};
};

Forward run_forward(cpu::Context& context, const Filled<double>& qkv) {
    Forward result;
    cpu::execute(context, Attention<double>{extent, heads, qkv.input(), result.out.view(), result.log_sum_exp.view()});
    return result;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

}  // namespace

TEST_CASE("the backward of attention over several blocks is the derivative of its forward") {
    const Filled<double> qkv(extent.tokens(), 3 * embed, 3);
    const Filled<double> d_out(extent.tokens(), embed, 4);
    std::vector<double> with_one_thread;
    for (const std::size_t threads : {1U, 2U}) {
        CAPTURE(threads);
        cpu::Context context(threads);
        Forward forward = run_forward(context, qkv);
        Filled<double> d_qkv(extent.tokens(), 3 * embed, 5);
        cpu::execute(context, AttentionBackward<double>{.extent = extent,
                                                        .heads = heads,
                                                        .qkv = qkv.input(),
                                                        .out = forward.out.input(),
                                                        .log_sum_exp = forward.log_sum_exp.input(),
                                                        .d_out = d_out.input(),
                                                        .d_qkv = d_qkv.view()});
        // Along whole random directions, which no error in any element of the gradient is orthogonal to.
        constexpr double step = 1e-5;
        for (const std::uint32_t seed : {6U, 7U, 8U}) {
            const Filled<double> direction(extent.tokens(), 3 * embed, seed);
            Filled<double> ahead = qkv;
            Filled<double> behind = qkv;
            for (std::size_t i = 0; i < qkv.values.size(); ++i) {
                ahead.values[i] += step * direction.values[i];
                behind.values[i] -= step * direction.values[i];
            }
            const double difference = dot(run_forward(context, ahead).out.values, d_out.values) -
                                      dot(run_forward(context, behind).out.values, d_out.values);
            // Central differences err by step² times a third derivative of order 100, and by roundoff / step.
            CHECK(dot(d_qkv.values, direction.values) == Approx(difference / (2 * step)).margin(1e-6));
        }
        if (threads == 1) with_one_thread = d_qkv.values;
        CHECK(d_qkv.values == with_one_thread);
    }
}
