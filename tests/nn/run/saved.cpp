// SPDX-License-Identifier: MIT
#include <lamina/nn/run/saved.hpp>

#include <array>
#include <cstddef>

#include "support/catch.hpp"

using namespace lamina;

namespace {

struct Inner {
    Rows<double, 1> scale;
    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor(scale);
    }
};
struct Outer {
    Rows<float, 5> hidden;
    Inner inner;
    NothingSaved nothing;
    Rows<float, 3> unused;  // not shown, so neither counted nor bound
    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor(hidden);
        visitor(inner);
        visitor(nothing);
    }
};

static_assert(saved_bytes<NothingSaved>(1000) == 0);
static_assert(saved_bytes<Inner>(9) == 128);
static_assert(saved_bytes<Outer>(4) == 128 + 64);
static_assert(saved_bytes<Outer>(0) == 0);

}  // namespace

TEST_CASE("saved views are placed one after another, nested ones included", "[nn]") {
    alignas(tensor_alignment) std::array<std::byte, saved_bytes<Outer>(4)> memory{};
    Outer saved;
    bind_saved(saved, memory.data(), 4);
    CHECK(static_cast<void*>(saved.hidden.data) == memory.data());
    CHECK(static_cast<void*>(saved.inner.scale.data) == memory.data() + 128);
    CHECK((saved.hidden.rows == 4 && saved.inner.scale.rows == 4));
    CHECK(saved.unused.empty());
}
