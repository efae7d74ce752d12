// SPDX-License-Identifier: MIT
#include <lamina/nn/attention.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include <lamina/nn/policies.hpp>
#include <lamina/nn/pre_norm.hpp>

#include "nn/run_layer.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

template <class... Ps>
using Checked = CausalSelfAttention<4, 2, Policies<precision::Fp64, Ps...>>;
using Frozen = Checked<trainable::Nothing>;

static_assert(Layer<Checked<>> && ReadsPaths<Checked<>>);
static_assert(Manifest<Checked<>>::parameters == 4 * 12 + 12 + 4 * 4 + 4);
// [q|k|v], the heads' output and a number per head: nothing of size T × T.
static_assert(saved_bytes<Checked<>::Saved>(8) == 8 * (12 + 4 + 2) * sizeof(double));
static_assert(saved_bytes<Checked<>::Saved>(800) == 100 * saved_bytes<Checked<>::Saved>(8));
static_assert(on_paper<Checked<>>({1, 8}, true).flops.forward == 8 * 2 * (48 + 16) + 2 * 8 * 8 * 4);
static_assert(on_paper<Frozen>({1, 8}, false).flops.backward == 0);

std::vector<double> numbers(std::size_t count, std::uint64_t seed) {
    Random random{seed};
    std::vector<double> values(count);
    for (double& value : values) value = random.normal();
    return values;
}

template <class L>
void scale_up(LayerRun<L>& run) {
    for_each_parameter(run.layer, [](const std::string&, auto& parameter) {
        Random random{parameter.size};
        for (std::size_t i = 0; i < parameter.size; ++i) parameter.values[i] = 0.5 * random.normal();
    });
}

/// The definition, with a T × T matrix, for one sequence.
std::vector<double> attention_by_definition(Checked<>& layer, const std::vector<double>& x, std::size_t length) {
    const auto qkv = [&](std::size_t t, std::size_t column) {
        double sum = layer.c_attn.bias.values[column];
        for (std::size_t i = 0; i < 4; ++i) sum += x[t * 4 + i] * layer.c_attn.weight.values(i, column);
        return sum;
    };
    std::vector<double> y(x.size());
    for (std::size_t t = 0; t < length; ++t) {
        std::vector<double> heads(4);
        for (std::size_t h = 0; h < 2; ++h) {
            std::vector<double> weights;
            double total = 0;
            for (std::size_t s = 0; s <= t; ++s) {
                const double score = qkv(t, 2 * h) * qkv(s, 4 + 2 * h) + qkv(t, 2 * h + 1) * qkv(s, 5 + 2 * h);
                weights.push_back(std::exp(score / std::sqrt(2.0)));
                total += weights.back();
            }
            for (std::size_t s = 0; s <= t; ++s) {
                for (std::size_t d = 0; d < 2; ++d) heads[2 * h + d] += weights[s] / total * qkv(s, 8 + 2 * h + d);
            }
        }
        for (std::size_t c = 0; c < 4; ++c) {
            y[t * 4 + c] = layer.c_proj.bias.values[c];
            for (std::size_t i = 0; i < 4; ++i) y[t * 4 + c] += heads[i] * layer.c_proj.weight.values(i, c);
        }
    }
    return y;
}

}  // namespace

TEST_CASE("attention is softmax over the past of every head, as defined", "[nn]") {
    LayerRun<Checked<>> run({1, 5});
    scale_up(run);
    const auto x = numbers(20, 3);
    CHECK(relative_difference(run.forward(x), attention_by_definition(run.layer, x, 5)) <= 1e-13);
}

TEST_CASE("a token attends to no later one and to no other sequence", "[nn]") {
    LayerRun<Checked<>> run({2, 3});
    scale_up(run);
    auto x = numbers(24, 4);
    const auto before = run.forward(x);
    for (std::size_t i = 4; i < 8; ++i) x[i] += 1;  // token 1 of sequence 0
    const auto after = run.forward(x);
    for (std::size_t token = 0; token < 6; ++token) {
        bool changed = false;
        for (std::size_t c = 0; c < 4; ++c) {
            // The two results lie at different alignments, which may round differently; a leak is of order one.
            changed = changed || std::abs(before[token * 4 + c] - after[token * 4 + c]) > 1e-12;
        }
        CHECK(changed == (token == 1 || token == 2));
    }
}

TEST_CASE("queries and keys read one input, values the other", "[nn]") {
    LayerRun<Checked<>> run({1, 3});
    scale_up(run);
    const auto x = numbers(12, 5);
    const auto joint = run.forward(x);
    Checked<>::Saved saved{};
    const auto memory = run.backend.allocate(saved_bytes<Checked<>::Saved>(3));
    bind_saved(saved, memory.data(), 3);
    const auto split = [&](const std::vector<double>& x_qk, const std::vector<double>& x_v) {
        std::vector<double> y(12);
        Pass<Cpu> pass{.backend = run.backend, .extent = {1, 3}};
        const Paths<const double, 4> paths({x_qk.data(), 3}, {x_v.data(), 3});
        run.layer.forward(pass, paths, Into(Rows<double, 4>(y.data(), 3)), saved);
        return y;
    };
    const std::vector<double> same = x;
    CHECK(relative_difference(split(x, same), joint) <= 1e-15);
    // One token attends to itself whatever its query and key are: its value alone counts.
    const auto other = numbers(12, 6);
    const auto y = split(other, x);
    for (std::size_t c = 0; c < 4; ++c) CHECK(y[c] == Approx(joint[c]).epsilon(1e-14));
    CHECK(relative_difference(y, joint) > 1e-3);
    CHECK(std::abs(split(x, other)[0] - joint[0]) > 1e-3);
}

TEMPLATE_TEST_CASE("the gradients of attention are exact under every adapter and execution", "[nn]", (Checked<>),
                   (Frozen), (Checked<adapter::FullRank>), (Checked<adapter::FullRank, execution::Factored>),
                   (Checked<adapter::FullRank, execution::Split>), (Checked<adapter::Lora<2>>),
                   (Checked<adapter::Lora<2>, execution::Factored, trainable::Everything>),
                   (Checked<adapter::Lora<2>, execution::Split, trainable::Everything>),
                   (Checked<attention_scale::One>)) {
    const GradientReport report = check_gradient<TestType>({.extent = {2, 5}, .perturbation = 0.4});
    INFO(report.where);
    CHECK(report.worst <= gradient_bar);
}
