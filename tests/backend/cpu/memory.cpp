// SPDX-License-Identifier: MIT
#include <lamina/backend/cpu/memory.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include <lamina/core/error.hpp>

#include "support/catch.hpp"

using lamina::cpu::Memory;

static_assert(std::is_nothrow_move_constructible_v<Memory> && std::is_nothrow_move_assignable_v<Memory>);
static_assert(!std::is_copy_constructible_v<Memory>);

namespace {

constexpr std::size_t mib = std::size_t{1} << 20U;

std::uintptr_t misalignment(const Memory& memory, std::size_t alignment) {
    return reinterpret_cast<std::uintptr_t>(memory.data()) % alignment;
}

}  // namespace

TEST_CASE("memory is zeroed, aligned and as large as asked for") {
    for (const std::size_t bytes :
         {std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{65}, std::size_t{5000}, 2 * mib - 1, 2 * mib,
          2 * mib + 1, 3 * mib + 4096, 9 * mib - 5}) {
        const Memory memory(bytes);
        CAPTURE(bytes);
        REQUIRE(memory.size() == bytes);
        CHECK(misalignment(memory, bytes < 2 * mib ? 64 : 2 * mib) == 0);
        CHECK(std::all_of(memory.data(), memory.data() + bytes, [](std::byte b) { return b == std::byte{0}; }));
        std::fill_n(memory.data(), bytes, std::byte{1});
    }
}

TEST_CASE("memory of no bytes has an address, a default-constructed one has none") {
    CHECK(Memory(0).data() != nullptr);
    CHECK(Memory(0).size() == 0);
    CHECK(Memory().data() == nullptr);
}

TEST_CASE("memory changes its owner when it is moved") {
    for (const std::size_t bytes : {std::size_t{100}, 4 * mib}) {
        Memory first(bytes);
        const std::byte* const address = first.data();
        Memory second(std::move(first));
        CHECK(second.data() == address);
        Memory third(10);
        third = std::move(second);
        CHECK(third.data() == address);
        CHECK(third.size() == bytes);
    }
}

TEST_CASE("memory that the system does not have is refused with the number of bytes") {
    constexpr std::size_t too_much = std::size_t{1} << 60U;
    CHECK_THROWS_AS(Memory(too_much), lamina::Error);
    CHECK_THROWS_WITH(Memory(too_much), Catch::Matchers::Contains("1152921504606846976 bytes"));
    CHECK_THROWS_AS(Memory(std::numeric_limits<std::size_t>::max()), lamina::Error);
}
