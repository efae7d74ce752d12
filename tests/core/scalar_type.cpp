// SPDX-License-Identifier: MIT
#include <lamina/core/scalar_type.hpp>

#include "support/catch.hpp"

#include <complex>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

using namespace lamina;

namespace {

static_assert(scalar_type_of<float> == ScalarType::f32 && scalar_type_of<double> == ScalarType::f64);
static_assert(scalar_type_of<bf16> == ScalarType::bf16 && scalar_type_of<fp16> == ScalarType::f16);
static_assert(scalar_type_of<bool> == ScalarType::boolean && scalar_type_of<std::complex<float>> == ScalarType::c64);
static_assert(scalar_type_of<std::int8_t> == ScalarType::i8 && scalar_type_of<std::uint8_t> == ScalarType::u8);
static_assert(scalar_type_of<std::int16_t> == ScalarType::i16 && scalar_type_of<std::uint16_t> == ScalarType::u16);
static_assert(scalar_type_of<std::int32_t> == ScalarType::i32 && scalar_type_of<std::uint32_t> == ScalarType::u32);
static_assert(scalar_type_of<std::int64_t> == ScalarType::i64 && scalar_type_of<std::uint64_t> == ScalarType::u64);
static_assert(scalar_type_of<long long> == ScalarType::i64 && scalar_type_of<std::size_t> == ScalarType::u64);

struct NotAScalar {};
static_assert(StorableScalar<bf16> && StorableScalar<bool>);
static_assert(!StorableScalar<NotAScalar> && !StorableScalar<std::byte> && !StorableScalar<long double>);
static_assert(!StorableScalar<const float> && !StorableScalar<std::complex<double>>);

static_assert(FloatingScalar<float> && FloatingScalar<double> && FloatingScalar<bf16>);
static_assert(!FloatingScalar<fp16>, "read and written, not computed in");
static_assert(!FloatingScalar<int> && !FloatingScalar<const float> && !FloatingScalar<long double>);

template <class... T>
constexpr bool sizes_agree() {
    return ((bits_of(scalar_type_of<T>) == 8 * sizeof(T)) && ...);
}
static_assert(sizes_agree<bool, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, fp16, bf16, std::int32_t,
                          std::uint32_t, float, std::complex<float>, double, std::int64_t, std::uint64_t>());
static_assert(bits_of(ScalarType::f4) == 4 && bits_of(ScalarType::f6_e2m3) == 6 && bits_of(ScalarType::f8_e8m0) == 8);

static_assert(name_of(ScalarType::boolean) == "BOOL" && name_of(ScalarType::bf16) == "BF16");
static_assert(name_of(ScalarType::u64) == "U64", "the last entry of the table");
static_assert(parse_scalar_type("F8_E4M3") == ScalarType::f8_e4m3);
static_assert(!parse_scalar_type("f32") && !parse_scalar_type("") && !parse_scalar_type("F32 "));
static_assert(ScalarType::bf16 < ScalarType::f32 && ScalarType::c64 < ScalarType::f64, "the order of the format");

}  // namespace

TEST_CASE("every scalar type is found again by its name") {
    for (int i = 0; i <= static_cast<int>(ScalarType::u64); ++i) {
        const auto type = static_cast<ScalarType>(i);
        CAPTURE(std::string(name_of(type)));
        CHECK(parse_scalar_type(name_of(type)) == std::optional(type));
    }
}
