// SPDX-License-Identifier: MIT
#include <lamina/nn/linear.hpp>

#include <cstddef>
#include <limits>
#include <type_traits>
#include <vector>

#include <lamina/nn/policies.hpp>

#include "nn/run_layer.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

template <class... Ps>
using Double = Policies<precision::Fp64, Ps...>;
template <class... Ps>
using Checked = Linear<3, 5, Double<Ps...>>;

using Plain = Checked<>;
template <class... Ps>
using Doubled = Checked<adapter::Lora<2, 4>, Ps...>;

static_assert(Layer<Plain> && Layer<Doubled<execution::Factored>> && Layer<Doubled<execution::Merged>>);
static_assert(Manifest<Plain>::parameters == 3 * 5 + 5);
static_assert(Manifest<Doubled<execution::Split>>::parameters == 3 * 5 + 5 + 3 * 2 + 2 * 5);
static_assert(Manifest<Checked<adapter::FullRank>>::parameters_of(Role::adapter) == 3 * 3 + 3 * 5);

// Only the factored execution keeps something per token.
static_assert(std::is_same_v<Doubled<execution::Merged>::Saved, NothingSaved>);
static_assert(std::is_same_v<Doubled<execution::Split>::Saved, NothingSaved>);
static_assert(saved_bytes<Doubled<execution::Factored>::Saved>(4) == 4 * 2 * sizeof(double));
static_assert(on_paper<Doubled<execution::Merged>>({1, 4}).scratch == 0);
static_assert(on_paper<Doubled<execution::Factored>>({1, 4}).scratch == 64);

// Where nothing trains there is no gradient to sum over the micro-batches of a step.
using Evaluated = Checked<adapter::Lora<2, 4>, execution::Merged, trainable::Nothing>;
static_assert(derived_bytes<Doubled<execution::Merged>>() == 2 * aligned_size(3 * 5 * sizeof(double)));
static_assert(derived_bytes<Evaluated>() == aligned_size(3 * 5 * sizeof(double)));
template <class L>
concept CompletesGradients = requires(L& layer, Cpu& backend) {
    layer.complete_gradients(backend);
};
static_assert(CompletesGradients<Doubled<execution::Merged>> && !CompletesGradients<Evaluated>);

// Streamed, the factors' gradients are no part of what is completed, and nothing streams that does not train.
static_assert(Doubled<execution::Merged, gradients::Streamed>::streams_adapter_gradients);
static_assert(!Checked<adapter::Lora<2, 4>, gradients::Streamed, trainable::Nothing>::streams_adapter_gradients);
static_assert(!Doubled<execution::Split>::streams_adapter_gradients);

// Multiply-adds count two.
static_assert(on_paper<Plain>({2, 5}, true).flops.forward == 2 * 10 * 15);
static_assert(on_paper<Plain>({2, 5}, true).flops.backward == 2 * 2 * 10 * 15);
static_assert(on_paper<Plain>({2, 5}, false).flops.backward == 2 * 10 * 15);
static_assert(on_paper<Doubled<execution::Merged>>({2, 5}, true).flops.forward == 2 * 10 * 15);
static_assert(on_paper<Doubled<execution::Merged>>({2, 5}, true).flops.once == 3 * 2 * 3 * 2 * 5);
static_assert(on_paper<Doubled<gradients::Streamed>>({2, 5}, true).flops.once == 5 * 2 * 3 * 2 * 5);
static_assert(on_paper<Doubled<execution::Split>>({2, 5}, true).flops.forward == 2 * 2 * 10 * 15);
static_assert(on_paper<Doubled<execution::Factored>>({2, 5}, true).flops.forward == 2 * 10 * (15 + 6 + 10));

/// W[i,j] = i - j / 2, b[j] = j, A[i,k] = i + k, B[k,j] = k - j.
template <class Run>
void number(Run& run) {
    auto& layer = run.layer;
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 5; ++j) layer.weight.values(i, j) = double(i) - double(j) / 2;
    }
    for (std::size_t j = 0; j < 5; ++j) layer.bias.values[j] = double(j);
    if constexpr (requires { layer.adapter.a; }) {
        for (std::size_t k = 0; k < 2; ++k) {
            for (std::size_t i = 0; i < 3; ++i) layer.adapter.a.values(i, k) = double(i + k);
            for (std::size_t j = 0; j < 5; ++j) layer.adapter.b.values(k, j) = double(k) - double(j);
        }
    }
}

const std::vector<double> two_tokens{1, 2, -1, 0, 3, 0.5};

}  // namespace

TEST_CASE("linear is x W + b with W in the order in, out", "[nn]") {
    LayerRun<Plain> run({1, 2});
    number(run);
    const auto y = run.forward(two_tokens);
    // Token 0: x·W[:,j] = (1·0 + 2·1 - 1·2) - (1 + 2 - 1) j/2 = -j, plus j. Token 1: 4 - 3.5 j/2 + j.
    CHECK(y == std::vector<double>{0, 0, 0, 0, 0, 4, 3.25, 2.5, 1.75, 1});
}

