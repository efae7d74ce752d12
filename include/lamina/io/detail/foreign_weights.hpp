// SPDX-License-Identifier: MIT
// What a folder has where a model's safetensors are expected, for the error that says what to do about it.
#pragma once

#include <lamina/io/detail/conversion_lines.hpp>
#include <lamina/io/detail/file_descriptor.hpp>
#include <lamina/io/file_kind.hpp>

#include <lamina/core/error.hpp>
#include <lamina/core/message_text.hpp>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace lamina::io::detail {

/// A file that is, or by its name should be, weights in another format.
struct ForeignWeights {
    std::filesystem::path file;
    FileKind kind{};
};

/// Names of the entries of a folder, sorted; none where it cannot be listed.
[[nodiscard]] inline std::vector<std::string> names_in(const std::filesystem::path& folder) {
    std::vector<std::string> names;
    std::error_code ignored;
    for (std::filesystem::directory_iterator entry(folder, ignored), end; entry != end; entry.increment(ignored)) {
        names.push_back(entry->path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

[[nodiscard]] constexpr bool holds_weights(FileKind kind) {
    switch (kind) {
        case FileKind::safetensors:
        case FileKind::torch_zip:
        case FileKind::pickle:
        case FileKind::gguf:
        case FileKind::ggml:
        case FileKind::hdf5:
        case FileKind::message_pack:
        case FileKind::llm_c_checkpoint:
            return true;
        default:
            return false;
    }
}

/// The files that trainers write beside weights, pickled like them.
[[nodiscard]] constexpr bool belongs_to_training(std::string_view name) {
    for (const std::string_view start : {"training_args", "optimizer", "scheduler", "rng_state", "scaler"}) {
        if (name.starts_with(start)) return true;
    }
    return false;
}

/// The name under which transformers would find weights of another format, or parts of them.
[[nodiscard]] constexpr bool is_name_of_weights(std::string_view name) {
    for (const std::string_view start : {"pytorch_model", "tf_model", "flax_model", "adapter_model", "rust_model"}) {
        if (name.starts_with(start)) return true;
    }
    return false;
}

/// The first file that is or should be weights: by its usual name, whatever is in it, or else by its contents.
[[nodiscard]] inline std::optional<ForeignWeights> foreign_weights_in(const std::filesystem::path& folder) {
    const std::vector<std::string> names = names_in(folder);
    for (const std::string& name : names) {
        if (is_name_of_weights(name) && !name.ends_with(".json"))
            return ForeignWeights{folder / name, file_kind(folder / name)};
    }
    for (const std::string& name : names) {
        const FileKind kind = belongs_to_training(name) ? FileKind::unknown : file_kind(folder / name);
        if (holds_weights(kind)) return ForeignWeights{folder / name, kind};
    }
    return std::nullopt;
}

/// What transformers needs to be told of a format besides the folder; nothing for a format that it does not read.
[[nodiscard]] inline std::optional<std::string> transformers_options(const ForeignWeights& weights) {
    switch (weights.kind) {
        case FileKind::torch_zip:
        case FileKind::pickle:
            return "";
        case FileKind::hdf5:
            return ", from_tf=True";
        case FileKind::message_pack:
            return ", from_flax=True";
        case FileKind::gguf:
            return ", gguf_file='" + weights.file.filename().string() + "'";
        default:
            return std::nullopt;
    }
}

/// The line that makes safetensors of weights in another format; empty where there is none.
[[nodiscard]] inline std::string conversion_line(const ForeignWeights& weights) {
    const std::filesystem::path folder = folder_of(weights.file);
    const bool is_pickle = weights.kind == FileKind::pickle || weights.kind == FileKind::torch_zip;
    // Other names are none that transformers looks for.
    const bool is_found = is_there(folder / "config.json") &&
                          (!is_pickle || weights.file.filename().string().starts_with("pytorch_model"));
    if (is_pickle && !is_found) return torch_conversion_line(weights.file);
    const std::optional<std::string> options = transformers_options(weights);
    return options ? transformers_conversion_line(folder, *options) : "";
}

/// What the name says of weights.
[[nodiscard]] inline FileKind kind_by_name(const std::string& name) {
    if (name.ends_with(".h5")) return FileKind::hdf5;
    if (name.ends_with(".msgpack")) return FileKind::message_pack;
    if (name.ends_with(".safetensors")) return FileKind::safetensors;
    return name.ends_with(".bin") ? FileKind::pickle : FileKind::unknown;
}

/// What a message says of such a file and what to do about it: "x.bin is a pickle …; convert it: …".
[[nodiscard]] inline std::string foreign_weights_text(const ForeignWeights& weights) {
    const std::string name = weights.file.filename().string();
    // Old pickles are text or begin with anything, so that there the name decides.
    const bool is_vague = weights.kind == FileKind::text || weights.kind == FileKind::unknown;
    ForeignWeights meant = weights;
    if (is_vague || !holds_weights(weights.kind)) meant.kind = kind_by_name(name);
    const std::string line = conversion_line(meant);
    if (!is_vague && meant.kind != weights.kind) {
        return printable(name) + " is " + std::string(name_of(weights.kind)) + "; " +
               advice_on(weights.kind, weights.file) + (line.empty() ? "" : ", then convert it: " + line);
    }
    const std::string text =
        printable(name) + " is " + (is_vague ? "by its name " : "") + std::string(name_of(meant.kind));
    if (line.empty()) return text + "; " + advice_on(meant.kind, weights.file);
    const bool is_pickle = meant.kind == FileKind::pickle || meant.kind == FileKind::torch_zip;
    // Version 5 has given up TensorFlow and Flax.
    const bool is_old = meant.kind == FileKind::hdf5 || meant.kind == FileKind::message_pack;
    return text + (is_pickle ? ", which can run any program and is not read" : "") + "; convert it" +
           (is_old ? " with transformers 4: " : ": ") + line;
}

/// The one folder below that has a model, as trainers leave their checkpoints and the hub's cache its snapshots; empty
/// where there is none or more than one.
[[nodiscard]] inline std::string only_model_below(const std::filesystem::path& folder) {
    std::string found;
    const std::filesystem::path below = file_kind(folder / "snapshots") == FileKind::folder ? "snapshots" : "";
    for (const std::string& name : names_in(folder / below)) {
        const std::filesystem::path inner = below / name;
        if (!is_there(folder / inner / "config.json")) continue;
        if (!found.empty()) return "";
        found = inner.string();
    }
    return found;
}

/// What a folder without model.safetensors and its index has in their place, as a sentence to be put behind "; ".
[[nodiscard]] inline std::string instead_of_safetensors(const std::filesystem::path& folder) {
    const std::vector<std::string> names = names_in(folder);
    for (const std::string& name : names) {
        if (name.starts_with("model-0") && name.ends_with(".safetensors")) {
            return printable(name) + " is a part, but which tensors lie where only the index says; download it too";
        }
    }
    if (is_there(folder / "adapter_model.safetensors")) {
        return "adapter_model.safetensors is an adapter of PEFT; give the model that it goes on, and take the adapter "
               "with "
               "convert --peft " +
               shell_word(folder.string()) + " --to run";
    }
    if (const auto weights = foreign_weights_in(folder)) {
        const std::string name = weights->file.filename().string();
        if (weights->kind != FileKind::safetensors) return foreign_weights_text(*weights);
        return printable(name) + " is a safetensors file; call it model.safetensors if it is the model";
    }
    const std::string below = only_model_below(folder);
    return below.empty() ? "" : "a model is in " + printable(below) + "; give that folder";
}

/// Throws what is there where a model's folder is expected.
///
/// errors  FileError that names the folder, the file or folder in it, and what to do
[[noreturn]] inline void fail_without_safetensors(const std::filesystem::path& folder) {
    const FileKind kind = file_kind(folder);
    if (kind != FileKind::folder) fail_kind(folder, kind, "a folder with config.json and model.safetensors");
    const std::string instead = instead_of_safetensors(folder);
    if (instead.empty()) {
        throw FileError(folder.string(), "has neither model.safetensors nor model.safetensors.index.json");
    }
    throw FileError(folder.string(), "has no model.safetensors; " + instead);
}

/// The same where PEFT's adapter is expected.
[[noreturn]] inline void fail_without_adapter(const std::filesystem::path& folder) {
    const FileKind kind = file_kind(folder);
    if (kind != FileKind::folder) {
        fail_kind(folder, kind, "a folder with adapter_config.json and adapter_model.safetensors");
    }
    const auto weights = foreign_weights_in(folder);
    throw FileError(folder.string(),
                    "has no adapter_model.safetensors" + (weights ? "; " + foreign_weights_text(*weights) : ""));
}

}  // namespace lamina::io::detail
