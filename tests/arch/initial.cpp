// SPDX-License-Identifier: MIT
#include <lamina/arch/initial.hpp>

#include <type_traits>

using lamina::Initial;

static_assert(Initial{}.kind == Initial::Kind::zeros, "what says nothing starts as zero");
static_assert(Initial::constant(1) == Initial{Initial::Kind::constant, 1});
static_assert(Initial::normal(0.02) != Initial::residual_projection(0.02));
static_assert(Initial::uniform(0.5).spread == 0.5);
static_assert(std::is_trivially_copyable_v<Initial>);
