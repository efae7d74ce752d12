// SPDX-License-Identifier: MIT
// What a backend may repeat: passes with equal keys do the same, and whatever would make a difference is in the key.
#include <lamina/removal/removable_norm.hpp>

#include <cstddef>
#include <functional>
#include <set>
#include <vector>

#include "nn/recording_backend.hpp"
#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

template <class Device>
using Model = Gpt2<tiny, precision::Fp64, norm::Removable, adapter::FullRank, trainable::Everything, Device>;
using Repeating = Model<Recorded>;
using Eager = Model<device::Cpu>;

template <class M>
void prepare(M& model) {
    set_parameters(model, 1);
    set_progress(model, Progress::mixed);
    model.zero_gradients();
}

/// A batch of the sample's extent with other tokens, fewer of them with a target.
struct OtherBatch : SampleBatch {
    OtherBatch() {
        inputs = {3, 3, 0, 4, 1, 10, 4, 2, 2, 6};
        targets = {3, 0, 4, ignored_target, 1, ignored_target, 2, 2, 6, ignored_target};
    }
};

void set_every_norm(Repeating& model, const std::function<void(RemovableState&)>& change) {
    for_each_norm_state(model, [&](RemovableState& state, std::size_t) { change(state); });
}

}  // namespace

TEST_CASE("micro-batches of one extent are the same work, whatever their tokens, targets and share", "[nn]") {
    RecordingBackend backend;
    Repeating repeating(backend);
    prepare(repeating);
    Cpu cpu({.threads = 2});
    Eager eager(cpu);
    prepare(eager);
    const auto both = [&](const TokenBatch& batch, double share) {
        const StepLoss repeated = repeating.forward_backward(batch, {.share = share});
        const StepLoss expected = eager.forward_backward(batch, {.share = share});
        CHECK(repeated.cross_entropy.sum == expected.cross_entropy.sum);
        CHECK(repeated.cross_entropy.count == expected.cross_entropy.count);
    };
    both(SampleBatch{}, 0.5);
    const std::size_t uploads = backend.uploads;
    const std::size_t downloads = backend.downloads;
    both(OtherBatch{}, 0.25);
    CHECK(backend.uploads == uploads + 1);  // each waits for the device
    CHECK(backend.downloads == downloads + 1);
    both(SampleBatch{}, 0.125);
    CHECK(gradients_of(repeating) == gradients_of(eager));
    CHECK(backend.repeated == 4);
    const auto key = [&](std::size_t i) { return backend.keys.at(i); };  // forward, backward, forward, …
    CHECK((key(0) == key(2) && key(0) == key(4)));
    CHECK((key(1) == key(3) && key(1) == key(5)));
    CHECK(key(0) != key(1));

    std::vector<double> losses(10);
    std::vector<double> expected(10);
    for (int time = 0; time < 2; ++time) {
        CHECK(repeating.evaluate(OtherBatch{}, losses).sum == eager.evaluate(OtherBatch{}, expected).sum);
        CHECK(losses == expected);
    }
    CHECK(backend.repeated == 5);
    std::vector<double> logits(2 * 11);
    std::vector<double> expected_logits(2 * 11);
    repeating.logits(SampleBatch{}.inputs, {2, 5}, 1, logits);
    eager.logits(SampleBatch{}.inputs, {2, 5}, 1, expected_logits);
    CHECK(logits == expected_logits);
    CHECK(backend.repeated == 6);
}

