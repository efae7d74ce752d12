// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/float_products.hpp>

#include <string_view>

#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;

static_assert(std::string_view(name_of(FloatProducts::fp32)) == "fp32");
static_assert(std::string_view(name_of(FloatProducts::bf16x6)) == "bf16x6");
static_assert(std::string_view(name_of(FloatProducts::bf16x3)) == "bf16x3");
static_assert(std::string_view(name_of(FloatProducts::tf32)) == "tf32");

TEST_CASE("float products are called by their names, and by no others", "[cuda]") {
    for (const FloatProducts products :
         {FloatProducts::fp32, FloatProducts::bf16x6, FloatProducts::bf16x3, FloatProducts::tf32}) {
        CHECK(float_products_called(name_of(products)) == products);
    }
    CHECK_THROWS_AS(float_products_called("fp16"), ArgumentError);
    CHECK_THROWS_WITH(float_products_called("fp16"),
                      "lamina: float products fp16: expected fp32, bf16x6, bf16x3 or tf32");
}
