// SPDX-License-Identifier: MIT
// Gives a published recipe its removal schedule.
#pragma once

#include <lamina/recipe/recipe.hpp>

#include <lamina/removal/schedule.hpp>

namespace lamina::recipe::detail {

/// Sets the schedule and keeps its first-position phase apart from it, as no published run executed that one.
constexpr Recipe with_removal(Recipe recipe, RemovalSchedule schedule) {
    recipe.listed_first_position = schedule.first_position;
    schedule.first_position = {};
    recipe.removal = schedule;
    return recipe;
}

constexpr Recipe with_removal(const Recipe& recipe, const ProgressiveSpacing& spacing) {
    return with_removal(recipe, RemovalSchedule::progressive(spacing, recipe.layers));
}

}  // namespace lamina::recipe::detail
