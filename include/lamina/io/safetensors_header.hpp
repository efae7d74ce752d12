// SPDX-License-Identifier: MIT
// The table of contents of a safetensors file: which tensors it holds, of which type and shape, and where.
#pragma once

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/core/scalar_type.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace lamina::io {

/// One tensor of a safetensors file: row-major, little-endian.
struct StoredTensor {
    std::string name;
    ScalarType type = ScalarType::f32;
    std::vector<std::size_t> shape{};  ///< empty for a scalar
    std::size_t begin = 0;             ///< bytes from the start of the data, which follow the header
    std::size_t end = 0;               ///< bytes, one past the last

    /// Number of elements.
    [[nodiscard]] constexpr std::size_t size() const noexcept {
        std::size_t product = 1;
        for (const std::size_t extent : shape) product *= extent;
        return product;
    }
};

/// The free-text entries of a file, in its order. Hugging Face readers want {"format", "pt"} among them.
using SafetensorsMetadata = std::vector<std::pair<std::string, std::string>>;

/// What the header of a safetensors file says.
struct SafetensorsHeader {
    std::vector<StoredTensor> tensors;  ///< in the order of their data
    SafetensorsMetadata metadata;
    std::size_t data_offset = 0;  ///< bytes from the start of the file to the data; a multiple of nothing
};

/// The longest header, in bytes, that this format's readers accept.
inline constexpr std::size_t safetensors_header_limit = 100'000'000;

namespace detail {

/// Bytes that the elements take; nothing if that is no whole number or does not fit.
[[nodiscard]] constexpr std::optional<std::size_t> stored_bytes(ScalarType type, std::span<const std::size_t> shape) {
    constexpr std::size_t largest = std::numeric_limits<std::size_t>::max();
    std::size_t bits = bits_of(type);
    for (const std::size_t extent : shape) {
        if (extent != 0 && bits > largest / extent) return std::nullopt;
        bits *= extent;
    }
    if (bits % 8 != 0) return std::nullopt;
    return bits / 8;
}

/// Receives the header's JSON piece by piece (nlohmann's SAX interface), so that a hostile header meets the first check
/// that it breaks before it is built in memory.
class SafetensorsHeaderParser {
public:
    SafetensorsHeaderParser(std::string file, SafetensorsHeader& header) : file_(std::move(file)), header_(header) {}

    bool null() {
        if (place_ == Place::top && key_ == metadata_key) return true;  // the reference reader takes it for none
        return scalar("null");
    }
    bool boolean(bool value) { return scalar(value ? "true" : "false"); }
    bool number_integer(std::int64_t value) { return scalar(std::to_string(value)); }
    bool number_unsigned(std::uint64_t value) {
        if (place_ != Place::numbers) return scalar(std::to_string(value));
        numbers().push_back(static_cast<std::size_t>(value));
        return true;
    }
    bool number_float(double /*value*/, const std::string& spelling) { return scalar(printable(spelling)); }
    bool binary(const std::vector<std::uint8_t>& /*value*/) { return false; }  // JSON text has none

    bool string(std::string& value) {
        if (place_ == Place::tensor && key_ == "dtype") {
            const std::optional<ScalarType> type = parse_scalar_type(value);
            if (!type) fail(where() + "dtype is " + in_quotes(value) + ", which is not a safetensors type");
            header_.tensors.back().type = *type;
        } else if (place_ == Place::metadata) {
            header_.metadata.emplace_back(key_, value);
        } else {
            return scalar(in_quotes(value));
        }
        return true;
    }

    bool start_object(std::size_t /*unknown*/) {
        if (place_ == Place::outside) {
            place_ = Place::top;
        } else if (place_ == Place::top && key_ == metadata_key) {
            place_ = Place::metadata;
        } else if (place_ == Place::top) {
            header_.tensors.push_back({.name = key_});
            offsets_.clear();
            place_ = Place::tensor;
        } else {
            return start_skipped("an object");
        }
        keys_in_object_.clear();
        return true;
    }

    bool start_array(std::size_t /*unknown*/) {
        if (place_ != Place::tensor || (key_ != "shape" && key_ != "data_offsets")) return start_skipped("an array");
        place_ = Place::numbers;
        return true;
    }

    bool key(std::string& value) {
        if (place_ == Place::ignored) return true;
        key_ = value;
        if (place_ == Place::top) {
            if (!names_.insert(value).second) fail(place_text() + " appears twice");
        } else if (!keys_in_object_.insert(value).second) {
            fail(where() + in_quotes(value) + " appears twice");
        }
        return true;
    }

    bool end_object() {
        if (end_skipped()) return true;
        if (place_ == Place::tensor) finish_tensor();
        place_ = place_ == Place::top ? Place::outside : Place::top;
        return true;
    }

    bool end_array() {
        if (!end_skipped()) place_ = Place::tensor;
        return true;
    }

    bool parse_error(std::size_t position, const std::string& /*token*/, const nlohmann::json::exception& /*cause*/) {
        fail("header is not valid JSON in UTF-8 at byte " + std::to_string(position));
    }

    static constexpr std::string_view metadata_key = "__metadata__";

private:
    enum class Place { outside, top, metadata, tensor, numbers, ignored };

    [[noreturn]] void fail(const std::string& problem) const { throw FileError(file_, problem); }

    /// The entry of the header that is being read.
    [[nodiscard]] std::string place_text() const {
        if (place_ == Place::outside) return "header";
        if (place_ == Place::metadata || (place_ == Place::top && key_ == metadata_key)) return "__metadata__";
        return "tensor " + in_quotes(place_ == Place::top ? key_ : header_.tensors.back().name);
    }
    [[nodiscard]] std::string where() const { return place_text() + ": "; }

    [[nodiscard]] std::vector<std::size_t>& numbers() {
        return key_ == "shape" ? header_.tensors.back().shape : offsets_;
    }

    /// A value that has no meaning in this place.
    bool scalar(const std::string& found) const {
        if (place_ == Place::ignored || (place_ == Place::tensor && !is_known_field())) return true;
        refuse(found);
    }

    [[nodiscard]] bool is_known_field() const { return key_ == "dtype" || key_ == "shape" || key_ == "data_offsets"; }

    [[noreturn]] void refuse(const std::string& found) const {
        switch (place_) {
            case Place::metadata:
                fail(where() + in_quotes(key_) + " is " + found + ", expected a string");
            case Place::numbers:
                fail(where() + key_ + " holds " + found + ", expected whole numbers from 0 to 2^64-1");
            case Place::tensor:
                fail(where() + key_ + " is " + found +
                     (key_ == "dtype" ? ", expected a string" : ", expected an array of whole numbers"));
            default:
                fail(place_text() + " is " + found + ", expected an object");
        }
    }

    /// Fields that we do not know are allowed in a tensor's entry, and hold anything.
    bool start_skipped(const char* found) {
        if (place_ != Place::ignored) {
            if (place_ != Place::tensor || is_known_field()) refuse(found);
            place_ = Place::ignored;
        }
        ++ignored_depth_;
        return true;
    }

    bool end_skipped() {
        if (place_ != Place::ignored) return false;
        if (--ignored_depth_ == 0) place_ = Place::tensor;
        return true;
    }

    void finish_tensor() {
        StoredTensor& tensor = header_.tensors.back();
        for (const char* field : {"dtype", "shape", "data_offsets"}) {
            if (!keys_in_object_.contains(field)) fail(where() + "has no " + field);
        }
        if (offsets_.size() != 2) {
            fail(where() + "data_offsets has " + std::to_string(offsets_.size()) + " numbers, expected 2");
        }
        tensor.begin = offsets_[0];
        tensor.end = offsets_[1];
        const std::string kind = std::string(name_of(tensor.type)) + " " + shape_text(tensor.shape);
        const std::optional<std::size_t> bytes = stored_bytes(tensor.type, tensor.shape);
        if (!bytes) fail(where() + kind + " is not a whole number of bytes below 2^61");
        if (tensor.end < tensor.begin || tensor.end - tensor.begin != *bytes) {
            fail(where() + "data_offsets is " + shape_text(offsets_) + ", expected " + std::to_string(*bytes) +
                 " bytes for " + kind);
        }
    }

    std::string file_;
    SafetensorsHeader& header_;
    Place place_ = Place::outside;
    std::size_t ignored_depth_ = 0;
    std::string key_;
    std::vector<std::size_t> offsets_;
    std::set<std::string> names_;
    std::set<std::string, std::less<>> keys_in_object_;
};

/// Behind the lengths of a file that ends too early.
inline constexpr std::string_view cut_short = "; the file was cut short, download or write it again";

/// The tensors, sorted, must fill the data from its first to its last byte without gap or overlap.
inline void check_layout(std::string_view file, std::vector<StoredTensor>& tensors, std::size_t data_bytes) {
    std::stable_sort(tensors.begin(), tensors.end(), [](const StoredTensor& left, const StoredTensor& right) {
        return std::tie(left.begin, left.end) < std::tie(right.begin, right.end);
    });
    std::size_t expected = 0;
    for (const StoredTensor& tensor : tensors) {
        if (tensor.begin != expected) {
            throw FileError(std::string(file), "tensor " + in_quotes(tensor.name) + ": data begin at " +
                                                   std::to_string(tensor.begin) + ", expected " +
                                                   std::to_string(expected) + ", the end of the tensor before");
        }
        expected = tensor.end;
    }
    if (expected != data_bytes) {
        throw FileError(std::string(file),
                        "holds " + std::to_string(data_bytes) + " bytes of tensor data, but the header describes " +
                            std::to_string(expected) + std::string(data_bytes < expected ? cut_short : ""));
    }
}

}  // namespace detail

/// Reads and checks the header of a safetensors file whose complete contents are `bytes`; `path` is for messages only.
///
/// errors  FileError for everything that the reference reader refuses (a header of impossible length, invalid UTF-8 or
///         JSON, unknown types, sizes that overflow or disagree, gaps, overlaps, trailing bytes), and for names or
///         fields that appear twice
/// source  Hugging Face, safetensors format, README and tensor.rs
[[nodiscard]] inline SafetensorsHeader read_safetensors_header(const std::filesystem::path& path,
                                                               std::span<const std::byte> bytes) {
    static_assert(std::endian::native == std::endian::little, "lamina: safetensors: only little-endian machines");
    const std::string file = path.string();
    std::uint64_t length = 0;
    if (bytes.size() < sizeof length) {
        throw FileError(file, "is " + std::to_string(bytes.size()) + " bytes long, expected at least 8");
    }
    std::memcpy(&length, bytes.data(), sizeof length);
    if (length > safetensors_header_limit) {
        throw FileError(file, "header length is " + std::to_string(length) + " bytes, expected at most " +
                                  std::to_string(safetensors_header_limit));
    }
    if (length > bytes.size() - sizeof length) {
        throw FileError(file, "header length is " + std::to_string(length) + " bytes, but only " +
                                  std::to_string(bytes.size() - sizeof length) + " follow" +
                                  std::string(detail::cut_short));
    }
    const auto* const first = static_cast<const char*>(static_cast<const void*>(bytes.data() + sizeof length));
    const std::string_view json(first, static_cast<std::size_t>(length));
    // The JSON library takes a zero byte for the end of its input and skips a byte order mark; the format has neither.
    if (json.find('\0') != std::string_view::npos) throw FileError(file, "header contains a zero byte");
    if (const std::size_t start = json.find_first_not_of(" \t\r\n");
        start == std::string_view::npos || json[start] != '{') {
        throw FileError(file, "header does not begin with '{'");
    }
    SafetensorsHeader header;
    header.data_offset = sizeof length + json.size();
    detail::SafetensorsHeaderParser parser(file, header);
    nlohmann::json::sax_parse(json.begin(), json.end(), &parser);
    detail::check_layout(file, header.tensors, bytes.size() - header.data_offset);
    return header;
}

}  // namespace lamina::io
