// SPDX-License-Identifier: MIT
// The emulated CUDA runtime beyond its C functions, which runtime.cpp defines.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>

#include <cuda_runtime_api.h>

namespace lamina_tests::emulator {

/// Runs `work` now, or records it while the stream is captured into a graph.
cudaError_t enqueue(cudaStream_t stream, std::function<void()> work);

/// Lets the device's clock, which events record, go on as if its work had taken that much longer.
void pass_time(std::chrono::nanoseconds time);

/// Bytes of emulated device memory in use, and a limit beyond which allocations fail.
[[nodiscard]] std::size_t bytes_in_use();
void set_memory_limit(std::size_t bytes);

/// Bytes of pinned host memory in use.
[[nodiscard]] std::size_t host_bytes_in_use();

/// The next `count`-th call that is checked for a status fails with cudaErrorLaunchFailure; 0: none does. Choosing a
/// device does not count.
void fail_call(std::size_t count);

/// Devices from now on; one at first. Each thread has a current one, 0 at first, and work for a stream of another fails.
void set_device_count(int count);
/// What the device says that it can do; 9.0 at first.
void set_compute_capability(int major, int minor);
/// What the driver is for, in the runtime's numbers; 0: there is no driver. Older than the runtime it shows no device.
void set_driver_version(int version);
/// That on which cudaMalloc returned this address.
[[nodiscard]] int device_of(const void* memory);

/// Calls of cudaFree while a stream had work that nobody had waited for.
[[nodiscard]] std::size_t freed_amid_work();

/// Graph launches so far, for tests that count.
[[nodiscard]] std::size_t graphs_launched();

}  // namespace lamina_tests::emulator
