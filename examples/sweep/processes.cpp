// SPDX-License-Identifier: MIT
#include "processes.hpp"

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <system_error>

namespace sweep {

namespace {

[[nodiscard]] std::string system_reason() { return std::generic_category().message(errno); }

/// What remains of a copy of this process until it is the program; nothing here may allocate.
[[noreturn]] void become(char* const* arguments, int log, pid_t parent) {
    // A sweep that is killed takes its runs along: the next start must not meet them in their folders.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    if (const int nothing = open("/dev/null", O_RDONLY); nothing >= 0) dup2(nothing, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(arguments[0], arguments);
    const char* const reason = std::strerror(errno);
    const auto say = [](const char* text) { return write(STDERR_FILENO, text, std::strlen(text)) > 0; };
    static_cast<void>(say(arguments[0]) && say(": cannot be started: ") && say(reason) && say("\n"));
    _exit(127);
}

}  // namespace

void Processes::start(std::size_t id, const std::vector<std::string>& command, const std::filesystem::path& log) {
    std::vector<std::string> words = command;
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) throw lamina::FileError(log.string(), "cannot be written: " + system_reason());
    const pid_t self = getpid();
    const pid_t process = fork();
    if (process == 0) become(arguments.data(), file, self);
    const std::string reason = process < 0 ? system_reason() : "";
    close(file);
    if (process < 0) throw lamina::Error(command.front() + " cannot be started: " + reason);
    running_.push_back({process, id});
}

Ending Processes::wait() {
    for (;;) {
        int status = 0;
        const pid_t process = waitpid(-1, &status, 0);
        if (process < 0 && errno != EINTR) throw lamina::Error("waiting for runs failed: " + system_reason());
        const auto ended =
            std::find_if(running_.begin(), running_.end(), [&](const Running& one) { return one.process == process; });
        if (ended == running_.end()) continue;
        const Ending ending{.id = ended->id,
                            .code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                            .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0};
        running_.erase(ended);
        return ending;
    }
}

std::string reason_in(const std::filesystem::path& log, const Ending& ending) {
    if (ending.signal != 0) return "killed by signal " + std::to_string(ending.signal);
    std::ifstream lines(log);
    std::string last;
    for (std::string line; std::getline(lines, line);) {
        if (!line.empty()) last = line;
    }
    if (last.empty()) return "ended with exit code " + std::to_string(ending.code) + " and said nothing";
    constexpr std::string_view name = "remove_layernorm: ";
    return lamina::printable(last.starts_with(name) ? last.substr(name.size()) : last, 400);
}

}  // namespace sweep
