// SPDX-License-Identifier: MIT
// The CUDA runtime's C functions that lamina calls, on the host: memory, streams, events, graphs, pretended devices.
#include "cuda_emulation/runtime.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <vector>

// The runtime's opaque types, as far as this file makes them.
struct CUstream_st {
    int device = 0;
    bool capturing = false;
    std::vector<std::function<void()>> recorded;
};
struct CUgraph_st {
    std::vector<std::function<void()>> work;
};
struct CUgraphExec_st {
    std::vector<std::function<void()>> work;
};
struct CUevent_st {
    std::chrono::steady_clock::time_point at;
};

namespace lamina_tests::emulator {

namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t alignment = 256;  // of cudaMalloc

struct Region {
    void* start;
    std::size_t mapped;
    std::size_t bytes;
    int device;
};

std::map<void*, Region> regions;
std::map<void*, std::size_t> pinned;
std::size_t in_use = 0;
std::size_t limit = std::size_t{8} << 30U;
std::size_t calls_to_failure = 0;
std::size_t launches_of_graphs = 0;
cudaError_t last_error = cudaSuccess;
int captures = 0;
int devices = 1;
int capability_major = 9;
int capability_minor = 0;
int driver = CUDART_VERSION;
thread_local int current_device = 0;
std::set<cudaStream_t> busy;  // with work that nobody has waited for
std::size_t frees_amid_work = 0;
std::chrono::nanoseconds passed{};  // beside the host's time

cudaError_t status(cudaError_t result = cudaSuccess) {
    if (calls_to_failure != 0 && --calls_to_failure == 0) result = cudaErrorLaunchFailure;
    if (result != cudaSuccess) last_error = result;
    return result;
}

/// What may not happen while a stream is captured.
bool forbidden_now() { return captures > 0; }

}  // namespace

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work) {
    if (calls_to_failure == 1) return status();
    // Stricter than the real runtime, which lets copies pass.
    if (stream != nullptr && stream->device != current_device) return status(cudaErrorInvalidResourceHandle);
    if (stream != nullptr && !stream->capturing) busy.insert(stream);
    if (stream != nullptr && stream->capturing) {
        stream->recorded.push_back(std::move(work));
    } else {
        work();
    }
    return status();
}

void pass_time(std::chrono::nanoseconds time) { passed += time; }
std::size_t bytes_in_use() { return in_use; }
std::size_t host_bytes_in_use() {
    std::size_t sum = 0;
    for (const auto& [pointer, bytes] : pinned) sum += bytes;
    return sum;
}
void set_memory_limit(std::size_t bytes) { limit = bytes; }
void fail_call(std::size_t count) { calls_to_failure = count; }
void set_device_count(int count) { devices = count; }
void set_compute_capability(int major, int minor) {
    capability_major = major;
    capability_minor = minor;
}
void set_driver_version(int version) { driver = version; }
int device_of(const void* memory) { return regions.at(const_cast<void*>(memory)).device; }
std::size_t freed_amid_work() { return frees_amid_work; }
std::size_t graphs_launched() { return launches_of_graphs; }

}  // namespace lamina_tests::emulator

using namespace lamina_tests::emulator;

