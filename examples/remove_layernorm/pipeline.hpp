// SPDX-License-Identifier: MIT
// The pipeline: pretrained weights, a control run, the removal, the fold, and what each of them scores.
#pragma once

#include "../common/model_folder.hpp"
#include "../common/run_weights.hpp"
#include "../common/warnings.hpp"
#include "evaluation.hpp"
#include "job.hpp"
#include "phase.hpp"
#include "report.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/huggingface.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/run/plan.hpp>
#include <lamina/recipe/initial_std.hpp>
#include <lamina/removal/fold.hpp>
#include <lamina/removal/held_divisors.hpp>
#include <lamina/removal/remaining_norms.hpp>
#include <lamina/removal/removal.hpp>
#include <lamina/text/valid_utf8.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>
#include <type_traits>
#include <utility>

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
    const bool ignored = job.recipe.end_of_text_targets == lamina::recipe::EndOfTextTargets::ignored;
    if (ignored && job.vocabulary.end_of_text >= 0) {
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
                        .loss_mean = recipe.loss_mean,
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
    const recipe::InitialStd* const published = recipe::initial_std_or_null(job.options.model);
    if (published == nullptr || job.recipe.tracking.mode != lamina::DivisorMode::constant) {
        lamina::text::Batches<Slice> batches(*job.corpus.train,
                                             {.batch = job.recipe.micro_batch, .sequence = job.recipe.sequence_length},
                                             {.seed = job.options.seed + 2});
        removal.calibrate(model, batches.next());
        return;
    }
    for (std::size_t i = 0; i < M::architecture.layers; ++i) {
        removal.start_at(RemovalKind::ln_1_qk, i, published->average.ln_1[i], published->first_position.ln_1[i]);
        removal.start_at(RemovalKind::ln_2, i, published->average.ln_2[i], published->first_position.ln_2[i]);
    }
    removal.start_at(RemovalKind::ln_f, 0, published->average.ln_f, published->first_position.ln_f);
}

/// The pretrained model, with adapters, if it gets any, that do nothing yet.
template <class Removable>
[[nodiscard]] Removable starting_model(typename Removable::Backend& backend, const Job& job,
                                       const std::filesystem::path& weights) {
    Removable model(backend);
    model.set_end_of_text(job.vocabulary.end_of_text);
    if constexpr (Removable::Policies::Adapter::present) {
        model.initialise(job.options.seed, lamina::Which::adapters);
    }
    lamina::io::load_gpt2(model, weights);
    return model;
}

/// The held-out loss of a model that had the same steps, or as many of them as are made, and kept its norms.
template <class Removable>
[[nodiscard]] double control_loss(typename Removable::Backend& backend, const Job& job,
                                  const std::filesystem::path& weights) {
    auto model = starting_model<Removable>(backend, job, weights);
    const double before = heldout_loss(model, job);
    lamina::Removal keep_all(model, {}, job.recipe.tracking);
    PhaseSettings settings = recipe_phase(job, "control", before);
    settings.stop_after = job.options.stop_after;
    train_phase(model, job, settings, &keep_all);
    return heldout_loss(model, job);
}

/// What the folded model writes, for people to look at.
template <lamina::LanguageModel M>
void show_sample(M& model, const Job& job) {
    if (job.options.sample_tokens == 0) return;
    std::printf("\nThe folded model writes:\n\n%s\n\n", lamina::text::valid_utf8(sample(model, job)).c_str());
}

/// Takes the norms out of a model, or as many as go before the step to stop after; fills what `results` has of it.
template <class Removable>
[[nodiscard]] Removable remove_norms(typename Removable::Backend& backend, const Job& job,
                                     const std::filesystem::path& weights, Results& results) {
    auto model = starting_model<Removable>(backend, job, weights);
    lamina::Removal removal(model, job.recipe.removal, job.recipe.tracking);
    results.layer_norms_before = removal.norms();
    results.pretrained = heldout_loss(model, job);
    start_norms(model, removal, job);
    PhaseSettings settings = recipe_phase(job, "removal", results.pretrained);
    settings.stop_after = job.options.stop_after;
    const std::size_t bytes = train_phase(model, job, settings, &removal);
    std::printf("memory   peak %.3f GB, planned %.3f GB\n", static_cast<double>(bytes) / 1e9,
                static_cast<double>(plan_of<Removable>(job).peak_bytes()) / 1e9);
    lamina::hold_divisors(model);  // what is saved, evaluated and folded is one model
    results.removed = heldout_loss(model, job);
    results.layer_norms_after = removal.norms_left();
    any_model::save_run(model, job.out);
    return model;
}

