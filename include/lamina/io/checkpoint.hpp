// SPDX-License-Identifier: MIT
// Training checkpoints: everything a run needs to go on as if it had never stopped.
#pragma once

#include <lamina/io/atomic_folder.hpp>
#include <lamina/io/detail/model_tensors.hpp>
#include <lamina/io/json_file.hpp>
#include <lamina/io/layer_states.hpp>
#include <lamina/io/safetensors.hpp>
#include <lamina/io/safetensors_writer.hpp>

#include <lamina/arch/manifest.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/scalar_type.hpp>
#include <lamina/nn/language_model_concept.hpp>
#include <lamina/nn/run/bound_tensor.hpp>
#include <lamina/train/adamw.hpp>
#include <lamina/train/trainer.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lamina::io {

namespace detail {

/// Calls `f(name, tensor)` for every trainable parameter and its two moments, under the names of PyTorch's optimiser.
template <LanguageModel M, class F>
void for_each_checkpointed_tensor(train::Trainer<M>& trainer, const F& f) {
    using Moment = typename M::Policies::Moment;
    train::AdamW<M>& optimiser = trainer.optimiser();
    trainer.model().for_each_trained_value([&](const auto& tensor) {
        using Gradient = typename std::remove_cvref_t<decltype(tensor)>::Gradient;
        const TensorEntry& entry = tensor.entry;
        const auto moments = [&entry](MatrixView<Moment> of_role) {
            const MatrixView<Moment> values(of_role.data + entry.moment_offset, entry.rows(), entry.cols());
            return BoundTensor<Moment, Gradient>{.entry = entry, .values = values, .gradient = {}};
        };
        f(entry.name(), tensor);
        f(entry.name() + ".exp_avg", moments(optimiser.first_moments(entry.role)));
        f(entry.name() + ".exp_avg_sq", moments(optimiser.second_moments(entry.role)));
    });
}

}  // namespace detail

/// Saves trainable parameters, AdamW moments, the states of layers and step counts into `folder`, with `extra` for what
/// else the program keeps: data position, seeds, settings.
///
/// writes   trainer.safetensors and state.json, in a folder written aside, synced and renamed: an earlier checkpoint of
///          that name stays whole until then
/// errors   FileError with the system's reason; an earlier checkpoint is then untouched
template <LanguageModel M>
void save_checkpoint(const std::filesystem::path& folder, train::Trainer<M>& trainer, const Json& extra) {
    AtomicFolder target(folder);
    std::vector<TensorToWrite> tensors;
    detail::for_each_checkpointed_tensor(trainer, [&](const std::string& name, const auto& tensor) {
        tensors.push_back(detail::tensor_to_write(name, tensor, trainer.model().backend()));
    });
    write_safetensors(target.staging() / "trainer.safetensors", std::move(tensors));
    write_json(target.staging() / "state.json", Json{{"format", "lamina checkpoint 1"},
                                                     {"update", trainer.update()},
                                                     {"optimiser_updates", trainer.optimiser().updates()},
                                                     {"recoveries", trainer.recoveries()},
                                                     {"norms", layer_states(trainer.model().layers())},
                                                     {"extra", extra}});
    target.commit();
    trainer.checkpoint_saved();
}

/// A checkpoint on disk. A program that keeps settings in `extra` opens it, compares them with its own, and restores
/// the trainer if they agree.
class Checkpoint {
public:
    /// Opens both files, and checks what does not depend on a model.
    ///
    /// errors  FileError naming the file and the field that is missing or wrong
    explicit Checkpoint(const std::filesystem::path& folder)
        : state_(file_in(folder, "state.json")), tensors_(folder / "trainer.safetensors") {
        const JsonObject& fields = state_.object();
        if (fields.require<std::string>("format") != "lamina checkpoint 1") {
            fields.fail("format", "is not \"lamina checkpoint 1\"");
        }
        update_ = fields.require<std::size_t>("update");
        optimiser_updates_ = fields.require<std::size_t>("optimiser_updates");
        recoveries_ = fields.require<std::size_t>("recoveries");
        extra_ = &fields.json("extra");
    }

    /// Optimiser steps that the trainer had made.
    [[nodiscard]] std::size_t update() const noexcept { return update_; }

    /// What the program stored.
    [[nodiscard]] const Json& extra() const noexcept { return *extra_; }

    /// The same as an object whose errors name the file and the field.
    ///
    /// errors  FileError when something else than an object was stored
    [[nodiscard]] JsonObject extra_fields() const { return state_.object().object("extra"); }

    /// Puts a trainer and its model back to where `save_checkpoint` was called. The frozen parameters are not in a
    /// checkpoint: load them first.
    ///
    /// errors   FileError naming the file and the tensor or field that does not fit this model: a tensor that is
    ///          missing, not one of the run's, of another shape or type than in memory, or with a NaN or an infinity,
    ///          or the state of a layer. Nothing has been changed then
    /// memory   one tensor at a time besides the model; the files are read twice, for the check comes first
    template <LanguageModel M>
    void restore(train::Trainer<M>& trainer) const {
        check_tensors(trainer);
        set_layer_states(trainer.model().layers(), state_.object().object("norms"));
        detail::for_each_checkpointed_tensor(trainer, [&](const std::string& name, const auto& tensor) {
            detail::read_tensor(tensors_, name, tensor, trainer.model().backend(), NonFinite::refuse);
        });
        trainer.model().parameters_changed();
        trainer.optimiser().set_updates(optimiser_updates_);
        trainer.resume_at(update_, recoveries_);
    }

private:
    [[nodiscard]] static std::filesystem::path file_in(const std::filesystem::path& folder, const char* name) {
        AtomicFolder::recover(folder);
        return folder / name;
    }

    template <LanguageModel M>
    void check_tensors(train::Trainer<M>& trainer) const {
        std::set<std::string, std::less<>> names;
        detail::for_each_checkpointed_tensor(trainer, [&]<class Tensor>(const std::string& name, const Tensor& tensor) {
            using Scalar = typename Tensor::Scalar;
            const StoredTensor& stored = tensors_.tensor(name, tensor.entry.dimensions());
            if (stored.type != scalar_type_of<Scalar>) {
                detail::fail_tensor(tensors_, name,
                                    "is of type " + std::string(name_of(stored.type)) + ", expected " +
                                        std::string(name_of(scalar_type_of<Scalar>)));
            }
            names.insert(name);
        });
        detail::refuse_others(tensors_, names, "is none of this run's");
        detail::for_each_checkpointed_tensor(trainer, [&]<class Tensor>(const std::string& name, const Tensor& tensor) {
            static_cast<void>(
                detail::read_values<typename Tensor::Scalar>(tensors_, name, tensor.entry.size, NonFinite::refuse));
        });
    }

    JsonFile state_;
    SafetensorsFile tensors_;
    std::size_t update_ = 0;
    std::size_t optimiser_updates_ = 0;
    std::size_t recoveries_ = 0;
    const Json* extra_ = nullptr;
};

/// Opens a checkpoint, restores it, and returns what was stored as `extra`.
///
/// errors   as Checkpoint and Checkpoint::restore; nothing has been changed then
template <LanguageModel M>
Json load_checkpoint(const std::filesystem::path& folder, train::Trainer<M>& trainer) {
    const Checkpoint checkpoint(folder);
    checkpoint.restore(trainer);
    return checkpoint.extra();
}

}  // namespace lamina::io
