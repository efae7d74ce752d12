// SPDX-License-Identifier: MIT
#include <lamina/nn/run/paper.hpp>

#include <cstddef>

#include <lamina/nn/attention.hpp>
#include <lamina/nn/linear.hpp>
#include <lamina/nn/mlp.hpp>
#include <lamina/nn/policies.hpp>
#include <lamina/nn/pre_norm.hpp>
#include <lamina/removal/removable_norm.hpp>

#include "support/catch.hpp"

using namespace lamina;

namespace {

using P = Policies<>;
constexpr Extent extent{3, 16};
constexpr double tokens = 48;

// What a careful reader counts by hand: products twice their multiply-adds, the gradients between two layers.
constexpr PaperRun mlp = on_paper<Mlp<64, 256, P>>(extent);
static_assert(mlp.flops.forward == tokens * 2 * (64 * 256 + 256 * 64));
static_assert(mlp.flops.backward == 2 * mlp.flops.forward && mlp.flops.once == 0);
static_assert(mlp.scratch == 48 * 256 * sizeof(float));
static_assert(on_paper<Mlp<64, 256, P>>(extent, false).flops.backward == mlp.flops.backward - tokens * 2 * 64 * 256);

constexpr PaperRun attention = on_paper<CausalSelfAttention<64, 4, P>>(extent);
static_assert(attention.flops.forward == tokens * (2 * (3 + 1) * 64 * 64 + 2 * 16 * 64));
static_assert(attention.flops.backward == tokens * (2 * 2 * (3 + 1) * 64 * 64 + 5 * 16 * 64));
static_assert(attention.scratch == 48 * (3 + 1) * 64 * sizeof(float));

// A norm with two paths is looked at where they differ: one gradient more.
template <class Norm>
constexpr std::size_t scratch_behind = on_paper<PreNorm<Norm, CausalSelfAttention<64, 4, P>>>(extent).scratch;
constexpr std::size_t stream = 48 * 64 * sizeof(float);
static_assert(scratch_behind<LayerNorm<64, P>> == attention.scratch + stream);
static_assert(scratch_behind<RemovableNorm<64, P, 2, RemovalStage::in_progress>> == attention.scratch + 2 * stream);
static_assert(scratch_behind<RemovableNorm<64, P, 2, RemovalStage::complete>> == attention.scratch + 2 * stream);

/// Its shapes do not fit.
struct Wrong {
    using Scalar = float;
    using Saved = NothingSaved;
    static constexpr std::size_t in = 4;
    static constexpr std::size_t out = 4;

    template <class Visitor>
    constexpr void visit(Visitor&&) {}
    template <class B>
    constexpr void forward(Pass<B>& pass, Rows<const float, 4> x, Rows<float, 4> y, Saved&) {
        pass.run(Convert(y, x.first_rows(x.rows - 1)));
    }
    template <class B>
    constexpr void backward(Pass<B>&, Rows<const float, 4>, const Saved&, Rows<const float, 4>, Rows<float, 4>) {}
};

}  // namespace

TEST_CASE("a plan can be made at run time too, with the same figures", "[nn]") {
    const PaperRun now = on_paper<Mlp<64, 256, P>>(extent);
    CHECK(now.flops.forward == mlp.flops.forward);
    CHECK(now.flops.backward == mlp.flops.backward);
    CHECK(now.scratch == mlp.scratch);
}

TEST_CASE("requests that do not fit are found on paper", "[nn]") {
    CHECK_THROWS_WITH(on_paper<Wrong>(extent), "lamina: Convert: operands of different shapes");
}
