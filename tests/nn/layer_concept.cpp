// SPDX-License-Identifier: MIT
#include <lamina/nn/layer_concept.hpp>

#include <cstddef>

#include "support/catch.hpp"

using namespace lamina;

namespace {

/// Everything a layer needs, nothing more.
struct SmallestLayer {
    using Scalar = float;
    using Saved = NothingSaved;
    static constexpr std::size_t in = 2;
    static constexpr std::size_t out = 3;

    template <class Visitor>
    constexpr void visit(Visitor&&) {}
    template <class B>
    void forward(Pass<B>&, Tokens<const float, in>, Tokens<float, out>, Saved&) {}
    template <class B>
    void backward(Pass<B>&, Tokens<const float, in>, const Saved&, Tokens<const float, out>, Tokens<float, in>) {}
};
static_assert(Layer<SmallestLayer>);

struct WithoutForward : SmallestLayer {
    void forward() = delete;
};
struct WithoutBackward : SmallestLayer {
    void backward() = delete;
};
struct WithoutVisit : SmallestLayer {
    void visit() = delete;
};
struct WithoutScalar {
    using Saved = NothingSaved;
    static constexpr std::size_t in = 2;
    static constexpr std::size_t out = 3;
};
struct WithPrivateWidth : SmallestLayer {
private:
    using SmallestLayer::in;
};
struct NotDefault : SmallestLayer {
    explicit NotDefault(int) {}
};
struct OtherWidthOut : SmallestLayer {
    template <class B>
    void forward(Pass<B>&, Tokens<const float, 2>, Tokens<float, 4>, Saved&) {}
};
struct ChangesItsInput : SmallestLayer {
    template <class B>
    void forward(Pass<B>&, Tokens<float, 2>, Tokens<float, 3>, Saved&) {}
};
static_assert(!Layer<WithoutForward>);
static_assert(!Layer<WithoutBackward>);
static_assert(!Layer<WithoutVisit>);
static_assert(!Layer<WithoutScalar>);
static_assert(!Layer<WithPrivateWidth>);
static_assert(!Layer<NotDefault>);
static_assert(!Layer<OtherWidthOut>);
static_assert(!Layer<ChangesItsInput>);
static_assert(!Layer<int>);

struct Borrowing : SmallestLayer {
    [[nodiscard]] static constexpr std::size_t scratch_bytes(Extent extent) { return extent.tokens() * 8; }
    [[nodiscard]] static constexpr Flops flops(Extent extent, bool input_gradient) {
        const double n = static_cast<double>(extent.tokens());
        return {n, input_gradient ? 2 * n : n, 5};
    }
};
static_assert(Layer<Borrowing>);

}  // namespace

TEST_CASE("a layer that says nothing about scratch or operations needs none", "[nn]") {
    STATIC_REQUIRE(scratch_bytes_of<SmallestLayer>(Extent{2, 3}) == 0);
    STATIC_REQUIRE(flops_of<SmallestLayer>(Extent{2, 3}, true).forward == 0);
}

TEST_CASE("a layer's own word about scratch and operations counts", "[nn]") {
    STATIC_REQUIRE(scratch_bytes_of<Borrowing>(Extent{2, 3}) == 48);
    STATIC_REQUIRE(flops_of<Borrowing>(Extent{2, 3}, false).backward == 6);
    STATIC_REQUIRE(flops_of<Borrowing>(Extent{2, 3}, true).backward == 12);
}

TEST_CASE("operations add up and scale, part by part", "[nn]") {
    constexpr Flops sum = 2 * (Flops{1, 2, 3} + Flops{10, 20, 30});
    STATIC_REQUIRE((sum.forward == 22 && sum.backward == 44 && sum.once == 66));
}
