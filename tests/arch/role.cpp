// SPDX-License-Identifier: MIT
#include <lamina/arch/role.hpp>

#include <cstddef>

#include "support/catch.hpp"

using namespace lamina;

static_assert(role_count == 5);
static_assert(name_of(Role::embedding) == "embedding");
static_assert(name_of(Role::weight) == "weight");
static_assert(name_of(Role::norm) == "norm");
static_assert(name_of(Role::adapter) == "adapter");
static_assert(name_of(Role::head) == "head");

TEST_CASE("the list of roles holds each role at its own index", "[arch]") {
    for (std::size_t i = 0; i < role_count; ++i) CHECK(index_of(all_roles[i]) == i);
}
