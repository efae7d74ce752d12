// SPDX-License-Identifier: MIT
// The suite itself is linked with compiled kernels; what they compute is what conformance is about.
#include <lamina/backend/cpu/backend.hpp>

#include <vector>

#include "support/catch.hpp"

#ifdef EIGEN_WORLD_VERSION
#error "the backend's headers read Eigen although its kernels are compiled elsewhere"
#endif

using namespace lamina;

TEST_CASE("a backend whose kernels are compiled elsewhere multiplies mixed types that are not among them") {
    CpuBackend backend({.threads = 1});
    const std::vector<bf16> lhs{bf16(1), bf16(2)};
    const std::vector<double> rhs{3, 4};
    std::vector<double> out(1);
    backend.run(
        Matmul<double, bf16, double>{.out = {out.data(), 1, 1}, .lhs = {lhs.data(), 1, 2}, .rhs = {rhs.data(), 2, 1}});
    CHECK(out[0] == 11);
}
