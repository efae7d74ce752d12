// SPDX-License-Identifier: MIT
// Where the pretrained weights come from: a folder, or for nano, which nobody publishes, training from scratch.
#pragma once

#include "phase.hpp"
#include "pipeline.hpp"

#include <lamina/core/error.hpp>
#include <lamina/io/huggingface.hpp>
#include <lamina/nn/gpt2_of.hpp>
#include <lamina/recipe/nano.hpp>
#include <lamina/train/learning_rate.hpp>

#include <cstddef>
#include <filesystem>

namespace remove_layernorm {

/// Trains a model with all its norms from scratch and saves it as a Hugging Face folder, unless one is there to resume
/// with.
template <class Checkpoint, class Device>
[[nodiscard]] std::filesystem::path pretrain(lamina::BackendFor<Device>& backend, const Job& job) {
    std::filesystem::path folder = job.out / "pretrained";
    // The configuration is written last: without it the run was killed before the folder was whole.
    if (std::filesystem::exists(folder / "config.json")) return folder;
    lamina::Gpt2Of<Checkpoint, Device> model(backend);
    model.initialise(job.options.seed);
    const std::size_t steps = job.options.pretrain_steps;
    train_phase(
        model, job,
        {.name = "pretrain",
         .steps = steps,
         .rate = lamina::train::CosineWithMinimum{.peak = 3e-3, .minimum = 3e-4, .warmup = steps / 20, .steps = steps},
         .trainer = {.adamw = {.weight_decay = 0.1}, .clip = 1},
         .seed = job.options.seed + 1},
        nullptr);
    lamina::io::save_gpt2(model, folder, {.end_of_text = end_of_text_of(job)});
    return folder;
}

template <class Checkpoint, class Device>
[[nodiscard]] std::filesystem::path weights_of(lamina::BackendFor<Device>& backend, const Job& job) {
    if (!job.options.weights.empty()) return job.options.weights;
    if constexpr (Checkpoint::architecture == lamina::recipe::nano_architecture) {
        return pretrain<Checkpoint, Device>(backend, job);
    }
    throw lamina::ArgumentError("--model " + job.options.model + " needs --weights DIR");
}

}  // namespace remove_layernorm
