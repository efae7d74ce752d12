// SPDX-License-Identifier: MIT
// MetricLog: a file of one JSON object per step of some work, such as the metrics.jsonl of a training run.
#pragma once

#include <lamina/io/detail/file_descriptor.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/memory_map.hpp>

#include <lamina/core/error.hpp>
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
/// Each line is an object whose first field is the counter, "step" unless said otherwise; it rises from line to line.
/// NaN and infinities, which JSON cannot express, become null.
class MetricLog {
public:
    /// Starts an empty log, replacing one that is there.
    ///
    /// errors  FileError when the file cannot be written
    explicit MetricLog(std::filesystem::path path, std::string counter = "step")
        : MetricLog(std::move(path), std::move(counter), O_TRUNC) {}

    /// Continues the log of a run that goes on after step `last_step`: later lines, and a broken last one, are removed.
    /// A missing file is an empty log.
    ///
    /// errors  FileError when the file cannot be read or written, or a line among those to be kept is not of this form
    [[nodiscard]] static MetricLog resume(std::filesystem::path path, std::uint64_t last_step,
                                          std::string counter = "step") {
        MetricLog log(std::move(path), std::move(counter), 0);
        const Kept kept = log.lines_to_keep(last_step);
        if (::ftruncate(log.file_.get(), static_cast<::off_t>(kept.bytes)) != 0) {
            detail::throw_system_error(log.path_, "cannot be shortened", errno);
        }
        log.last_step_ = kept.last_step;
        return log;
    }

    /// Adds the line of one step: the counter and the fields of `metrics`.
    ///
    /// errors  FileError with the system's reason, such as a full disk; ArgumentError unless `metrics` is an object
    ///         without the counter, and `step` later than the last
    void append(std::uint64_t step, const Json& metrics) {
        if (!metrics.is_object() || metrics.contains(counter_)) {
            throw ArgumentError("lamina: MetricLog::append: metrics are an array, a value, or have a field \"" +
                                counter_ + "\", expected an object without it");
        }
        if (last_step_ && step <= *last_step_) {
            throw ArgumentError("lamina: MetricLog::append: " + counter_ + " " + std::to_string(step) +
                                ", expected more than the last one, " + std::to_string(*last_step_));
        }
        Json line{{counter_, step}};
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

    MetricLog(std::filesystem::path path, std::string counter, int flags)
        : path_(std::move(path)),
          counter_(std::move(counter)),
          file_(detail::open_file(path_, O_WRONLY | O_CREAT | O_APPEND | flags)) {}

    [[nodiscard]] Kept lines_to_keep(std::uint64_t last_step) const {
        const MemoryMap map(path_);
        const std::string_view text(static_cast<const char*>(static_cast<const void*>(map.bytes().data())),
                                    map.bytes().size());
        Kept kept;
        std::size_t number = 1;
        for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n', kept.bytes), ++number) {
            const std::uint64_t step = step_of(number, text.substr(kept.bytes, end - kept.bytes));
            if (step > last_step) break;
            kept = {.bytes = end + 1, .last_step = step};
        }
        return kept;
    }

    [[nodiscard]] std::uint64_t step_of(std::size_t number, std::string_view line) const {
        const Json json = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
        if (json.is_object() && json.contains(counter_) && json[counter_].is_number_unsigned()) {
            return json[counter_].get<std::uint64_t>();
        }
        throw FileError(path_.string(), "line " + std::to_string(number) + " is " + in_quotes(line) +
                                            ", expected a JSON object with a whole number \"" + counter_ + '"');
    }

    std::filesystem::path path_;
    std::string counter_;
    detail::FileDescriptor file_;
    std::optional<std::uint64_t> last_step_;
};

}  // namespace lamina::io
