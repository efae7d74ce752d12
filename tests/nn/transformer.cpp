// SPDX-License-Identifier: MIT
#include <lamina/nn/transformer.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

using Model = Gpt2<tiny, precision::Fp64>;
using Adapted = Gpt2<tiny, precision::Fp64, adapter::Lora<2>>;

// One mistake away from freeing or sharing memory twice.
static_assert(!std::is_copy_constructible_v<Model> && !std::is_copy_assignable_v<Model>);
static_assert(std::is_nothrow_move_constructible_v<Model> && std::is_nothrow_move_assignable_v<Model>);
static_assert(Model::architecture == tiny);

/// y = x, until it is told to fail.
struct Failing {
    using Scalar = double;
    using Saved = NothingSaved;
    static constexpr std::size_t in = 8;
    static constexpr std::size_t out = 8;
    enum class When { never, forward, backward };

    Parameter<Policies<precision::Fp64>, Role::weight, 8> unused{};
    When when = When::never;

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("unused", unused);
    }
    template <class B>
    void forward(Pass<B>& pass, Rows<const double, 8> x, Rows<double, 8> y, Saved&) {
        if (when == When::forward) throw NonFiniteError("lamina: the layer is out of order");
        pass.run(Map(y, detail::Identity{}, x));
    }
    template <class B>
    void backward(Pass<B>& pass, Rows<const double, 8>, const Saved&, Rows<const double, 8> d_y, Rows<double, 8> d_x) {
        if (when == When::backward) throw ArgumentError("lamina: the layer cannot go back");
        if (!d_x.empty()) pass.run(Map(d_x, detail::Identity{}, d_y));
    }
};

/// What is said against it; nothing where it goes well.
template <class F>
std::string objection(const F& f) {
    try {
        f();
    } catch (const ArgumentError& error) {
        return error.what();
    }
    return "";
}

template <class M>
M prepared(Cpu& backend) {
    M model(backend);
    set_parameters(model, 1);
    model.zero_gradients();
    return model;
}

}  // namespace

TEST_CASE("backward and evaluate find the same loss, the mean over targets that count", "[nn]") {
    Cpu backend;
    Model model = prepared<Model>(backend);
    const StepLoss step = model.forward_backward(SampleBatch{});
    CHECK(step.cross_entropy.count == 9);
    CHECK(step.auxiliary == 0);
    CHECK(model.evaluate(SampleBatch{}).sum == step.cross_entropy.sum);
    CHECK(model.evaluate(SampleBatch{}).mean() == step.cross_entropy.sum / 9);
}

TEST_CASE("the loss of each position is that of its logits", "[nn]") {
    Cpu backend;
    Model model = prepared<Model>(backend);
    const SampleBatch batch;
    std::vector<double> losses(10, 7);
    const LossSum sum = model.evaluate(batch, losses);
    std::vector<double> logits(10 * 11);
    model.logits(batch.inputs, {2, 5}, 5, logits);
    double total = 0;
    for (std::size_t i = 0; i < 10; ++i) {
        if (batch.targets[i] == ignored_target) {
            CHECK(losses[i] == 0);
            continue;
        }
        double denominator = 0;
        for (std::size_t v = 0; v < 11; ++v) denominator += std::exp(logits[i * 11 + v]);
        const double at_target = logits[i * 11 + static_cast<std::size_t>(batch.targets[i])];
        CHECK(losses[i] == Approx(std::log(denominator) - at_target).epsilon(1e-12));
        total += losses[i];
    }
    CHECK(sum.sum == Approx(total).epsilon(1e-14));
}

TEST_CASE("the logits of the last positions are the last of all logits", "[nn]") {
    Cpu backend;
    Model model = prepared<Model>(backend);
    const SampleBatch batch;
    std::vector<double> all(10 * 11);
    std::vector<double> last(2 * 2 * 11);
    model.logits(batch.inputs, {2, 5}, 5, all);
    model.logits(batch.inputs, {2, 5}, 2, last);
    for (std::size_t sequence = 0; sequence < 2; ++sequence) {
        for (std::size_t i = 0; i < 22; ++i) {
            // A product of another number of rows may sum its eight terms in another order.
            CHECK(last[sequence * 22 + i] == Approx(all[sequence * 55 + 33 + i]).epsilon(0).margin(1e-14));
        }
    }
}

TEST_CASE("a shorter sequence has the logits of a longer one's beginning", "[nn]") {
    Cpu backend;
    Model model = prepared<Model>(backend);
    const SampleBatch batch;
    std::vector<double> whole(5 * 11);
    std::vector<double> part(3 * 11);
    model.logits(std::span(batch.inputs).first(5), {1, 5}, 5, whole);
    model.logits(std::span(batch.inputs).first(3), {1, 3}, 3, part);
    for (std::size_t i = 0; i < part.size(); ++i) CHECK(part[i] == Approx(whole[i]).epsilon(1e-13));
}

