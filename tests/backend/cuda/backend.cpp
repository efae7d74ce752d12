// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/backend.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <future>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lamina/nn/loss_head.hpp>

#include "backend/cuda/device_matrix.hpp"
#include "cuda_emulation/runtime.hpp"
#include "support/catch.hpp"

using namespace lamina;
using lamina_tests::DeviceMatrix;
namespace emulator = lamina_tests::emulator;

static_assert(Backend<CudaBackend>);
static_assert(!std::is_copy_constructible_v<CudaBackend>);

namespace {

/// What the loss head asks of a workspace, in chunks of 512 rows, with a small vocabulary.
struct HeadWorkspace {
    static constexpr bool own_d_logits = true;
    static constexpr std::size_t embed = 8, vocab = 20, padded = 32, stride = 64, chunk = 512, tokens = 1200;

    DeviceMatrix<bf16> hidden = DeviceMatrix<bf16>(tokens, embed).randomised(1);
    DeviceMatrix<bf16> d_hidden{tokens, embed};
    DeviceMatrix<bf16> weight = DeviceMatrix<bf16>(padded, embed).randomised(2);
    DeviceMatrix<float> d_weight{padded, embed};
    DeviceMatrix<bf16> head_in_memory{chunk, embed}, d_head_in_memory{chunk, embed}, d_logits{chunk, padded, stride};
    DeviceMatrix<float> logits{chunk, padded, stride}, losses_memory{1, tokens};
    std::vector<std::size_t> row_numbers = std::vector<std::size_t>(tokens);
    std::vector<Token> target_ids = std::vector<Token>(tokens, 3);

    Rows<bf16, embed> head_in{head_in_memory.data(), chunk}, d_head_in{d_head_in_memory.data(), chunk};
    Rows<std::size_t, 1> rows{row_numbers.data(), tokens};
    Rows<Token, 1> targets{target_ids.data(), tokens};
    Rows<float, 1> losses{losses_memory.data(), tokens};

    HeadWorkspace() { std::iota(row_numbers.begin(), row_numbers.end(), std::size_t{0}); }
    [[nodiscard]] MatrixView<float> padded_logits_of(std::size_t count) const {
        return logits.view().first_rows(count);
    }
    [[nodiscard]] MatrixView<float> logits_of(std::size_t count) const {
        return padded_logits_of(count).columns(0, vocab);
    }
    [[nodiscard]] MatrixView<bf16> d_logits_of(std::size_t count) const { return d_logits.view().first_rows(count); }

    void train(CudaBackend& backend, std::size_t loss_tokens) {
        loss_through_head(backend, *this, Rows<const bf16, embed>(hidden.data(), tokens),
                          OutputHead<bf16, float>{.weight = weight.input(), .d_weight = d_weight.view()}, loss_tokens,
                          1.0, Rows<bf16, embed>(d_hidden.data(), tokens));
    }
};

std::size_t problems(const CudaBackend& backend) {
    const std::string table = backend.exported_algorithms();
    return static_cast<std::size_t>(std::count(table.begin(), table.end(), '\n')) - 1;
}

}  // namespace

TEST_CASE("as many rows of logits exist as two GiB of float hold, in whole blocks", "[cuda]") {
    STATIC_REQUIRE(CudaBackend::logits_rows(11) == 8192);
    STATIC_REQUIRE(CudaBackend::logits_rows(50257) == 8192);
    STATIC_REQUIRE(CudaBackend::logits_rows(65536) == 8192);
    STATIC_REQUIRE(CudaBackend::logits_rows(65537) == 4096);
    STATIC_REQUIRE(CudaBackend::logits_rows(std::size_t{1} << 40U) == CudaBackend::row_multiple);
}

TEST_CASE("micro-batches with any number of loss tokens meet few problems to choose algorithms for", "[cuda]") {
    CudaBackend backend({.algorithms = cuda::Choice::first});
    HeadWorkspace workspace;
    for (const std::size_t loss_tokens : {1, 100, 128, 129, 300, 400, 512, 611}) workspace.train(backend, loss_tokens);
    CHECK(problems(backend) == 3 * 4);  // logits and two gradients, of 128, 256, 384 and 512 rows
    // What fills the rows up, which begins as not a number, reaches neither gradients nor tokens without loss.
    workspace.train(backend, 513);
    for (const double value : workspace.d_hidden.values()) CHECK(std::isfinite(value));
    CHECK(workspace.d_hidden.view()(512, 0) != 0);
    CHECK(workspace.d_hidden.view()(513, 0) == 0);
}

TEST_CASE("CudaBackend says what it runs on and how it multiplies", "[cuda]") {
    CudaBackend backend({.float_products = cuda::FloatProducts::tf32});
    CHECK(backend.description().starts_with("CUDA, emulated device, 4 multiprocessors, cuBLASLt "));
    CHECK(backend.description().ends_with(", float products in tf32"));
    CHECK(CudaBackend().description().ends_with(", float products in bf16x6"));
}

