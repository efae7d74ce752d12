// SPDX-License-Identifier: MIT
// Training checkpoints: everything a run needs to go on as if it had never stopped.
#pragma once

#include <lamina/io/atomic_folder.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/norm_states.hpp>
#include <lamina/io/safetensors.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include <lamina/arch/manifest.hpp>
#include <lamina/core/error.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/train/trainer.hpp>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace lamina::io {

namespace detail {

/// Calls `f(name, place, entry)` for every trainable parameter and its two moments, under the names of PyTorch's
/// optimiser.
template <LanguageModel M, class F>
void for_each_trained_tensor(train::Trainer<M>& trainer, const F& f) {
    trainer.model().for_each_trained_tensor([&](const auto& tensor) {
        const TensorEntry& entry = tensor.entry;
        const std::string name = entry.name();
        train::AdamW<M>& optimiser = trainer.optimiser();
        f(name, tensor.values.data, entry);
        f(name + ".exp_avg", optimiser.first_moments(entry.role).data + entry.gradient_offset, entry);
        f(name + ".exp_avg_sq", optimiser.second_moments(entry.role).data + entry.gradient_offset, entry);
    });
}

}  // namespace detail

/// Saves trainable parameters, AdamW moments, norm states and step counts into `folder`, with `extra` for what else the
/// program keeps: data position, seeds, settings.
///
/// writes   trainer.safetensors and state.json, in a folder written aside, synced and renamed: an earlier checkpoint of
/// that
///          name stays whole until then
/// errors   FileError with the system's reason; an earlier checkpoint is then untouched
template <LanguageModel M>
void save_checkpoint(const std::filesystem::path& folder, train::Trainer<M>& trainer, const Json& extra) {
    AtomicFolder target(folder);
    std::vector<TensorToWrite> tensors;
    auto& backend = trainer.model().backend();
    detail::for_each_trained_tensor(trainer, [&](const std::string& name, auto* place, const TensorEntry& entry) {
        using Scalar = std::remove_pointer_t<decltype(place)>;
        const auto shape = entry.dimensions();
        tensors.push_back({.name = name,
                           .type = scalar_type_of<Scalar>,
                           .shape = {shape.begin(), shape.end()},
                           .write_data = [&backend, place, size = entry.size](TensorSink& sink) {
                               std::vector<Scalar> host(size);
                               backend.download(host.data(), place, size * sizeof(Scalar));
                               sink.write(std::span<const Scalar>(host));
                           }});
    });
    write_safetensors(target.staging() / "trainer.safetensors", std::move(tensors));
    write_json(target.staging() / "state.json", Json{{"format", "lamina checkpoint 1"},
                                                     {"update", trainer.update()},
                                                     {"optimiser_updates", trainer.optimiser().updates()},
                                                     {"norms", norm_states(trainer.model())},
                                                     {"extra", extra}});
    target.commit();
}

/// Puts a trainer and its model back to where `save_checkpoint` was called, and returns what was stored as `extra`. The
/// frozen parameters are not in a checkpoint: load them first.
///
/// errors   FileError naming the file and the tensor or field that does not fit this model; nothing has been changed
/// then
template <LanguageModel M>
Json load_checkpoint(const std::filesystem::path& folder, train::Trainer<M>& trainer) {
    const SafetensorsFile tensors(folder / "trainer.safetensors");
    const JsonFile state(folder / "state.json");
    if (state.object().template require<std::string>("format") != "lamina checkpoint 1") {
        state.object().fail("format", "is not \"lamina checkpoint 1\"");
    }
    const auto update = state.object().template require<std::size_t>("update");
    const auto optimiser_updates = state.object().template require<std::size_t>("optimiser_updates");
    detail::for_each_trained_tensor(trainer, [&](const std::string& name, auto*, const TensorEntry& entry) {
        static_cast<void>(tensors.tensor(name, entry.dimensions()));
    });
    set_norm_states(trainer.model(), state.object().object("norms"));
    auto& backend = trainer.model().backend();
    detail::for_each_trained_tensor(trainer, [&](const std::string& name, auto* place, const TensorEntry& entry) {
        using Scalar = std::remove_pointer_t<decltype(place)>;
        std::vector<Scalar> host(entry.size);
        tensors.read_into(name, std::span<Scalar>(host));
        backend.upload(place, host.data(), host.size() * sizeof(Scalar));
    });
    trainer.model().parameters_changed();
    trainer.optimiser().set_updates(optimiser_updates);
    trainer.resume_at(update);
    return state.json().at("extra");
}

}  // namespace lamina::io
