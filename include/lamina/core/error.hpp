// SPDX-License-Identifier: MIT
// The exceptions that lamina throws when data from outside, or a computation on it, is not what it must be.
#pragma once

#include <stdexcept>
#include <string>

namespace lamina {

/// Base of every exception that lamina throws. `what()` is one line: where, what was found, what was expected.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;

    /// Says more about where it happened, for those who catch an error by reference and throw it on, its kind kept.
    void append(const std::string& place) {
        static_cast<std::runtime_error&>(*this) = std::runtime_error(what() + place);
    }
};

/// A file that cannot be read, written or understood. `what()` starts with the path.
class FileError : public Error {
public:
    FileError(const std::string& path, const std::string& problem) : Error(path + ": " + problem), path_(path) {}

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

/// A value that a user gave, on a command line or in a configuration struct, that is out of its range.
class ArgumentError : public Error {
public:
    using Error::Error;
};

/// A NaN or an infinity in a loss, a gradient or a parameter. `what()` names the tensor and the step.
class NonFiniteError : public Error {
public:
    using Error::Error;
};

}  // namespace lamina