TEST_CASE("gradients add up until they are zeroed", "[nn]") {
    Cpu backend;
    Adapted model = prepared<Adapted>(backend);
    model.forward_backward(SampleBatch{});
    Gradients once = gradients_of(model);
    model.forward_backward(SampleBatch{});
    const Gradients twice = gradients_of(model);
    for (auto& [name, values] : once) {
        for (double& value : values) value *= 2;
    }
    CHECK(relative_difference(twice, once) <= 1e-14);
    model.zero_gradients();
    for (const auto& [name, values] : gradients_of(model)) {
        for (const double value : values) REQUIRE(value == 0);
    }
}

TEST_CASE("zeroing between backward and completion loses nothing into the next step", "[nn]") {
    Cpu backend;
    Adapted model = prepared<Adapted>(backend);
    model.forward_backward(SampleBatch{});
    const Gradients expected = gradients_of(model);
    model.forward_backward(SampleBatch{});
    model.zero_gradients();  // the accumulators hold a gradient that must go too
    model.forward_backward(SampleBatch{});
    CHECK(relative_difference(gradients_of(model), expected) == 0);
}

TEST_CASE("the share of a micro-batch scales its gradient", "[nn]") {
    Cpu backend;
    Model model = prepared<Model>(backend);
    model.forward_backward(SampleBatch{});
    Gradients whole = gradients_of(model);
    model.zero_gradients();
    const StepLoss loss = model.forward_backward(SampleBatch{}, {.share = 0.25});
    for (auto& [name, values] : whole) {
        for (double& value : values) value *= 0.25;
    }
    CHECK(relative_difference(gradients_of(model), whole) <= 1e-14);
    CHECK(loss.cross_entropy.mean() == model.evaluate(SampleBatch{}).mean());
}

TEST_CASE("a batch without targets has no loss and no gradient", "[nn]") {
    Cpu backend;
    Model model = prepared<Model>(backend);
    SampleBatch batch;
    batch.targets.fill(ignored_target);
    const StepLoss loss = model.forward_backward(batch);
    CHECK((loss.cross_entropy.count == 0 && loss.cross_entropy.mean() == 0));
    for (const auto& [name, values] : gradients_of(model)) {
        for (const double value : values) REQUIRE(value == 0);
    }
}

TEST_CASE("a model may be moved, its memory moves along", "[nn]") {
    Cpu backend;
    Adapted model = prepared<Adapted>(backend);
    const LossSum before = model.evaluate(SampleBatch{});
    Adapted moved(std::move(model));
    CHECK(moved.evaluate(SampleBatch{}).sum == before.sum);
    Adapted assigned(backend);
    assigned = std::move(moved);
    CHECK(assigned.evaluate(SampleBatch{}).sum == before.sum);
}

TEST_CASE("parameters written by hand count once parameters_changed was called", "[nn]") {
    Cpu backend;
    Adapted model = prepared<Adapted>(backend);
    const double before = model.evaluate(SampleBatch{}).sum;
    model.for_each_tensor([](const auto& tensor) {
        if (tensor.entry.name() == "h.0.mlp.c_fc.lora_B") tensor.values.data[0] += 1;
    });
    model.parameters_changed();
    CHECK(model.evaluate(SampleBatch{}).sum != before);
}

TEST_CASE("frozen roles have no gradients", "[nn]") {
    Cpu backend;
    Adapted model = prepared<Adapted>(backend);
    model.forward_backward(SampleBatch{});
    CHECK(model.gradients(Role::weight).empty());
    CHECK(model.gradients(Role::embedding).empty());
    CHECK(model.gradients(Role::adapter).size() == Manifest<Adapted>::gradient_elements_of(Role::adapter));
}

TEST_CASE("memory is kept for the largest batch and use so far", "[nn]") {
    Cpu backend;
    Model model = prepared<Model>(backend);
    CHECK(model.workspace_bytes() == 0);
    model.reserve({2, 5}, Use::train);
    const std::size_t held = model.workspace_bytes();
    CHECK(held == Workspace<Model>::bytes({2, 5}, Use::train).total());
    static_cast<void>(model.evaluate(SampleBatch{}));
    model.reserve({1, 3}, Use::train);
    CHECK(model.workspace_bytes() == held);
    model.reserve({3, 5}, Use::train);
    CHECK(model.workspace_bytes() > held);
}

TEST_CASE("the stream before the first block is the embeddings, after the last the final norm's input", "[nn]") {
    Cpu backend;
    Model model = prepared<Model>(backend);
    const SampleBatch batch;
    model.forward_backward(batch);
    const auto& layers = model.layers();
    for (std::size_t t = 0; t < 10; ++t) {
        for (std::size_t c = 0; c < 8; ++c) {
            const double expected = layers.token_table.values(static_cast<std::size_t>(batch.inputs[t]), c) +
                                    layers.position_table.values(t % 5, c);
            CHECK(model.stream(0).row(t)[c] == expected);
        }
    }
    CHECK(model.stream(tiny.layers).rows == 10);
    CHECK(objection([&] { static_cast<void>(model.stream(tiny.layers + 1)); }) ==
          "lamina: stream: 3 blocks, expected 0 to 2");
}

