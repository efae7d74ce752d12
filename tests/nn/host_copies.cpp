// SPDX-License-Identifier: MIT
#include <lamina/nn/host_copies.hpp>

#include <lamina/core/bfloat16.hpp>

#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

using namespace lamina;

namespace {

/// The least that copies need of a backend: memory on the host and one product.
struct HostBackend {
    [[nodiscard]] std::vector<std::byte> allocate(std::size_t bytes) { return std::vector<std::byte>(bytes); }
    void upload(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
    void download(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
    void run(const Matmul<float, float, float>& request) {
        const auto& [out, lhs, rhs, lhs_as, rhs_as, write] = request;
        for (std::size_t r = 0; r < out.rows; ++r) {
            for (std::size_t c = 0; c < out.cols; ++c) {
                out(r, c) = 0;
                for (std::size_t k = 0; k < lhs.cols; ++k) out(r, c) += lhs(r, k) * rhs(k, c);
            }
        }
    }
};

template <std::size_t Height, std::size_t Width, class T>
struct Tensor {
    std::array<T, Height * Width> storage;
    Rows<T, Width> values{storage.data(), Height};
};

struct LowRank {
    struct Adapter {
        static constexpr bool present = true;
        static constexpr double scale = 0.5;
    };
    using Compute = float;
};
struct Bare {
    struct Adapter {
        static constexpr bool present = false;
    };
};

/// y = x·W + c with W [2, 3] and an adapter of rank 1.
struct SmallLinear {
    static constexpr std::size_t in = 2;
    static constexpr std::size_t out = 3;
    Tensor<2, 3, bf16> weight{{bf16(1.0F), bf16(2.0F), bf16(3.0F), bf16(4.0F), bf16(5.0F), bf16(6.0F)}};
    Tensor<1, 3, bf16> bias{{bf16(-1.0F), bf16(0.5F), bf16(0.0F)}};
    struct {
        Tensor<2, 1, float> a{{1, 10}};
        Tensor<1, 3, float> b{{2, 4, 8}};
    } adapter{};
};

}  // namespace

TEST_CASE("a linear layer is read as W + scale A B and its bias") {
    HostBackend backend;
    const SmallLinear linear{};
    const HostCopies copies(backend);
    const Affine with = copies.read_linear<LowRank>(linear);
    CHECK((with.in == 2 && with.out == 3));
    CHECK(with.weight == std::vector<double>{2, 4, 7, 14, 25, 46});
    CHECK(with.bias == std::vector<double>{-1, 0.5, 0});
    CHECK(copies.read_linear<Bare>(linear).weight == std::vector<double>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("what is written is rounded to what the layer stores") {
    HostBackend backend;
    SmallLinear linear{};
    const HostCopies copies(backend);
    const double between = 1 + 1.0 / 1024;  // bf16 has seven bits after the first
    copies.write_linear({.in = 2, .out = 3, .weight = {between, 1, 2, 3, 4, 5}, .bias = {7, 8, 9}}, linear);
    const Affine back = copies.read_linear<Bare>(linear);
    CHECK(back.weight == std::vector<double>{1, 1, 2, 3, 4, 5});
    CHECK(back.bias == std::vector<double>{7, 8, 9});
}
