// SPDX-License-Identifier: MIT
// Between a model's parameters and the tensors of files: checked, and never more than one tensor held twice.
#pragma once

#include <lamina/io/detail/stored_scalars.hpp>
#include <lamina/io/load_options.hpp>
#include <lamina/io/safetensors.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include <lamina/arch/manifest.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/core/scalar_type.hpp>
#include <lamina/nn/run/bound_tensor.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lamina::io::detail {

[[noreturn]] inline void fail_tensor(const SafetensorsFile& file, std::string_view name, const std::string& problem) {
    throw FileError(file.path().string(), "tensor " + in_quotes(name) + " " + problem);
}

/// Checks type and shape of a stored tensor, without touching its data.
///
/// errors  FileError that names file and tensor, what was found and what was expected
inline void check_tensor(const SafetensorsFile& file, std::string_view stored_name,
                         std::span<const std::size_t> shape) {
    const StoredTensor& stored = file.tensor(stored_name, shape);
    if (!with_stored_float(stored.type, [](auto) {})) {
        fail_tensor(file, stored_name,
                    "is of type " + std::string(name_of(stored.type)) + ", expected F64, F32, F16 or BF16");
    }
}
inline void check_tensor(const SafetensorsFile& file, std::string_view stored_name, const TensorEntry& expected) {
    check_tensor(file, stored_name, expected.dimensions());
}

template <class Scalar>
[[nodiscard]] bool is_finite(Scalar value) {
    return std::isfinite(convert_scalar<double>(value));
}

/// errors  FileError that names a tensor of the file which is not among `wanted`: "tensor … PROBLEM"
inline void refuse_others(const SafetensorsFile& file, const std::set<std::string, std::less<>>& wanted,
                          const std::string& problem) {
    for (const StoredTensor& tensor : file.tensors()) {
        if (!wanted.contains(tensor.name)) fail_tensor(file, tensor.name, problem);
    }
}

/// errors  FileError that names file and tensor and the place of its first NaN or infinity
template <class Scalar>
void require_finite(const std::filesystem::path& file, std::string_view name, std::span<const Scalar> values) {
    const auto wrong = std::find_if_not(values.begin(), values.end(), is_finite<Scalar>);
    if (wrong == values.end()) return;
    const bool is_nan = std::isnan(convert_scalar<double>(*wrong));
    throw FileError(file.string(), "tensor " + in_quotes(name) + (is_nan ? " has NaN" : " has an infinity") +
                                       " at element " + std::to_string(wrong - values.begin()) +
                                       ", expected finite numbers");
}

/// The values of a stored tensor, which check_tensor has passed, of `size` elements.
///
/// errors  FileError as require_finite, unless allowed
template <class Scalar>
[[nodiscard]] std::unique_ptr<Scalar[]> read_values(const SafetensorsFile& file, std::string_view stored_name,
                                                    std::size_t size, NonFinite non_finite) {
    auto host = std::make_unique_for_overwrite<Scalar[]>(size);
    const std::span<Scalar> values(host.get(), size);
    file.read_into(stored_name, values);
    if (non_finite == NonFinite::refuse) require_finite(file.path(), stored_name, std::span<const Scalar>(values));
    return host;
}

/// Copies a stored tensor into a parameter of a model.
///
/// errors  as read_values; the parameter is then untouched
template <class B, class Scalar, class Gradient>
void read_tensor(const SafetensorsFile& file, std::string_view stored_name, const BoundTensor<Scalar, Gradient>& tensor,
                 B& backend, NonFinite non_finite) {
    const auto values = read_values<Scalar>(file, stored_name, tensor.entry.size, non_finite);
    backend.upload(tensor.values.data, values.get(), tensor.entry.size * sizeof(Scalar));
}

/// A parameter as a tensor to be written, its values fetched piece by piece when their turn comes.
template <class B, class Scalar, class Gradient>
[[nodiscard]] TensorToWrite tensor_to_write(std::string name, const BoundTensor<Scalar, Gradient>& tensor, B& backend,
                                            std::optional<ScalarType> store_as = std::nullopt) {
    const auto shape = tensor.entry.dimensions();
    return {.name = std::move(name),
            .type = store_as.value_or(scalar_type_of<Scalar>),
            .shape = {shape.begin(), shape.end()},
            .write_data = [values = tensor.values.data, size = tensor.entry.size, &backend](TensorSink& sink) {
                constexpr std::size_t step = std::size_t{1} << 20U;
                std::vector<Scalar> host(std::min(step, size));
                for (std::size_t start = 0; start < size; start += step) {
                    const std::size_t count = std::min(step, size - start);
                    backend.download(host.data(), values + start, count * sizeof(Scalar));
                    sink.write(std::span<const Scalar>(host.data(), count));
                }
            }};
}

}  // namespace lamina::io::detail
