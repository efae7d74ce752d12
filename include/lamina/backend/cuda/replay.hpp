// SPDX-License-Identifier: MIT
// GraphCache: work that is queued again and again in the same way is recorded once as a CUDA graph and then launched.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <cuda_runtime_api.h>

#include <lamina/backend/cuda/check.hpp>
#include <lamina/backend/cuda/context.hpp>

namespace lamina::cuda {

/// Keeps the graphs of up to `most` keys, those used last. With 0 nothing is ever recorded.
class GraphCache {
public:
    GraphCache(Context& context, std::size_t most) : context_(context), most_(most) {}

    /// Does what enqueue() does. The first call with a key calls it, so that scratch memory and algorithms are settled;
    /// the second records what it queues, and launches that; later ones launch it without calling it. So for an equal
    /// key enqueue() must queue the same work on the same memory, and nothing that answers to the host.
    ///
    /// errors   what enqueue() throws, also while it is recorded: then nothing is queued, and the next call begins
    ///          anew; DeviceError
    template <class F>
    void replay(std::span<const std::uint64_t> key, const F& enqueue) {
        if (most_ == 0 || context_.recording) return enqueue();
        std::vector<std::uint64_t> owned(key.begin(), key.end());
        const auto found = entries_.find(owned);
        if (found == entries_.end()) {
            enqueue();
            make_room();
            entries_.emplace(std::move(owned), Entry{.used = ++uses_});
            return;
        }
        Entry& entry = found->second;
        entry.used = ++uses_;
        // Scratch that has moved took the addresses in the graph with it.
        if (entry.generation != context_.generation()) entry.graph.reset();
        if (entry.graph == nullptr) {
            try {
                entry.graph = recorded(enqueue);
            } catch (...) {
                entries_.erase(found);
                throw;
            }
            entry.generation = context_.generation();
        }
        check(cudaGraphLaunch(entry.graph.get(), context_.stream()), "launching recorded work");
    }

    /// Forgets all graphs.
    void clear() { entries_.clear(); }

    /// Graphs that are kept.
    [[nodiscard]] std::size_t size() const {
        return static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(),
                                                      [](const auto& entry) { return entry.second.graph != nullptr; }));
    }

private:
    struct DestroyGraph {
        void operator()(cudaGraph_t graph) const { static_cast<void>(cudaGraphDestroy(graph)); }
    };
    struct DestroyExecutable {
        void operator()(cudaGraphExec_t graph) const { static_cast<void>(cudaGraphExecDestroy(graph)); }
    };
    using Graph = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyGraph>;
    using Executable = std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, DestroyExecutable>;

    struct Entry {
        Executable graph{};
        std::uint64_t generation = 0;
        std::uint64_t used = 0;
    };

    /// Between its construction and `end` the stream records. If an exception comes first, what was recorded is dropped
    /// and the stream runs work again.
    class Recording {
    public:
        explicit Recording(Context& context) : context_(context) {
            // Only this thread's calls are watched: others may allocate meanwhile.
            check(cudaStreamBeginCapture(context.stream(), cudaStreamCaptureModeThreadLocal), "starting to record");
            context_.recording = true;
        }
        Recording(const Recording&) = delete;
        Recording& operator=(const Recording&) = delete;
        ~Recording() {
            if (!context_.recording) return;
            static_cast<void>(stop());
            static_cast<void>(cudaGetLastError());  // what was wrong is being told already
        }

        [[nodiscard]] Graph end() {
            auto [status, graph] = stop();
            check(status, "ending a recording");
            return std::move(graph);
        }

    private:
        std::pair<cudaError_t, Graph> stop() {
            context_.recording = false;
            cudaGraph_t graph = nullptr;
            const cudaError_t status = cudaStreamEndCapture(context_.stream(), &graph);
            return {status, Graph(graph)};
        }

        Context& context_;
    };

    template <class F>
    [[nodiscard]] Executable recorded(const F& enqueue) {
        Recording recording(context_);
        enqueue();
        const Graph graph = recording.end();
        cudaGraphExec_t executable = nullptr;
        check(cudaGraphInstantiate(&executable, graph.get(), 0), "preparing recorded work");
        return Executable(executable);
    }

    void make_room() {
        if (entries_.size() < most_) return;
        const auto oldest = std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
            return a.second.used < b.second.used;
        });
        entries_.erase(oldest);
    }

    Context& context_;
    std::size_t most_;
    std::uint64_t uses_ = 0;
    std::map<std::vector<std::uint64_t>, Entry> entries_;
};

}  // namespace lamina::cuda
