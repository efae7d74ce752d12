// SPDX-License-Identifier: MIT
// Streamed gradients: training to the same bits as with stored ones, formed only for those who look at them.
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include <lamina/arch/visit.hpp>
#include <lamina/nn/composition.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/linear.hpp>
#include <lamina/removal/removable_norm.hpp>
#include <lamina/train/adamw.hpp>
#include <lamina/train/clipping.hpp>
#include <lamina/train/guard.hpp>
#include <lamina/train/trainer.hpp>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

using AdaptersAndNorms = trainable::Roles<Role::adapter, Role::norm>;

/// A CPU that keeps count of the plain products and the updates asked of it.
struct CountingDevice {
    using answers = question::Device;
};

class CountingBackend : public CpuBackend {
public:
    using CpuBackend::CpuBackend;
    template <class Request>
    decltype(auto) run(const Request& request) {
        if constexpr (requires { request.lhs_as; }) ++products;
        if constexpr (requires { request.first_moment; }) ++updates;
        return CpuBackend::run(request);
    }
    std::size_t products = 0;
    std::size_t updates = 0;
};

template <class Gradients, class... Ps>
using Model = Gpt2<tiny, norm::Removable, Gradients, Ps...>;

/// The factors and what is done with them.
template <class... Ps>
struct Case {
    using Stored = Model<gradients::Stored, Ps...>;
    using Streamed = Model<gradients::Streamed, Ps...>;
};

template <class T>
std::vector<double> numbers(MatrixView<T> view) {
    std::vector<double> all;
    for (std::size_t i = 0; i < view.size(); ++i) all.push_back(static_cast<double>(view.data[i]));
    return all;
}

/// Every trained value and moment, to compare bit for bit.
template <class M>
std::vector<std::vector<double>> state_of(M& model, train::AdamW<M>& optimiser) {
    std::vector<std::vector<double>> all;
    model.for_each_trained_value([&](const auto& tensor) { all.push_back(numbers(tensor.values)); });
    for (const Role role : all_roles) {
        all.push_back(numbers(optimiser.first_moments(role)));
        all.push_back(numbers(optimiser.second_moments(role)));
    }
    return all;
}

struct Trained {
    std::vector<Gradients> gradients;
    std::vector<double> norms;
    std::vector<std::vector<double>> state;
};

/// Three steps of two micro-batches each.
template <class M>
Trained trained() {
    Cpu backend;
    M model(backend);
    set_parameters(model, 1);
    set_progress(model, Progress::mixed);
    train::AdamW<M> optimiser(model, {.weight_decay = 0.1});
    SampleBatch second;
    second.inputs[1] = 10;
    Trained result;
    for (int step = 0; step < 3; ++step) {
        model.zero_gradients();
        model.forward_backward(SampleBatch{}, {.share = 0.5});
        model.forward_backward(second, {.share = 0.5});
        result.norms.push_back(train::gradient_norm(model));
        result.gradients.push_back(gradients_of(model));
        optimiser.step(model, 1e-2, 0.5);
    }
    result.state = state_of(model, optimiser);
    return result;
}

using Streaming = Model<gradients::Streamed, precision::Fp64, adapter::FullRank>;
static_assert(Manifest<Streaming>::gradient_elements_of(Role::adapter) == 0);

}  // namespace

template <>
struct lamina::BackendOf<CountingDevice> {
    using type = CountingBackend;
};

// Any two of precision, adapter and execution meet.
TEMPLATE_TEST_CASE("streamed gradients train to the bits of stored ones", "[train]",
                   (Case<precision::Fp64, adapter::FullRank, execution::Merged>),
                   (Case<precision::Fp32, adapter::FullRank, execution::Split>),
                   (Case<precision::Fp32, adapter::Lora<4>, execution::Merged>),
                   (Case<precision::Fp64, adapter::Lora<4>, execution::Split>),
                   (Case<precision::Fp32, adapter::Lora<4, 8>, recompute::PerBlock, AdaptersAndNorms>),
                   (Case<precision::FrozenBf16, adapter::FullRank, recompute::PerBlock>),
                   (Case<precision::AllBf16, adapter::FullRank, trainable::Everything>)) {
    const Trained stored = trained<typename TestType::Stored>();
    const Trained streamed = trained<typename TestType::Streamed>();
    CHECK(streamed.gradients == stored.gradients);
    CHECK(streamed.gradients[2] != stored.gradients[0]);
    CHECK(streamed.state == stored.state);
    // Each sum of squares, none negative, is off by at most one rounding in double per element; the root halves that.
    const double bound = static_cast<double>(Manifest<typename TestType::Stored>::trainable_parameters) *
                         std::numeric_limits<double>::epsilon();
    for (std::size_t step = 0; step < 3; ++step) {
        CHECK(stored.norms[step] > 0);
        CHECK(std::abs(streamed.norms[step] - stored.norms[step]) <= bound * stored.norms[step]);
    }
}

TEST_CASE("layers that stream and layers that do not may stand side by side", "[train]") {
    // The last layer's stored gradients begin where the streamed ones of the layer before end, in another region.
    using P = Policies<precision::Fp64, adapter::FullRank>;
    using S = Policies<precision::Fp64, adapter::FullRank, gradients::Streamed>;
    using Stored = Decoder<tiny, P, Sequential<Linear<8, 8, P>, Linear<8, 8, P>, Linear<8, 8, P>>>;
    using Mixed = Decoder<tiny, P, Sequential<Linear<8, 8, P>, Linear<8, 8, S>, Linear<8, 8, P>>>;
    STATIC_REQUIRE(Manifest<Mixed>::gradient_elements_of(Role::adapter) == 2 * tiny.layers * 128);
    const Trained stored = trained<Stored>();
    const Trained mixed = trained<Mixed>();
    CHECK(mixed.gradients == stored.gradients);
    CHECK(mixed.state == stored.state);
}