extern "C" {

// The end of the memory stands before a page that nobody may touch, so that what is written or read behind it is found.
cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
    if (forbidden_now()) return status(cudaErrorStreamCaptureUnsupported);
    if (in_use + bytes > limit) return status(cudaErrorMemoryAllocation);
    const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    const std::size_t pages = (rounded + page - 1) / page * page;
    void* const start = mmap(nullptr, pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return status(cudaErrorMemoryAllocation);
    mprotect(static_cast<std::byte*>(start) + pages, page, PROT_NONE);
    // Not a number where it is read before it is written; of large memory only the ends, or tests would do little else.
    const std::size_t filled = std::min(pages, std::size_t{1} << 20U);
    std::memset(start, 0xFF, filled);
    std::memset(static_cast<std::byte*>(start) + pages - filled, 0xFF, filled);
    *pointer = static_cast<std::byte*>(start) + pages - rounded;
    regions[*pointer] = {start, pages + page, bytes, current_device};
    in_use += bytes;
    return status();
}
cudaError_t cudaFree(void* pointer) {
    if (pointer == nullptr) return status();
    const auto found = regions.find(pointer);
    if (found == regions.end()) return status(cudaErrorInvalidValue);
    if (!busy.empty()) ++frees_amid_work;
    in_use -= found->second.bytes;
    munmap(found->second.start, found->second.mapped);
    regions.erase(found);
    return status();
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
    *free = limit - in_use;
    *total = limit;
    return status();
}
cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned) {
    if (forbidden_now()) return status(cudaErrorStreamCaptureUnsupported);
    *pointer = std::malloc(bytes);
    if (*pointer != nullptr) pinned[*pointer] = bytes;
    return status(*pointer == nullptr ? cudaErrorMemoryAllocation : cudaSuccess);
}
cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) { return cudaHostAlloc(pointer, bytes, 0); }
cudaError_t cudaFreeHost(void* pointer) {
    if (pointer != nullptr && pinned.erase(pointer) == 0) return status(cudaErrorInvalidValue);
    std::free(pointer);
    return status();
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
    return enqueue(stream, [=] {
        if (bytes > 0) std::memmove(to, from, bytes);
    });
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
    return enqueue(stream, [=] {
        if (bytes > 0) std::memset(to, value, bytes);
    });
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
    *stream = new CUstream_st{.device = current_device, .recorded = {}};
    return status();
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    busy.erase(stream);
    delete stream;
    return status();
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    busy.erase(stream);
    return status(forbidden_now() ? cudaErrorStreamCaptureUnsupported : cudaSuccess);
}
cudaError_t cudaDeviceSynchronize() {
    busy.clear();
    return status(forbidden_now() ? cudaErrorStreamCaptureUnsupported : cudaSuccess);
}
cudaError_t cudaEventCreate(cudaEvent_t* event) {
    *event = new CUevent_st;
    return status();
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return cudaEventCreate(event); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    delete event;
    return status();
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    return enqueue(stream, [=] { event->at = std::chrono::steady_clock::now() + passed; });
}
cudaError_t cudaEventSynchronize(cudaEvent_t) {
    return status(forbidden_now() ? cudaErrorStreamCaptureUnsupported : cudaSuccess);
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
    *milliseconds = std::chrono::duration<float, std::milli>(end->at - start->at).count();
    return status();
}
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return status(); }

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
    const cudaError_t result = status(stream == nullptr || stream->capturing ? cudaErrorIllegalState : cudaSuccess);
    if (result != cudaSuccess) return result;
    stream->capturing = true;
    stream->recorded.clear();
    ++captures;
    return result;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
    if (stream == nullptr || !stream->capturing) return status(cudaErrorIllegalState);
    stream->capturing = false;
    --captures;
    *graph = new CUgraph_st{std::move(stream->recorded)};
    return status();
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
    *executable = new CUgraphExec_st{graph->work};
    return status();
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
    if (stream->device != current_device) return status(cudaErrorInvalidResourceHandle);
    busy.insert(stream);
    ++launches_of_graphs;
    for (const auto& work : executable->work) work();
    return status();
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete graph;
    return status();
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
    delete executable;
    return status();
}

cudaError_t cudaGetDeviceCount(int* count) {
    *count = devices;
    if (driver < CUDART_VERSION) return status(cudaErrorInsufficientDriver);
    return status(devices == 0 ? cudaErrorNoDevice : cudaSuccess);
}
// Not one of the calls that `fail_call` counts: it comes before each of them.
cudaError_t cudaSetDevice(int device) {
    if (device < 0 || device >= devices) return status(cudaErrorInvalidDevice);
    current_device = device;
    return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
    *device = current_device;
    return status();
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
    *properties = {};
    std::strcpy(properties->name, "emulated device");
    properties->major = capability_major;
    properties->minor = capability_minor;
    properties->multiProcessorCount = 4;
    properties->totalGlobalMem = limit;
    properties->sharedMemPerBlockOptin = 227 * 1024;
    properties->sharedMemPerMultiprocessor = 100 * 1024;  // of sm_86: rows of logits are longer than what is kept
    properties->l2CacheSize = 50 << 20;
    return status();
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
    *value = attribute == cudaDevAttrMultiProcessorCount      ? 4
             : attribute == cudaDevAttrComputeCapabilityMajor ? capability_major
                                                              : 0;
    return status();
}
cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = CUDART_VERSION;
    return status();
}
cudaError_t cudaDriverGetVersion(int* version) {
    *version = driver;
    return status();
}
cudaError_t cudaGetLastError() {
    const cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}
cudaError_t cudaPeekAtLastError() { return last_error; }
const char* cudaGetErrorName(cudaError_t error) {
    switch (error) {
        case cudaSuccess:
            return "cudaSuccess";
        case cudaErrorMemoryAllocation:
            return "cudaErrorMemoryAllocation";
        case cudaErrorLaunchFailure:
            return "cudaErrorLaunchFailure";
        case cudaErrorStreamCaptureUnsupported:
            return "cudaErrorStreamCaptureUnsupported";
        default:
            return "cudaError";
    }
}
const char* cudaGetErrorString(cudaError_t error) {
    return error == cudaErrorMemoryAllocation ? "out of memory" : "emulated error";
}

}  // extern "C"