TEST_CASE("whatever decides what is queued is in the key", "[nn]") {
    RecordingBackend backend;
    Repeating model(backend);
    prepare(model);
    std::set<RecordingBackend::Key> seen;
    const auto is_new = [&](const TokenBatch& batch) {
        model.forward_backward(batch);
        const std::size_t before = backend.keys.size();
        model.forward_backward(batch);
        CHECK(backend.keys.size() == before + 2);
        CHECK(backend.keys[before] == backend.keys[before - 2]);
        CHECK(backend.keys[before + 1] == backend.keys[before - 1]);
        return seen.insert(backend.keys[before]).second && seen.insert(backend.keys[before + 1]).second;
    };
    const SampleBatch batch;
    CHECK(is_new(batch));
    CHECK_FALSE(is_new(batch));
    CHECK(is_new({batch.inputs, batch.targets, 2}));
    model.set_end_of_text(7);
    CHECK(is_new(batch));

    RemovableState& first = model.layers().blocks[0].template get<0>().inner.norm.state;
    first.values_fixed = true;
    CHECK(is_new(batch));
    first.divisor *= 1.0000001;
    CHECK(is_new(batch));
    first.first_position_apart = true;
    CHECK(is_new(batch));
    first.end_of_text_apart = true;
    CHECK(is_new(batch));
    // A norm that is still real measures, for others to start from, but another mean.
    RemovableState& second = model.layers().blocks[1].template get<0>().inner.norm.state;
    second.fixed = false;
    CHECK(is_new(batch));
    second.tracking.average_over = AverageOver::all_but_first;
    CHECK(is_new(batch));
    second.tracking.first_position = FirstPosition::apart;
    CHECK(is_new(batch));

    model.reserve({3, 6}, Use::train);
    CHECK(is_new(batch));
    static_cast<void>(model.evaluate(batch));
    CHECK(seen.insert(backend.keys.back()).second);
    Repeating another(backend);
    prepare(another);
    another.forward_backward(batch);
    CHECK(seen.insert(backend.keys.back()).second);
}

TEST_CASE("a pass that must read from the device, or divides by what no other does, is not repeated", "[nn]") {
    RecordingBackend backend;
    Repeating model(backend);
    prepare(model);
    model.forward_backward(SampleBatch{}, {.share = 1, .auxiliary_weight = 0.1});
    CHECK(backend.keys.empty());
    set_every_norm(model, [](RemovableState& state) { state.tracking.mode = DivisorMode::track; });
    model.forward_backward(SampleBatch{});
    CHECK(backend.keys.empty());
    // An evaluation that moves no average divides by what the last step left.
    static_cast<void>(model.evaluate(SampleBatch{}));
    CHECK(backend.keys.size() == 1);
    set_every_norm(model, [](RemovableState& state) { state.tracking.evaluation = EvaluationPasses::averaged; });
    static_cast<void>(model.evaluate(SampleBatch{}));
    CHECK(backend.keys.size() == 1);
    // Queries and keys are fixed and values are not: with one call per batch they share it.
    set_every_norm(model, [](RemovableState& state) { state.tracking.mode = DivisorMode::freeze; });
    model.forward_backward(SampleBatch{});
    CHECK(backend.keys.size() == 1);
    set_every_norm(model, [](RemovableState& state) { state.calls_per_batch = 3; });
    // With three they do not, but those of the values move the divisor from pass to pass.
    model.forward_backward(SampleBatch{});
    CHECK(backend.keys.size() == 1);
    set_every_norm(model, [](RemovableState& state) { state.values_fixed = state.fixed; });
    model.forward_backward(SampleBatch{});
    CHECK(backend.keys.size() == 3);
}

TEST_CASE("a model that was moved goes on with the work of the one it was moved from", "[nn]") {
    RecordingBackend backend;
    Repeating model(backend);
    prepare(model);
    model.forward_backward(SampleBatch{});
    Repeating moved(std::move(model));
    moved.zero_gradients();
    moved.forward_backward(SampleBatch{});
    CHECK(backend.repeated == 2);
    const Gradients repeated = gradients_of(moved);
    moved.zero_gradients();
    moved.forward_backward(SampleBatch{}, {.share = 1, .auxiliary_weight = 1e-300});
    CHECK(relative_difference(repeated, gradients_of(moved)) < 1e-14);
}
