// SPDX-License-Identifier: MIT
#include "any_model.hpp"

#include <lamina/core/error.hpp>

namespace any_model {

namespace {

/// What was instantiated for a model.
///
/// errors   ArgumentError that says how to build the program for it
[[nodiscard]] Opener opener_of(const Found& found) {
    if (found.kind == Kind::run) {
        const auto* const entry = Runs::find(found.place.device, found.model, found.adaptation);
        if (entry == nullptr) {
            common::fail_not_built(found.place.device, found.model, found.adaptation, "--run " + found.run.string());
        }
        return entry->function.open;
    }
    const auto* const entry = Folders::find(found.place.device, found.model);
    if (entry == nullptr) common::fail_not_built(found.place.device, found.model);
    return entry->function.open;
}

}  // namespace

Found find(const Flags& flags) {
    namespace fs = std::filesystem;
    if (flags.weights.empty() && flags.run.empty()) {
        throw lamina::ArgumentError("no model was given; give --weights DIR or --run DIR");
    }
    if (!flags.weights.empty()) require_folder(flags.weights, "a folder with config.json and model.safetensors");
    if (!flags.run.empty()) require_folder(flags.run, "the folder that remove_layernorm --out left");
    Found found;
    found.weights = flags.weights;
    found.run = flags.run;
    if (!flags.run.empty()) {
        found.kind = Kind::run;
        found.weights = weights_of_run(found.run, found.weights);
    } else {
        found.kind = kind_of(found.weights);
    }
    const common::BuiltModel model = model_in(Folders::models(), found.weights, found.kind, flags.model);
    found.model = model.name;
    found.architecture = model.facts.architecture;
    if (found.kind == Kind::run) found.adaptation = adaptation_of_run(found.run, model);
    if (flags.force_removed && found.kind != Kind::run) {
        throw lamina::ArgumentError("--force-removed is for runs; give --run DIR, or leave it out");
    }
    found.force_removed = flags.force_removed;
    found.strict = flags.strict;
    found.place = flags.place;
    static_cast<void>(opener_of(found));
    return found;
}

std::unique_ptr<Model> open(const Found& found, const Opening& opening) { return opener_of(found)(found, opening); }

}  // namespace any_model
