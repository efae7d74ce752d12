// SPDX-License-Identifier: MIT
// The pipeline: pretrained weights, a control run, the removal, the fold, and what each of them scores.
#pragma once

#include "../common/warnings.hpp"
#include "evaluation.hpp"
#include "job.hpp"
#include "phase.hpp"
#include "report.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/adapter_file.hpp>
#include <lamina/io/huggingface.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/run/plan.hpp>
#include <lamina/recipe/initial_std.hpp>
#include <lamina/removal/fold.hpp>
#include <lamina/removal/norm_states.hpp>
#include <lamina/removal/removal.hpp>
#include <lamina/text/valid_utf8.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>

namespace remove_layernorm {

template <class M>
[[nodiscard]] lamina::Plan plan_of(const Job& job) {
    return lamina::plan<M>({job.recipe.micro_batch, job.recipe.sequence_length});
}

/// Bytes of the device's memory that `M` may take.
template <class M>
[[nodiscard]] std::size_t device_memory_of(const Job& job) {
    return memory_of(typename M::Policies::Device{}, job.options.place);
}

/// Throws when the plan of `M` exceeds the memory of its device: better now than killed halfway.
template <class M>
void refuse_what_cannot_fit(const Job& job) {
    const lamina::Plan plan = plan_of<M>(job);
    const std::size_t memory = device_memory_of<M>(job);
    if (plan.peak_bytes() <= memory) return;
    const auto gib = [](std::size_t bytes) { return static_cast<double>(bytes) / (1U << 30); };
    const bool on_cpu = job.options.place.device == common::Device::cpu;
    char text[320];
    std::snprintf(text, sizeof text,
                  "%s: training takes %.1f GiB (parameters %.1f, gradients %.1f, moments %.1f, once per step %.1f, "
                  "activations %.1f), this %s has %.1f GiB%s; lower --micro-batch or take a smaller model",
                  job.options.model.c_str(), gib(plan.peak_bytes()), gib(plan.parameter_bytes()), gib(plan.gradients),
                  gib(plan.moments), gib(plan.derived), gib(plan.workspace.total()), on_cpu ? "machine" : "device",
                  gib(memory), on_cpu ? "" : " free");
    throw lamina::ArgumentError(text);
}

[[nodiscard]] inline lamina::text::TargetRule training_targets(const Job& job) {
    lamina::text::TargetRule rule{};
    if (job.recipe.end_of_text_targets == lamina::recipe::EndOfTextTargets::ignored) {
        rule.ignored_token = job.vocabulary.end_of_text;
    }
    return rule;
}

[[nodiscard]] inline PhaseSettings recipe_phase(const Job& job, const std::string& name, double loss_before) {
    const lamina::recipe::Recipe& recipe = job.recipe;
    return {.name = name,
            .steps = recipe.steps(),
            .rate = recipe.learning_rate,
            .trainer = {.adamw = {.beta1 = recipe.beta1,
                                  .beta2 = recipe.beta2,
                                  .epsilon = recipe.epsilon,
                                  .weight_decay = recipe.weight_decay,
                                  .gain_decay = recipe.gain_decay},
                        .accumulation = recipe.accumulation,
                        .clip = recipe.clip,
                        .auxiliary_weight = recipe.auxiliary_loss,
                        .non_finite = job.options.non_finite},
            .targets = training_targets(job),
            .seed = job.options.seed,
            .evaluate_every = recipe.evaluate_every,
            .loss_before = loss_before};
}

/// Starts the norms where the recipe does: at the published deviations of GPT-2, or measured on the first training
/// batch.
template <class M>
void start_norms(M& model, lamina::Removal& removal, const Job& job) {
    namespace recipe = lamina::recipe;
    using lamina::RemovalKind;
    if (job.options.model == "nano" || job.recipe.tracking.mode != lamina::DivisorMode::constant) {
        lamina::text::Batches<Slice> batches(*job.corpus.train,
                                             {.batch = job.recipe.micro_batch, .sequence = job.recipe.sequence_length},
                                             {.seed = job.options.seed + 2});
        removal.calibrate(model, batches.next());
        return;
    }
    const auto published = recipe::initial_std(job.options.model);
    for (std::size_t i = 0; i < M::architecture.layers; ++i) {
        removal.start_at(RemovalKind::ln_1_qk, i, published.average.ln_1[i], published.first_position.ln_1[i]);
        removal.start_at(RemovalKind::ln_2, i, published.average.ln_2[i], published.first_position.ln_2[i]);
    }
    removal.start_at(RemovalKind::ln_f, 0, published.average.ln_f, published.first_position.ln_f);
}

/// The pretrained model with adapters that do nothing yet.
template <class Removable>
[[nodiscard]] Removable starting_model(typename Removable::Backend& backend, const Job& job,
                                       const std::filesystem::path& weights) {
    Removable model(backend);
    model.set_end_of_text(job.vocabulary.end_of_text);
    model.initialise(job.options.seed, lamina::Which::adapters);
    lamina::io::load_gpt2(model, weights);
    return model;
}

/// The held-out loss of a model that had the same steps and kept its norms.
template <class Removable>
[[nodiscard]] double control_loss(typename Removable::Backend& backend, const Job& job,
                                  const std::filesystem::path& weights) {
    auto model = starting_model<Removable>(backend, job, weights);
    const double before = heldout_loss(model, job);
    lamina::Removal keep_all(model, {}, job.recipe.tracking);
    train_phase(model, job, recipe_phase(job, "control", before), &keep_all);
    return heldout_loss(model, job);
}

/// What the folded model writes, for people to look at.
template <lamina::LanguageModel M>
void show_sample(M& model, const Job& job) {
    if (job.options.sample_tokens == 0) return;
    std::printf("\nThe folded model writes:\n\n%s\n\n", lamina::text::valid_utf8(sample(model, job)).c_str());
}

/// Takes the norms out of a model and folds what is left of them; fills everything in `results` but the control.
template <class Removable>
[[nodiscard]] auto remove_and_fold(typename Removable::Backend& backend, const Job& job,
                                   const std::filesystem::path& weights, Results& results) {
    namespace io = lamina::io;
    auto model = starting_model<Removable>(backend, job, weights);
    lamina::Removal removal(model, job.recipe.removal, job.recipe.tracking);
    results.layer_norms_before = removal.norms();
    results.pretrained = heldout_loss(model, job);
    start_norms(model, removal, job);
    const std::size_t bytes = train_phase(model, job, recipe_phase(job, "removal", results.pretrained), &removal);
    const lamina::Plan plan = plan_of<Removable>(job);
    std::printf("memory   peak %.3f GB, planned %.3f GB\n", static_cast<double>(bytes) / 1e9,
                static_cast<double>(plan.peak_bytes()) / 1e9);
    results.removed = heldout_loss(model, job);
    results.layer_norms_after = removal.norms_left();
    io::save_adapter(model, job.out / "adapter.safetensors");
    lamina::save_norm_states(model, job.out / "norms.json");
    const auto removed_logits = heldout_logits(model, job);

    auto folded = lamina::fold(std::move(model));
    static_assert(!lamina::contains_layer_norm<decltype(folded)>);
    io::save_gpt2(folded, job.out / "folded");
    results.folded = heldout_loss(folded, job);
    results.max_logit_difference = largest_difference(removed_logits, heldout_logits(folded, job));
    return folded;
}

/// Where the pretrained weights are, or are put.
template <class B>
using WeightSource = std::filesystem::path (*)(B&, const Job&);

template <class B>
[[nodiscard]] std::filesystem::path given_weights(B&, const Job& job) {
    return job.options.weights;
}

template <class Removable>
void run_pipeline(const Job& job, WeightSource<typename Removable::Backend> weights_of) {
    const auto start = std::chrono::steady_clock::now();
    typename Removable::Backend backend =
        make_backend(typename Removable::Policies::Device{}, job.options.place, common::Shapes::few);
    std::printf("%s\n", backend.description().c_str());
    Results results{};
    results.steps = job.recipe.steps();
    const std::filesystem::path weights = weights_of(backend, job);
    if (job.options.control) results.control = control_loss<Removable>(backend, job, weights);
    auto folded = remove_and_fold<Removable>(backend, job, weights, results);
    results.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    write_report(job, results);
    // Every token that is written makes the passes longer: no algorithm is worth timing.
    expect_shapes(backend, common::Shapes::many);
    show_sample(folded, job);
    std::printf("%s\n", results_table(results).c_str());
    std::printf("%zu of %zu LayerNorms are left, and the type of the folded model has none.\n",
                results.layer_norms_after, results.layer_norms_before);
}

/// What is wrong with a job that is known without reading a corpus or a weight.
template <class Removable>
void check_job(const Job& job) {
    constexpr lamina::Architecture architecture = Removable::architecture;
    if (job.recipe.sequence_length > architecture.context) {
        throw lamina::ArgumentError("--sequence " + std::to_string(job.recipe.sequence_length) + ": expected at most " +
                                    std::to_string(architecture.context) + ", the context of " + job.options.model);
    }
    if (job.vocabulary.size != architecture.vocab) {
        throw lamina::ArgumentError("the tokenizer has " + std::to_string(job.vocabulary.size) + " tokens, expected " +
                                    std::to_string(architecture.vocab) + " as in " + job.options.model);
    }
    refuse_what_cannot_fit<Removable>(job);
    if (job.options.weights.empty()) return;
    lamina::io::check_gpt2<Removable>(job.options.weights,
                                      common::load_options("remove_layernorm", job.options.strict));
}

/// A size as `Removable` trains it. Its device's backend is included by whoever instantiates this.
template <class Removable,
          WeightSource<typename Removable::Backend> Weights = given_weights<typename Removable::Backend>>
[[nodiscard]] constexpr Size size() {
    return {.check = check_job<Removable>, .run = [](Job& job) { run_pipeline<Removable>(job, Weights); }};
}

/// A size of which the device keeps as much as it has room for: everything, as `Kept` does, or what `Small` does.
template <class Kept, class Small>
[[nodiscard]] constexpr Size size_by_memory() {
    return {.check = check_job<Small>, .run = [](Job& job) {
                const bool all = plan_of<Kept>(job).peak_bytes() <= device_memory_of<Kept>(job);
                std::printf("every activation and gradient %s kept: that takes %.1f GB\n", all ? "is" : "is not",
                            static_cast<double>(plan_of<Kept>(job).peak_bytes()) / 1e9);
                all ? run_pipeline<Kept>(job, given_weights) : run_pipeline<Small>(job, given_weights);
            }};
}

/// What is trained of architecture `A`: every norm can be removed, and adapters of full rank make up for it.
template <lamina::Architecture A, class... Policies>
using RemovableGpt2 = lamina::Gpt2<A, lamina::norm::Removable, lamina::adapter::FullRank, Policies...>;

}  // namespace remove_layernorm
