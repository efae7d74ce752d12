// SPDX-License-Identifier: MIT
// The CUDA umbrella: models, the CUDA backend, training. For translation units that nvcc compiles.
#pragma once

#include <lamina/backend/cuda/device.hpp>
#include <lamina/core/random.hpp>
#include <lamina/nn/check_gradient.hpp>
#include <lamina/nn/fold.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/plan.hpp>
#include <lamina/train/trainer.hpp>
