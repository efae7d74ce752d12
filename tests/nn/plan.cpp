// SPDX-License-Identifier: MIT
#include <lamina/nn/plan.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

#include "support/catch.hpp"

using namespace lamina;

namespace {

using Small = Gpt2<gpt2_small, norm::Removable, adapter::FullRank, precision::FrozenBf16>;

constexpr double mega = 1e6;
constexpr Extent one_sequence{.batch = 1, .sequence = 1024};

// Per token and block, with C the width: 24·C² forward, as much for the input gradient and for the weight gradient, and
// 7·T·C for causal attention; the head 2·V·C twice. The first block's c_attn, 6·C², needs no input gradient.
constexpr double width = 768;
constexpr double merged_per_token =
    12 * (72 * width * width + 7 * 1024 * width) - 6 * width * width + 4 * 50257 * width;
constexpr Plan merged = plan<Small>(one_sequence);
static_assert(merged.flops.forward + merged.flops.backward > 1024 * merged_per_token * (1 - 1e-12));
static_assert(merged.flops.forward + merged.flops.backward < 1024 * merged_per_token * (1 + 1e-12));
// reference: 510 (linears) + 155 (head) + 66 (attention) MFLOP per token, within rounding, less the 4 not needed.
static_assert(merged_per_token > (510 + 155 + 66 - 5) * mega && merged_per_token < (510 + 155 + 66 + 1) * mega);
// 144·C³ per block, once per step.
static_assert(merged.flops.once == 12 * 144 * width * width * width);

static_assert(merged.parameters[index_of(Role::adapter)] == 4 * 219'414'528ULL);
static_assert(merged.gradients == 4 * 219'414'528ULL);
static_assert(merged.moments == 8 * 219'414'528ULL);
static_assert(merged.peak_bytes() < 8_GiB);

// Recomputing keeps one block's activations instead of twelve.
using Recomputing = Gpt2<gpt2_small, norm::Removable, adapter::FullRank, precision::FrozenBf16, recompute::PerBlock>;
static_assert(plan<Recomputing>(one_sequence).workspace.saved * 11 < merged.workspace.saved);
static_assert(plan<Recomputing>(one_sequence).flops.backward > merged.flops.backward);

constexpr Architecture tiny{.layers = 2, .heads = 2, .embed = 8, .context = 8, .vocab = 13};
using Tiny = Gpt2<tiny, norm::Removable, adapter::FullRank>;

}  // namespace

TEST_CASE("a model allocates the activation memory of its plan") {
    CpuBackend backend({.threads = 1});
    Tiny model(backend);
    constexpr Extent extent{.batch = 2, .sequence = 8};
    model.reserve(extent, Use::train);
    CHECK(model.workspace_bytes() >= plan<Tiny>(extent).workspace.total());
    CHECK(model.workspace_bytes() < plan<Tiny>(extent).workspace.total() + 64);
    CHECK(plan<Tiny>(extent, Use::evaluate).workspace.total() < plan<Tiny>(extent).workspace.total());
}
