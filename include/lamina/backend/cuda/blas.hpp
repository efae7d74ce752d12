// SPDX-License-Identifier: MIT
// Blas: cuBLASLt as one backend uses it: its handle, the algorithms chosen so far, and how float products are made.
#pragma once

#include <string>

#include <cublasLt.h>

#include <lamina/backend/cuda/algorithms.hpp>
#include <lamina/backend/cuda/check.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/descriptors.hpp>
#include <lamina/backend/cuda/product.hpp>
#include <lamina/core/error.hpp>

namespace lamina::cuda {

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

/// errors   DeviceError with the product: its sizes, types, transposes and epilogue
class Blas {
public:
    Blas(Context& context, FloatProducts products, Choice choice = Choice::timed)
        : context_(context), handle_(library_handle()), algorithms_(choice), products_(products) {}

    /// Queues the product if the library can make it; false, and nothing is done, if it has no algorithm.
    [[nodiscard]] bool multiply(const Product& product) {
        Algorithm* const algorithm = algorithms_.find(context_, handle_.get(), product);
        if (algorithm == nullptr) return false;
        void* const workspace = context_.scratch<std::byte>(Scratch::library, library_workspace_bytes);
        check(algorithm->run(handle_.get(), product, workspace, context_.stream()), [&] { return describe(product); });
        return true;
    }

    [[nodiscard]] FloatProducts float_products() const { return products_; }
    /// From the next product on; graphs that are recorded already keep theirs.
    void set_float_products(FloatProducts products) { products_ = products; }

    /// For problems that are met from now on. Timing pays where few shapes come back often, as in training; where every
    /// batch has another number of rows it costs more than it gains.
    void set_choice(Choice choice) { algorithms_.set_choice(choice); }

    /// The algorithms chosen so far, for a later run to import.
    [[nodiscard]] std::string exported_algorithms() const { return algorithms_.exported(context_); }
    /// From now on those of the text are used, whatever was chosen before is forgotten; graphs that are recorded
    /// already keep theirs.
    ///
    /// errors   Error for a table of another version of the library or another device
    void import_algorithms(const std::string& text) { algorithms_.import(context_, text); }

private:
    Context& context_;
    LibraryHandle handle_;
    Algorithms algorithms_;
    FloatProducts products_;
};

}  // namespace lamina::cuda