TEMPLATE_TEST_CASE("an adapter adds alpha over rank times (x A) B however it is executed", "[nn]", execution::Factored,
                   execution::Split, execution::Merged) {
    LayerRun<Doubled<TestType>> run({1, 2});
    number(run);
    const auto y = run.forward(two_tokens);
    // x·A is (0, 2) and (4, 7.5), so 2 (x·A)·B is 2 (2 - 2 j) and 2 (7.5 - 11.5 j).
    CHECK(y == std::vector<double>{4, 0, -4, -8, -12, 19, -4.75, -28.5, -52.25, -76});
}

TEMPLATE_TEST_CASE("linear adds to a stream of its own or another type", "[nn]", execution::Factored, execution::Split,
                   execution::Merged) {
    LayerRun<Doubled<TestType>> run({1, 2});
    number(run);
    const auto y = run.forward(two_tokens);
    Pass<Cpu> pass{.backend = run.backend, .extent = {1, 2}};
    const Rows<const double, 3> x(two_tokens.data(), 2);
    std::vector<double> base(10);
    for (std::size_t i = 0; i < 10; ++i) base[i] = 3 - double(i);
    std::vector<double> stream(10, std::numeric_limits<double>::quiet_NaN());
    run.layer.forward(pass, x, Into(Rows<double, 5>(stream.data(), 2), Rows<const double, 5>(base.data(), 2)),
                      run.saved);
    // Halves and quarters of small numbers: every sum is exact, in float too.
    for (std::size_t i = 0; i < 10; ++i) CHECK(stream[i] == base[i] + y[i]);

    const std::vector<float> base_in_float(base.begin(), base.end());
    std::vector<float> stream_in_float(10, std::numeric_limits<float>::quiet_NaN());
    run.layer.forward(pass, x,
                      Into(Rows<float, 5>(stream_in_float.data(), 2), Rows<const float, 5>(base_in_float.data(), 2)),
                      run.saved);
    for (std::size_t i = 0; i < 10; ++i) CHECK(static_cast<double>(stream_in_float[i]) == stream[i]);
}

TEST_CASE("what is materialised in bf16 without an update is the weight, or zero, bit for bit", "[nn]") {
    using Merged = Linear<7, 5, Policies<precision::MixedBf16, adapter::FullRank, execution::Merged>>;
    using Split = Linear<7, 5, Policies<precision::MixedBf16, adapter::FullRank, execution::Split>>;
    STATIC_REQUIRE(std::is_same_v<decltype(Merged{}.derived.product)::Scalar, bf16>);
    STATIC_REQUIRE(std::is_same_v<decltype(Merged{}.derived.d_product)::Scalar, float>);
    const auto check = [](auto layer, auto&& expected) {
        Cpu backend;
        const ParameterStore<decltype(layer), float, Cpu> store = [&] {
            ParameterStore<decltype(layer), float, Cpu> fresh(backend, layer);
            initialise_parameters(fresh, backend, 5, 1);  // B starts at zero
            return fresh;
        }();
        materialise_all(layer, backend);
        bool weights_are_not_zero = false;
        for (std::size_t i = 0; i < 35; ++i) {
            const float weight = static_cast<float>(layer.weight.values[i]);
            weights_are_not_zero = weights_are_not_zero || weight != 0;
            CHECK(static_cast<float>(layer.derived.product.values[i]) == expected(weight));
        }
        CHECK(weights_are_not_zero);
    };
    check(Merged{}, [](float weight) { return weight; });
    check(Split{}, [](float) { return 0.0F; });
}

TEST_CASE("a merged weight in bf16 is the sum rounded once", "[nn]") {
    using Small = Linear<1, 1, Policies<precision::MixedBf16, adapter::Lora<1, 2>, execution::Merged>>;
    Cpu backend;
    Small layer;
    ParameterStore<Small, float, Cpu> store(backend, layer);
    // 2 · 2^-9 · (1 + 2^-10) is just above half a unit of 1 in the last place; rounded to bf16 itself it were a tie,
    // which goes to the even 1.
    layer.weight.values[0] = static_cast<bf16>(1.0F);
    layer.adapter.a.values[0] = 1.0F + 0x1p-10F;
    layer.adapter.b.values[0] = 0x1p-9F;
    materialise_all(layer, backend);
    CHECK(static_cast<float>(layer.derived.product.values[0]) == 1.0F + 0x1p-7F);
}

