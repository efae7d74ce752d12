// SPDX-License-Identifier: MIT
// load_run and save_run: what a run of remove_layernorm has trained, and the states of its norms.
#pragma once

#include "model_folder.hpp"

#include <lamina/io/adapter_file.hpp>
#include <lamina/io/huggingface.hpp>
#include <lamina/io/load_options.hpp>
#include <lamina/removal/norm_states.hpp>

#include <filesystem>

namespace any_model {

/// Fills a model from the weights that a run started from and what it made of them: adapters, or everything.
///
/// errors   FileError as the loaders
template <class M>
void load_run(M& model, const std::filesystem::path& weights, const std::filesystem::path& run,
              const lamina::io::LoadOptions& options = {}) {
    if constexpr (M::Policies::Adapter::present) {
        lamina::io::load_gpt2(model, weights, options);
        lamina::io::load_adapter(model, run / "adapter.safetensors");
    } else {
        lamina::io::load_gpt2(model, run / trained_folder);
    }
    lamina::load_norm_states(model, run / "norms.json");
}

template <class M>
void save_run(M& model, const std::filesystem::path& run) {
    if constexpr (M::Policies::Adapter::present) {
        lamina::io::save_adapter(model, run / "adapter.safetensors");
    } else {
        lamina::io::save_gpt2(model, run / trained_folder);
    }
    lamina::save_norm_states(model, run / "norms.json");
}

}  // namespace any_model
