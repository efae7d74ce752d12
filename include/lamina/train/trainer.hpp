// SPDX-License-Identifier: MIT
// Trainer: one optimiser step after another, from micro-batches, learning rates, clipping, guard and what is attached.
#pragma once

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lamina/core/error.hpp>
#include <lamina/core/token_batch.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/layer_state.hpp>
#include <lamina/nn/loss.hpp>
#include <lamina/train/adamw.hpp>
#include <lamina/train/clipping.hpp>
#include <lamina/train/guard.hpp>
#include <lamina/train/learning_rate.hpp>
#include <lamina/train/loss_mean.hpp>
#include <lamina/train/step_batches.hpp>

namespace lamina::train {

struct TrainerOptions {
    AdamWOptions adamw{};
    std::size_t accumulation = 1;  ///< micro-batches per optimiser step
    LossMean loss_mean = LossMean::over_tokens;
    double clip = 1;  ///< maximum of the gradients' norm; 0 for no clipping
    /// Of the penalty on uneven deviations before the last norm (docs/method.md, "Auxiliary loss")
    double auxiliary_weight = 0;
    NonFinite non_finite = NonFinite::stop;
    std::size_t snapshot_every = 10;  ///< steps between states that NonFinite::roll_back can return to
    /// Skipped or rolled-back steps without a good one between them, before it stops.
    std::size_t most_recoveries = 10;
};

/// What a step did.
enum class Outcome : std::uint8_t { updated, skipped, rolled_back };

struct StepReport {
    std::size_t update = 0;  ///< which step this was, from 0
    double loss = 0;         ///< as TrainerOptions::loss_mean says, nats, before the update
    double auxiliary = 0;
    double gradient_norm = 0;  ///< before clipping
    double rate = 0;           ///< learning rate used
    std::size_t tokens = 0;    ///< put through the model
    double seconds = 0;
    Outcome outcome = Outcome::updated;
    std::string problem{};  ///< what was not finite, when something was
};

/// What takes part in every step of a trainer, beside its optimiser.
///
/// before_update(k)      called before the micro-batches of update k
/// after_restore(k)      called when parameters and states were put back, in update k, to what they were earlier
template <class H>
concept StepHook = requires(H& hook, std::size_t update) {
    hook.before_update(update);
    hook.after_restore(update);
};

/// Strings the parts together; each can be used without it.
///
/// Every call of `step` is one update k: what is attached, `accumulation` micro-batches, clipping, AdamW
/// with the learning rate of k (docs/method.md, "One update"). Nothing is printed or written.
template <LanguageModel M>
class Trainer {
public:
    Trainer(M& model, std::function<double(std::size_t)> rate, TrainerOptions options = {})
        : model_(&model), optimiser_(model, options.adamw), rate_(std::move(rate)), options_(options) {
        if (options.accumulation == 0) throw ArgumentError("lamina: Trainer: accumulation of 0: expected at least 1");
        if (options.snapshot_every == 0)
            throw ArgumentError("lamina: Trainer: snapshot_every of 0: expected at least 1");
        if (!(options.clip >= 0)) {  // NaN included
            throw ArgumentError("lamina: Trainer: clip of " + std::to_string(options.clip) + ": expected 0 or more");
        }
    }

    /// Lets `hook` take part in every step, after those attached earlier; it must outlive the trainer.
    template <StepHook Hook>
    void attach(Hook& hook) {
        hooks_.push_back({[&hook](std::size_t update) { static_cast<void>(hook.before_update(update)); },
                          [&hook](std::size_t update) { static_cast<void>(hook.after_restore(update)); }});
    }

    /// One optimiser step. `next()` returns a TokenBatch whose spans stay valid until the call after. Where all tokens
    /// weigh the same and the step has several micro-batches, all are fetched before the first goes through the model.
    template <class Next>
    StepReport step(Next&& next) {
        const auto start = std::chrono::steady_clock::now();
        StepReport report{.update = update_, .rate = rate_(update_)};
        for (const Attached& hook : hooks_) hook.before_update(update_);
        std::optional<std::vector<std::byte>> states;
        if (snapshot_is_due()) states = copy_of_states(model_->layers());
        model_->zero_gradients();
        std::optional<std::string> problem = accumulate(next, report);
        if (states) snapshot_.take(*model_, optimiser_, std::move(*states));
        report.gradient_norm = gradient_norm(*model_);
        if (!problem) problem = problem_of_gradients(report);
        if (problem) {
            recover(report, *problem);
        } else {
            optimiser_.step(*model_, report.rate, clip_scale(report.gradient_norm, options_.clip));
            if (const auto tensor = first_non_finite_parameter(*model_)) {
                recover(report, "parameter " + *tensor);
            } else {
                recoveries_ = 0;
            }
        }
        report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        ++update_;
        return report;
    }

