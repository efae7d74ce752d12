// SPDX-License-Identifier: MIT
// ThreadTeam: threads that sleep until there is a loop to share.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace lamina::cpu {

/// A fixed number of threads, the caller's included, that share the iterations of one loop at a time.
///
/// Which thread runs an iteration is left to chance, so that a thread that is late does not hold up the others;
/// callers keep results independent of it by letting an iteration write what no other one touches. One loop at a
/// time, from one thread at a time; a loop's body must not start another loop.
class ThreadTeam {
public:
    /// 0: one thread per core that this process may use.
    explicit ThreadTeam(std::size_t threads) {
        const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
        const std::size_t others = (threads == 0 ? cores : threads) - 1;
        helpers_.reserve(others);
        try {
            for (std::size_t worker = 1; worker <= others; ++worker) {
                helpers_.emplace_back([this, worker] { help(worker); });
            }
        } catch (...) {
            dismiss();
            throw;
        }
    }

    ThreadTeam(const ThreadTeam&) = delete;
    ThreadTeam& operator=(const ThreadTeam&) = delete;
    ~ThreadTeam() { dismiss(); }

    [[nodiscard]] std::size_t size() const noexcept { return helpers_.size() + 1; }

    /// body(index, worker) for every index in [0, count), where worker < size() is no two threads' at a time.
    ///
    /// errors   the first exception that a body throws, after all threads have stopped; the rest may then not have run
    template <class Body>
    void for_each(std::size_t count, const Body& body) {
        if (count <= 1 || helpers_.empty()) {
            for (std::size_t index = 0; index < count; ++index) body(index, std::size_t{0});
            return;
        }
        run({.call = [](const void* context, std::size_t index,
                        std::size_t worker) { (*static_cast<const Body*>(context))(index, worker); },
             .context = &body,
             .count = count});
    }

    /// body(first, last, worker) for consecutive ranges that cover [0, count), each of at least `grain` indices except
    /// the last; a few ranges per thread.
    template <class Body>
    void parallel_for(std::size_t count, std::size_t grain, const Body& body) {
        const std::size_t most = size() == 1 ? 1 : size() * ranges_per_thread;
        const std::size_t length = std::max({grain, (count + most - 1) / most, std::size_t{1}});
        for_each((count + length - 1) / length, [&](std::size_t range, std::size_t worker) {
            body(range * length, std::min(count, (range + 1) * length), worker);
        });
    }

private:
    static constexpr std::size_t ranges_per_thread = 4;

    struct Loop {
        void (*call)(const void* context, std::size_t index, std::size_t worker) = nullptr;
        const void* context = nullptr;
        std::size_t count = 0;
    };

    void run(const Loop& loop) {
        loop_ = loop;
        next_.store(0, std::memory_order_relaxed);
        helping_.store(static_cast<std::uint32_t>(helpers_.size()), std::memory_order_relaxed);
        generation_.fetch_add(1, std::memory_order_release);
        generation_.notify_all();
        take_part(0);
        for (auto left = helping_.load(std::memory_order_acquire); left != 0;
             left = helping_.load(std::memory_order_acquire)) {
            helping_.wait(left, std::memory_order_acquire);
        }
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    }

    void take_part(std::size_t worker) noexcept {
        try {
            for (auto index = next_.fetch_add(1, std::memory_order_relaxed); index < loop_.count;
                 index = next_.fetch_add(1, std::memory_order_relaxed)) {
                loop_.call(loop_.context, index, worker);
            }
        } catch (...) {
            next_.store(loop_.count, std::memory_order_relaxed);
            const std::scoped_lock lock(failure_mutex_);
            if (!failure_) failure_ = std::current_exception();
        }
    }

    void help(std::size_t worker) noexcept {
        for (std::uint32_t seen = 0;; ++seen) {
            generation_.wait(seen, std::memory_order_acquire);
            if (dismissed_.load(std::memory_order_relaxed)) return;
            take_part(worker);
            if (helping_.fetch_sub(1, std::memory_order_acq_rel) == 1) helping_.notify_one();
        }
    }

    void dismiss() noexcept {
        dismissed_.store(true, std::memory_order_relaxed);
        generation_.fetch_add(1, std::memory_order_release);
        generation_.notify_all();
        for (std::thread& helper : helpers_) helper.join();
    }

    Loop loop_;
    std::atomic<std::size_t> next_{0};
    std::atomic<std::uint32_t> helping_{0};     ///< helpers that have not finished the current loop
    std::atomic<std::uint32_t> generation_{0};  ///< loops started so far
    std::atomic<bool> dismissed_{false};
    std::mutex failure_mutex_;
    std::exception_ptr failure_;
    std::vector<std::thread> helpers_;
};

}  // namespace lamina::cpu
