// SPDX-License-Identifier: MIT
#include <lamina/train/adamw_options.hpp>

using lamina::Role;
using lamina::train::decays;
using lamina::train::GainDecay;

static_assert(decays("h.0.attn.c_attn.lora_A", Role::adapter));
static_assert(decays("h.0.mlp.c_fc.weight", Role::weight));
static_assert(decays("wte.weight", Role::embedding));
static_assert(!decays("h.0.mlp.c_fc.bias", Role::weight));
static_assert(!decays("h.0.ln_1.weight", Role::norm), "lamina's choice");

static_assert(decays("h.0.ln_1.weight", Role::norm, GainDecay::as_weights), "the original's in full fine-tuning");
static_assert(!decays("h.0.ln_1.bias", Role::norm, GainDecay::as_weights));
static_assert(lamina::train::AdamWOptions{}.gain_decay == GainDecay::none);
