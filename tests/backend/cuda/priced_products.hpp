// SPDX-License-Identifier: MIT
// PricedProducts: for as long as it lives, products of the emulated cuBLASLt take what a test says.
#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include "cuda_emulation/cublaslt.hpp"

namespace lamina_tests {

class PricedProducts {
public:
    explicit PricedProducts(std::function<std::chrono::nanoseconds(const emulator::LibraryCall&)> price) {
        emulator::price_products(std::move(price));
    }
    PricedProducts(const PricedProducts&) = delete;
    PricedProducts& operator=(const PricedProducts&) = delete;
    ~PricedProducts() { emulator::price_products(nullptr); }
};

}  // namespace lamina_tests
