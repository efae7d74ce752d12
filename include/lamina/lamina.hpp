// SPDX-License-Identifier: MIT
// The CPU umbrella: models, the CPU backend, training. Files, text and recipes are included by those who use them.
#pragma once

#include <lamina/backend/cpu/device.hpp>
#include <lamina/core/random.hpp>
#include <lamina/nn/adapt.hpp>
#include <lamina/nn/check_gradient.hpp>
#include <lamina/nn/composition_rules.hpp>
#include <lamina/nn/generate.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/merge.hpp>
#include <lamina/nn/run/plan.hpp>
#include <lamina/removal/fold.hpp>
#include <lamina/removal/removal.hpp>
#include <lamina/train/trainer.hpp>
