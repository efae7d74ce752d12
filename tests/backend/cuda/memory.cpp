// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/memory.hpp>

#include <string>
#include <type_traits>
#include <utility>

#include "cuda_emulation/runtime.hpp"
#include "support/catch.hpp"

using namespace lamina;
namespace emulator = lamina_tests::emulator;

static_assert(!std::is_copy_constructible_v<cuda::Memory> && std::is_nothrow_move_constructible_v<cuda::Memory>);

TEST_CASE("memory is freed by whoever owns it last", "[cuda][memory]") {
    const std::size_t before = emulator::bytes_in_use();
    {
        cuda::Memory memory(1000);
        CHECK(memory.size() == 1000);
        CHECK(reinterpret_cast<std::uintptr_t>(memory.data()) % 256 == 0);
        CHECK(emulator::bytes_in_use() == before + 1000);
        const std::byte* const address = memory.data();
        cuda::Memory moved(std::move(memory));
        CHECK(moved.data() == address);
        CHECK(memory.data() == nullptr);  // NOLINT(bugprone-use-after-move): that is the question
        moved = cuda::Memory(10);
        CHECK(emulator::bytes_in_use() == before + 10);
    }
    CHECK(emulator::bytes_in_use() == before);
}

TEST_CASE("memory of the host is not the device's, and as well kept", "[cuda][memory]") {
    const std::size_t before = emulator::bytes_in_use();
    cuda::Memory memory(1000, {}, cuda::MemoryOf::host);
    CHECK(emulator::host_bytes_in_use() == 1000);
    CHECK(emulator::bytes_in_use() == before);
    cuda::Memory of_device(10);
    of_device = std::move(memory);
    CHECK(of_device.size() == 1000);
    memory = cuda::Memory();
    CHECK(emulator::host_bytes_in_use() == 1000);
    of_device = cuda::Memory();
    CHECK(emulator::host_bytes_in_use() == 0);
    CHECK(emulator::bytes_in_use() == before);
    const std::size_t too_much = std::size_t{1} << 62U;
    CHECK_THROWS_WITH(cuda::Memory(too_much, {}, cuda::MemoryOf::host),
                      "lamina: CudaBackend: allocating " + std::to_string(too_much) +
                          " bytes of pinned host memory: cudaErrorMemoryAllocation, out of memory");
}

TEST_CASE("no bytes have an address too, and a default-made owner has none", "[cuda][memory]") {
    CHECK(cuda::Memory(0).data() != nullptr);
    CHECK(cuda::Memory(0).size() == 0);
    CHECK(cuda::Memory().data() == nullptr);
}

TEST_CASE("memory that does not fit says how much is free and what to change", "[cuda][memory]") {
    const std::size_t before = emulator::bytes_in_use();
    emulator::set_memory_limit(before + 4096);
    CHECK_THROWS_WITH(
        cuda::Memory(5000),
        "lamina: CudaBackend: allocating 5000 bytes, with 4096 of " + std::to_string(before + 4096) +
            " free; plan<Model>() says what a model takes: use a smaller micro-batch, recompute::PerBlock or "
            "gradients::Streamed: cudaErrorMemoryAllocation, out of memory");
    CHECK_NOTHROW(cuda::Memory(4096));
    // The refusal is not found again by the next call that asks for errors.
    CHECK(cudaGetLastError() == cudaSuccess);
    emulator::set_memory_limit(std::size_t{8} << 30U);
    CHECK(emulator::bytes_in_use() == before);
}
