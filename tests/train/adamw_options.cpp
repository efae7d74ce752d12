// SPDX-License-Identifier: MIT
#include <lamina/train/adamw_options.hpp>

using lamina::Part;
using lamina::Role;
using lamina::train::decays;
using lamina::train::GainDecay;

static_assert(decays(Role::adapter, Part::lora_a) && decays(Role::adapter, Part::lora_b));
static_assert(decays(Role::weight, Part::weight));
static_assert(decays(Role::embedding, Part::weight));
static_assert(!decays(Role::weight, Part::bias) && !decays(Role::head, Part::bias));
static_assert(!decays(Role::norm, Part::weight), "lamina's choice");

static_assert(decays(Role::norm, Part::weight, GainDecay::as_weights), "the original's in full fine-tuning");
static_assert(!decays(Role::norm, Part::bias, GainDecay::as_weights));
static_assert(lamina::train::AdamWOptions{}.gain_decay == GainDecay::none);
