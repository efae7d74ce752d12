// SPDX-License-Identifier: MIT
// Blas: cuBLASLt as one backend uses it: its handle, the algorithms chosen so far, and how float products are made; and
// Device, which has one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <lamina/backend/cuda/algorithms.hpp>
#include <lamina/backend/cuda/check.hpp>
#include <lamina/backend/cuda/context.hpp>
#include <lamina/backend/cuda/descriptors.hpp>
#include <lamina/backend/cuda/float_products.hpp>
#include <lamina/backend/cuda/product.hpp>

namespace lamina::cuda {

/// How much of a product the library does, tried in this order (matmul.hpp).
enum class Way : std::uint8_t {
    direct,    ///< all of it
    finished,  ///< the sums; `finish` does the rest
    packed     ///< the sums, with operands copied and sums made where every row is aligned
};

/// Products by the way they were made.
struct WayCounts {
    std::size_t direct = 0;
    std::size_t finished = 0;
    std::size_t packed = 0;

    friend bool operator==(const WayCounts&, const WayCounts&) = default;
};

/// Makes products with algorithms that it remembers.
///
/// errors   DeviceError with the product: its sizes, types, transposes and epilogue
class Blas {
public:
    Blas(Context& context, FloatProducts products, Choice choice = Choice::timed)
        : context_(context), handle_(library_handle()), algorithms_(choice), products_(products) {}

    /// Queues the product if the library can make it; false, and nothing is done, if it has no algorithm that runs.
    [[nodiscard]] bool multiply(const Product& product) {
        const cudaStream_t stream = context_.stream();  // first: the library works on the thread's current device
        Algorithm* const algorithm = algorithms_.find(context_, handle_.get(), product);
        if (algorithm == nullptr) return false;
        void* const workspace = context_.scratch<std::byte>(Scratch::library, library_workspace_bytes);
        const cublasStatus_t status = algorithm->run(handle_.get(), product, workspace, stream);
        if (status == CUBLAS_STATUS_NOT_SUPPORTED) {
            give_up(product);
            return false;
        }
        check(status, [&] { return describe(product); });
        return true;
    }

    /// Called by whoever has made a product out of calls of `multiply`.
    void count(Way way) {
        ++(way == Way::direct ? counts_.direct : way == Way::finished ? counts_.finished : counts_.packed);
    }
    [[nodiscard]] const WayCounts& counts() const { return counts_; }

    [[nodiscard]] FloatProducts float_products() const { return products_; }
    /// From the next product on; graphs that are recorded already keep theirs.
    void set_float_products(FloatProducts products) { products_ = products; }

    /// For problems that are met from now on. Timing pays where few shapes come back often, as in training; where every
    /// batch has another number of rows it costs more than it gains.
    void set_choice(Choice choice) { algorithms_.set_choice(choice); }

    /// From now on problems that are not met yet have the library's first algorithm: nothing is timed any more.
    void settle() { algorithms_.settle(); }

    /// Whether nothing is known yet of this product's problem, and it may be run to be timed.
    [[nodiscard]] bool shall_time(const Product& product) const { return algorithms_.shall_time(context_, product); }
    /// From now on `multiply` does not make this product: it is made in another way, or can't be.
    void give_up(const Product& product) { algorithms_.give_up(product); }

    /// The algorithms chosen so far, for a later run to import.
    [[nodiscard]] std::string exported_algorithms() const { return algorithms_.exported(context_); }
    /// From now on those of the text are used, whatever was chosen before is forgotten; graphs that are recorded
    /// already keep theirs.
    ///
    /// errors   Error for a table of another version of the library or another device
    void import_algorithms(const std::string& text) { algorithms_.import(context_, text); }

    /// What has been done in another way than was asked for, one sentence each, since the last call.
    [[nodiscard]] std::vector<std::string> take_notes() { return algorithms_.take_notes(); }

private:
    Context& context_;
    LibraryHandle handle_;
    Algorithms algorithms_;
    FloatProducts products_;
    WayCounts counts_{};
};

/// What requests are executed on: a Context, which is all that most of them need, with the library for products.
struct Device : Context {
    Blas blas;

    explicit Device(int number, FloatProducts products = FloatProducts::fp32, Choice choice = Choice::timed)
        : Context(number), blas(*this, products, choice) {}
};

}  // namespace lamina::cuda
