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

// What a parameter does is said by its type.
using Offset = Bias<lamina_tests::SamplePolicies, Role::weight, 5>;
using FactorA = LoraA<lamina_tests::SamplePolicies, 3, 2>;
using FactorB = LoraB<lamina_tests::SamplePolicies, 2, 5>;
static_assert(Matrix::part == Part::weight && Vector::part == Part::weight);
static_assert(Offset::part == Part::bias && Offset::role == Role::weight && Offset::size == 5);
static_assert(FactorA::part == Part::lora_a && FactorB::part == Part::lora_b);
static_assert(FactorA::role == Role::adapter && FactorB::role == Role::adapter);
static_assert(FactorA{Initial::uniform(1)}.initial.kind == Initial::Kind::uniform);

// Its own shape, and rows behind it for whoever asks for them.
using Padded = PaddedMatrix<lamina_tests::SamplePolicies, Role::norm, 3, 5, 8>;
static_assert(Padded::shape == Matrix::shape && Padded::size == 15 && Padded::rows == 3 && Padded::trains);
static_assert(Padded::padding == 25 && Matrix::padding == 0);
static_assert(Padded{}.values.rows == 3 && Padded{}.gradient.rows == 3);
static_assert(Padded{}.padded_values().rows == 8 && Padded{}.padded_gradient().rows == 8);
static_assert(Padded{}.padded_values().cols == 5 && Padded{}.padded_gradient().cols == 5);
static_assert(Padded{Initial::normal(0.02)}.initial.spread == 0.02);

// Bound late, so that a layer is a constant expression.
static_assert(Matrix{}.values.empty() && Matrix{}.gradient.empty());
static_assert(Matrix{}.values.rows == Matrix::rows && Matrix{}.gradient.cols == Matrix::cols);
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
    parameter.values.data = values.data();
    parameter.gradient.data = gradient.data();
    parameter.values(2, 1) = 4;
    parameter.gradient(1, 0) = 5;
    CHECK(parameter.values(2, 1) == 4);
    CHECK((parameter.values.rows == 3 && parameter.gradient.cols == 2));
    CHECK((values[5] == 4 && gradient[2] == 5));
}

TEST_CASE("a copy of a parameter shares its memory", "[arch]") {
    std::array<double, 6> values{};
    SampleParameter<Role::adapter, 3, 2> parameter;
    parameter.values.data = values.data();
    const auto copy = parameter;
    copy.values(0, 0) = 7;
    CHECK(parameter.values(0, 0) == 7);
}

TEST_CASE("a derived tensor's views have its shape and its memory", "[arch]") {
    std::array<float, 6> values{};
    Derived<float, DerivedKind::materialised, 2, 3> derived;
    derived.values.data = values.data();
    derived.values(1, 2) = 3;
    CHECK((derived.values.rows == 2 && derived.values.cols == 3 && values[5] == 3));
    STATIC_REQUIRE(decltype(derived)::size == 6);
}
