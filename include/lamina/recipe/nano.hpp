// SPDX-License-Identifier: MIT
// The demonstration's own model and recipe: small enough to pretrain and to lose its norms within minutes on two cores.
#pragma once

#include <lamina/recipe/own.hpp>
#include <lamina/recipe/recipe.hpp>

#include <lamina/arch/architecture.hpp>

namespace lamina::recipe {

/// A byte-level model: 256 bytes and end-of-text.
inline constexpr Architecture nano_architecture{.layers = 4, .heads = 4, .embed = 128, .context = 128, .vocab = 257};

inline constexpr Recipe nano = own_recipe("nano", nano_architecture);

}  // namespace lamina::recipe
