// SPDX-License-Identifier: MIT
// SafetensorsFile: the tensors of one safetensors file, mapped into memory and checked.
#pragma once

#include <lamina/io/detail/stored_scalars.hpp>
#include <lamina/io/file_kind.hpp>
#include <lamina/io/memory_map.hpp>
#include <lamina/io/safetensors_header.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/core/scalar_type.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lamina::io {

/// A safetensors file, opened for reading. Move-only; tensors() and bytes() stay valid when it is moved.
class SafetensorsFile {
public:
    /// Maps the file and checks its whole header; the data are not touched.
    ///
    /// errors  FileError as MemoryMap and read_safetensors_header; a file of another kind is called what it is
    explicit SafetensorsFile(std::filesystem::path path)
        : path_(std::move(path)), map_(path_), header_(read_header(path_, map_.bytes())) {
        for (std::size_t i = 0; i < header_.tensors.size(); ++i) by_name_.emplace(header_.tensors[i].name, i);
    }

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// Every tensor, in the order of their data.
    [[nodiscard]] std::span<const StoredTensor> tensors() const noexcept { return header_.tensors; }

    [[nodiscard]] const SafetensorsMetadata& metadata() const noexcept { return header_.metadata; }

    /// The tensor of that name, or nullptr.
    [[nodiscard]] const StoredTensor* find(std::string_view name) const noexcept {
        const auto found = by_name_.find(name);
        return found == by_name_.end() ? nullptr : &header_.tensors[found->second];
    }

    /// The tensor of that name.
    ///
    /// errors  FileError when there is none
    [[nodiscard]] const StoredTensor& tensor(std::string_view name) const {
        if (const StoredTensor* const found = find(name)) return *found;
        throw FileError(path_.string(), "has no tensor " + in_quotes(name));
    }

    /// The same, for a reader that knows what shape it needs.
    ///
    /// errors  FileError when there is none, or it has another shape
    const StoredTensor& tensor(std::string_view name, std::span<const std::size_t> shape) const {
        const StoredTensor& found = tensor(name);
        if (!std::equal(found.shape.begin(), found.shape.end(), shape.begin(), shape.end())) {
            fail(found, "has shape " + shape_text(found.shape) + ", expected " + shape_text(shape));
        }
        return found;
    }

    /// The tensor's data in the file: row-major, little-endian, at any address, so never to be cast to a wider type.
    [[nodiscard]] std::span<const std::byte> bytes(const StoredTensor& tensor) const noexcept {
        return map_.bytes().subspan(header_.data_offset + tensor.begin, tensor.end - tensor.begin);
    }
    [[nodiscard]] std::span<const std::byte> bytes(std::string_view name) const { return bytes(tensor(name)); }

    /// Copies a tensor out, converted to T.
    ///
    /// scalars  to float, double, bf16 or fp16: from F64, F32, F16 or BF16, rounded to nearest even, an F64 that
    /// becomes
    ///          a 16-bit number by way of float; to any other T: from the same type only
    /// writes   out overwritten
    /// errors   FileError when there is no such tensor, its size is not out.size(), or its type does not convert
    /// memory   gives the pages of the file back as it goes, so a model is not held twice while it is read
    template <StorableScalar T>
    void read_into(std::string_view name, std::span<T> out) const {
        const StoredTensor& source = tensor(name);
        if (source.size() != out.size()) {
            fail(source, "has " + std::to_string(source.size()) + " elements in shape " + shape_text(source.shape) +
                             ", expected " + std::to_string(out.size()));
        }
        bool converts = false;
        if constexpr (detail::StoredFloat<T>) {
            converts =
                detail::with_stored_float(source.type, [&]<class From>(From) { copy_floats<From>(source, out); });
        } else if (source.type == scalar_type_of<T>) {
            copy_exact(source, out);
            converts = true;
        }
        if (!converts) {
            fail(source,
                 "is of type " + std::string(name_of(source.type)) + ", expected " +
                     (detail::StoredFloat<T> ? "F64, F32, F16 or BF16" : std::string(name_of(scalar_type_of<T>))));
        }
    }

    /// Whether a tensor of this file and one of `other`, which may be this file, have the same type, shape and bytes.
    ///
    /// memory  as read_into
    [[nodiscard]] bool has_same(const StoredTensor& tensor, const SafetensorsFile& other,
                                const StoredTensor& other_tensor) const {
        if (tensor.type != other_tensor.type || tensor.shape != other_tensor.shape) return false;
        const std::span<const std::byte> ours = bytes(tensor);
        const std::span<const std::byte> theirs = other.bytes(other_tensor);
        constexpr std::size_t step = elements_per_step_ * sizeof(float);
        bool same = true;
        for (std::size_t start = 0; same && start < ours.size(); start += step) {
            const std::size_t count = std::min(step, ours.size() - start);
            const auto part = ours.subspan(start, count);
            const auto other_part = theirs.subspan(start, count);
            same = std::equal(part.begin(), part.end(), other_part.begin());
            map_.forget(part);
            other.map_.forget(other_part);
        }
        return same;
    }

private:
    static constexpr std::size_t elements_per_step_ = std::size_t{1} << 20U;

    [[nodiscard]] static SafetensorsHeader read_header(const std::filesystem::path& path,
                                                       std::span<const std::byte> bytes) {
        const FileKind kind = file_kind(bytes, bytes.size());
        if (kind != FileKind::safetensors && kind != FileKind::unknown) {
            fail_kind(path, kind, "a safetensors file", bytes);
        }
        return read_safetensors_header(path, bytes);
    }

    [[noreturn]] void fail(const StoredTensor& tensor, const std::string& problem) const {
        throw FileError(path_.string(), "tensor " + in_quotes(tensor.name) + " " + problem);
    }

    template <class From, class T>
    void copy_floats(const StoredTensor& source, std::span<T> out) const {
        const std::span<const std::byte> stored = bytes(source);
        for (std::size_t start = 0; start < out.size(); start += elements_per_step_) {
            const std::size_t count = std::min(elements_per_step_, out.size() - start);
            const auto part = stored.subspan(start * sizeof(From), count * sizeof(From));
            detail::convert_from_bytes<From>(part.data(), out.subspan(start, count));
            map_.forget(part);
        }
    }

    template <class T>
    void copy_exact(const StoredTensor& source, std::span<T> out) const {
        const std::span<const std::byte> stored = bytes(source);
        if constexpr (std::same_as<T, bool>) {
            // Any byte but 0 and 1 would be no valid bool.
            std::transform(stored.begin(), stored.end(), out.begin(), [](std::byte b) { return b != std::byte{0}; });
        } else if (!out.empty()) {
            std::memcpy(out.data(), stored.data(), stored.size());
        }
    }

    std::filesystem::path path_;
    MemoryMap map_;
    SafetensorsHeader header_;
    std::map<std::string, std::size_t, std::less<>> by_name_;
};

}  // namespace lamina::io
