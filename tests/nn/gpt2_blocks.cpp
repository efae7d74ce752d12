// SPDX-License-Identifier: MIT
#include <lamina/nn/gpt2_blocks.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

#include "support/catch.hpp"

using namespace lamina;

namespace {

constexpr Architecture tiny{.layers = 2, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

using P = Policies<>;
using Norm = LayerNorm<8, P>;
using Attention = CausalSelfAttention<8, 2, P>;
using SideBySide = Residual<PreNorm<Norm, Parallel<Attention, Mlp<8, 32, P>>>>;

static_assert(Gpt2Blocks<Gpt2<tiny>>);
static_assert(Gpt2Blocks<Gpt2<tiny, norm::DynamicTanh, adapter::FullRank, precision::Fp64>>);
static_assert(Gpt2Blocks<Gpt2<tiny, norm::Absent, head::UntiedWithBias>>);
static_assert(Gpt2Blocks<Decoder<tiny, P, Gpt2Block<tiny, P>, Named<"ln_f", Norm>>>);

static_assert(!Gpt2Blocks<Decoder<tiny, P, Gpt2Block<tiny, P>>>, "without its last norm");
static_assert(!Gpt2Blocks<Decoder<tiny, P, Gpt2Block<tiny, P>, Norm>>, "under another name");
static_assert(!Gpt2Blocks<Decoder<tiny, P, SideBySide, Named<"ln_f", Norm>>>);
static_assert(!Gpt2Blocks<Norm>);
static_assert(!Gpt2Blocks<int>);

}  // namespace

TEST_CASE("what is made of GPT-2's blocks is known to the compiler") { SUCCEED(); }
