// SPDX-License-Identifier: MIT
#include <lamina/backend/request/products.hpp>

#include <lamina/core/bfloat16.hpp>

#include "backend/request/shown.hpp"
#include "support/catch.hpp"

#include <type_traits>

using namespace lamina;
using namespace lamina_tests;

namespace {

// [2, 3] from [2, 4] and [4, 3].
using Plain = Matmul<float, float, bf16>;
constexpr Plain plain{.out = matrix<float>(2, 3), .lhs = matrix<float>(2, 4), .rhs = matrix<bf16>(4, 3)};
static_assert(plain.lhs_as == Transpose::no && plain.rhs_as == Transpose::no && plain.write == Write::overwrite);
static_assert(plain.flops() == 48);
static_assert(plain.bytes() == 4 * 6 + 4 * 8 + 2 * 12);

constexpr Plain transposed{.out = matrix<float>(2, 3),
                           .lhs = matrix<float>(4, 2),
                           .rhs = matrix<bf16>(3, 4),
                           .lhs_as = Transpose::yes,
                           .rhs_as = Transpose::yes,
                           .write = Write::accumulate};
static_assert(transposed.flops() == 48);
static_assert(transposed.bytes() == plain.bytes() + 4 * 6);  // what it adds to is read

using TypedMatmul = Matmul<float, float, bf16, 3, 4, 3>;
static_assert(MadeOf<TypedMatmul, Rows<float, 3>, Rows<float, 4>, Rows<bf16, 3>>);
static_assert(!MadeOf<TypedMatmul, Rows<float, 4>, Rows<float, 4>, Rows<bf16, 3>>);
static_assert(!MadeOf<TypedMatmul, Rows<float, 3>, Rows<float, 3>, Rows<bf16, 3>>);
static_assert(!MadeOf<TypedMatmul, Rows<float, 3>, Rows<float, 4>, Rows<bf16, 4>>);
static_assert(!MadeOf<TypedMatmul, MatrixView<float>, Rows<float, 4>, Rows<bf16, 3>>);
static_assert(!MadeOf<TypedMatmul, Rows<const float, 3>, Rows<float, 4>, Rows<bf16, 3>>);

constexpr TypedMatmul typed_matmul{.out = typed<float, 3>(2, 1),
                                   .lhs = typed<float, 4>(2, 2),
                                   .rhs = typed<bf16, 3>(4, 3),
                                   .lhs_as = Transpose::yes,
                                   .rhs_as = Transpose::no,
                                   .write = Write::accumulate};
constexpr auto erased_matmul = typed_matmul.erased();
static_assert(std::is_same_v<decltype(erased_matmul), const Plain>);
static_assert(same(erased_matmul.out, typed_matmul.out) && same(erased_matmul.lhs, typed_matmul.lhs) &&
              same(erased_matmul.rhs, typed_matmul.rhs) && erased_matmul.lhs_as == Transpose::yes &&
              erased_matmul.rhs_as == Transpose::no && erased_matmul.write == Write::accumulate);
static_assert(transposed.erased().rhs_as == Transpose::yes);

using Summed = AffineProduct<float, bf16, bf16, bf16, float>;
constexpr Summed affine{.out = matrix<float>(2, 3),
                        .lhs = matrix<bf16>(2, 4),
                        .rhs = matrix<bf16>(4, 3),
                        .bias = matrix<bf16>(1, 3),
                        .base = matrix<float>(2, 3),
                        .pre_activation = matrix<float>(2, 3)};
static_assert(affine.scale == 1 && affine.flops() == 48);
static_assert(affine.bytes() == 4 * 6 + 2 * 8 + 2 * 12 + 2 * 3 + 4 * 6 + 4 * 6);
constexpr Summed bare{.out = matrix<float>(2, 3), .lhs = matrix<bf16>(2, 4), .rhs = matrix<bf16>(4, 3)};
static_assert(bare.bias.empty() && bare.base.empty() && bare.pre_activation.empty());
static_assert(bare.bytes() == 4 * 6 + 2 * 8 + 2 * 12);

using TypedAffine = AffineProduct<float, bf16, bf16, bf16, float, 4, 3>;
static_assert(MadeOf<TypedAffine, Rows<float, 3>, Rows<bf16, 4>, Rows<bf16, 3>, Rows<bf16, 3>, Rows<float, 3>, double,
                     Rows<float, 3>>);
static_assert(!MadeOf<TypedAffine, Rows<float, 3>, Rows<bf16, 3>, Rows<bf16, 3>>);
static_assert(!MadeOf<TypedAffine, Rows<float, 3>, Rows<bf16, 4>, Rows<bf16, 4>>);
static_assert(!MadeOf<TypedAffine, Rows<float, 4>, Rows<bf16, 4>, Rows<bf16, 3>>);
static_assert(!MadeOf<TypedAffine, Rows<float, 3>, Rows<bf16, 4>, Rows<bf16, 3>, Rows<bf16, 4>>);
static_assert(!MadeOf<TypedAffine, Rows<float, 3>, Rows<bf16, 4>, Rows<bf16, 3>, Rows<bf16, 3>, Rows<float, 4>>);
static_assert(!MadeOf<TypedAffine, Rows<float, 3>, Rows<bf16, 4>, Rows<bf16, 3>, Rows<bf16, 3>, Rows<float, 3>, double,
                      Rows<float, 4>>);

constexpr TypedAffine typed_affine{.out = typed<float, 3>(2, 1),
                                   .lhs = typed<bf16, 4>(2, 2),
                                   .rhs = typed<bf16, 3>(4, 3),
                                   .bias = typed<bf16, 3>(1, 4),
                                   .base = typed<float, 3>(2, 5),
                                   .scale = 0.25,
                                   .pre_activation = typed<float, 3>(2, 6)};
constexpr auto erased_affine = typed_affine.erased();
static_assert(std::is_same_v<decltype(erased_affine), const Summed>);
static_assert(same(erased_affine.out, typed_affine.out) && same(erased_affine.lhs, typed_affine.lhs) &&
              same(erased_affine.rhs, typed_affine.rhs) && same(erased_affine.bias, typed_affine.bias) &&
              same(erased_affine.base, typed_affine.base) && erased_affine.scale == 0.25 &&
              same(erased_affine.pre_activation, typed_affine.pre_activation));

using Backward = GeluBackwardProduct<float, float, bf16>;
constexpr Backward backward{.out = matrix<float>(2, 3),
                            .lhs = matrix<float>(2, 4),
                            .rhs = matrix<bf16>(3, 4),
                            .pre_activation = matrix<float>(2, 3)};
static_assert(backward.write == Write::overwrite && backward.flops() == 48);
static_assert(backward.bytes() == 4 * 6 + 4 * 8 + 2 * 12 + 4 * 6);

using TypedBackward = GeluBackwardProduct<float, float, bf16, 3, 4>;
static_assert(MadeOf<TypedBackward, Rows<float, 3>, Rows<float, 4>, Rows<bf16, 4>, Rows<float, 3>>);
static_assert(!MadeOf<TypedBackward, Rows<float, 4>, Rows<float, 4>, Rows<bf16, 4>, Rows<float, 3>>);
static_assert(!MadeOf<TypedBackward, Rows<float, 3>, Rows<float, 3>, Rows<bf16, 4>, Rows<float, 3>>);
static_assert(!MadeOf<TypedBackward, Rows<float, 3>, Rows<float, 4>, Rows<bf16, 3>, Rows<float, 3>>);
static_assert(!MadeOf<TypedBackward, Rows<float, 3>, Rows<float, 4>, Rows<bf16, 4>, Rows<float, 4>>);

constexpr TypedBackward typed_backward{.out = typed<float, 3>(2, 1),
                                       .lhs = typed<float, 4>(2, 2),
                                       .rhs = typed<bf16, 4>(3, 3),
                                       .pre_activation = typed<float, 3>(2, 4),
                                       .write = Write::accumulate};
static_assert(typed_backward.bytes() == backward.bytes() + 4 * 6);
constexpr auto erased_backward = typed_backward.erased();
static_assert(std::is_same_v<decltype(erased_backward), const Backward>);
static_assert(same(erased_backward.out, typed_backward.out) && same(erased_backward.lhs, typed_backward.lhs) &&
              same(erased_backward.rhs, typed_backward.rhs) && erased_backward.write == Write::accumulate &&
              same(erased_backward.pre_activation, typed_backward.pre_activation));

}  // namespace

