// SPDX-License-Identifier: MIT
// Processes: programs that run beside this one, write to a log, and do not outlive it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace sweep {

/// How a program ended: by its exit code, or killed by a signal.
struct Ending {
    std::size_t id = 0;  ///< as `start` was given
    int code = 0;        ///< -1 where a signal ended it
    int signal = 0;
};

class Processes {
public:
    /// Starts `command`, whose first word is the program's file. Both of its outputs go to `log`, which begins anew.
    ///
    /// errors   FileError when the log cannot be written; Error when the system has no process left
    void start(std::size_t id, const std::vector<std::string>& command, const std::filesystem::path& log);

    /// Waits for the next one to end; some must be running.
    [[nodiscard]] Ending wait();

    [[nodiscard]] std::size_t running() const { return running_.size(); }

private:
    struct Running {
        pid_t process;
        std::size_t id;
    };
    std::vector<Running> running_;
};

/// What the program said in a log when it failed: its last line, without its name.
[[nodiscard]] std::string reason_in(const std::filesystem::path& log, const Ending& ending);

}  // namespace sweep
