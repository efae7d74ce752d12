// SPDX-License-Identifier: MIT
// RecordingBackend: a CPU backend whose `replay` keeps the requests of each key and repeats them, as a GPU's graphs do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lamina/arch/policy.hpp>
#include <lamina/backend/backend_of.hpp>
#include <lamina/backend/cpu/backend.hpp>

namespace lamina_tests {

/// Repeats the requests: what the host did besides queueing them does not happen again. Work that allocates, uploads or
/// downloads, waits for a result or reads segments is an error.
class RecordingBackend : public lamina::CpuBackend {
    using Cpu = lamina::CpuBackend;

public:
    using Key = std::vector<std::uint64_t>;

    RecordingBackend() : Cpu({.threads = 2}) {}

    /// Every key that was asked for, in order.
    std::vector<Key> keys{};
    /// Calls that repeated what had been queued before.
    std::size_t repeated = 0;
    std::size_t uploads = 0;
    std::size_t downloads = 0;

    template <class F>
    void replay(std::span<const std::uint64_t> words, const F& enqueue) {
        Key key(words.begin(), words.end());
        keys.push_back(key);
        const auto found = recordings_.find(key);
        if (found != recordings_.end()) {
            for (const auto& operation : found->second) operation();
            ++repeated;
            return;
        }
        std::vector<std::function<void()>> operations;
        recording_ = &operations;
        try {
            enqueue();
        } catch (...) {
            recording_ = nullptr;
            throw;
        }
        recording_ = nullptr;
        recordings_.emplace(std::move(key), std::move(operations));
    }

    [[nodiscard]] Memory allocate(std::size_t bytes) {
        refuse("allocates");
        return Cpu::allocate(bytes);
    }
    void copy(void* to, const void* from, std::size_t bytes) {
        refuse("copies");
        Cpu::copy(to, from, bytes);
    }
    void upload(void* to, const void* from, std::size_t bytes) {
        refuse("uploads");
        ++uploads;
        Cpu::upload(to, from, bytes);
    }
    void download(void* to, const void* from, std::size_t bytes) {
        refuse("downloads");
        ++downloads;
        Cpu::download(to, from, bytes);
    }

    // Requests are views and small structs: they are kept by value.
    template <class Request>
    decltype(auto) run(const Request& request) {
        if constexpr (!std::is_void_v<lamina::ResultOf<Request>>) {
            refuse("waits for a result");
            return Cpu::run(request);
        } else {
            if constexpr (requires { request.segments; }) refuse("reads segments");
            Cpu::run(request);
            if (recording_ != nullptr) recording_->push_back([=, this] { Cpu::run(request); });
        }
    }

private:
    void refuse(const char* what) const {
        if (recording_ != nullptr) throw std::logic_error(std::string("work that may be repeated ") + what);
    }

    std::vector<std::function<void()>>* recording_ = nullptr;
    std::map<Key, std::vector<std::function<void()>>> recordings_{};
};

/// The policy that stands for it.
struct Recorded {
    using answers = lamina::question::Device;
};

}  // namespace lamina_tests

template <>
struct lamina::BackendOf<lamina_tests::Recorded> {
    using type = lamina_tests::RecordingBackend;
};
