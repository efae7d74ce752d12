// SPDX-License-Identifier: MIT
// What a program does with its model type, which the case that includes this calls Model: so that errors behind the
// first one would show. Included by many cases that are compiled as one, so without #pragma once.

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/train/adamw.hpp>
#include <lamina/train/clipping.hpp>

#include <array>

inline double use_model() {
    lamina::CpuBackend backend;
    Model model(backend);
    model.initialise(1);
    lamina::train::AdamW<Model> optimiser(model, {.weight_decay = 0.1});

    const std::array<lamina::Token, 4> inputs{1, 2, 3, 4};
    const std::array<lamina::Token, 4> targets{2, 3, 4, 5};
    const lamina::TokenBatch batch(inputs, targets, 4);
    model.zero_gradients();
    double loss = model.forward_backward(batch, {.share = 0.5}).cross_entropy.mean();
    loss += model.forward_backward(batch).cross_entropy.mean();
    const double norm = lamina::train::gradient_norm(model);
    optimiser.step(model, 1e-3, lamina::train::clip_scale(norm, 1.0));
    return loss + model.evaluate(batch).mean();
}
