// SPDX-License-Identifier: MIT
// One training phase: steps with progress, metrics and checkpoints, continued where a killed run left off.
#pragma once

#include "../common/algorithm_table.hpp"
#include "../common/bytes_taken.hpp"
#include "../common/notes.hpp"
#include "evaluation.hpp"
#include "job.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "run_folder.hpp"

#include <lamina/io/atomic_folder.hpp>
#include <lamina/io/checkpoint.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/metric_log.hpp>
#include <lamina/removal/removal.hpp>
#include <lamina/text/batches.hpp>
#include <lamina/train/trainer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace remove_layernorm {

/// What sets a phase apart from the others.
struct PhaseSettings {
    std::string name;
    std::size_t steps;
    std::function<double(std::size_t)> rate;
    lamina::train::TrainerOptions trainer;
    lamina::text::TargetRule targets{};
    std::uint64_t seed;
    std::size_t evaluate_every = 0;           ///< steps; 0 for never
    std::optional<std::size_t> stop_after{};  ///< steps; its end by absence
    double loss_before = 0;                   ///< on held-out text
};

inline constexpr const char* loss_field = "held-out loss before";

[[nodiscard]] inline lamina::io::Json position_to_json(const lamina::text::BatchPosition& position) {
    return {{"epoch", position.epoch}, {"index", position.index}, {"seed", position.seed}};
}

[[nodiscard]] inline lamina::io::Json metrics_of(const lamina::train::StepReport& report,
                                                 const lamina::Removal* removal) {
    lamina::io::Json metrics{{"loss", report.loss},
                             {"rate", report.rate},
                             {"gradient_norm", report.gradient_norm},
                             {"tokens", report.tokens},
                             {"seconds", report.seconds}};
    if (removal != nullptr) metrics["norms_left"] = removal->norms_left();
    if (report.auxiliary != 0) metrics["auxiliary"] = report.auxiliary;
    if (!report.problem.empty()) metrics["problem"] = report.problem;
    if (removal == nullptr) return metrics;
    for (const lamina::RemovalEvent& event : removal->events()) {
        metrics["events"].push_back(
            {{"kind", static_cast<std::size_t>(event.kind)}, {"name", lamina::describe(event)}});
    }
    return metrics;
}

/// What run.json does not tell of a phase: the loss before stands for the weights, the text and the tokenizer.
[[nodiscard]] inline lamina::io::Json fingerprint(const Job& job, const PhaseSettings& settings) {
    return {{"phase", settings.name},
            {"steps", settings.steps},
            {"train tokens", job.corpus.train->size()},
            {loss_field, settings.loss_before}};
}

/// How much of the loss before two parts of a run must have in common.
enum class Agreement {
    every_bit,        ///< both were made by as many threads of the CPU
    rounding_of_bf16  ///< of different devices or products, or of cuda, whose algorithms are chosen anew by their time
};

/// Checkpoints of before places were kept may be of any.
[[nodiscard]] inline Agreement agreement_with(const lamina::io::JsonObject& extra, const Job& job) {
    const bool here = extra.contains("place") && extra.json("place") == place_of(job);
    return here && job.options.place.device == common::Device::cpu ? Agreement::every_bit : Agreement::rounding_of_bf16;
}

/// What keeps a phase from going on with a checkpoint of other settings; empty where nothing does.
[[nodiscard]] inline std::string difference_of_phases(lamina::io::Json stored, const lamina::io::Json& now,
                                                      Agreement agreement) {
    if (agreement == Agreement::rounding_of_bf16 && stored.contains(loss_field) && stored[loss_field].is_number()) {
        const double expected = now[loss_field].get<double>();
        const double found = stored[loss_field].get<double>();
        if (std::abs(found - expected) <= 0x1p-8 * std::abs(expected)) stored[loss_field] = expected;
    }
    return difference(stored, now);
}

/// Runs or continues a phase to its end. Returns the most memory that was taken after a step, in bytes.
template <lamina::LanguageModel M>
std::size_t train_phase(M& model, const Job& job, const PhaseSettings& settings, lamina::Removal* removal) {
    namespace io = lamina::io;
    lamina::train::Trainer<M> trainer(model, settings.rate, settings.trainer);
    if (removal != nullptr) trainer.attach(*removal);
    const std::filesystem::path checkpoint = job.out / ("checkpoint-" + settings.name);
    const io::Json settings_now = fingerprint(job, settings);

    lamina::text::BatchPosition position{.seed = settings.seed};
    io::AtomicFolder::recover(checkpoint);
    const bool continues = job.options.resume && std::filesystem::exists(checkpoint);
    if (continues) {
        const io::Checkpoint stored(checkpoint);
        const io::JsonObject extra = stored.extra_fields();
        const std::string problem =
            difference_of_phases(extra.json("settings"), settings_now, agreement_with(extra, job));
        if (!problem.empty()) {
            extra.fail("settings", "are other ones: " + problem + "; repeat the flags of the first run, or start anew");
        }
        const io::JsonObject place = extra.object("position");
        position = {place.require<std::size_t>("epoch"), place.require<std::size_t>("index"),
                    place.require<std::uint64_t>("seed")};
        stored.restore(trainer);
        std::printf("%-8s continues at step %zu\n", settings.name.c_str(), trainer.update());
        if (const auto other = common::take_algorithms(model.backend(), extra)) {
            std::printf("%-8s not with the same bits: %s\n", settings.name.c_str(), other->c_str());
        }
    }
    lamina::text::Batches<Slice> batches(
        *job.corpus.train,
        {.batch = job.recipe.micro_batch, .sequence = job.recipe.sequence_length, .targets = settings.targets},
        position);
    const std::filesystem::path log_path = metric_path(job, settings.name);
    io::MetricLog log = continues && trainer.update() > 0 ? io::MetricLog::resume(log_path, trainer.update() - 1)
                                                          : io::MetricLog(log_path);
    Progress progress(settings.name, settings.steps, removal == nullptr ? 0 : removal->norms());
    const auto save = [&] {
        io::Json extra{
            {"settings", settings_now}, {"place", place_of(job)}, {"position", position_to_json(batches.position())}};
        common::keep_algorithms(model.backend(), extra);
        io::save_checkpoint(checkpoint, trainer, extra);
    };
    std::size_t most_bytes = common::bytes_taken(model.backend());
    const std::size_t last = std::min(settings.steps, settings.stop_after.value_or(settings.steps));
    while (trainer.update() < last) {
        const lamina::train::StepReport report = trainer.step([&] { return batches.next(); });
        most_bytes = std::max(most_bytes, common::bytes_taken(model.backend()));
        common::print_notes(stdout, common::notes_of(model.backend()));
        io::Json metrics = metrics_of(report, removal);
        progress.show(report, removal == nullptr ? 0 : removal->norms_left());
        if (settings.evaluate_every != 0 && trainer.update() % settings.evaluate_every == 0) {
            const double loss = heldout_loss(model, job);
            metrics["heldout_loss"] = loss;
            progress.show_heldout(loss);
        }
        log.append(report.update, metrics);
        const bool due = job.options.save_every != 0 && trainer.update() % job.options.save_every == 0;
        const bool at_end = trainer.update() == last && (job.options.save_every != 0 || last < settings.steps);
        if (due || at_end) save();
    }
    return most_bytes;
}

}  // namespace remove_layernorm
