// SPDX-License-Identifier: MIT
#include <lamina/nn/gpt2_of.hpp>

#include <type_traits>

#include <lamina/arch/gpt2_variant.hpp>
#include <lamina/backend/cpu/device.hpp>
#include <lamina/removal/removable_norm.hpp>

#include "support/catch.hpp"

using namespace lamina;

namespace {

/// As lamina_add_architecture writes them.
struct eight_layers {
    static constexpr const char* name = "eight_layers";
    static constexpr Architecture architecture{.layers = 8, .heads = 8, .embed = 64, .context = 500, .vocab = 102};
    using Variant = PolicyList<activation::Relu, head::UntiedWithBias>;
};
struct plain {
    static constexpr const char* name = "plain";
    static constexpr Architecture architecture{
        .layers = 12, .heads = 12, .embed = 768, .context = 1024, .vocab = 50257, .inner = 3072};
    using Variant = PolicyList<>;
};
struct no_descriptor {
    static constexpr int architecture = 3;
};

static_assert(CheckpointDescriptor<eight_layers> && CheckpointDescriptor<plain> &&
              !CheckpointDescriptor<no_descriptor>);
static_assert(std::is_same_v<Gpt2Of<eight_layers, norm::Removable, adapter::FullRank>,
                             Gpt2<eight_layers::architecture, head::UntiedWithBias, adapter::FullRank, activation::Relu,
                                  norm::Removable>>);
// What is said comes before the checkpoint's own.
static_assert(std::is_same_v<Gpt2Of<eight_layers, head::Tied>, Gpt2<eight_layers::architecture, activation::Relu>>);
// The usual inner width is the same type whether it is said or not.
static_assert(std::is_same_v<Gpt2Of<plain>, Gpt2<gpt2_small>>);

}  // namespace

TEST_CASE("a descriptor's model has the parameters of its checkpoint", "[nn]") {
    // 8 blocks of 12 C² + 13 C, embeddings, the last norm, and a head of V C + V.
    constexpr std::size_t c = 64;
    constexpr std::size_t v = 102;
    CHECK(Manifest<Gpt2Of<eight_layers>>::parameters ==
          8 * (12 * c * c + 13 * c) + v * c + 500 * c + 2 * c + v * c + v);
    CHECK(Gpt2Of<eight_layers>::Policies::Head::own_bias);
}
