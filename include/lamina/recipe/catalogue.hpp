// SPDX-License-Identifier: MIT
// Every recipe, and the way from a name to one.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <lamina/recipe/fine_tuning.hpp>
#include <lamina/recipe/full_rank.hpp>
#include <lamina/recipe/low_rank.hpp>
#include <lamina/recipe/low_rank_xl.hpp>
#include <lamina/recipe/nano.hpp>
#include <lamina/recipe/recipe.hpp>

#include <lamina/core/error.hpp>

namespace lamina::recipe {

namespace detail {

template <std::size_t... Counts>
constexpr auto joined(const std::array<Recipe, Counts>&... families) {
    std::array<Recipe, (Counts + ...)> all;
    std::size_t next = 0;
    const auto append = [&all, &next](const auto& family) {
        for (const Recipe& recipe : family) all[next++] = recipe;
    };
    (append(families), ...);
    return all;
}

inline constexpr std::array catalogue =
    joined(std::array{nano}, full_rank_recipes, low_rank_recipes, low_rank_xl_recipes, fine_tuning_recipes);

}  // namespace detail

/// Short names: the flagship run of each GPT-2 size, full-rank adapters at 6e-4.
struct Alias {
    std::string_view name;
    std::string_view recipe;
};
inline constexpr std::array aliases{
    Alias{"gpt2", gpt2_lora_full.name}, Alias{"gpt2-medium", gpt2_medium_lora_full.name},
    Alias{"gpt2-large", gpt2_large_lora_full.name}, Alias{"gpt2-xl", gpt2_xl_lora_full.name}};

namespace detail {

[[noreturn]] inline void reject(std::string_view name) {
    std::string known;
    for (const Alias& alias : aliases) known.append(alias.name).append(", ");
    for (const Recipe& recipe : catalogue) known.append(recipe.name).append(", ");
    known.resize(known.size() - 2);
    throw ArgumentError("recipe: there is no '" + std::string(name) + "'; expected one of " + known);
}

}  // namespace detail

/// Every recipe once, lamina's own first, then the published ones by family.
[[nodiscard]] constexpr std::span<const Recipe> all() { return detail::catalogue; }

/// The recipe of that name or alias, which lives as long as the program; null if there is none.
[[nodiscard]] constexpr const Recipe* find_or_null(std::string_view name) {
    for (const Alias& alias : aliases) {
        if (alias.name == name) name = alias.recipe;
    }
    for (const Recipe& recipe : detail::catalogue) {
        if (recipe.name == name) return &recipe;
    }
    return nullptr;
}

/// errors   ArgumentError that lists every name
[[nodiscard]] constexpr const Recipe& find(std::string_view name) {
    if (const Recipe* const found = find_or_null(name)) return *found;
    detail::reject(name);
}

}  // namespace lamina::recipe
