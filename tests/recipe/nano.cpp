// SPDX-License-Identifier: MIT
#include <lamina/recipe/nano.hpp>

#include "support/catch.hpp"

using namespace lamina::recipe;

namespace {

static_assert(lamina::LegalArchitecture<nano_architecture>);
static_assert(nano.published_as.empty() && nano.sequence_length <= nano_architecture.context);

}  // namespace

TEST_CASE("the nano recipe removes every norm in the first half of its run") {
    STATIC_REQUIRE(nano.removal.removes_every_norm());
    STATIC_REQUIRE(nano.removal.finished_at(nano.layers) < nano.steps() / 2);
    STATIC_REQUIRE(nano.removal.ln_2.start >= nano.learning_rate.warmup);
}

TEST_CASE("the nano recipe keeps the phases of the published schedule in their order") {
    STATIC_REQUIRE(nano.removal.ln_2.last(nano.layers) < nano.removal.ln_1_qk.start);
    STATIC_REQUIRE(nano.removal.ln_1_qk.last(nano.layers) < nano.removal.ln_1_v.start);
    STATIC_REQUIRE(nano.removal.ln_1_v.last(nano.layers) < nano.removal.ln_f.start);
    STATIC_REQUIRE(nano.removal.ln_f.start < nano.removal.end_of_text.start);
}

TEST_CASE("the nano recipe makes lamina's own choices about the divisors and the loss") {
    STATIC_REQUIRE(nano.tracking == lamina::StdTracking{});
    STATIC_REQUIRE(nano.loss_mean == lamina::train::LossMean::over_tokens);
}