TEST_CASE("CudaBackend counts the device's memory and its own scratch", "[cuda]") {
    CudaBackend backend;
    const auto before = backend.device_memory();
    const auto memory = backend.allocate(1U << 20U);
    CHECK(before.free - backend.device_memory().free == 1U << 20U);
    CHECK(backend.scratch_bytes() == 0);
    std::vector<float> values(1000, 2);
    auto on_device = backend.allocate(values.size() * sizeof(float));
    backend.upload(on_device.data(), values.data(), values.size() * sizeof(float));
    CHECK(backend.run(SumOfSquares(row_view(reinterpret_cast<const float*>(on_device.data()), values.size()))) == 4000);
    CHECK(backend.scratch_bytes() > 0);
}

TEST_CASE("CudaBackend copies between the device and pinned memory in the order of the requests", "[cuda]") {
    CudaBackend backend;
    constexpr std::size_t bytes = 100 * sizeof(float);
    const auto on_device = backend.allocate(bytes);
    const auto of_host = backend.allocate_host(bytes);
    const auto elsewhere = backend.allocate(bytes);
    const auto view = row_view(reinterpret_cast<float*>(on_device.data()), 100);
    backend.run(Fill(view, 3.0));
    backend.copy(of_host.data(), on_device.data(), bytes);
    backend.run(Fill(view, 4.0));
    backend.copy(elsewhere.data(), on_device.data(), bytes);
    backend.copy(on_device.data(), of_host.data(), bytes);
    backend.copy(nullptr, nullptr, 0);
    CHECK(backend.run(SumOfSquares(view)) == 900);
    CHECK(backend.run(SumOfSquares(row_view(reinterpret_cast<const float*>(elsewhere.data()), 100))) == 1600);
}

TEST_CASE("graphs are dropped when float products are made otherwise", "[cuda]") {
    CudaBackend backend;
    auto memory = backend.allocate(sizeof(float));
    const auto view = row_view(reinterpret_cast<float*>(memory.data()), 1);
    const std::vector<std::uint64_t> key{1};
    std::size_t calls = 0;
    const auto again = [&] {
        backend.replay(key, [&] {
            ++calls;
            backend.run(Fill(view, 3.0));
        });
    };
    again();
    again();
    again();
    CHECK(calls == 2);
    backend.set_float_products(cuda::FloatProducts::fp32);
    again();
    CHECK(calls == 3);
}

TEST_CASE("CudaBackend counts its products by the way they are made", "[cuda]") {
    CudaBackend backend;
    const auto memory = backend.allocate(2 * 64 * sizeof(float));
    auto* const values = reinterpret_cast<float*>(memory.data());
    const MatrixView<const float> factor(values, 8, 8);
    backend.run(Matmul<float, float, float>{.out = {values + 64, 8, 8}, .lhs = factor, .rhs = factor});
    CHECK(backend.products_made() == cuda::WayCounts{.direct = 1});
}

TEST_CASE("CudaBackend may be made by one thread and used by another, on any device", "[cuda]") {
    emulator::set_device_count(2);
    {
        CudaBackend backend({.device = 1});
        REQUIRE(cudaSetDevice(0) == cudaSuccess);
        auto elsewhere = std::async(std::launch::async, [&] {
            const auto memory = backend.allocate(64 * sizeof(float));
            const MatrixView<float> matrix(reinterpret_cast<float*>(memory.data()), 8, 8);
            const auto out_memory = backend.allocate(64 * sizeof(float));
            const MatrixView<float> out(reinterpret_cast<float*>(out_memory.data()), 8, 8);
            for (int i = 0; i < 3; ++i) {
                static_cast<void>(cudaSetDevice(0));
                backend.replay(std::vector<std::uint64_t>{1}, [&] { backend.run(Fill(matrix, 2.0)); });
            }
            static_cast<void>(cudaSetDevice(0));
            backend.run(Matmul<float, float, float>{.out = out, .lhs = matrix, .rhs = matrix});
            static_cast<void>(cudaSetDevice(0));
            static_cast<void>(backend.device_memory());
            return std::pair{emulator::device_of(memory.data()), backend.run(SumOfSquares(out))};
        });
        CHECK(elsewhere.get() == std::pair{1, 64.0 * 32 * 32});
    }
    REQUIRE(cudaSetDevice(0) == cudaSuccess);
    emulator::set_device_count(1);
}

TEST_CASE("a device that is not there is named", "[cuda]") {
    CHECK_THROWS_WITH(CudaBackend({.device = 3}), "lamina: CudaBackend: device 3: this machine has 1");
}
