// SPDX-License-Identifier: MIT
// Role and Part: what a parameter is for in a model, and what it does in its layer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lamina {

/// Every parameter has one role; each role is one contiguous region of memory.
enum class Role {
    embedding,  ///< token and position tables; the output head too while it is tied
    weight,     ///< matrices and biases of linear layers
    norm,       ///< gains and biases of norms
    adapter,    ///< low- or full-rank factors A and B
    head,       ///< an untied output head and its bias
};

inline constexpr std::array all_roles{Role::embedding, Role::weight, Role::norm, Role::adapter, Role::head};
inline constexpr std::size_t role_count = all_roles.size();

[[nodiscard]] constexpr std::size_t index_of(Role role) { return static_cast<std::size_t>(role); }

[[nodiscard]] constexpr std::string_view name_of(Role role) {
    constexpr std::array<std::string_view, role_count> names{"embedding", "weight", "norm", "adapter", "head"};
    return names[index_of(role)];
}

/// What a parameter does in the layer that shows it. A layer says so by the type of the member, whatever its name.
enum class Part : std::uint8_t {
    weight,  ///< what multiplies, or is looked up: matrices, gains, tables
    bias,    ///< what is added; weight decay spares it
    lora_a,  ///< the factor A of the layer's adapter
    lora_b   ///< the factor B
};

}  // namespace lamina
