// SPDX-License-Identifier: MIT
// RenamedLinear: a linear layer whose parameters have other names than usual, and a model made of it.
#pragma once

#include <cstddef>
#include <string_view>

#include <lamina/arch/architecture.hpp>
#include <lamina/nn/composition.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/linear.hpp>

namespace lamina_tests {

/// What its members do is what their types say, though the names would have one think otherwise.
template <std::size_t In, std::size_t Out, class P>
struct RenamedLinear : lamina::Linear<In, Out, P> {
    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        lamina::Linear<In, Out, P>::visit([&](std::string_view name, auto& member) { visitor(renamed(name), member); });
    }

private:
    [[nodiscard]] static constexpr std::string_view renamed(std::string_view name) {
        if (name == "weight") return "bias_mixer";
        if (name == "bias") return "offset";
        if (name == "lora_A") return "down";
        if (name == "lora_B") return "up";
        return name;
    }
};

inline constexpr lamina::Architecture renamed_size{.layers = 2, .heads = 1, .embed = 8, .context = 4, .vocab = 11};

template <class P>
using RenamedModel =
    lamina::Decoder<renamed_size, P,
                    lamina::Residual<lamina::Named<"mixer", RenamedLinear<renamed_size.embed, renamed_size.embed, P>>>>;

}  // namespace lamina_tests
