// SPDX-License-Identifier: MIT
// What happens without a specialisation, an error with a sentence, is a compile-fail case.
#include <type_traits>

#include <lamina/backend/backend_of.hpp>

#include "support/catch.hpp"

namespace {

struct SomeDevice {};
struct OtherDevice {};
struct SomeBackend {};
struct OtherBackend {};

}  // namespace

template <>
struct lamina::BackendOf<SomeDevice> {
    using type = SomeBackend;
};
template <>
struct lamina::BackendOf<OtherDevice> {
    using type = OtherBackend;
};

static_assert(lamina::HasBackend<SomeDevice>);
static_assert(!lamina::HasBackend<SomeBackend>);

TEST_CASE("a backend is found by the device that it specialises BackendOf for", "[contract]") {
    STATIC_REQUIRE(std::is_same_v<lamina::BackendFor<SomeDevice>, SomeBackend>);
    STATIC_REQUIRE(std::is_same_v<lamina::BackendFor<OtherDevice>, OtherBackend>);
}