/// Folds what is left of the norms of a model that has no other; fills what `results` has of it.
template <class Removable>
[[nodiscard]] auto fold_and_save(Removable model, const Job& job, Results& results) {
    const auto removed_logits = heldout_logits(model, job);
    auto folded = lamina::fold(std::move(model));
    static_assert(!lamina::contains_layer_norm<decltype(folded)>);
    lamina::io::save_gpt2(folded, job.out / "folded", {.end_of_text = end_of_text_of(job)});
    any_model::copy_tokenizer(job.vocabulary.files, job.out / "folded");
    results.folded = heldout_loss(folded, job);
    results.max_logit_difference = largest_difference(removed_logits, heldout_logits(folded, job));
    return folded;
}

/// What a run that stopped early has come to: the loss as the model is, and as it would be if the other norms went now.
template <class Removable>
void report_stop(Removable& model, const Job& job, const Results& results) {
    lamina::fix_remaining_norms(model);
    std::printf("stopped after step %zu with %zu of %zu LayerNorms left: held-out loss %.4f, %.4f if they went now\n",
                *job.options.stop_after, results.layer_norms_after, results.layer_norms_before, results.removed,
                heldout_loss(model, job));
    if (results.control) std::printf("the control has %.4f after as many steps\n", *results.control);
    std::printf(
        "--resume without --stop-after goes on; evaluate --run %s takes the model as it is, or with "
        "--force-removed\n",
        job.out.c_str());
}

/// Where the pretrained weights are, or are put.
template <class B>
using WeightSource = std::filesystem::path (*)(B&, const Job&);

template <class Removable>
void run_pipeline(const Job& job, WeightSource<typename Removable::Backend> weights_of) {
    const auto start = std::chrono::steady_clock::now();
    typename Removable::Backend backend =
        make_backend(typename Removable::Policies::Device{}, job.options.place, common::Shapes::few);
    std::printf("%s\n", backend.description().c_str());
    Results results{};
    results.steps = job.recipe.steps();
    const std::filesystem::path weights = weights_of(backend, job);
    const bool stops = job.options.stop_after.value_or(results.steps) < results.steps;
    if (job.options.control) results.control = control_loss<Removable>(backend, job, weights);
    auto model = remove_norms<Removable>(backend, job, weights, results);
    if (stops) return report_stop(model, job, results);
    auto folded = fold_and_save(std::move(model), job, results);
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

/// A model as `Removable` trains it. Its device's backend is included by whoever instantiates this.
template <class Removable, WeightSource<typename Removable::Backend> Weights>
[[nodiscard]] constexpr Run run_of() {
    return {.check = check_job<Removable>,
            .planned_bytes = [](const Job& job) { return plan_of<Removable>(job).peak_bytes(); },
            .run = [](Job& job) { run_pipeline<Removable>(job, Weights); }};
}

/// A model of which the device keeps as much as it has room for: everything, as `Kept` does, or what `Small` does.
template <class Kept, class Small, WeightSource<typename Small::Backend> Weights>
[[nodiscard]] constexpr Run run_by_memory() {
    if constexpr (std::is_same_v<Kept, Small>) return run_of<Small, Weights>();
    return {.check = check_job<Small>,
            .planned_bytes = [](const Job& job) { return plan_of<Small>(job).peak_bytes(); },
            .run =
                [](Job& job) {
                    const bool all = plan_of<Kept>(job).peak_bytes() <= device_memory_of<Kept>(job);
                    std::printf("every activation and gradient %s kept: that takes %.1f GB\n", all ? "is" : "is not",
                                static_cast<double>(plan_of<Kept>(job).peak_bytes()) / 1e9);
                    all ? run_pipeline<Kept>(job, Weights) : run_pipeline<Small>(job, Weights);
                }};
}

}  // namespace remove_layernorm
