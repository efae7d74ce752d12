// SPDX-License-Identifier: MIT
// FloatProducts: how the GPU multiplies matrices of float, and what each way is called.
#pragma once

#include <cstdint>
#include <string>

#include <lamina/core/error.hpp>

namespace lamina::cuda {

/// How products of float with float are made. Products of bf16 with bf16 are exact and summed in float always.
enum class FloatProducts : std::uint8_t {
    fp32,    ///< on the ordinary units: relative error about 6e-7
    bf16x6,  ///< operands split in three bf16 parts, six products on the matrix units: about as good as fp32
    bf16x3,  ///< in two parts, three products: about 4e-6
    tf32,    ///< operands rounded to 11 bits: about 3e-4, the quickest
};

/// As logs and command lines spell it.
[[nodiscard]] constexpr const char* name_of(FloatProducts products) {
    switch (products) {
        case FloatProducts::bf16x6:
            return "bf16x6";
        case FloatProducts::bf16x3:
            return "bf16x3";
        case FloatProducts::tf32:
            return "tf32";
        default:
            return "fp32";
    }
}

/// errors   ArgumentError when nothing is called so
[[nodiscard]] inline FloatProducts float_products_called(const std::string& name) {
    for (const FloatProducts products :
         {FloatProducts::fp32, FloatProducts::bf16x6, FloatProducts::bf16x3, FloatProducts::tf32}) {
        if (name == name_of(products)) return products;
    }
    throw ArgumentError("lamina: float products " + name + ": expected fp32, bf16x6, bf16x3 or tf32");
}

}  // namespace lamina::cuda