TEMPLATE_TEST_CASE("the gradients of linear are exact under every adapter, execution and trainable set", "[nn]",
                   (Checked<>), (Checked<trainable::Nothing>), (Checked<adapter::FullRank>),
                   (Checked<adapter::FullRank, execution::Factored>), (Checked<adapter::FullRank, execution::Split>),
                   (Checked<adapter::Lora<2, 4>>), (Checked<adapter::Lora<2, 4>, execution::Factored>),
                   (Checked<adapter::Lora<2, 4>, execution::Split>),
                   (Checked<adapter::FullRank, trainable::Everything>),
                   (Checked<adapter::FullRank, gradients::Streamed>),
                   (Checked<adapter::Lora<2, 6>, gradients::Streamed, execution::Split, trainable::Everything>),
                   (Checked<adapter::FullRank, trainable::Everything, execution::Factored>),
                   (Checked<adapter::FullRank, trainable::Everything, execution::Split>),
                   (Checked<adapter::Lora<2, 4>, trainable::Everything>),
                   (Checked<adapter::Lora<2, 4>, trainable::Everything, execution::Factored>),
                   (Checked<adapter::Lora<2, 4>, trainable::Everything, execution::Split>),
                   (Checked<adapter::Lora<2>, trainable::Nothing>),
                   (Checked<adapter::Lora<2>, trainable::Nothing, execution::Factored>),
                   (Checked<adapter::Lora<2>, trainable::Nothing, execution::Split>)) {
    const GradientReport report = check_gradient<TestType>();
    INFO(report.where);
    CHECK(report.worst <= gradient_bar);
}

TEMPLATE_TEST_CASE("the columns of linear may be computed and differentiated apart", "[nn]", execution::Factored,
                   execution::Split, execution::Merged) {
    using Everything = Checked<adapter::Lora<2, 4>, trainable::Everything, TestType>;
    LayerRun<Everything> whole({1, 2});
    LayerRun<Everything> parts({1, 2});
    number(whole);
    number(parts);
    const auto y = whole.forward(two_tokens);
    static_cast<void>(parts.forward(two_tokens));  // materialises
    const std::vector<double> d_y{1, -1, 2, 0.5, 3, 0, 1, -2, 1, 1};
    const auto d_x = whole.backward(d_y);

    std::vector<double> y_parts(10);
    std::vector<double> d_x_sum(6);
    const Rows<double, 5> y_view(y_parts.data(), 2);
    const Rows<const double, 5> d_y_view(d_y.data(), 2);
    Pass<Cpu> pass{.backend = parts.backend, .extent = {1, 2}};
    std::vector<std::byte> scratch(256 + tensor_alignment);
    pass.scratch = ScratchStack(scratch);
    const Rows<const double, 3> x(two_tokens.data(), 2);
    const auto run_columns = [&]<std::size_t First, std::size_t Count>(std::index_sequence<First, Count>) {
        auto columns = parts.layer.template columns<First, Count>();
        columns.forward(pass, x, Into(y_view.columns<First, Count>()), parts.saved);
        std::vector<double> d_x_part(6);
        columns.backward(pass, x, parts.saved, d_y_view.columns<First, Count>(), Rows<double, 3>(d_x_part.data(), 2));
        for (std::size_t i = 0; i < 6; ++i) d_x_sum[i] += d_x_part[i];
    };
    run_columns(std::index_sequence<0, 2>{});
    run_columns(std::index_sequence<2, 3>{});
    complete_all_gradients(parts.layer, parts.backend);
    CHECK(relative_difference(y_parts, y) <= 1e-15);
    CHECK(relative_difference(d_x_sum, d_x) <= 1e-14);
    const auto same = [](const auto& a, const auto& b) {
        return relative_difference(std::vector<double>(a.gradient.data, a.gradient.data + a.size),
                                   std::vector<double>(b.gradient.data, b.gradient.data + b.size)) <= 1e-14;
    };
    CHECK(same(parts.layer.weight, whole.layer.weight));
    CHECK(same(parts.layer.bias, whole.layer.bias));
    CHECK(same(parts.layer.adapter.a, whole.layer.adapter.a));
    CHECK(same(parts.layer.adapter.b, whole.layer.adapter.b));
}

TEST_CASE("completing the gradients twice adds nothing", "[nn]") {
    LayerRun<Checked<adapter::FullRank, trainable::Everything>> run({1, 2});
    static_cast<void>(run.forward(two_tokens));
    static_cast<void>(run.backward(std::vector<double>(10, 1.0)));
    const double before = run.layer.adapter.b.gradient[0];
    REQUIRE(before != 0);
    run.layer.complete_gradients(run.backend);
    CHECK(run.layer.adapter.b.gradient[0] == before);
}

TEST_CASE("a linear layer into the residual stream starts smaller", "[nn]") {
    STATIC_REQUIRE(Plain{}.weight.initial.kind == Initial::Kind::normal);
    STATIC_REQUIRE(ResidualLinear<3, 5, Double<>>{}.weight.initial.kind == Initial::Kind::residual_projection);
    STATIC_REQUIRE(ResidualLinear<3, 5, Double<>>{}.weight.initial.spread == 0.02);
}
