// SPDX-License-Identifier: MIT
// GPT-2 small on the CPU, against the matrix products that this machine can do.
#include "../../examples/common/cpu_backend.hpp"
#include "measure.hpp"

#include <lamina/backend/contract.hpp>
#include <lamina/core/rows.hpp>

#include <array>

namespace train_step {

namespace {

using namespace lamina;

/// A matrix product as a step of GPT-2 small has it: out [M, N] = lhs [M, K] · rhs [K, N].
struct ProductShape {
    const char* what;
    std::size_t m, k, n;
    Transpose lhs_as = Transpose::no;
    Transpose rhs_as = Transpose::no;
};

bench::Sample product_rate(CpuBackend& backend, const ProductShape& shape) {
    constexpr int warm_up = 2;
    constexpr int repetitions = 9;
    const auto memory = [&](std::size_t count) {
        auto bytes = backend.allocate(count * sizeof(float));
        Random random{count};
        float* const values = reinterpret_cast<float*>(bytes.data());
        for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(random.uniform(-1, 1));
        return bytes;
    };
    auto lhs = memory(shape.m * shape.k);
    auto rhs = memory(shape.k * shape.n);
    auto out = memory(shape.m * shape.n);
    const auto view = [](auto& bytes, std::size_t rows, std::size_t cols, Transpose as) {
        auto* const values = reinterpret_cast<float*>(bytes.data());
        return as == Transpose::yes ? MatrixView<float>(values, cols, rows) : MatrixView<float>(values, rows, cols);
    };
    bench::Sample rate;
    const Matmul<float, float, float> product{.out = view(out, shape.m, shape.n, Transpose::no),
                                              .lhs = view(lhs, shape.m, shape.k, shape.lhs_as),
                                              .rhs = view(rhs, shape.k, shape.n, shape.rhs_as),
                                              .lhs_as = shape.lhs_as,
                                              .rhs_as = shape.rhs_as};
    for (int i = 0; i < warm_up + repetitions; ++i) {
        const double seconds = bench::seconds_of([&] { backend.run(product); });
        if (i >= warm_up) rate.add(product.flops() / seconds);
    }
    return rate;
}

/// Prints the rate of each product and returns the best median, FLOP/s.
double machine_rate(CpuBackend& backend) {
    constexpr std::array shapes{
        ProductShape{"x W, 1024 x 768 x 3072", 1024, 768, 3072},
        ProductShape{"x W, 1024 x 3072 x 768", 1024, 3072, 768},
        ProductShape{"dy W^T, 1024 x 3072 x 768", 1024, 3072, 768, Transpose::no, Transpose::yes},
        ProductShape{"x^T dy, 768 x 1024 x 3072", 768, 1024, 3072, Transpose::yes},
        ProductShape{"A B, 3072 x 3072 x 768", 3072, 3072, 768},
    };
    double best = 0;
    std::printf("\nmatrix products, float, GFLOP/s      median   (range)\n");
    for (const ProductShape& shape : shapes) {
        const bench::Sample rate = product_rate(backend, shape);
        best = std::max(best, rate.median());
        std::printf("  %-34s %7.1f   (%.1f to %.1f)\n", shape.what, rate.median() / 1e9, rate.least() / 1e9,
                    rate.most() / 1e9);
    }
    return best;
}

template <class M>
void run_beside_products(const Request& request, Extent extent, Measured& measured) {
    CpuBackend backend = make_backend(device::Cpu{}, request.place, common::Shapes::few);
    measured.facts = facts_of<M>(backend, extent);
    print_title(request, measured.facts);
    measured.best_product = machine_rate(backend);
    measure<M>(backend, request, extent, measured);
}

template <class Execution>
Entry on_cpu() {
    using M = Measurable<gpt2_small, precision::FrozenBf16, Execution>;
    return entry<M>(common::Device::cpu, "small", {.batch = 4, .sequence = 256}, run_beside_products<M>);
}

const Entries registered({on_cpu<execution::Merged>(), on_cpu<execution::Split>(), on_cpu<execution::Factored>()});

}  // namespace

}  // namespace train_step
