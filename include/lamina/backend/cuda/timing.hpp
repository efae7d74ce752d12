// SPDX-License-Identifier: MIT
// quickest: which of several pieces of work takes the device the least time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

#include <cuda_runtime_api.h>

#include <lamina/backend/cuda/check.hpp>
#include <lamina/backend/cuda/context.hpp>

namespace lamina::cuda {

namespace detail {

class Event {
public:
    Event() { check(cudaEventCreate(&event_), "making an event"); }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event() { static_cast<void>(cudaEventDestroy(event_)); }

    void record(cudaStream_t stream) { check(cudaEventRecord(event_, stream), "recording an event"); }
    [[nodiscard]] float milliseconds_since(const Event& start) const {
        float milliseconds = 0;
        check(cudaEventSynchronize(event_), "waiting for an event");
        check(cudaEventElapsedTime(&milliseconds, start.event_, event_), "timing between events");
        return milliseconds;
    }

private:
    cudaEvent_t event_ = nullptr;
};

}  // namespace detail

/// Of `count` pieces of work the quickest, by its number; nothing where none can be done. `run(i)` queues number i and
/// says whether that could be done; the first of two that take as long is preferred.
///
/// They take turns, so that a clock that drifts does not decide; the least time of each counts.
/// cost     seven runs of each, and a wait
template <class Run>
[[nodiscard]] std::optional<std::size_t> quickest(Context& context, std::size_t count, const Run& run) {
    constexpr int rounds = 2;
    constexpr int runs_per_round = 3;
    detail::Event start;
    detail::Event end;
    std::vector<std::size_t> running;
    for (std::size_t i = 0; i < count; ++i) {
        if (run(i)) running.push_back(i);  // the first run loads kernels and is not timed
    }
    if (running.empty()) return std::nullopt;
    std::vector<float> least(count, std::numeric_limits<float>::infinity());
    for (int round = 0; round < rounds; ++round) {
        for (const std::size_t i : running) {
            start.record(context.stream());
            bool done = true;
            for (int again = 0; again < runs_per_round; ++again) done = done && run(i);
            end.record(context.stream());
            const float taken = end.milliseconds_since(start);
            if (done) least[i] = std::min(least[i], taken);
        }
    }
    context.wait();
    return *std::min_element(running.begin(), running.end(),
                             [&](std::size_t a, std::size_t b) { return least[a] < least[b]; });
}

}  // namespace lamina::cuda
