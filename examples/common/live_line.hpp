// SPDX-License-Identifier: MIT
// LiveLine: a line of output that is written over on a terminal, and followed by the next one elsewhere.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <string>

namespace common {

class LiveLine {
public:
    LiveLine() : live_(isatty(STDOUT_FILENO) != 0) {}
    LiveLine(const LiveLine&) = delete;
    LiveLine& operator=(const LiveLine&) = delete;
    // What is printed next, an error perhaps, begins on a line of its own.
    ~LiveLine() { end(); }

    /// Whether lines replace each other, so that there may be many of them.
    [[nodiscard]] bool live() const { return live_; }

    void show(const std::string& text) {
        std::printf("%s%s", live_ ? "\r\033[K" : "", text.c_str());
        open_ = true;
        if (!live_) end();
        std::fflush(stdout);
    }

    void end() {
        if (open_) std::printf("\n");
        open_ = false;
        std::fflush(stdout);
    }

private:
    bool live_;
    bool open_ = false;
};

/// "1:05" for 65.
[[nodiscard]] inline std::string minutes(double seconds) {
    const auto whole = static_cast<std::size_t>(seconds);
    char text[32];
    std::snprintf(text, sizeof text, "%zu:%02zu", whole / 60, whole % 60);
    return text;
}

}  // namespace common
