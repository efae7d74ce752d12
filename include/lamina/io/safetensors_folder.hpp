// SPDX-License-Identifier: MIT
// SafetensorsFolder: the tensors of a model folder, from one safetensors file or from many with an index, as one set.
#pragma once

#include <lamina/io/detail/foreign_weights.hpp>
#include <lamina/io/file_kind.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/safetensors.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>
#include <lamina/core/scalar_type.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lamina::io {

/// A folder with `model.safetensors`, or with `model.safetensors.index.json` and the files that it names.
///
/// Where both exist the single file counts, as in Hugging Face's loaders. Of an index, only the tensors that its
/// weight_map lists are visible. Move-only.
class SafetensorsFolder {
public:
    /// Opens and checks every file of the model; the data are not touched.
    ///
    /// errors  FileError when neither form is there, which says what is there in their place and what to do about it,
    ///         the index is malformed, a file that it names is missing, lies outside the folder or lacks a tensor, and
    ///         as SafetensorsFile
    explicit SafetensorsFolder(std::filesystem::path folder) : path_(std::move(folder)) {
        const std::filesystem::path single = path_ / single_name;
        const std::filesystem::path index = path_ / index_name;
        if (is_there(single)) {
            open_single(single);
        } else if (is_there(index)) {
            open_index(index);
        } else {
            detail::fail_without_safetensors(path_);
        }
    }

    SafetensorsFolder(SafetensorsFolder&&) = default;
    SafetensorsFolder& operator=(SafetensorsFolder&&) = default;

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// Name of every tensor, sorted.
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> result;
        result.reserve(by_name_.size());
        for (const auto& [name, file] : by_name_) result.push_back(name);
        return result;
    }

    /// The files that the tensors lie in, in the order of their names.
    [[nodiscard]] std::span<const SafetensorsFile> files() const noexcept { return files_; }

    /// The file that holds the tensor, or nullptr. Its members read the data and name the file in errors.
    [[nodiscard]] const SafetensorsFile* find_file(std::string_view name) const noexcept {
        const auto found = by_name_.find(name);
        return found == by_name_.end() ? nullptr : &files_[found->second];
    }

    /// The tensor of that name, or nullptr.
    [[nodiscard]] const StoredTensor* find(std::string_view name) const noexcept {
        const SafetensorsFile* const file = find_file(name);
        return file == nullptr ? nullptr : file->find(name);
    }

    /// As SafetensorsFile::tensor.
    [[nodiscard]] const StoredTensor& tensor(std::string_view name) const { return file_of(name).tensor(name); }
    const StoredTensor& tensor(std::string_view name, std::span<const std::size_t> shape) const {
        return file_of(name).tensor(name, shape);
    }

    /// As SafetensorsFile::bytes.
    [[nodiscard]] std::span<const std::byte> bytes(std::string_view name) const { return file_of(name).bytes(name); }

    /// As SafetensorsFile::read_into.
    template <StorableScalar T>
    void read_into(std::string_view name, std::span<T> out) const {
        file_of(name).read_into(name, out);
    }

private:
    static constexpr const char* single_name = "model.safetensors";
    static constexpr const char* index_name = "model.safetensors.index.json";

    void open_single(const std::filesystem::path& file) {
        files_.emplace_back(file);
        for (const StoredTensor& tensor : files_.back().tensors()) by_name_.emplace(tensor.name, 0);
    }

    void open_index(const std::filesystem::path& index) {
        const JsonFile json(index);
        const JsonObject weight_map = json.object().object("weight_map");
        std::map<std::string, std::vector<std::string>> names_by_file;
        for (const std::string& name : weight_map.keys()) {
            const auto file_name = weight_map.require<std::string>(name);
            // A downloaded index must not make us read files elsewhere.
            if (file_name.empty() || file_name == ".." || file_name.find_first_of("/\\") != std::string::npos) {
                throw FileError(index.string(), "weight_map maps " + in_quotes(name) + " to " + in_quotes(file_name) +
                                                    ", expected the name of a file beside it");
            }
            names_by_file[file_name].push_back(name);
        }
        for (const auto& [file_name, names] : names_by_file) {
            if (!is_there(path_ / file_name)) {
                throw FileError((path_ / file_name).string(), "does not exist, but " + std::string(index_name) +
                                                                  " names it for " + std::to_string(names.size()) +
                                                                  " of " + std::to_string(weight_map.keys().size()) +
                                                                  " tensors; download it too");
            }
            const SafetensorsFile& file = files_.emplace_back(path_ / file_name);
            for (const std::string& name : names) {
                by_name_.emplace(file.tensor(name).name, files_.size() - 1);
            }
        }
    }

    [[nodiscard]] const SafetensorsFile& file_of(std::string_view name) const {
        if (const SafetensorsFile* const file = find_file(name)) return *file;
        const std::filesystem::path& where = files_.size() == 1 ? files_.front().path() : path_;
        throw FileError(where.string(), "has no tensor " + in_quotes(name));
    }

    std::filesystem::path path_;
    std::vector<SafetensorsFile> files_;
    std::map<std::string, std::size_t, std::less<>> by_name_;
};

}  // namespace lamina::io
