// SPDX-License-Identifier: MIT
#include <lamina/nn/loss.hpp>

using namespace lamina;

static_assert(LossSum{}.mean() == 0, "no tokens, no division by zero");
static_assert(LossSum{6, 4}.mean() == 1.5);
static_assert((LossSum{1, 2} + LossSum{3, 4}).sum == 4 && (LossSum{1, 2} + LossSum{3, 4}).count == 6);

static_assert(MicroBatch{}.share == 1 && MicroBatch{}.auxiliary_weight == 0,
              "a micro-batch is a whole step by default");
static_assert(MicroBatch{.share = 0.25}.auxiliary_share == 0.25, "the penalty weighs as much unless it is said");
static_assert(MicroBatch{.share = 0.25, .auxiliary_share = 0.5}.auxiliary_share == 0.5);
static_assert(StepLoss{}.cross_entropy.count == 0 && StepLoss{}.auxiliary == 0);
