// SPDX-License-Identifier: MIT
// write_safetensors: tensors into one safetensors file, streamed, laid out as the format's reference writer does.
#pragma once

#include <lamina/io/atomic_file.hpp>
#include <lamina/io/detail/stored_scalars.hpp>
#include <lamina/io/safetensors_header.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/core/scalar_type.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace lamina::io {

/// Takes the data of one tensor, front to back, in pieces of any size.
class TensorSink {
public:
    TensorSink(AtomicFile& file, ScalarType type) : file_(file), type_(type) {}

    /// Appends elements, converted to the tensor's type as SafetensorsFile::read_into does.
    ///
    /// errors  ArgumentError unless T converts to the tensor's type; FileError when the file cannot be written
    template <StorableScalar T>
    void write(std::span<const T> values) {
        bool converts = false;
        if constexpr (detail::StoredFloat<T>) {
            converts = detail::with_stored_float(type_, [&]<class To>(To) {
                detail::convert_to_bytes<To>(values, [this](std::span<const std::byte> part) { write_bytes(part); });
            });
        } else if (type_ == scalar_type_of<T>) {
            write_bytes(std::as_bytes(values));
            converts = true;
        }
        if (!converts) {
            throw ArgumentError("lamina: TensorSink::write: values of this type do not convert to the tensor's type");
        }
    }

    /// Appends elements as they are to be stored: little-endian, of the tensor's type.
    void write_bytes(std::span<const std::byte> bytes) {
        file_.write(bytes);
        written_ += bytes.size();
    }

    /// Bytes taken so far.
    [[nodiscard]] std::size_t written() const noexcept { return written_; }

private:
    AtomicFile& file_;
    ScalarType type_;
    std::size_t written_ = 0;
};

/// A tensor to be written: what the header says of it, and a function that is called once to hand over its data.
struct TensorToWrite {
    std::string name;
    ScalarType type = ScalarType::f32;
    std::vector<std::size_t> shape{};
    std::function<void(TensorSink&)> write_data{};
};

/// The common case of a tensor whose elements lie in memory, where they must stay until it is written.
template <StorableScalar T>
[[nodiscard]] TensorToWrite tensor_to_write(std::string name, std::vector<std::size_t> shape, std::span<const T> values,
                                            ScalarType stored_as = scalar_type_of<T>) {
    return {.name = std::move(name),
            .type = stored_as,
            .shape = std::move(shape),
            .write_data = [values](TensorSink& sink) { sink.write(values); }};
}

namespace detail {

inline std::string json_string(const std::string& text) {
    try {
        return nlohmann::json(text).dump();
    } catch (const nlohmann::json::exception&) {
        throw ArgumentError("write_safetensors: " + in_quotes(text) + " is not valid UTF-8");
    }
}

/// The order of the reference writer: the widest types first, so that every tensor is aligned; then by name.
inline void sort_for_writing(std::vector<TensorToWrite>& tensors) {
    std::sort(tensors.begin(), tensors.end(), [](const TensorToWrite& left, const TensorToWrite& right) {
        return std::tie(right.type, left.name) < std::tie(left.type, right.name);
    });
}

/// errors  ArgumentError when the tensor cannot be described in a header
inline std::size_t checked_bytes(const TensorToWrite& tensor) {
    if (tensor.name == SafetensorsHeaderParser::metadata_key) {
        throw ArgumentError("write_safetensors: no tensor can be named \"__metadata__\"");
    }
    const std::optional<std::size_t> bytes = stored_bytes(tensor.type, tensor.shape);
    if (bytes) return *bytes;
    throw ArgumentError("write_safetensors: tensor " + in_quotes(tensor.name) + ": " +
                        std::string(name_of(tensor.type)) + " " + shape_text(tensor.shape) +
                        " is not a whole number of bytes below 2^61");
}

/// errors  ArgumentError when two entries have one name
template <class Entries, class NameOf>
void check_unique(const Entries& entries, const std::string& kind, NameOf name_of_entry) {
    std::set<std::string> names;
    for (const auto& entry : entries) {
        if (const auto [name, is_first] = names.insert(name_of_entry(entry)); !is_first) {
            throw ArgumentError("write_safetensors: " + kind + in_quotes(*name) + " appears twice");
        }
    }
}

inline std::string header_json(std::span<const TensorToWrite> sorted, const SafetensorsMetadata& metadata) {
    std::string json = "{";
    for (const auto& [key, value] : metadata) {
        json += json.size() == 1 ? "\"__metadata__\":{" : ",";
        json += json_string(key) + ":" + json_string(value);
    }
    if (!metadata.empty()) json += "}";
    std::size_t offset = 0;
    for (const TensorToWrite& tensor : sorted) {
        if (json.size() != 1) json += ",";
        json += json_string(tensor.name) + ":{\"dtype\":\"" + std::string(name_of(tensor.type)) + "\",\"shape\":[";
        for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
            if (i != 0) json += ",";
            json += std::to_string(tensor.shape[i]);
        }
        const std::size_t end = offset + checked_bytes(tensor);
        json += "],\"data_offsets\":[" + std::to_string(offset) + "," + std::to_string(end) + "]}";
        offset = end;
    }
    json += "}";
    json.append((8 - json.size() % 8) % 8, ' ');  // so that the data start aligned
    return json;
}

/// Writes all of a safetensors file, but does not commit it.
inline void write_tensors(AtomicFile& file, std::vector<TensorToWrite> tensors,
                          const SafetensorsMetadata& metadata = {{"format", "pt"}}) {
    static_assert(std::endian::native == std::endian::little, "lamina: safetensors: only little-endian machines");
    sort_for_writing(tensors);
    check_unique(tensors, "tensor ", [](const TensorToWrite& tensor) { return tensor.name; });
    check_unique(metadata, "metadata ", [](const auto& entry) { return entry.first; });
    const std::string header = header_json(tensors, metadata);
    if (header.size() > safetensors_header_limit) {
        throw ArgumentError("write_safetensors: the header takes " + std::to_string(header.size()) +
                            " bytes, more than the format's " + std::to_string(safetensors_header_limit));
    }
    const std::uint64_t length = header.size();
    file.write(std::as_bytes(std::span(&length, 1)));
    file.write(header);
    for (const TensorToWrite& tensor : tensors) {
        TensorSink sink(file, tensor.type);
        tensor.write_data(sink);
        if (sink.written() != checked_bytes(tensor)) {
            throw ArgumentError("lamina: write_safetensors: write_data of tensor " + in_quotes(tensor.name) +
                                " handed over " + std::to_string(sink.written()) + " bytes, expected " +
                                std::to_string(checked_bytes(tensor)) + ", those of its type and shape");
        }
    }
}

}  // namespace detail

/// Writes a safetensors file, atomically, byte for byte as the reference writer would. No more than one tensor's data
/// need exist at a time.
///
/// errors  ArgumentError when a name appears twice or is not UTF-8, or a shape has no size in bytes; FileError as
///         AtomicFile; ArgumentError unless each write_data hands over exactly the bytes of its type and shape
/// source  Hugging Face, safetensors format, README and tensor.rs
inline void write_safetensors(const std::filesystem::path& path, std::vector<TensorToWrite> tensors,
                              const SafetensorsMetadata& metadata = {{"format", "pt"}}) {
    AtomicFile file(path);
    detail::write_tensors(file, std::move(tensors), metadata);
    file.commit();
}

}  // namespace lamina::io