TEST_CASE("a sequence longer than the context is refused with both numbers", "[nn]") {
    Cpu backend;
    Model model(backend);
    CHECK_THROWS_AS(model.reserve({1, 7}, Use::train), ArgumentError);
    CHECK_THROWS_WITH(model.reserve({3, 7}, Use::train),
                      "lamina: sequence of 7 tokens × 3: expected 1 to 6 tokens and at least one sequence");
    CHECK_THROWS_AS(model.reserve({0, 5}, Use::evaluate), ArgumentError);
    CHECK_THROWS_AS(model.reserve({1, 0}, Use::evaluate), ArgumentError);
}

TEST_CASE("a token outside the vocabulary is refused by number, as input and as target", "[nn]") {
    Cpu backend;
    Model model = prepared<Model>(backend);
    SampleBatch batch;
    batch.inputs[3] = 11;
    CHECK_THROWS_WITH(model.evaluate(batch),
                      "lamina: token 11: expected 0 to 10; was the text encoded with this model's tokenizer?");
    batch.inputs[3] = -1;
    CHECK_THROWS_AS(model.forward_backward(batch), ArgumentError);
    batch = {};
    batch.targets[0] = 11;
    CHECK_THROWS_AS(model.forward_backward(batch), ArgumentError);
}

TEST_CASE("room for losses or logits that is not of their number is refused in one sentence", "[nn]") {
    Cpu backend;
    Model model = prepared<Model>(backend);
    const auto losses = [&](std::size_t count) {
        std::vector<double> room(count);
        return objection([&] { static_cast<void>(model.evaluate(SampleBatch{}, room)); });
    };
    CHECK(losses(10) == "");
    CHECK(losses(9) == "lamina: evaluate: room for 9 losses, expected 10, one per input token");
    CHECK(losses(11) == "lamina: evaluate: room for 11 losses, expected 10, one per input token");

    const std::vector<Token> ids{1, 2, 3, 4, 5, 6};
    const auto logits = [&](Extent extent, std::size_t count, std::size_t room, std::size_t tokens = 6) {
        std::vector<double> out(room);
        return objection([&] { model.logits(std::span(ids).first(tokens), extent, count, out); });
    };
    CHECK(logits({2, 3}, 2, 44) == "");
    CHECK(logits({2, 3}, 3, 66) == "");
    CHECK(logits({2, 3}, 4, 88) == "lamina: logits: the last 4 positions of 3 tokens, expected at most 3");
    CHECK(logits({2, 3}, 2, 43) == "lamina: logits: room for 43 numbers, expected 44, 11 for each of 2 × 2 positions");
    CHECK(logits({2, 3}, 2, 45) == "lamina: logits: room for 45 numbers, expected 44, 11 for each of 2 × 2 positions");
    CHECK(logits({2, 3}, 2, 44, 5) == "lamina: logits: 5 tokens, expected 2 × 3");
    CHECK(logits({1, 5}, 1, 11) == "lamina: logits: 6 tokens, expected 1 × 5");
    CHECK(logits({1, 0}, 0, 0, 0).starts_with("lamina: sequence of 0 tokens × 1"));
    // The product of these is 6 again.
    const std::size_t wraps = (std::numeric_limits<std::size_t>::max() / 2 + 1) + 3;
    CHECK(logits({wraps, 2}, 1, 33).starts_with("lamina: " + std::to_string(wraps) + " sequences of 2 tokens"));
}

TEST_CASE("activations of more sequences than any memory holds are refused in one sentence", "[nn]") {
    Cpu backend;
    Model model = prepared<Model>(backend);
    const std::string expected =
        " sequences of 6 tokens: their activations are more than any memory holds; ask for fewer";
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
    for (const std::size_t batch : {most, most / 6 + 2, most / Workspace<Model>::bytes({1, 6}, Use::train).total()}) {
        CHECK(objection([&] {
                  model.reserve({batch, 6}, Use::train);
              }) == "lamina: " + std::to_string(batch) + expected);
    }
    CHECK(objection([&] { model.reserve({0, 6}, Use::train); }).starts_with("lamina: sequence of 6 tokens × 0"));
}

TEST_CASE("an error in a block says in which, and keeps its kind", "[nn]") {
    using P = Policies<precision::Fp64>;
    Cpu backend;
    Decoder<tiny, P, Failing, LayerNorm<8, P>> model(backend);
    model.initialise(1);
    model.layers().blocks[1].when = Failing::When::forward;
    CHECK_THROWS_AS(model.evaluate(SampleBatch{}), NonFiniteError);
    CHECK_THROWS_WITH(model.evaluate(SampleBatch{}), "lamina: the layer is out of order, in block h.1");
    CHECK_THROWS_WITH(model.forward_backward(SampleBatch{}), "lamina: the layer is out of order, in block h.1");
    model.layers().blocks[1].when = Failing::When::never;
    model.layers().blocks[0].when = Failing::When::backward;
    CHECK_THROWS_AS(model.forward_backward(SampleBatch{}), ArgumentError);
    CHECK_THROWS_WITH(model.forward_backward(SampleBatch{}), "lamina: the layer cannot go back, in block h.0");
}
