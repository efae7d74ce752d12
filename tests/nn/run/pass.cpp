// SPDX-License-Identifier: MIT
#include <lamina/nn/run/pass.hpp>

#include <array>
#include <cstddef>
#include <type_traits>

#include "support/catch.hpp"

using namespace lamina;

static_assert(!std::is_copy_constructible_v<ScratchStack::Frame>);

namespace {

struct Scratch {
    alignas(tensor_alignment) std::array<std::byte, 256> memory{};
    ScratchStack stack{memory};
};

}  // namespace

TEST_CASE("buffers of one frame follow each other, aligned", "[nn]") {
    Scratch scratch;
    ScratchStack::Frame frame(scratch.stack);
    const auto first = frame.take<float, 3>(5);
    const auto second = frame.take<double, 1>(2);
    CHECK(static_cast<void*>(first.data) == scratch.memory.data());
    CHECK(static_cast<void*>(second.data) == scratch.memory.data() + 64);
    CHECK((first.rows == 5 && second.rows == 2));
}

TEST_CASE("an inner frame's buffers return to the stack, an outer one's stay", "[nn]") {
    Scratch scratch;
    ScratchStack::Frame outer(scratch.stack);
    static_cast<void>(outer.take<float, 16>(1));
    void* where = nullptr;
    {
        ScratchStack::Frame inner(scratch.stack);
        where = inner.take<float, 16>(2).data;
    }
    CHECK(outer.take<float, 16>(1).data == where);
}

TEST_CASE("borrowing all of the scratch works, borrowing more is an error that says why", "[nn]") {
    Scratch scratch;
    ScratchStack::Frame frame(scratch.stack);
    static_cast<void>(frame.take<float, 64>(1));
    CHECK_THROWS_WITH((frame.take<float, 1>(1)),
                      "lamina: scratch: a layer borrows more memory than it did when it was planned");
}

TEST_CASE("on paper nothing is handed out, and what is borrowed at the same time is counted", "[nn]") {
    constexpr std::size_t peak = [] {
        ScratchStack stack = ScratchStack::on_paper();
        ScratchStack::Frame outer(stack);
        static_cast<void>(outer.take<float, 3>(5));
        for (int time = 0; time < 2; ++time) {
            ScratchStack::Frame inner(stack);
            static_cast<void>(inner.take<double, 1>(2));
        }
        return stack.peak();
    }();
    STATIC_REQUIRE(peak == 64 + 64);
    ScratchStack stack = ScratchStack::on_paper();
    ScratchStack::Frame frame(stack);
    CHECK(frame.take<float, 3>(1000).data == &nowhere<float>);
}