    /// Steps made, and the index of the next one.
    [[nodiscard]] std::size_t update() const { return update_; }
    [[nodiscard]] AdamW<M>& optimiser() { return optimiser_; }
    [[nodiscard]] M& model() { return *model_; }
    [[nodiscard]] const TrainerOptions& options() const { return options_; }

    /// Skipped or rolled-back steps since the last good one: what a checkpoint must keep besides the model, the
    /// optimiser and `update`.
    [[nodiscard]] std::size_t recoveries() const { return recoveries_; }

    /// Continues from a state whose parameters, moments and states have been restored.
    void resume_at(std::size_t update, std::size_t recoveries = 0) {
        update_ = update;
        recoveries_ = recoveries;
        snapshot_ = {};
    }

    /// Says that the present state was saved. Rolling back then leads here at the furthest, as it does in a run that is
    /// resumed from what was saved, so that both go on bit for bit alike.
    void checkpoint_saved() {
        if (options_.non_finite == NonFinite::roll_back) snapshot_.take(*model_, optimiser_);
    }

private:
    struct Attached {
        std::function<void(std::size_t)> before_update;
        std::function<void(std::size_t)> after_restore;
    };

    // A skipped step must leave nothing behind, not even in averages that layers keep, so skipping needs a copy from
    // every step.
    [[nodiscard]] bool snapshot_is_due() const {
        if (options_.non_finite == NonFinite::stop) return false;
        return options_.non_finite == NonFinite::skip || snapshot_.empty() || update_ % options_.snapshot_every == 0;
    }

    /// Forward and backward of the step's micro-batches. Returns what is wrong with the loss, if anything is.
    template <class Next>
    std::optional<std::string> accumulate(Next& next, StepReport& report) {
        std::optional<std::string> broken;
        const auto add = [&](const TokenBatch& batch, MicroBatch micro) {
            micro.auxiliary_weight = options_.auxiliary_weight;
            const StepLoss loss = model_->forward_backward(batch, micro);
            report.loss += micro.share * loss.cross_entropy.mean();
            report.auxiliary += micro.auxiliary_share * loss.auxiliary;
            report.tokens += batch.inputs.size();
            // The activations are there until the next micro-batch.
            if (!broken && !std::isfinite(report.loss)) broken = describe_loss();
        };
        if (options_.loss_mean == LossMean::of_means || options_.accumulation == 1) {
            const double share = 1 / static_cast<double>(options_.accumulation);
            for (std::size_t i = 0; i < options_.accumulation; ++i) add(next(), {.share = share});
            return broken;
        }
        batches_.clear();
        for (std::size_t i = 0; i < options_.accumulation; ++i) batches_.add(next());
        for (std::size_t i = 0; i < batches_.size(); ++i) add(batches_[i], batches_.shares(i));
        return broken;
    }

    [[nodiscard]] std::string describe_loss() {
        const auto place = first_non_finite_activation(*model_);
        return place ? "loss, first seen in " + *place + "," : "loss";
    }

    [[nodiscard]] std::optional<std::string> problem_of_gradients(const StepReport& report) {
        if (std::isfinite(report.gradient_norm)) return std::nullopt;
        const auto tensor = first_non_finite_gradient(*model_);
        return "gradient of " + tensor.value_or("all tensors together");
    }

    void recover(StepReport& report, const std::string& problem) {
        report.problem = problem + " is not finite in step " + std::to_string(update_);
        ++recoveries_;
        if (options_.non_finite != NonFinite::stop) restore();
        // Only now, so that whoever catches this holds a model that is still good.
        if (options_.non_finite == NonFinite::stop || recoveries_ > options_.most_recoveries) {
            throw NonFiniteError(
                "lamina: " + report.problem + (recoveries_ > 1 ? ", as in the steps before" : "") +
                "; lower the learning rate or the clipping norm, or see NonFinite::skip and ::roll_back");
        }
        report.outcome = options_.non_finite == NonFinite::skip ? Outcome::skipped : Outcome::rolled_back;
    }

    void restore() {
        snapshot_.restore(*model_, optimiser_);
        for (const Attached& hook : hooks_) hook.after_restore(update_);
    }

    M* model_;
    AdamW<M> optimiser_;
    std::function<double(std::size_t)> rate_;
    TrainerOptions options_;
    std::vector<Attached> hooks_{};
    StepBatches batches_{};
    Snapshot<M> snapshot_{};
    std::size_t update_ = 0;
    std::size_t recoveries_ = 0;
};

}  // namespace lamina::train
