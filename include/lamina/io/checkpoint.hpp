// SPDX-License-Identifier: MIT
// Training checkpoints: everything a run needs to go on as if it had never stopped.
#pragma once

#include <lamina/io/atomic_folder.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/norm_states.hpp>
#include <lamina/io/safetensors.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include <lamina/arch/manifest.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/arch/visit.hpp>
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

/// Calls `f(name, place, shape)` for every trainable parameter and its two moments, under the names of PyTorch's
/// optimiser.
template <LanguageModel M, class F>
void for_each_trained_tensor(train::Trainer<M>& trainer, const F& f) {
    std::size_t k = 0;
    for_each_parameter(trainer.model().layers(), [&](const std::string& name, auto& parameter) {
        using Member = std::remove_cvref_t<decltype(parameter)>;
        const TensorEntry& entry = Manifest<M>::entries[k++];
        if constexpr (Member::trains) {
            const std::vector<std::size_t> shape(Member::shape.begin(), Member::shape.end());
            f(name, parameter.values, shape, Member::size);
            f(name + ".exp_avg", trainer.optimiser().first_moments(entry.role).data + entry.gradient_offset, shape,
              Member::size);
            f(name + ".exp_avg_sq", trainer.optimiser().second_moments(entry.role).data + entry.gradient_offset, shape,
              Member::size);
        }
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
    detail::for_each_trained_tensor(
        trainer, [&](const std::string& name, auto* place, const std::vector<std::size_t>& shape, std::size_t size) {
            using Scalar = std::remove_pointer_t<decltype(place)>;
            tensors.push_back({.name = name,
                               .type = scalar_type_of<Scalar>,
                               .shape = shape,
                               .write_data = [&backend, place, size](TensorSink& sink) {
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
    detail::for_each_trained_tensor(trainer, [&](const std::string& name, auto*, const std::vector<std::size_t>& shape,
                                                 std::size_t) { static_cast<void>(tensors.tensor(name, shape)); });
    set_norm_states(trainer.model(), state.object().object("norms"));
    auto& backend = trainer.model().backend();
    detail::for_each_trained_tensor(
        trainer, [&](const std::string& name, auto* place, const std::vector<std::size_t>&, std::size_t size) {
            using Scalar = std::remove_pointer_t<decltype(place)>;
            std::vector<Scalar> host(size);
            tensors.read_into(name, std::span<Scalar>(host));
            backend.upload(place, host.data(), size * sizeof(Scalar));
        });
    trainer.model().parameters_changed();
    trainer.optimiser().set_updates(optimiser_updates);
    trainer.resume_at(update);
    return state.json().at("extra");
}

}  // namespace lamina::io
