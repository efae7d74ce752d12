// SPDX-License-Identifier: MIT
// The names of files that are still being written, and the removal of those whose writer was killed.
#pragma once

#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace lamina::io::detail {

inline constexpr std::string_view partial_ending = ".partial";

/// ".NAME.PID.N.partial": where process PID writes what is to become NAME; N tells its writers apart.
[[nodiscard]] inline std::string partial_name(const std::string& name, ::pid_t process, int number) {
    return "." + name + "." + std::to_string(process) + "." + std::to_string(number) + std::string(partial_ending);
}

/// The process in such a file name; 0 if it is no such name, or one for another NAME.
[[nodiscard]] inline ::pid_t writer_of(std::string_view file_name, const std::string& name) {
    const std::string start = "." + name + ".";
    if (!file_name.starts_with(start)) return 0;
    file_name.remove_prefix(start.size());
    if (!file_name.ends_with(partial_ending)) return 0;
    file_name.remove_suffix(partial_ending.size());
    const char* const end = file_name.data() + file_name.size();
    ::pid_t process = 0;
    const auto dot = std::from_chars(file_name.data(), end, process);
    if (dot.ec != std::errc() || dot.ptr == end || *dot.ptr != '.') return 0;
    int number = 0;
    const auto rest = std::from_chars(dot.ptr + 1, end, number);
    return rest.ec == std::errc() && rest.ptr == end && process > 0 ? process : 0;
}

/// Removes what processes that are gone have left of `name` in `folder`. What cannot be removed stays: it does no harm.
inline void remove_abandoned(const std::filesystem::path& folder, const std::string& name) {
    std::error_code ignored;
    for (std::filesystem::directory_iterator entry(folder, ignored), end; entry != end; entry.increment(ignored)) {
        const ::pid_t writer = writer_of(entry->path().filename().string(), name);
        if (writer != 0 && ::kill(writer, 0) != 0 && errno == ESRCH) ::unlink(entry->path().c_str());
    }
}

}  // namespace lamina::io::detail
