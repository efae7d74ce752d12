// SPDX-License-Identifier: MIT
// MetricLog: the metrics.jsonl of a training run, one JSON object per optimiser step.
#pragma once

#include <lamina/io/detail/file_descriptor.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/memory_map.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/expects.hpp>
#include <lamina/core/message_text.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lamina::io {

/// Appends lines to a file, each whole and handed to the system at once: a reader, or a run resumed after this one was
/// killed, sees complete steps and at most one broken last line.
///
/// Each line is an object whose first field is "step", an optimiser step; steps rise from line to line. NaN and
/// infinities, which JSON cannot express, become null.
class MetricLog {
public:
    /// Starts an empty log, replacing one that is there.
    ///
    /// errors  FileError when the file cannot be written
    explicit MetricLog(std::filesystem::path path) : MetricLog(std::move(path), O_TRUNC) {}

    /// Continues the log of a run that goes on after step `last_step`: later lines, and a broken last one, are removed.
    /// A missing file is an empty log.
    ///
    /// errors  FileError when the file cannot be read or written, or a line among those to be kept is not of this form
    [[nodiscard]] static MetricLog resume(std::filesystem::path path, std::uint64_t last_step) {
        MetricLog log(std::move(path), 0);
        const Kept kept = lines_to_keep(log.path_, last_step);
        if (::ftruncate(log.file_.get(), static_cast<::off_t>(kept.bytes)) != 0) {
            detail::throw_system_error(log.path_, "cannot be shortened", errno);
        }
        log.last_step_ = kept.last_step;
        return log;
    }

    /// Adds the line of one step: {"step": step} and the fields of `metrics`.
    ///
    /// errors  FileError with the system's reason, such as a full disk; LAMINA_EXPECTS that `metrics` is an object
    ///         without "step", and `step` later than the last
    void append(std::uint64_t step, const Json& metrics) {
        LAMINA_EXPECTS(metrics.is_object() && !metrics.contains("step"),
                       "MetricLog::append: metrics must be an object without a field \"step\"");
        LAMINA_EXPECTS(!last_step_ || step > *last_step_, "MetricLog::append: steps must rise");
        Json line{{"step", step}};
        line.update(metrics);
        detail::write_all(file_, std::as_bytes(std::span<const char>(line.dump() + "\n")), path_);
        last_step_ = step;
    }

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    struct Kept {
        std::size_t bytes = 0;
        std::optional<std::uint64_t> last_step;
    };

    MetricLog(std::filesystem::path path, int flags)
        : path_(std::move(path)), file_(detail::open_file(path_, O_WRONLY | O_CREAT | O_APPEND | flags)) {}

    [[nodiscard]] static Kept lines_to_keep(const std::filesystem::path& path, std::uint64_t last_step) {
        const MemoryMap map(path);
        const std::string_view text(static_cast<const char*>(static_cast<const void*>(map.bytes().data())),
                                    map.bytes().size());
        Kept kept;
        std::size_t number = 1;
        for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n', kept.bytes), ++number) {
            const std::uint64_t step = step_of(path, number, text.substr(kept.bytes, end - kept.bytes));
            if (step > last_step) break;
            kept = {.bytes = end + 1, .last_step = step};
        }
        return kept;
    }

    [[nodiscard]] static std::uint64_t step_of(const std::filesystem::path& path, std::size_t number,
                                               std::string_view line) {
        const Json json = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
        if (json.is_object() && json.contains("step") && json["step"].is_number_unsigned()) {
            return json["step"].get<std::uint64_t>();
        }
        throw FileError(path.string(), "line " + std::to_string(number) + " is " + in_quotes(line) +
                                           ", expected a JSON object with a whole number \"step\"");
    }

    std::filesystem::path path_;
    detail::FileDescriptor file_;
    std::optional<std::uint64_t> last_step_;
};

}  // namespace lamina::io
