// SPDX-License-Identifier: MIT
#include <lamina/nn/check_gradient.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <lamina/core/random.hpp>
#include <lamina/nn/linear.hpp>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

using P = Policies<precision::Fp64>;

enum class Mistake { none, gradient_overwritten, input_added, input_skipped, one_percent, bias_forgotten };

/// y = a x + b per feature, wrong in the way told.
template <Mistake M>
struct Affine {
    using Scalar = double;
    using Saved = NothingSaved;
    static constexpr std::size_t in = 3;
    static constexpr std::size_t out = 3;
    Parameter<P, Role::weight, 3> scale{Initial::constant(1)};
    Bias<P, Role::weight, 3> bias{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("scale", scale);
        visitor("bias", bias);
    }
    template <class B>
    void forward(Pass<B>& pass, Rows<const double, 3> x, Rows<double, 3> y, Saved&) {
        if (pass.on_paper()) return;
        for (std::size_t i = 0; i < x.size(); ++i) {
            y[i] = scale.values[i % 3] * x[i] + bias.values[i % 3];
        }
    }
    template <class B>
    void backward(Pass<B>& pass, Rows<const double, 3> x, const Saved&, Rows<const double, 3> d_y,
                  Rows<double, 3> d_x) {
        if (pass.on_paper()) return;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double d = d_y[i];
            double& d_scale = scale.gradient[i % 3];
            if (M == Mistake::gradient_overwritten && i < 3) d_scale = 0;
            d_scale += d * x[i];
            if (M != Mistake::bias_forgotten) bias.gradient[i % 3] += d;
            const double d_input = scale.values[i % 3] * d * (M == Mistake::one_percent ? 1.01 : 1);
            if (M == Mistake::input_added) d_x[i] += d_input;
            if (M != Mistake::input_added && M != Mistake::input_skipped) d_x[i] = d_input;
        }
    }
};

template <Mistake M>
GradientReport report() {
    return check_gradient<Affine<M>>();
}

}  // namespace

TEST_CASE("a correct layer of one's own passes the gradient check", "[nn]") {
    const GradientReport good = report<Mistake::none>();
    CHECK(good.worst <= gradient_bar);
    CHECK(good.tensors == 3);
}

TEST_CASE("the gradient check sees a gradient that is overwritten instead of added to", "[nn]") {
    CHECK(report<Mistake::gradient_overwritten>().worst > 1e-3);
    CHECK(report<Mistake::gradient_overwritten>().where == "scale");
}

TEST_CASE("the gradient check sees an input gradient that is added to or never written", "[nn]") {
    CHECK(report<Mistake::input_added>().worst == std::numeric_limits<double>::infinity());
    CHECK(report<Mistake::input_skipped>().worst == std::numeric_limits<double>::infinity());
    CHECK(report<Mistake::input_skipped>().where == "input");
}

TEST_CASE("the gradient check sees one percent and a forgotten tensor", "[nn]") {
    CHECK(report<Mistake::one_percent>().worst == Approx(0.01).epsilon(1e-6));
    CHECK(report<Mistake::bias_forgotten>().worst == Approx(1).epsilon(1e-6));
    CHECK(report<Mistake::bias_forgotten>().where == "bias");
}

TEST_CASE("a report keeps its worst tensor and counts a NaN as infinitely wrong", "[nn]") {
    GradientReport worst;
    worst.add("good", {1, 2}, {1, 2});
    CHECK((worst.worst == 0 && worst.where == "good"));
    worst.add("bad", {3, 4}, {3, 5});
    worst.add("better", {3, 4}, {3, 4.5});
    CHECK((worst.worst == Approx(1 / std::sqrt(34.0)) && worst.where == "bad" && worst.tensors == 3));
    worst.add("nan", {std::numeric_limits<double>::quiet_NaN()}, {1});
    CHECK((worst.worst == std::numeric_limits<double>::infinity() && worst.where == "nan"));
}

TEST_CASE("a gradient that vanishes is compared absolutely", "[nn]") {
    GradientReport worst;
    worst.add("zero", {0.25, 0}, {0, 0});
    CHECK(worst.worst == 0.25);
}

TEST_CASE("the check of a model sees a gradient that is off", "[nn]") {
    struct Scaled : Gpt2<tiny, precision::Fp64> {
        using Gpt2<tiny, precision::Fp64>::Gpt2;
        StepLoss forward_backward(const TokenBatch& batch, MicroBatch micro = {}) {
            return Gpt2<tiny, precision::Fp64>::forward_backward(batch, {.share = 2 * micro.share});
        }
    };
    Cpu backend;
    Scaled model(backend);
    set_parameters(model, 1);
    CHECK(check_model_gradient(model, SampleBatch{}).worst == Approx(1).epsilon(1e-4));
}

TEST_CASE("sampled elements are spread over a tensor, all of a small one", "[nn]") {
    CHECK(detail::sampled(3, 5) == std::vector<std::size_t>{0, 1, 2});
    CHECK(detail::sampled(10, 5) == std::vector<std::size_t>{0, 2, 4, 6, 8});
}

TEST_CASE("the noise of a check is no tensor's initial values", "[nn]") {
    constexpr std::uint64_t seed = 1;
    for (const std::uint64_t stream : {detail::noise_stream, detail::input_stream}) {
        const double drawn = Random::stream(seed, stream).normal();
        bool repeats = false;
        for (std::uint64_t tensor = 0; tensor < 1000; ++tensor) {
            repeats = repeats || Random::stream(seed, tensor).normal() == drawn;
        }
        CHECK_FALSE(repeats);
    }
}
