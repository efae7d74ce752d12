// SPDX-License-Identifier: MIT
// JSON files: read with errors that name file and field, written atomically.
#pragma once

#include <lamina/io/atomic_file.hpp>
#include <lamina/io/file_kind.hpp>
#include <lamina/io/memory_map.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>

#include <nlohmann/json.hpp>

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lamina::io {

/// A JSON value whose objects keep the order in which they were written.
using Json = nlohmann::ordered_json;

/// Reads a whole JSON file.
///
/// errors  FileError when it cannot be read, or is not JSON in UTF-8, with line and column; a file of another kind is
///         called what it is
[[nodiscard]] inline Json read_json(const std::filesystem::path& path) {
    const MemoryMap map(path);
    const std::string_view text(static_cast<const char*>(static_cast<const void*>(map.bytes().data())),
                                map.bytes().size());
    try {
        return Json::parse(text.begin(), text.end());
    } catch (const nlohmann::json::exception& error) {
        fail_if_no_text(path, "JSON");
        // "[json.exception.parse_error.101] parse error at line 1, column 2: …": what follows the name is for people.
        const std::string_view what = error.what();
        const std::size_t start = what.find("at line");
        throw FileError(path.string(), "is not valid JSON: " + printable(what.substr(start == what.npos ? 0 : start)));
    }
}

namespace detail {

/// The text of a JSON file; the path is for the error.
[[nodiscard]] inline std::string json_text(const std::filesystem::path& path, const Json& value) {
    try {
        return value.dump(2) + "\n";
    } catch (const nlohmann::json::exception&) {
        throw ArgumentError("write_json: a string for " + path.string() + " is not valid UTF-8");
    }
}

}  // namespace detail

/// Writes a JSON file, atomically, with an indent of two spaces and a final newline.
///
/// Doubles are written with as many digits as it takes to read the same number again; NaN and infinities, which JSON
/// cannot express, as null.
///
/// errors  FileError as AtomicFile; ArgumentError when a string is not UTF-8
inline void write_json(const std::filesystem::path& path, const Json& value) {
    write_file(path, detail::json_text(path, value));
}

namespace detail {

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

}  // namespace detail

/// An object inside a JSON file that knows where it is: a view, valid as long as the JsonFile that it came from.
///
/// Errors read `FILE: field "optimizer.beta1" is a string, expected a number`.
class JsonObject {
public:
    /// `path` is the object's place in the file, "" for the whole of it.
    JsonObject(std::string file, std::string path, const Json& value)
        : file_(std::move(file)), path_(std::move(path)), value_(&value) {
        if (!value.is_object()) fail_type(path_, value, "an object");
    }

    /// Names of the fields, in the order of the file.
    [[nodiscard]] std::vector<std::string> keys() const {
        std::vector<std::string> result;
        for (const auto& item : value_->items()) result.push_back(item.key());
        return result;
    }

    [[nodiscard]] bool contains(std::string_view name) const { return find(name) != nullptr; }

    /// The value of a field, as bool, an integer, float, double, std::string or a std::vector of these.
    ///
    /// errors  FileError when the field is missing, of another type, or an integer out of T's range
    template <class T>
    [[nodiscard]] T require(std::string_view name) const {
        return convert<T>(path_of(name), json(name));
    }

    /// The same, but nothing where the field is missing or null.
    template <class T>
    [[nodiscard]] std::optional<T> optional(std::string_view name) const {
        const Json* const value = find(name);
        if (value == nullptr || value->is_null()) return std::nullopt;
        return convert<T>(path_of(name), *value);
    }

    /// A field that is an object itself.
    ///
    /// errors  FileError when the field is missing or something else
    [[nodiscard]] JsonObject object(std::string_view name) const { return {file_, path_of(name), json(name)}; }

    /// A field that is an array of objects.
    ///
    /// errors  FileError when the field is missing or something else
    [[nodiscard]] std::vector<JsonObject> objects(std::string_view name) const {
        const std::string path = path_of(name);
        const Json& value = json(name);
        if (!value.is_array()) fail_type(path, value, "an array");
        std::vector<JsonObject> result;
        for (std::size_t i = 0; i < value.size(); ++i) result.emplace_back(file_, element_path(path, i), value[i]);
        return result;
    }

    /// A field of any type.
    ///
    /// errors  FileError when the field is missing
    [[nodiscard]] const Json& json(std::string_view name) const {
        if (const Json* const value = find(name)) return *value;
        throw FileError(file_, "field " + in_quotes(path_of(name)) + " is missing");
    }

    /// Throws `FILE: field "…" PROBLEM`, for a value that has the right type and is still wrong.
    [[noreturn]] void fail(std::string_view name, const std::string& problem) const {
        throw FileError(file_, "field " + in_quotes(path_of(name)) + " " + problem);
    }

private:
    [[nodiscard]] std::string path_of(std::string_view name) const {
        return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
    }
    [[nodiscard]] static std::string element_path(const std::string& array, std::size_t index) {
        return array + "[" + std::to_string(index) + "]";
    }

    [[nodiscard]] const Json* find(std::string_view name) const {
        const auto found = value_->find(std::string(name));
        return found == value_->end() ? nullptr : &*found;
    }

    [[noreturn]] void fail_type(const std::string& path, const Json& found, const std::string& expected) const {
        const std::string type = found.type_name();
        const bool is_scalar = found.is_boolean() || found.is_number();
        const std::string shown = is_scalar           ? found.dump()
                                  : found.is_string() ? "the string " + in_quotes(found.get_ref<const std::string&>())
                                  : found.is_null()   ? type
                                                      : "an " + type;
        const std::string subject = path.empty() ? "the whole file" : "field " + in_quotes(path);
        throw FileError(file_, subject + " is " + shown + ", expected " + expected);
    }

    template <class T>
    [[nodiscard]] T convert(const std::string& path, const Json& value) const {
        if constexpr (std::same_as<T, bool>) {
            if (!value.is_boolean()) fail_type(path, value, "true or false");
            return value.get<bool>();
        } else if constexpr (std::integral<T>) {
            return convert_integer<T>(path, value);
        } else if constexpr (std::floating_point<T>) {
            if (!value.is_number()) fail_type(path, value, "a number");
            return value.get<T>();
        } else if constexpr (detail::is_vector<T>) {
            if (!value.is_array()) fail_type(path, value, "an array");
            T result;
            for (std::size_t i = 0; i < value.size(); ++i) {
                result.push_back(convert<typename T::value_type>(element_path(path, i), value[i]));
            }
            return result;
        } else {
            static_assert(std::same_as<T, std::string>,
                          "lamina: JsonObject: cannot read this type; ask for bool, a number, std::string or a vector");
            if (!value.is_string()) fail_type(path, value, "a string");
            return value.get<std::string>();
        }
    }

    template <class T>
    [[nodiscard]] T convert_integer(const std::string& path, const Json& value) const {
        using Limits = std::numeric_limits<T>;
        const bool fits = value.is_number_unsigned()
                              ? std::in_range<T>(value.get<std::uint64_t>())
                              : value.is_number_integer() && std::in_range<T>(value.get<std::int64_t>());
        if (!fits) {
            fail_type(path, value,
                      "a whole number from " + std::to_string(Limits::min()) + " to " + std::to_string(Limits::max()));
        }
        return value.get<T>();
    }

    std::string file_;
    std::string path_;
    const Json* value_;
};

/// A JSON file that was read and whose top level is an object.
class JsonFile {
public:
    /// errors  FileError as read_json, and when the top level is no object
    explicit JsonFile(const std::filesystem::path& path)
        : file_(path.string()), value_(std::make_unique<const Json>(read_json(path))), object_(file_, "", *value_) {}

    [[nodiscard]] const JsonObject& object() const noexcept { return object_; }
    [[nodiscard]] const Json& json() const noexcept { return *value_; }

private:
    std::string file_;
    std::unique_ptr<const Json> value_;  // on the heap, so that the view survives a move
    JsonObject object_;
};

}  // namespace lamina::io
