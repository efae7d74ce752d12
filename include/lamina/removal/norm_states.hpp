// SPDX-License-Identifier: MIT
// save_norm_states and load_norm_states: the states of a model's removable norms in a file of their own.
#pragma once

#include <lamina/io/json_file.hpp>
#include <lamina/io/layer_states.hpp>

#include <lamina/nn/language_model_concept.hpp>

#include <filesystem>

namespace lamina {

/// Writes the states of a model's norms to a file, `norms.json` by custom, atomically: what divides by what, and how
/// that is followed.
///
/// errors  FileError as io::AtomicFile
template <LanguageModel M>
void save_norm_states(M& model, const std::filesystem::path& file) {
    io::write_json(file, io::Json{{"norms", io::layer_states(model.layers())}});
}

/// Reads such a file.
///
/// errors  FileError as io::set_layer_states, and when the file is not JSON; the model is then untouched
template <LanguageModel M>
void load_norm_states(M& model, const std::filesystem::path& file) {
    const io::JsonFile json(file);
    io::set_layer_states(model.layers(), json.object().object("norms"));
}

}  // namespace lamina
