// SPDX-License-Identifier: MIT
// Architecture: the numbers that describe a GPT-2-class decoder, and the four published sizes.
#pragma once

#include <cstddef>

namespace lamina {

/// A decoder-only transformer in five numbers, or six. Structural: a value of it is a template argument.
struct Architecture {
    std::size_t layers;     ///< L, blocks
    std::size_t heads;      ///< H, attention heads per block
    std::size_t embed;      ///< C, width of the residual stream
    std::size_t context;    ///< longest sequence, tokens
    std::size_t vocab;      ///< V, tokens the model knows
    std::size_t inner = 0;  ///< inner width of the MLP; 0 for the usual 4·C

    /// D = C / H, features per head.
    [[nodiscard]] constexpr std::size_t head_width() const { return embed / heads; }
    /// Inner width of the MLP.
    [[nodiscard]] constexpr std::size_t hidden() const { return inner == 0 ? 4 * embed : inner; }

    /// The usual inner width is the same whether it is said or not.
    friend constexpr bool operator==(const Architecture& a, const Architecture& b) {
        return a.layers == b.layers && a.heads == b.heads && a.embed == b.embed && a.context == b.context &&
               a.vocab == b.vocab && a.hidden() == b.hidden();
    }
};

/// source  Radford et al. 2019, table 2; docs/gpt2.md, "Sizes"
inline constexpr Architecture gpt2_small{.layers = 12, .heads = 12, .embed = 768, .context = 1024, .vocab = 50257};
inline constexpr Architecture gpt2_medium{.layers = 24, .heads = 16, .embed = 1024, .context = 1024, .vocab = 50257};
inline constexpr Architecture gpt2_large{.layers = 36, .heads = 20, .embed = 1280, .context = 1024, .vocab = 50257};
inline constexpr Architecture gpt2_xl{.layers = 48, .heads = 25, .embed = 1600, .context = 1024, .vocab = 50257};

template <std::size_t Embed, std::size_t Heads>
concept HeadsDivideEmbed = Heads != 0 && Embed % Heads == 0;

template <std::size_t Layers, std::size_t Embed, std::size_t Context, std::size_t Vocab>
concept NothingIsZero = Layers != 0 && Embed != 0 && Context != 0 && Vocab != 0;

/// Ask before spelling a model type with these numbers.
template <Architecture A>
concept LegalArchitecture = HeadsDivideEmbed<A.embed, A.heads> && NothingIsZero<A.layers, A.embed, A.context, A.vocab>;

/// An architecture as a type. Model classes are parameterised with this rather than with the value because its numbers
/// are what diagnostics should show, and because nvcc 13.0 loses struct values that reach a class through an alias.
template <std::size_t Layers, std::size_t Heads, std::size_t Embed, std::size_t Context, std::size_t Vocab,
          std::size_t Inner = 0>
struct Dimensions {
    static constexpr Architecture architecture{
        .layers = Layers, .heads = Heads, .embed = Embed, .context = Context, .vocab = Vocab, .inner = Inner};
};

/// One type for one architecture, whether it says the usual inner width or leaves it open.
template <Architecture A>
using DimensionsOf =
    Dimensions<A.layers, A.heads, A.embed, A.context, A.vocab, A.hidden() == 4 * A.embed ? 0 : A.hidden()>;

}  // namespace lamina