TEST_CASE("a scale that is no power of two is rounded elsewhere, and no worse", "[train]") {
    using Scaled = Case<precision::Fp64, adapter::Lora<2, 6>>;
    // G·Bᵀ of at most 32 terms, scaled before or after: a few roundings of each term.
    const double difference =
        relative_difference(trained<Scaled::Streamed>().gradients[0], trained<Scaled::Stored>().gradients[0]);
    CHECK(difference > 0);
    CHECK(difference < 1e-14);
}

TEST_CASE("gradients that were looked at go on adding up", "[train]") {
    using Everything = Model<gradients::Streamed, precision::Fp64, adapter::Lora<4>, trainable::Everything>;
    Cpu backend;
    Everything model(backend);
    set_parameters(model, 1);
    model.forward_backward(SampleBatch{});
    Gradients once = gradients_of(model);
    CHECK(gradients_of(model) == once);
    model.forward_backward(SampleBatch{});
    for (auto& [name, values] : once) {
        for (double& value : values) value *= 2;
    }
    CHECK(relative_difference(gradients_of(model), once) <= 1e-14);
    model.zero_gradients();
    for (const auto& [name, values] : gradients_of(model)) {
        for (const double value : values) REQUIRE(value == 0);
    }
}

TEST_CASE("a model that was moved forms its gradients where it is", "[train]") {
    Cpu backend;
    Streaming model(backend);
    set_parameters(model, 1);
    model.forward_backward(SampleBatch{});
    const Gradients before = gradients_of(model);
    Streaming moved(std::move(model));
    CHECK(gradients_of(moved) == before);
    CHECK(moved.gradients(Role::adapter).empty());
}

TEST_CASE("only who looks at gradients pays for forming them", "[train]") {
    using Counted = Model<gradients::Streamed, precision::Fp64, adapter::FullRank, CountingDevice>;
    CountingBackend backend;
    Counted model(backend);
    set_parameters(model, 1);
    train::AdamW<Counted> optimiser(model);
    train::Snapshot<Counted> snapshot;
    model.zero_gradients();
    model.forward_backward(SampleBatch{});
    const auto products_in = [&](const auto& f) {
        const std::size_t before = backend.products;
        f();
        return backend.products - before;
    };
    constexpr std::size_t once = 2 * 4 * tiny.layers;  // dA and dB of four linear layers per block
    CHECK(products_in([&] { model.complete_gradients(); }) == 0);
    CHECK(products_in([&] { static_cast<void>(train::gradient_norm(model)); }) == once);
    CHECK(products_in([&] { CHECK_FALSE(train::first_non_finite_gradient(model)); }) == once);
    CHECK(products_in([&] { CHECK_FALSE(train::first_non_finite_parameter(model)); }) == 0);
    CHECK(products_in([&] { snapshot.take(model, optimiser); }) == 0);
    CHECK(products_in([&] { optimiser.step(model, 1e-2); }) == once);
    CHECK(backend.updates == 4 * tiny.layers);  // A and B of a layer lie side by side
    CHECK(products_in([&] { snapshot.restore(model, optimiser); }) == 0);
}

namespace {

struct SkippingRun {
    std::vector<train::StepReport> reports;
    std::vector<std::vector<double>> state;
};

/// Five steps, in the third of which the sum behind one layer's gradients is not finite. Without clipping, which would
/// depend on the last digits of the norm.
template <class M>
SkippingRun skipping_run() {
    Cpu backend;
    M model(backend);
    set_parameters(model, 1);
    set_progress(model, Progress::real);
    train::Trainer<M> trainer(model, train::ConstantRate{.peak = 1e-2},
                              {.accumulation = 2, .clip = 0, .non_finite = train::NonFinite::skip});
    SkippingRun run;
    for (std::size_t step = 0; step < 5; ++step) {
        run.reports.push_back(trainer.step([&]() -> TokenBatch {
            static const SampleBatch batch;
            if (step == 2) {
                // The last accumulator that is met is that of the last layer.
                typename M::Scalar* place = nullptr;
                for_each_node<AnyDerived>(model.layers(), [&](auto& derived) {
                    using Member = std::remove_cvref_t<decltype(derived)>;
                    if constexpr (Member::kind == DerivedKind::accumulator) place = derived.values.data;
                });
                *place = std::numeric_limits<typename M::Scalar>::quiet_NaN();
            }
            return batch;
        }));
    }
    run.state = state_of(model, trainer.optimiser());
    return run;
}

}  // namespace

TEST_CASE("a run that skips a step goes the same way with either", "[train]") {
    const auto stored = skipping_run<Model<gradients::Stored, precision::Fp32, adapter::FullRank>>();
    const auto streamed = skipping_run<Model<gradients::Streamed, precision::Fp32, adapter::FullRank>>();
    for (std::size_t step = 0; step < 5; ++step) {
        CHECK(streamed.reports[step].loss == stored.reports[step].loss);
        CHECK(streamed.reports[step].outcome == (step == 2 ? train::Outcome::skipped : train::Outcome::updated));
        CHECK(streamed.reports[step].outcome == stored.reports[step].outcome);
        CHECK(streamed.reports[step].problem == stored.reports[step].problem);
    }
    CHECK(streamed.reports[2].problem == "gradient of h.1.mlp.c_proj.lora_A is not finite in step 2");
    CHECK(streamed.reports[4].loss < streamed.reports[0].loss);
    CHECK(streamed.state == stored.state);
}
