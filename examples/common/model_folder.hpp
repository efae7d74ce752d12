// SPDX-License-Identifier: MIT
// What a folder says of the model or the run in it, without its tensors.
#pragma once

#include "built_models.hpp"

#include <lamina/core/token.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace any_model {

/// errors   FileError that says what `path` leads to, unless it is a folder: "is …, expected EXPECTED"
void require_folder(const std::filesystem::path& path, const char* expected);

enum class Kind {
    pretrained,  ///< a Hugging Face folder with every LayerNorm
    run,         ///< such a folder, with what a run of remove_layernorm has trained and the states of its norms
    folded,      ///< what such a run leaves in folded/
    scaled       ///< what convert --to hugging-face makes of such a run: norms that hardly measure
};

/// What kind of weights lie in a folder, by its config.json.
///
/// errors   FileError when it takes a run to tell what they are
[[nodiscard]] Kind kind_of(const std::filesystem::path& weights);

/// Of `models`, the one whose weights lie in a folder, by its config.json, which a loader need not have, and by --model,
/// which must then say it.
///
/// errors   FileError or ArgumentError when there is none
[[nodiscard]] common::BuiltModel model_in(const std::vector<common::BuiltModel>& models,
                                          const std::filesystem::path& weights, Kind kind, const std::string& model);

/// The folder that a run began with: `weights`, or where that is empty, its own pretrained/.
///
/// errors   FileError or ArgumentError when the run is not finished, or holds no weights, or the weights are not stock
[[nodiscard]] std::filesystem::path weights_of_run(const std::filesystem::path& run,
                                                   const std::filesystem::path& weights);

/// How a run adapted the model, as its run.json says.
[[nodiscard]] common::Adaptation adaptation_of_run(const std::filesystem::path& run, const common::BuiltModel& model);

/// The token that ends a text by config.json, if it is one of the model's. As in transformers, a file that does not say
/// means GPT-2's.
[[nodiscard]] std::optional<lamina::Token> end_of_text_in(const std::filesystem::path& weights, std::size_t vocab);

/// The files of a tokenizer that a folder has, of all that transformers and tokenizers write.
[[nodiscard]] std::vector<std::filesystem::path> tokenizer_files_in(const std::filesystem::path& folder);

/// Copies them, each whole or not at all.
///
/// errors   FileError when one cannot be read or written
void copy_tokenizer(const std::filesystem::path& from, const std::filesystem::path& to);

/// Where a run without adapters keeps what it trained, a Hugging Face folder.
inline constexpr const char* trained_folder = "trained";

}  // namespace any_model
