// SPDX-License-Identifier: MIT
#include <lamina/nn/run/plan.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/removable_norm.hpp>
#include <lamina/train/adamw.hpp>

#include <cstddef>
#include <vector>

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

// Factored, the adapters of a block cost 2·19·C² for x·A and 2·12·C² for (x·A)·B, three times. The first block's c_attn
// needs neither its base's input gradient, 6·C², nor its A's, 2·C².
using Factored = Gpt2<gpt2_small, norm::Removable, adapter::FullRank, precision::FrozenBf16, execution::Factored>;
constexpr double factored_per_token =
    12 * ((2 * 24 + 3 * 62) * width * width + 7 * 1024 * width) - 8 * width * width + 4 * 50257 * width;
constexpr Plan factored = plan<Factored>(one_sequence);
static_assert(factored.flops.forward + factored.flops.backward > 1024 * factored_per_token * (1 - 1e-12));
static_assert(factored.flops.forward + factored.flops.backward < 1024 * factored_per_token * (1 + 1e-12));
static_assert(factored.flops.once == 0 && factored.derived == 0);
static_assert(factored_per_token > (1656 + 155 + 66 - 6) * mega && factored_per_token < (1656 + 155 + 66 + 1) * mega);

static_assert(merged.parameters[index_of(Role::adapter)] == 4 * 219'414'528ULL);
static_assert(merged.gradients == 4 * 219'414'528ULL);
static_assert(merged.moments == 8 * 219'414'528ULL);
static_assert(merged.peak_bytes() < 8_GiB);

// For evaluation there are adapters and their product, but nothing that only a backward pass needs.
using ToEvaluate = Gpt2<gpt2_small, norm::Removable, adapter::FullRank, precision::FrozenBf16, trainable::Nothing>;
static_assert(2 * plan<ToEvaluate>(one_sequence).derived == merged.derived);

// Recomputing keeps one block's activations instead of twelve.
using Recomputing = Gpt2<gpt2_small, norm::Removable, adapter::FullRank, precision::FrozenBf16, recompute::PerBlock>;
static_assert(plan<Recomputing>(one_sequence).workspace.saved * 11 < merged.workspace.saved);
static_assert(plan<Recomputing>(one_sequence).flops.backward > merged.flops.backward);

// Streamed, the gradients are those of the largest layer, A [4C, 4C] and B [4C, C]; the norm of all and the update form
// them once each: 240·C³ per block, once per step, instead of 144·C³.
using Streamed = Gpt2<gpt2_small, norm::Removable, adapter::FullRank, precision::FrozenBf16, gradients::Streamed>;
constexpr Plan streamed = plan<Streamed>(one_sequence);
static_assert(streamed.gradients == 4 * 20 * 768 * 768);
static_assert(streamed.peak_bytes() == merged.peak_bytes() - merged.gradients + streamed.gradients);
static_assert(streamed.flops.once == 12 * 240 * width * width * width);

// What streaming is for: GPT-2 XL on a card of 80 GB.
template <class Precision, class... Ps>
constexpr std::size_t xl_bytes =
    plan<Gpt2<gpt2_xl, norm::Removable, adapter::FullRank, Precision, execution::Merged, recompute::PerBlock, Ps...>>(
        {.batch = 8, .sequence = 1024})
        .peak_bytes();
static_assert(xl_bytes<precision::MixedBf16, gradients::Streamed> < 80'000'000'000);
static_assert(xl_bytes<precision::MixedBf16> - xl_bytes<precision::MixedBf16, gradients::Streamed> > 13_GiB);
static_assert(xl_bytes<precision::FrozenBf16, gradients::Streamed> < 80'000'000'000);
static_assert(xl_bytes<precision::FrozenBf16> - xl_bytes<precision::FrozenBf16, gradients::Streamed> > 13_GiB);

constexpr Architecture tiny{.layers = 2, .heads = 2, .embed = 8, .context = 8, .vocab = 13};
using Tiny = Gpt2<tiny, norm::Removable, adapter::FullRank>;

/// A CPU that keeps count of what is allocated on it.
struct CountingDevice {
    using answers = question::Device;
};

class CountingBackend : public CpuBackend {
public:
    using CpuBackend::CpuBackend;
    [[nodiscard]] Memory allocate(std::size_t bytes) {
        allocated += bytes;
        return CpuBackend::allocate(bytes);
    }
    std::size_t allocated = 0;
};

}  // namespace

template <>
struct lamina::BackendOf<CountingDevice> {
    using type = CountingBackend;
};

TEST_CASE("a model allocates the activation memory of its plan") {
    CpuBackend backend({.threads = 1});
    Tiny model(backend);
    constexpr Extent extent{.batch = 2, .sequence = 8};
    model.reserve(extent, Use::train);
    CHECK(model.workspace_bytes() >= plan<Tiny>(extent).workspace.total());
    CHECK(model.workspace_bytes() < plan<Tiny>(extent).workspace.total() + 64);
    CHECK(plan<Tiny>(extent, Use::evaluate).workspace.total() < plan<Tiny>(extent).workspace.total());
}

TEMPLATE_TEST_CASE("training allocates what the plan says, to the byte", "", execution::Merged, execution::Factored,
                   execution::Split, gradients::Streamed) {
    using Counted = Gpt2<tiny, norm::Removable, adapter::FullRank, CountingDevice, TestType>;
    constexpr Extent extent{.batch = 2, .sequence = 8};
    constexpr Plan planned = plan<Counted>(extent);
    CountingBackend backend({.threads = 1});
    Counted model(backend);
    CHECK(backend.allocated == planned.parameter_bytes() + planned.gradients + planned.derived);
    const train::AdamW<Counted> optimiser(model);
    CHECK(backend.allocated == planned.peak_bytes() - planned.workspace.total());
    const std::vector<Token> ids(extent.tokens(), 1);
    model.initialise(1);
    const std::size_t before = backend.allocated;
    model.forward_backward({ids, ids, extent.sequence});
    model.complete_gradients();
    CHECK(backend.allocated == planned.peak_bytes());
    CHECK(backend.allocated - before == planned.workspace.total());
}
