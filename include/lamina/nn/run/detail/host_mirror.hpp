// SPDX-License-Identifier: MIT
// HostMirror: a region of device memory on the host, so that the arrays in it cross in one copy.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <lamina/core/rows.hpp>

namespace lamina::detail {

/// Every copy between host and device waits for the device: what lies side by side there is copied at once.
class HostMirror {
public:
    /// Mirrors this region from now on.
    void cover(std::span<std::byte> region) {
        region_ = region;
        if (copy_.size() < region.size()) copy_.resize(region.size());
    }

    /// The host's copy of an array that lies in the region.
    template <class T>
    [[nodiscard]] std::span<T> of(Rows<T, 1> array) {
        const auto offset = static_cast<std::size_t>(reinterpret_cast<std::byte*>(array.data) - region_.data());
        return {reinterpret_cast<T*>(copy_.data() + offset), array.rows};
    }
    template <class T>
    void set(Rows<T, 1> array, std::span<const T> values) {
        std::copy(values.begin(), values.end(), of(array).begin());
    }

    template <class B>
    void upload(B& backend) {
        backend.upload(region_.data(), copy_.data(), region_.size());
    }
    /// The first `bytes` of the region.
    template <class B>
    void download(B& backend, std::size_t bytes) {
        backend.download(copy_.data(), region_.data(), bytes);
    }

private:
    std::span<std::byte> region_{};
    std::vector<std::byte> copy_{};
};

}  // namespace lamina::detail
