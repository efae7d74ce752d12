// SPDX-License-Identifier: MIT
#include <lamina/nn/layer_concept.hpp>

#include <array>
#include <cstddef>

#include <lamina/backend/cpu/backend.hpp>

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
    void forward(Pass<B>&, Rows<const float, in>, Rows<float, out>, Saved&) {}
    template <class B>
    void backward(Pass<B>&, Rows<const float, in>, const Saved&, Rows<const float, out>, Rows<float, in>) {}
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
    void forward(Pass<B>&, Rows<const float, 2>, Rows<float, 4>, Saved&) {}
};
struct ChangesItsInput : SmallestLayer {
    template <class B>
    void forward(Pass<B>&, Rows<float, 2>, Rows<float, 3>, Saved&) {}
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

/// Adds what it computes to something itself, in both directions.
struct Adding : SmallestLayer {
    template <class B, class Sum>
    void forward(Pass<B>&, Rows<const float, in>, Into<Sum, out>, Saved&) {}
    template <class B>
    void backward(Pass<B>&, Rows<const float, in>, const Saved&, Rows<const float, out>, Into<float, in>) {}
};
static_assert(Layer<Adding> && WritesInto<Adding, float> && WritesInto<Adding, double> && PassesGradientInto<Adding>);
static_assert(!WritesInto<SmallestLayer, float> && !PassesGradientInto<SmallestLayer>);
static_assert(!ReadsPaths<Adding>);

/// y = 2x on a device that only doubles.
struct Doubling {
    using Scalar = float;
    using Saved = NothingSaved;
    static constexpr std::size_t in = 1;
    static constexpr std::size_t out = 1;

    template <class Visitor>
    constexpr void visit(Visitor&&) {}
    template <class B>
    void forward(Pass<B>& pass, Rows<const float, 1> x, Rows<float, 1> y, Saved&) {
        pass.run(Map(y, detail::Add{}, x, x));
    }
    template <class B>
    void backward(Pass<B>& pass, Rows<const float, 1>, const Saved&, Rows<const float, 1> d_y, Rows<float, 1> d_x) {
        pass.run(Map(d_x, detail::Add{}, d_y, d_y));
    }
};

}  // namespace

TEST_CASE("what a layer does not add itself is added around it, in the type of the sum", "[nn]") {
    CpuBackend backend({.threads = 1});
    alignas(64) std::array<std::byte, 256> memory{};
    Pass<CpuBackend> pass{.backend = backend, .extent = {1, 3}, .scratch = ScratchStack(memory)};
    Doubling layer;
    NothingSaved saved;
    std::array<float, 3> x{1, 2, 3};
    std::array<float, 3> y{};
    const Rows<const float, 1> in(x.data(), 3);
    forward_into(layer, pass, in, Into(Rows<float, 1>(y.data(), 3)), saved);
    CHECK(y == std::array<float, 3>{2, 4, 6});
    forward_into(layer, pass, in, Into(Rows<float, 1>(y.data(), 3), in), saved);
    CHECK(y == std::array<float, 3>{3, 6, 9});
    std::array<double, 3> sum{};
    std::array<double, 3> base{10, 20, 30};
    const Rows<double, 1> wide(sum.data(), 3);
    forward_into(layer, pass, in, Into(wide, Rows<const double, 1>(base.data(), 3)), saved);
    CHECK(sum == std::array<double, 3>{12, 24, 36});
    forward_into(layer, pass, in, Into(wide), saved);
    CHECK(sum == std::array<double, 3>{2, 4, 6});
    backward_into(layer, pass, in, saved, in, Into(Rows<float, 1>(y.data(), 3), in));
    CHECK(y == std::array<float, 3>{3, 6, 9});
}

TEST_CASE("operations add up and scale, part by part", "[nn]") {
    constexpr Flops sum = 2 * (Flops{1, 2, 3} + Flops{10, 20, 30});
    STATIC_REQUIRE((sum.forward == 22 && sum.backward == 44 && sum.once == 66));
}
