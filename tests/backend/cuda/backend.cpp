// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/backend.hpp>

#include <cstdint>
#include <type_traits>
#include <vector>

#include "cuda_emulation/runtime.hpp"
#include "support/catch.hpp"

using namespace lamina;
namespace emulator = lamina_tests::emulator;

static_assert(Backend<CudaBackend>);
static_assert(!std::is_copy_constructible_v<CudaBackend>);

TEST_CASE("CudaBackend says what it runs on and how it multiplies", "[cuda]") {
    CudaBackend backend({.float_products = cuda::FloatProducts::tf32});
    CHECK(backend.description().starts_with("CUDA, emulated device, 4 multiprocessors, cuBLASLt "));
    CHECK(backend.description().ends_with(", float products in tf32"));
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
    CHECK(backend.sum_of_squares(row_view(reinterpret_cast<const float*>(on_device.data()), values.size())) == 4000);
    CHECK(backend.scratch_bytes() > 0);
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
            backend.fill(view, 3.0F);
        });
    };
    again();
    again();
    again();
    CHECK(calls == 2);
    backend.set_float_products(cuda::FloatProducts::bf16x6);
    again();
    CHECK(calls == 3);
}

TEST_CASE("a device that is not there is named", "[cuda]") {
    CHECK_THROWS_WITH(CudaBackend({.device = 3}), "lamina: CudaBackend: device 3: this machine has 1");
}
