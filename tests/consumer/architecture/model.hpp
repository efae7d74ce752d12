// SPDX-License-Identifier: MIT
// A config.json of one's own as a type, and what it says of the model.
#pragma once

#include <lamina/arch/gpt2_variant.hpp>
#include <lamina/arch/manifest.hpp>
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2_of.hpp>
#include <lamina/removal/removable_norm.hpp>

#include <outsiders_model.hpp>

#include <type_traits>

using Model = lamina::Gpt2Of<outsiders_model, lamina::norm::Removable>;
constexpr lamina::Architecture size = Model::architecture;

static_assert(size.layers == 1 && size.heads == 2 && size.embed == 8 && size.context == 6 && size.vocab == 11);
static_assert(std::is_same_v<Model::Policies::ActivationFunction, lamina::activation::Silu>);
static_assert(Model::Policies::NormEpsilon::value == 1e-6);
static_assert(Model::Policies::AttentionScale::by_layer);
static_assert(lamina::Manifest<Model>::parameters == 11 * 8 + 6 * 8 +                // wte, wpe
                                                         3 * 2 * 8 +                 // ln_1, ln_2, ln_f
                                                         8 * 24 + 24 + 8 * 8 + 8 +   // attention
                                                         8 * 20 + 20 + 20 * 8 + 8 +  // MLP
                                                         11 * 8);                    // lm_head
