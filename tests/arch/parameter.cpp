// SPDX-License-Identifier: MIT
#include <lamina/arch/parameter.hpp>

#include <array>
#include <cstddef>
#include <type_traits>

#include "arch/sample_tree.hpp"
#include "support/catch.hpp"

using namespace lamina;
using lamina_tests::SampleParameter;

using Matrix = SampleParameter<Role::weight, 3, 5>;
using Vector = SampleParameter<Role::norm, 5>;

// A precision decides the type by role, a trainable set decides what trains.
static_assert(std::is_same_v<Matrix::Scalar, bf16>);
static_assert(std::is_same_v<SampleParameter<Role::adapter, 3, 2>::Scalar, double>);
static_assert(!Matrix::trains && Vector::trains);

static_assert(Matrix::shape == std::array<std::size_t, 2>{3, 5});
static_assert(Matrix::rows == 3 && Matrix::cols == 5 && Matrix::size == 15);
static_assert(Vector::shape == std::array<std::size_t, 1>{5});
static_assert(Vector::rows == 1 && Vector::cols == 5 && Vector::size == 5);

// Bound late, so that a layer is a constant expression.
static_assert(Matrix{}.values == nullptr && Matrix{}.gradient == nullptr);
static_assert(std::is_trivially_copyable_v<Matrix>);

static_assert(Matrix{}.initial.kind == Initial::Kind::zeros);
static_assert(Matrix{Initial::normal(0.02)}.initial.spread == 0.02);
static_assert(Initial::constant(1).kind == Initial::Kind::constant);
static_assert(Initial::normal(1).kind == Initial::Kind::normal);
static_assert(Initial::residual_projection(1).kind == Initial::Kind::residual_projection);
static_assert(Initial::uniform(1).kind == Initial::Kind::uniform);

TEST_CASE("a parameter's views have its shape and its memory", "[arch]") {
    std::array<double, 6> values{};
    std::array<float, 6> gradient{};
    SampleParameter<Role::adapter, 3, 2> parameter;
    parameter.values = values.data();
    parameter.gradient = gradient.data();
    parameter.writable()(2, 1) = 4;
    parameter.d_matrix()(1, 0) = 5;
    CHECK(parameter.matrix()(2, 1) == 4);
    CHECK((parameter.matrix().rows == 3 && parameter.matrix().cols == 2));
    CHECK((values[5] == 4 && gradient[2] == 5));
}

TEST_CASE("a copy of a parameter shares its memory", "[arch]") {
    std::array<double, 6> values{};
    SampleParameter<Role::adapter, 3, 2> parameter;
    parameter.values = values.data();
    const auto copy = parameter;
    copy.writable()(0, 0) = 7;
    CHECK(parameter.matrix()(0, 0) == 7);
}

TEST_CASE("a derived tensor's views have its shape and its memory", "[arch]") {
    std::array<float, 6> values{};
    Derived<float, DerivedKind::materialised, 2, 3> derived;
    derived.values = values.data();
    derived.writable()(1, 2) = 3;
    CHECK((derived.matrix().rows == 2 && derived.matrix().cols == 3 && values[5] == 3));
    STATIC_REQUIRE(decltype(derived)::size == 6);
}