TEST_CASE("a product refuses operands that do not meet, transposed or not", "[request]") {
    const std::string sentence = "Matmul: out [M, N], lhs [M, K] and rhs [K, N] do not fit each other";
    for (const Plain& fits : {plain, transposed}) {
        CAPTURE(int(fits.lhs_as));
        CHECK(refusal(fits) == "");
        CHECK(off_by_a_row(fits, &Plain::out) == sentence);
        CHECK(off_by_a_column(fits, &Plain::out) == sentence);
        CHECK(off_by_a_row(fits, &Plain::lhs) == sentence);
        CHECK(off_by_a_column(fits, &Plain::lhs) == sentence);
        CHECK(off_by_a_row(fits, &Plain::rhs) == sentence);
        CHECK(off_by_a_column(fits, &Plain::rhs) == sentence);
    }
    CHECK(refusal_after(plain, [](Plain& request) { request.lhs_as = Transpose::yes; }) == sentence);
    CHECK(refusal_after(plain, [](Plain& request) { request.rhs_as = Transpose::yes; }) == sentence);
}

TEST_CASE("an affine product refuses operands that do not meet, and what is not shaped like its output", "[request]") {
    STATIC_REQUIRE(accepted(affine));
    STATIC_REQUIRE(accepted(bare));
    const std::string factors = "AffineProduct: out [M, N], lhs [M, K] and rhs [K, N] do not fit each other";
    CHECK(off_by_a_row(affine, &Summed::out) == factors);
    CHECK(off_by_a_column(affine, &Summed::out) == factors);
    CHECK(off_by_a_row(affine, &Summed::lhs) == factors);
    CHECK(off_by_a_column(affine, &Summed::lhs) == factors);
    CHECK(off_by_a_row(affine, &Summed::rhs) == factors);
    CHECK(off_by_a_column(affine, &Summed::rhs) == factors);
    const std::string bias = "AffineProduct: the bias needs a number per column of out";
    CHECK(off_by_a_row(affine, &Summed::bias) == bias);
    CHECK(off_by_a_column(affine, &Summed::bias) == bias);
    const std::string others = "AffineProduct: base or pre_activation of another shape than out";
    CHECK(off_by_a_row(affine, &Summed::base) == others);
    CHECK(off_by_a_column(affine, &Summed::base) == others);
    CHECK(off_by_a_row(affine, &Summed::pre_activation) == others);
    CHECK(off_by_a_column(affine, &Summed::pre_activation) == others);
}

TEST_CASE("the product behind gelu refuses operands that do not meet", "[request]") {
    STATIC_REQUIRE(accepted(backward));
    const std::string factors = "GeluBackwardProduct: out [M, N], lhs [M, K] and rhs [N, K] do not fit each other";
    CHECK(off_by_a_row(backward, &Backward::out) == factors);
    CHECK(off_by_a_column(backward, &Backward::out) == factors);
    CHECK(off_by_a_row(backward, &Backward::lhs) == factors);
    CHECK(off_by_a_column(backward, &Backward::lhs) == factors);
    CHECK(off_by_a_row(backward, &Backward::rhs) == factors);
    CHECK(off_by_a_column(backward, &Backward::rhs) == factors);
    const std::string pre_activation = "GeluBackwardProduct: pre_activation of another shape than out";
    CHECK(off_by_a_row(backward, &Backward::pre_activation) == pre_activation);
    CHECK(off_by_a_column(backward, &Backward::pre_activation) == pre_activation);
}
