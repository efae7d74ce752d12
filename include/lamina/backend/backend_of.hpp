// SPDX-License-Identifier: MIT
// BackendOf: which backend stands behind a device policy.
#pragma once

#include <cstddef>

#include <lamina/backend/contract.hpp>
#include <lamina/core/told.hpp>

namespace lamina {

/// Each backend specialises this for its device policy, with `type` naming the backend.
template <class Device>
struct BackendOf {};

/// Whether a backend for the device is included.
template <class Device>
concept HasBackend = requires {
    typename BackendOf<Device>::type;
};

namespace detail {

/// Stands in for a backend after an error, so that one mistake is one message: it takes every operation in silence.
template <bool Told>
struct NoBackendSeeFirstError {
    struct Memory {
        [[nodiscard]] std::byte* data() const { return nullptr; }
        [[nodiscard]] std::size_t size() const { return 0; }
    };
    static constexpr std::size_t row_multiple = 1;
    static constexpr std::size_t logits_rows(std::size_t) { return 1; }
    static constexpr std::size_t vocabulary_multiple = 1;

    Memory allocate(std::size_t) { return {}; }
    Memory allocate_host(std::size_t) { return {}; }
    void copy(const auto&...) {}
    void upload(const auto&...) {}
    void download(const auto&...) {}
    template <class Request>
    ResultOf<Request> run(const Request&) {
        return ResultOf<Request>();
    }
    void replay(const auto&...) {}
};

template <class Device>
struct BackendError {
    static_assert(HasBackend<Device>,
                  "lamina: device: no backend is included for this device; include <lamina/lamina.hpp> for the CPU or "
                  "<lamina/cuda.hpp> for CUDA");
};

template <class Device>
struct CheckedBackend {
    using type = NoBackendSeeFirstError<told(mistake<BackendError<Device>>)>;
};
template <HasBackend Device>
struct CheckedBackend<Device> {
    using type = typename BackendOf<Device>::type;
};

}  // namespace detail

template <class Device>
using BackendFor = typename detail::CheckedBackend<Device>::type;

}  // namespace lamina
