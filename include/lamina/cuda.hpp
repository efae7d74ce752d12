// SPDX-License-Identifier: MIT
// The CUDA umbrella: models, the CUDA backend, training. For translation units that nvcc compiles.
#pragma once

#include <lamina/backend/cuda/device.hpp>
#include <lamina/core/random.hpp>
#include <lamina/nn/adapt.hpp>
#include <lamina/nn/check_gradient.hpp>
#include <lamina/nn/generate.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/merge.hpp>
#include <lamina/nn/run/plan.hpp>
#include <lamina/removal/fold.hpp>
#include <lamina/removal/removal.hpp>
#include <lamina/train/trainer.hpp>
