// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/context.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "cuda_emulation/runtime.hpp"
#include "support/catch.hpp"

using namespace lamina;
using cuda::Context;
using cuda::Scratch;
namespace emulator = lamina_tests::emulator;

TEST_CASE("a device that is not there is refused by number", "[cuda][context]") {
    CHECK_THROWS_WITH(Context(1), "lamina: CudaBackend: device 1: this machine has 1");
    CHECK_THROWS_AS(Context(-1), DeviceError);
    const Context context(0);
    CHECK(context.device() == 0);
    CHECK(context.multiprocessors() == 4);
    CHECK(context.stream() != nullptr);
}

TEST_CASE("a machine that cannot run it is told in one line, with what to do", "[cuda][context]") {
    const std::string runtime =
        std::to_string(CUDART_VERSION / 1000) + "." + std::to_string(CUDART_VERSION % 1000 / 10);
    const std::string needs = "lamina: CudaBackend: this program needs a driver for CUDA " + runtime;
    emulator::set_driver_version(CUDART_VERSION - 1000);
    CHECK_THROWS_WITH(Context(0), needs + ": this machine has one for " + std::to_string(CUDART_VERSION / 1000 - 1) +
                                      "." + std::to_string(CUDART_VERSION % 1000 / 10) +
                                      "; update it, or build with a toolkit that it knows");
    emulator::set_driver_version(0);
    CHECK_THROWS_WITH(Context(0), needs + ": there is none; install one, or use the CPU");
    emulator::set_driver_version(CUDART_VERSION);
    emulator::set_device_count(0);
    CHECK_THROWS_WITH(Context(0),
                      "lamina: CudaBackend: this machine shows no GPU; see nvidia-smi and CUDA_VISIBLE_DEVICES, or use "
                      "the CPU");
    emulator::set_device_count(1);
    emulator::set_compute_capability(7, 5);
    CHECK_THROWS_WITH(Context(0),
                      "lamina: CudaBackend: emulated device has compute capability 7.5: expected 8.0 or more; use "
                      "another device, or the CPU");
    emulator::set_compute_capability(8, 0);
    CHECK_NOTHROW(Context(0));
    emulator::set_compute_capability(9, 0);
    emulator::fail_call(1);
    CHECK_THROWS_WITH(Context(0),
                      Catch::StartsWith("lamina: CudaBackend: looking for devices: cudaErrorLaunchFailure"));
    CHECK(cudaGetLastError() == cudaSuccess);  // told once
}

TEST_CASE("scratch keeps its address until more is asked for", "[cuda][context]") {
    Context context(0);
    CHECK(context.scratch_bytes() == 0);
    float* const first = context.scratch<float>(Scratch::rows, 100);
    const std::uint64_t generation = context.generation();
    CHECK(context.scratch<float>(Scratch::rows, 100) == first);
    CHECK(context.scratch<std::byte>(Scratch::rows, 1) == static_cast<void*>(first));
    CHECK(context.generation() == generation);

    static_cast<void>(context.scratch<float>(Scratch::rows, 101));
    CHECK(context.generation() != generation);
    CHECK(context.scratch_bytes() == 404);
    CHECK(static_cast<void*>(context.scratch<float>(Scratch::product, 1)) !=
          static_cast<void*>(context.scratch<float>(Scratch::rows, 1)));
    CHECK(context.scratch_bytes() == 408);
}

TEST_CASE("scratch belongs to its context", "[cuda][context]") {
    const std::size_t before = emulator::bytes_in_use();
    {
        Context context(0);
        static_cast<void>(context.scratch<double>(Scratch::lhs, 1000));
        CHECK(emulator::bytes_in_use() == before + 8000);
    }
    CHECK(emulator::bytes_in_use() == before);
}

TEST_CASE("scratch does not grow while work is recorded", "[cuda][context]") {
    Context context(0);
    static_cast<void>(context.scratch<float>(Scratch::rows, 10));
    context.recording = true;
    CHECK_NOTHROW(context.scratch<float>(Scratch::rows, 10));
    CHECK_THROWS_WITH(context.scratch<float>(Scratch::rows, 11),
                      "lamina: CudaBackend: scratch memory must not grow while a graph is recorded");
    context.recording = false;
    CHECK_NOTHROW(context.scratch<float>(Scratch::rows, 11));
}

TEST_CASE("a context works on its device, whatever the thread's current one is", "[cuda][context]") {
    emulator::set_device_count(2);
    {
        Context context(1);
        REQUIRE(cudaSetDevice(0) == cudaSuccess);
        CHECK(emulator::device_of(context.scratch<float>(Scratch::rows, 10)) == 1);
        REQUIRE(cudaSetDevice(0) == cudaSuccess);
        CHECK(emulator::device_of(context.allocate(10).data()) == 1);
        REQUIRE(cudaSetDevice(0) == cudaSuccess);
        CHECK(cudaMemsetAsync(context.scratch<float>(Scratch::rows, 10), 0, 40, context.stream()) == cudaSuccess);
    }
    REQUIRE(cudaSetDevice(0) == cudaSuccess);
    emulator::set_device_count(1);
}

TEST_CASE("memory is freed when the work on it is done, also after its context", "[cuda][context]") {
    const std::size_t before = emulator::freed_amid_work();
    cuda::Memory late;
    {
        Context context(0);
        const cuda::Memory memory = context.allocate(64);
        late = context.allocate(64);
        REQUIRE(cudaMemsetAsync(memory.data(), 0, 64, context.stream()) == cudaSuccess);
    }
    late = cuda::Memory();
    CHECK(emulator::freed_amid_work() == before);
}

TEST_CASE("what a queued copy reads stays until its end", "[cuda][context]") {
    Context context(0);
    const auto value = std::make_shared<int>(3);
    const std::shared_ptr<int>* const place = context.keep(std::vector{value});
    CHECK(*place == value);
    CHECK(value.use_count() == 2);
    context.wait();
    CHECK(value.use_count() == 1);
}

TEST_CASE("waiting tells of work that failed", "[cuda][context]") {
    Context context(0);
    CHECK_NOTHROW(context.wait());
    emulator::fail_call(1);
    CHECK_THROWS_WITH(context.wait(), Catch::Contains("waiting for queued work: cudaErrorLaunchFailure"));
    static_cast<void>(cudaGetLastError());
}
