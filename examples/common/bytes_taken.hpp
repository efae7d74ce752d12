// SPDX-License-Identifier: MIT
// bytes_taken: how much memory a run has taken, to be told beside what the plan says.
#pragma once

#include <cstddef>
#include <fstream>
#include <string>

namespace common {

/// Bytes that are taken of a backend's own device, whoever took them; without one, the most that this process had so
/// far, 0 where the system does not tell.
template <class B>
[[nodiscard]] std::size_t bytes_taken(const B& backend) {
    if constexpr (requires { backend.device_memory(); }) {
        const auto memory = backend.device_memory();
        return memory.total - memory.free;
    } else {
        std::ifstream status("/proc/self/status");
        for (std::string word; status >> word;) {
            std::size_t kibibytes = 0;
            if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
        }
        return 0;
    }
}

}  // namespace common
